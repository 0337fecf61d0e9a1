"""The state of filters over the runs of a pipeline: kept at a stop, emitted at the end, carried over an edit that means the same."""
from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.keeping import hand_over
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.storage.state_store import VERSION
from penstock.plugins.batch import Batch, Part, Position
from penstock.plugins.data_paths import state_directory
from penstock.plugins.errors import EndOfInput
from penstock.plugins.input import Input, Outcome
from penstock.plugins.records.lock import InUse, Lock

Event = dict[str, Any]
START = 1_756_972_800  # 2025-09-04T08:00:00Z
WINDOW = 'window { id => "w" size => "1m" by => ["k"] sum => { "s" => "v" } keep => false lateness => "0s" }'


class Given(Input, name="given_events"):
    """Gives events one by one, from where the runtime says on; at their end it waits for the stop, or ends."""

    local = replays = True
    events: Sequence[Event] = ()
    ends = False
    pipeline: Any = None
    name_of_partition = "p"

    def prepare(self) -> None:
        self.at, self.begun = 0, -1
        self.settled: list[int] = []

    def resume(self, positions: Mapping[str, Position]) -> None:
        at = positions.get(self.name_of_partition)
        if at is not None:
            self.at = self.begun = at.offset

    def read(self, timeout: float) -> Batch | None:
        if self.at == len(self.events):
            if self.ends:
                raise EndOfInput
            self.pipeline.stop()
            return None
        self.at += 1
        return Batch([json.loads(json.dumps(self.events[self.at - 1]))], parts=[Part(self.name_of_partition, Position("i", self.at), 1)])

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        self.settled += [position.offset for position in behind.values()]


class Forgetful(Given, name="forgetful_events"):
    """One that begins from the start each time, whatever it is told."""

    def resume(self, positions: Mapping[str, Position]) -> None:
        pass


class OnlyOnce(Given, name="events_once"):
    """One that gives nothing twice."""

    replays = False


def at(second: int, k: str = "a", v: int = 1) -> Event:
    stamp = str(Timestamp.of_millis((START + second) * 1000))
    return {"@timestamp": stamp, "k": k, "v": v}


def run(
    directory: Path, events: list[Event], filters: str = WINDOW, ends: bool = False, kind: type[Given] = Given, **given: Any
) -> tuple[list[Event], Given]:
    """What a pipeline emits, and its input."""
    settings = settled({"path.data": str(directory)} | {key.replace("__", "."): value for key, value in given.items()})
    assembly = assemble([Source("test.conf", f"input {{ generator {{ }} }} filter {{ {filters} }} output {{ null {{ }} }}")], settings)
    (use,) = assembly.program.inputs
    source, arrived = kind({}), list[Event]()
    source.prepare()
    source.events, source.ends = events, ends
    assembly.made[use] = source  # type: ignore[index]
    (output,) = assembly.plugins(assembly.program.outputs)
    output.pack = lambda some: arrived.extend(some) or []  # type: ignore[attr-defined]
    pipeline = source.pipeline = Pipeline(assembly)
    pipeline.run()
    return arrived, source


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    """Of each result: its key, sum, count and reason, and whether it is a part."""
    return [(e.get("k"), e.get("s"), e["window"]["count"], e["window"]["reason"], "_partial" in e.get("tags", [])) for e in events]


def test_a_stop_keeps_what_is_held_and_the_next_start_goes_on(tmp_path: Path) -> None:
    events = [at(1, v=5), at(2, v=6), at(3, "b")]
    assert run(tmp_path, events)[0] == []
    events += [at(30, v=7), at(70)]
    out, source = run(tmp_path, events)
    assert told(out) == [("a", 18, 3, "watermark", False), ("b", 1, 1, "watermark", False)]
    assert (source.begun, source.settled[-1]) == (3, 5)


def test_the_end_of_the_inputs_emits_everything_and_keeps_nothing(tmp_path: Path) -> None:
    assert told(run(tmp_path, [at(1)], ends=True)[0]) == [("a", 1, 1, "end", False)]
    assert run(tmp_path, [at(1)], ends=True)[0] == []


def test_what_comes_again_is_not_taken_in_twice(tmp_path: Path) -> None:
    events = [at(1), at(2)]
    run(tmp_path, events, kind=Forgetful)
    out, source = run(tmp_path, [*events, at(3)], kind=Forgetful, ends=True)
    assert told(out) == [("a", 3, 3, "end", False)]
    assert source.begun == -1


def test_a_result_has_the_same_id_after_a_restart(tmp_path: Path) -> None:
    (once,) = run(tmp_path / "once", [at(1), at(2)], ends=True)[0]
    run(tmp_path / "twice", [at(1)])
    (again,) = run(tmp_path / "twice", [at(1), at(2)], ends=True)[0]
    assert again["event"]["id"] == once["event"]["id"]


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(OnlyOnce, {}), (Given, {"penstock__state": "memory"})],
    ids=["an input that gives nothing twice", "penstock.state: memory"],
)
def test_without_a_place_for_state_a_stop_emits_parts(tmp_path: Path, kind: type[Given], settings: dict[str, str]) -> None:
    assert told(run(tmp_path, [at(1)], kind=kind, **settings)[0]) == [("a", 1, 1, "stop", True)]
    assert not state_directory({"path.data": str(tmp_path)}).exists()


def test_a_filter_without_an_id_has_no_place_for_its_state(tmp_path: Path) -> None:
    assert told(run(tmp_path, [at(1)], WINDOW.replace('id => "w"', ""))[0]) == [("a", 1, 1, "stop", True)]


def test_state_that_must_be_durable_and_cannot_keeps_the_pipeline_from_starting(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"penstock\.state is `durable`, but `events_once` gives nothing twice"):
        run(tmp_path, [at(1)], kind=OnlyOnce, penstock__state="durable")


EDITS = [
    ("lateness", WINDOW.replace('"0s"', '"1s"'), True),
    ("a result's decoration", WINDOW.replace("keep", 'add_tag => ["x"] keep'), True),
    ("its size", WINDOW.replace('"1m"', '"2m"'), False),
    ("its key", WINDOW.replace('["k"]', '["k", "v"]'), False),
    ("a function", WINDOW.replace("sum", "min"), False),
    ("its kind", 'dedupe { id => "w" by => ["k"] within => "1m" duplicates => "tag" }', False),
]


@pytest.mark.parametrize(("what", "edited", "goes_on"), EDITS, ids=[edit[0] for edit in EDITS])
def test_an_edit_carries_state_over_if_it_means_the_same(
    tmp_path: Path, what: str, edited: str, goes_on: bool, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, [at(1)])
    caplog.set_level(logging.WARNING, "penstock")
    out, _ = run(tmp_path, [at(1)], edited)
    if goes_on:
        assert (out, told(run(tmp_path, [at(1)], edited, ends=True)[0])) == ([], [("a", 1, 1, "end", False)])
        assert "means something else" not in caplog.text
    else:
        assert told(out) == [("a", 1, 1, "stop", True)], "what was held is emitted as it was"
        assert "the state of `w` means something else now" in caplog.text
        assert [e for e in run(tmp_path, [at(1)], edited, ends=True)[0] if "window" in e] == []


def test_what_a_filter_held_that_is_gone_is_emitted_and_inputs_go_on_by_themselves(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, [at(1)])
    out, source = run(tmp_path, [at(1)], 'mutate { add_field => { "x" => "y" } }')
    assert [(e["k"], "_partial" in e.get("tags", [])) for e in out] == [("a", True), ("a", False)]
    assert (source.begun, "the filter `w` is gone" in caplog.text) == (-1, True)
    assert run(tmp_path, [at(1)], ends=True)[1].begun == -1, "positions of that time are of no account"


def test_state_that_another_process_works_with_is_its_own_and_nothing_that_was_left(
    tmp_path: Path,
) -> None:
    run(tmp_path, [at(1)])
    mutate = 'mutate { add_field => { "x" => "y" } }'
    lock = Lock(state_directory({"path.data": str(tmp_path)}))
    try:
        assert [e["v"] for e in run(tmp_path, [at(2, v=3)], mutate)[0]] == [3]
        with pytest.raises(InUse):
            run(tmp_path, [at(1)])
    finally:
        lock.release()
    assert len(run(tmp_path, [at(2)], mutate)[0]) == 2, "now it was left"


def test_a_database_that_cannot_be_read_is_put_aside_and_first_results_are_parts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, [at(1)])
    path = state_directory({"path.data": str(tmp_path)}) / "state.db"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)
    out, _ = run(tmp_path, [at(1), at(61), at(121), at(181)])
    assert [part for *_, part in told(out)] == [True, False, False]
    assert path.with_name("state.db.damaged").exists()
    assert "put aside" in caplog.text


def test_state_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    run(tmp_path, [at(1)])
    with closing(sqlite3.connect(state_directory({"path.data": str(tmp_path)}) / "state.db")) as database, database:
        database.execute("update about set value = ?", (VERSION + 1,))
    with pytest.raises(OSError, match=rf"written by a newer version \(format {VERSION + 1}, this one reads {VERSION}\)"):
        run(tmp_path, [at(1)])


def test_at_a_reload_state_in_memory_goes_to_the_filter_that_follows() -> None:
    def assembled(text: str) -> Any:
        return assemble([Source("test.conf", f"filter {{ {text} }}")], settled({}))

    old, same, other = assembled(WINDOW), assembled(WINDOW.replace('"0s"', '"9s"')), assembled(WINDOW.replace("1m", "2m"))
    (before,), (after,), (changed,) = (one.made.values() for one in (old, same, other))
    before.run([at(1)])
    before.ending = "keep"
    hand_over(old, other)
    assert changed.flush(True) == []
    hand_over(old, same)
    assert told(after.flush(True)) == [("a", 1, 1, "end", False)]


class Grouped(Given, name="grouped_events"):
    """One whose partitions a group shares out; every other event comes in another partition."""

    grouped = True
    counts: Mapping[str, int] = {}

    def partition_counts(self) -> Mapping[str, int]:
        return self.counts

    def read(self, timeout: float) -> Batch | None:
        self.name_of_partition = f"p{self.at % 2}"
        return super().read(timeout)


def test_a_key_that_comes_in_two_partitions_of_a_group_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(tmp_path, [at(1, k="x"), at(2, k="y"), at(3, k="z")], kind=Grouped)
    assert "W323" not in caplog.text
    run(tmp_path / "b", [at(1, k="twice"), at(2, k="twice")], kind=Grouped)
    assert "key `twice` came in partitions 0 p0 and 0 p1: its results are parts" in caplog.text


JOIN = 'join { id => "j" side => "s" left => { "a" => "k" } right => { "b" => "k" } within => "1m" }'


@pytest.mark.parametrize(
    ("filters", "counts", "is_refused"),
    [(JOIN, {"orders": 6, "payments": 4}, True), (JOIN, {"orders": 6, "payments": 6}, False), (WINDOW, {"orders": 6, "payments": 4}, False)],
)
def test_topics_that_are_joined_have_as_many_partitions_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, filters: str, counts: dict[str, int], is_refused: bool
) -> None:
    monkeypatch.setattr(Grouped, "counts", counts)
    if not is_refused:
        run(tmp_path, [at(1)], filters, kind=Grouped)
        return
    with pytest.raises(ConfigError) as raised:
        run(tmp_path, [at(1)], filters, kind=Grouped)
    (found,) = raised.value.diagnostics
    assert (found.code, "orders has 6 partitions and payments 4: they cannot be joined" in found.message) == ("E245", True)
