"""State by shards: however chunks are cut, wherever a shard is worked on next, and whether time goes on meanwhile or only at the end, the same comes out."""
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec
import pytest
from engines.configurations import KEYED, SETTINGS, Configuration, assert_same
from engines.machine import READ, Machine
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.engines.keyed import Keyed, Taken
from penstock.pipeline.engines.packed import DEAD_LETTERS
from penstock.pipeline.engines.parts import SHARDS
from penstock.pipeline.engines.plan import Plan, plan_of
from penstock.pipeline.engines.shipping import assembled
from penstock.pipeline.engines.work import Work


@cache
def planned(configuration: Configuration) -> Plan:
    text = configuration.text(READ % configuration.codec, "file { path => \"/nothing\" }")
    return plan_of([Source("p.conf", text)], settled(SETTINGS), "local")


@cache
def whole(configuration: Configuration) -> list[str]:
    machine = Machine(planned(configuration))
    machine.take(configuration.content, 0)
    return machine.end()


def chunks(content: bytes, cuts: Sequence[int]) -> Iterator[bytes]:
    lines = content.splitlines(keepends=True)
    places = sorted({cut % (len(lines) + 1) for cut in cuts} | {0, len(lines)})
    for start, end in itertools.pairwise(places):
        yield b"".join(lines[start:end])


@pytest.mark.parametrize("configuration", KEYED, ids=lambda each: each.name)
@given(st.lists(st.integers(0, 10_000), max_size=12), st.integers(0, 1 << 30), st.booleans())
@settings(max_examples=3, phases=[Phase.generate])
def test_any_chunks_in_any_place_give_the_same(configuration: Configuration, cuts: list[int], places: int, streaming: bool) -> None:
    machine = Machine(planned(configuration), streaming)
    for number, chunk in enumerate(chunks(configuration.content, cuts)):
        machine.take(chunk, places >> number % 30 & 1)
    assert_same(configuration, machine.end(), whole(configuration))


# -- one filter ----------------------------------------------------------------------------------


def keyed(filters: str, more: Mapping[str, str] | None = None) -> tuple[Work, Keyed]:
    plan = plan_of([Source("p.conf", f"input {{ {READ % 'json'} }} filter {{ {filters} }} output {{ file {{ path => \"/x\" }} }}")], settled({**SETTINGS, **(more or {})}), "local")
    return Work(assembled(plan.shipment)), Keyed(assembled(plan.shipment), 1)


def rows(work: Work, *events: tuple[str, str, int]) -> list[bytes]:
    """Blobs of one shard: events of a key, each with its time of day and a number."""
    lines = [json.dumps({"@timestamp": f"2025-09-04T{at}Z", "k": key, "n": number}) for at, key, number in events]
    return [row.blob for row in work.lines(("\n".join(lines) + "\n").encode(), {}).keyed]


def millis(at: str) -> int:
    hours, minutes, seconds = at.split(":")
    return 1756944000000 + (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1000


def told(taken: Taken) -> list[dict[str, object]]:
    return [json.loads(line) for payload in taken.packed.payloads for line in payload.payload.splitlines()]


SIZED = 'window { id => "w" size => "1m" by => ["k"] sum => { "sum" => "n" } keep => %s }'


@pytest.mark.parametrize("keep", ["true", "false"])
def test_a_window_is_due_when_the_watermark_reaches_its_end(keep: str) -> None:
    work, shard = keyed(SIZED % keep)
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1), ("08:00:50", "a", 2)), None)
    assert taken.timer_ms == millis("08:01:00")
    early = shard.due(taken.state, millis("08:00:59"))
    assert (told(early), early.timer_ms) == ([], millis("08:01:00"))
    due = shard.due(early.state, millis("08:01:00"))
    (result,) = told(due)
    assert (result["sum"], result["window"]) == (3, {"name": "w", "count": 2, "reason": "watermark", "revision": 0})
    assert (due.state, due.timer_ms) == (b"", None)


def test_a_timer_is_made_of_the_state_alone() -> None:
    work, shard = keyed(SIZED % "false")
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1)))
    _, other = keyed(SIZED % "false")
    assert other.take(taken.state, [], millis("08:00:00")).timer_ms == taken.timer_ms


def test_an_event_behind_the_watermark_goes_on_tagged() -> None:
    work, shard = keyed(SIZED % "true")
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1)), millis("08:02:00"))
    (event,) = told(taken)
    assert (event["tags"], taken.state) == (["_windowlate"], b"")


def test_a_part_behind_the_watermark_goes_on_as_a_result_of_its_own() -> None:
    work, shard = keyed(SIZED % "false")
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1), ("08:00:20", "a", 4), ("08:05:00", "a", 7)), millis("08:02:00"))
    (result,) = told(taken)
    assert (result["tags"], result["sum"]) == (["_windowlate"], 5)
    assert [each["sum"] for each in told(shard.end(taken.state))] == [7]


def test_a_late_event_can_become_a_dead_letter(tmp_path: Path) -> None:
    letters = {"dead_letter_queue.enable": "true", "path.data": str(tmp_path)}
    work, shard = keyed(SIZED.replace("size", 'late => "dead_letter" size') % "true", letters)
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1)), millis("08:02:00"))
    assert [each.output for each in taken.packed.payloads] == [DEAD_LETTERS]


def test_an_older_state_is_taken_up_again() -> None:
    work, shard = keyed(SIZED % "false")
    first = shard.take(None, rows(work, ("08:00:10", "a", 1)))
    shard.take(first.state, rows(work, ("08:00:20", "a", 2)))
    again = shard.take(first.state, rows(work, ("08:00:20", "a", 2)))
    assert [each["sum"] for each in told(shard.end(again.state))] == [3]


def test_results_at_the_end_are_due_by_the_latest_event_where_they_were() -> None:
    work, shard = keyed(SIZED % "false")
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1), ("08:03:00", "a", 2)))
    reasons = [each["window"]["reason"] for each in told(shard.end(taken.state, millis("08:03:00")))]  # type: ignore[index]
    assert reasons == ["watermark", "end"]


def test_state_of_other_options_is_refused_and_neutral_ones_may_change() -> None:
    work, shard = keyed(SIZED % "false")
    taken = shard.take(None, rows(work, ("08:00:10", "a", 1)))
    _, same = keyed(SIZED.replace("size", 'lateness => "1m" size') % "false")
    assert len(told(same.end(taken.state))) == 1
    _, other = keyed(SIZED.replace("1m", "2m") % "false")
    with pytest.raises(ConfigError, match="E265"):
        other.take(taken.state, [])


def test_state_of_a_newer_version_is_refused() -> None:
    _, shard = keyed(SIZED % "false")
    with pytest.raises(ConfigError, match="newer version"):
        shard.take(msgspec.msgpack.encode([99, b"0" * 16, {}]), [])


def test_keys_are_spread_over_all_shards() -> None:
    work, _ = keyed(SIZED % "true")
    lines = "".join(json.dumps({"@timestamp": "2025-09-04T08:00:00Z", "k": f"key {n}"}) + "\n" for n in range(5000))
    assert {row.shard for row in work.lines(lines.encode(), {}).keyed} == set(range(SHARDS))
