"""Tests of pipelines in Python: ``pipeline("p.conf")("a line") == [event({"[field]": value})]``.

An expected event equals every dict that has what it asks for, in the terms of the test files,
matchers included; so it works in lists, in ``in`` and in plain asserts, and the pytest plugin can
say what differs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.reference import lookup
from ...dsl.source import Source
from ...dsl.values import plain
from . import test_file_schema
from .cases import Expected, Given, Mock, Setup
from .compare import Difference, judge
from .document import Mapping as MappingNode
from .document import node_of
from .harness import Harness, Outcome
from .matchers import MISSING
from .schema import Faults
from .test_file_schema import Wants, keys_of


class Event(dict[str, Any]):
    """An event that came out, as plain data. ``event["[a][b]"]`` reads a field by reference;
    ``outputs`` says where it went.
    """

    outputs: tuple[str, ...] = ()
    outcome: Outcome | None = None

    def __missing__(self, name: str) -> Any:
        value = lookup(dict(self), keys_of(name), MISSING)
        if value is MISSING:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or (
            isinstance(name, str) and lookup(dict(self), keys_of(name), MISSING) is not MISSING
        )


class Pipeline:
    """A compiled pipeline. Called with lines and events it gives the events that come out, as
    Event.
    """

    def __init__(self, setup: Setup) -> None:
        self.harness = Harness(setup)

    def __call__(
        self,
        *given: str | Mapping[str, Any],
        codec: str = "",
        through: str = "",
        fields: Mapping[str, Any] | None = None,
    ) -> list[Event]:
        """Run lines (texts) and events (maps) through filters and outputs.

        ``codec`` reads the texts; ``through`` names the input through whose codec, type, tags and
        add_field they come; ``fields`` are set on every event. Raises ConfigError where a codec or
        an input is not there.
        """
        items = tuple(dict(item) if isinstance(item, Mapping) else item for item in given)
        return self._run(Given(items, through=through, codec=codec, fields=fields or {}))

    def file(
        self,
        path: str | Path,
        codec: str = "",
        through: str = "",
        fields: Mapping[str, Any] | None = None,
    ) -> list[Event]:
        """Run the lines of a file, or what ``codec`` reads in it."""
        return self._run(Given(file=str(path), through=through, codec=codec, fields=fields or {}))

    def _run(self, given: Given) -> list[Event]:
        outcome = self.harness.run(given)
        return [_event(outcome, number) for number in range(len(outcome.events))]


def _event(outcome: Outcome, number: int) -> Event:
    made = Event(plain(outcome.events[number]))
    made.outputs = outcome.routes[number]
    made.outcome = Outcome(
        [outcome.events[number]], [outcome.routes[number]], outcome.originals, outcome.stamps
    )
    return made


def pipeline(
    config: str,
    *,
    ecs_compatibility: str | None = None,
    timezone: str | None = "UTC",
    now: str | None = None,
    settings: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
    mocks: Mapping[str, Mock] | None = None,
) -> Pipeline:
    """Compile a pipeline: a file, directory or glob (from the directory of the calling file on), or
    a configuration's text.

    Equal calls give the same pipeline. The keywords are those of test files. Raises ConfigError.
    """
    caller = sys._getframe(1).f_globals.get("__file__")
    short = {"ecs_compatibility": ecs_compatibility, "timezone": timezone, "now": now}
    given = {
        test_file_schema.SHORT_SETTINGS[name]: value
        for name, value in short.items()
        if value is not None
    }
    directory = str(Path(caller).parent) if caller else ""
    setup = Setup(
        (config,), directory, {**given, **(settings or {})}, environment or {}, mocks or {}
    )
    __tracebackhide__ = True  # pytest shows the call that was wrong, not what it ran into
    try:
        return compiled(setup)
    except ConfigError as error:
        raise error.with_traceback(None) from None


def compiled(setup: Setup) -> Pipeline:
    """The pipeline of a setup; the latest are kept."""
    return _kept(setup.key, _Held(setup))


class _Held:
    """A setup that takes no part in the comparison of calls: its key does."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held)

    def __hash__(self) -> int:
        return 0


@lru_cache(maxsize=64)
def _kept(key: str, held: _Held) -> Pipeline:
    return Pipeline(held.setup)


class Expectation:
    """An event that is expected; equal to every event that has what it asks for."""

    def __init__(self, wants: Wants, ignore: Sequence[str]) -> None:
        self.wants, self.ignore = wants, tuple(ignore)

    def differences(self, event: Mapping[str, Any]) -> list[Difference]:
        """What an event lacks, field by field."""
        outcome = event.outcome if isinstance(event, Event) else None
        if outcome is None or plain(outcome.events[0]) != event:
            outcome = Outcome([dict(event)], [()])
        return judge(Expected((self.wants,), ignore=self.ignore), outcome)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and not self.differences(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        wants = self.wants
        parts = [f"{name!r}: {want!r}" for name, (want, _) in wants.fields.items()] + [
            f"absent {name}" for name in wants.absent
        ]
        return f"event({', '.join(parts)})"


def event(
    fields: Mapping[str, Any] | None = None,
    /,
    *,
    absent: Iterable[str] = (),
    outputs: Iterable[str] | None = None,
    exact: bool = False,
    ignore: Sequence[str] = (),
    **more: Any,
) -> Expectation:
    """An expected event: fields by reference with values or matchers (``{"matches": "^GET"}``), as
    in test files.

    ``exact``: it has no other fields, but for those in ``ignore``. Raises ConfigError where a
    reference or matcher is none.
    """
    keywords: dict[str, Any] = {"absent": list(absent), "exact": exact}
    if outputs is not None:
        keywords["outputs"] = [outputs] if isinstance(outputs, str) else list(outputs)
    source = Source("(event)", "event(…)")
    node = node_of({**(fields or {}), **more, **keywords}, source)
    faults = Faults()
    assert isinstance(node, MappingNode)
    wants = test_file_schema.EXPECTATION.read(node, faults)
    if faults.found:
        raise ConfigError(
            [Diagnostic(fault.code, fault.message, None, fault.help) for fault in faults.found]
        )
    return Expectation(wants, ignore)


def explained(left: object, right: object) -> list[str] | None:
    """What differs where one side of ``==`` has expected events; None where neither has."""
    if _expects(left) and not _expects(right):
        left, right = right, left
    if isinstance(right, Expectation) and isinstance(left, Mapping):
        return [
            f"the event is not as expected ({_number(left)}):",
            *_lines(right.differences(left)),
        ]
    if isinstance(left, list) and isinstance(right, list) and _expects(right):
        return _lists(left, right)
    return None


def _expects(value: object) -> bool:
    return isinstance(value, Expectation) or (
        isinstance(value, list) and any(isinstance(item, Expectation) for item in value)
    )


def _number(event: Mapping[str, Any]) -> str:
    return f"message {event['message']!r}" if "message" in event else "no message"


def _lists(came: list[Any], wanted: list[Any]) -> list[str]:
    lines = ["events are not as expected:"]
    if len(came) != len(wanted):
        lines = [f"{len(wanted)} events are expected, {len(came)} came"]
    for number, (got, want) in enumerate(zip(came, wanted, strict=False), 1):
        if got != want and isinstance(want, Expectation) and isinstance(got, Mapping):
            lines += [f"event {number} ({_number(got)}):", *_lines(want.differences(got))]
    return lines + [
        f"event {number}: {dict(got)}"
        for number, got in enumerate(came[len(wanted) :], len(wanted) + 1)
    ]


def _lines(differences: list[Difference]) -> list[str]:
    lines = []
    for difference in differences:
        lines.append(f"  {difference.field} {difference.message}")
        lines += [f"    expected  {difference.wanted}", f"    got       {difference.got}"]
        lines += [f"    → {difference.note}"] if difference.note else []
    return lines
