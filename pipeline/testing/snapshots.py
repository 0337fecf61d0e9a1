"""Snapshots: what came out last time stands in a file beside the tests, and must come out again.

``apache.test.yml`` has its snapshots in ``apache.test.snap.json``: for each test the events, with
the outputs that they went to.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...dsl.reference import Event, FieldRef
from ...dsl.values import plain
from .cases import Case
from .colors import Painter
from .compare import Difference, labels, shown
from .harness import Outcome
from .matchers import MISSING
from .trace import changes

Shot = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Fresh:
    """A snapshot that is not as it was: what stands in the file (None where nothing does), and what
    came.
    """

    path: Path
    name: str
    old: Shot | None
    new: Shot


def path_of(suite: Path) -> Path:
    """The snapshot file of a test file."""
    return suite.with_name(suite.name.rpartition(".")[0] + ".snap.json")


@dataclass(slots=True)
class Snapshots:
    """The snapshots of a run; ``fresh`` collects those that differ. With ``update`` they are no
    failures.
    """

    update: bool = False
    kept: dict[Path, dict[str, Shot]] = field(default_factory=dict)
    fresh: list[Fresh] = field(default_factory=list)

    def of(self, suite: Path) -> dict[str, Shot]:
        """The snapshots of a test file."""
        path = path_of(suite)
        if path not in self.kept:
            self.kept[path] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return self.kept[path]

    def judge(self, suite: Path, case: Case, outcome: Outcome) -> Iterator[Difference]:
        """What differs from the snapshot of a case."""
        old, new = self.of(suite).get(case.name), shot(outcome, case.expected.ignore)
        if old == new:
            return
        self.fresh.append(Fresh(path_of(suite), case.name, old, new))
        if self.update:
            return
        if old is None:
            yield Difference("no snapshot yet: `penstock test --update` writes it", span=case.span)
        else:
            yield from differences(old, new)


def shot(outcome: Outcome, ignored: tuple[str, ...]) -> Shot:
    """What a snapshot keeps of an outcome: events, without what changes from run to run."""
    return [
        {"event": _stable(event, outcome, ignored), "outputs": list(route)}
        for event, route in zip(outcome.events, outcome.routes, strict=True)
    ]


def _stable(event: Event, outcome: Outcome, ignored: tuple[str, ...]) -> Event:
    made: Event = plain(event)
    if made.get("@timestamp") in outcome.stamps:
        del made["@timestamp"]
    if not made.get("@metadata", True):
        del made["@metadata"]
    for name in ignored:
        FieldRef(name).remove(made)
    return made


def differences(old: Shot, new: Shot) -> Iterator[Difference]:
    """What differs between two snapshots."""
    if len(old) != len(new):
        yield Difference(
            f"the snapshot has {len(old)} events, there are {len(new)}",
            wanted=str(len(old)),
            got=str(len(new)),
        )
    for number, (before, after) in enumerate(zip(old, new, strict=False)):
        for change in changes(before["event"], after["event"]):
            yield Difference(
                "is not as in the snapshot",
                number,
                change.field,
                shown(change.before),
                shown(change.after),
                target=change.before,
                value=change.after,
            )
        if before["outputs"] != after["outputs"]:
            wanted, got = set(before["outputs"]), set(after["outputs"])
            yield Difference(
                "routed to other outputs",
                number,
                "outputs",
                labels(wanted),
                labels(got),
                target=wanted,
                value=got,
            )


def write(fresh: list[Fresh]) -> list[Path]:
    """Write snapshots into their files; gives the files."""
    paths = sorted({one.path for one in fresh})
    for path in paths:
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        kept |= {one.name: one.new for one in fresh if one.path == path}
        path.write_text(
            json.dumps(kept, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
        )
    return paths


def drawn(fresh: Fresh, color: bool = False) -> str:
    """A snapshot that changed, for people: what goes in red, what comes in green."""
    paint = Painter(color)
    lines = [paint(f"{fresh.path}: {fresh.name}", "head")]
    for number, new in enumerate(fresh.new):
        old = fresh.old[number] if fresh.old is not None and number < len(fresh.old) else None
        before = {"event": {}, "outputs": []} if old is None else old
        lines.append(f"  event {number + 1}{'' if old is not None else ' (new)'}")
        for change in changes(before["event"], new["event"]):
            lines += _sides(change.field, change.before, change.after, paint)
        if before["outputs"] != new["outputs"]:
            lines += _sides("outputs", before["outputs"], new["outputs"], paint)
    gone = len(fresh.old or ()) - len(fresh.new)
    return "\n".join([*lines, *([f"  {gone} events are gone"] if gone > 0 else [])])


def _sides(name: str, before: Any, after: Any, paint: Painter) -> list[str]:
    lines = (
        []
        if before is MISSING or before == []
        else [paint(f"    - {name}: {shown(before)}", "bad")]
    )
    return lines if after is MISSING else [*lines, paint(f"    + {name}: {shown(after)}", "good")]
