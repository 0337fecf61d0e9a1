"""Whether an event may be late is known beforehand of some that follow each other: as it comes out when they are taken in one by one."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.filters.state import FOREVER, NEVER
from penstock.filters.state.calendar import FixedWindows
from penstock.filters.state.lane import Lane, may_be_late
from penstock.filters.state.watermarks import Watermarks

WINDOWS = FixedWindows(10)
TIMES = st.lists(st.integers(0, 60), min_size=1, max_size=12)


def take(marks: Watermarks, name: str, times: list[int]) -> bool:
    """Take events in, one by one; whether one was older than the pane of the watermark."""
    late = False
    for when in times:
        mark = marks.watermark
        late = late or (mark > NEVER and when < WINDOWS.pane(mark)[0])
        Lane(marks, name, 0, FOREVER, [when], (when, when)).passed(0, 1)
    return late


def told(marks: Watermarks, name: str, times: list[int]) -> bool:
    return may_be_late(marks, name, times, WINDOWS.pane)


@given(st.integers(0, 12), st.lists(TIMES, min_size=1, max_size=6))
def test_of_one_partition_it_is_known(lateness: int, batches: list[list[int]]) -> None:
    marks = Watermarks(lateness, 0)
    for times in batches:
        known = told(marks, "a", times)
        assert take(marks, "a", times) == known


PARTS = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["take", "take", "finish", "idle"]), TIMES)


@given(st.integers(0, 12), st.lists(PARTS, min_size=1, max_size=12))
def test_of_several_partitions_none_is_late_that_was_not_told(lateness: int, steps: list[tuple[str, str, list[int]]]) -> None:
    marks = Watermarks(lateness, 0)
    marks.begin(["a", "b"], 0)
    for name, act, times in steps:
        if act == "finish":
            marks.finish(name)
        elif act == "idle":
            marks.idle_now(name)
        else:
            before = marks.watermark
            known = told(marks, name, times)
            assert marks.watermark == before, "asking changes nothing"
            assert known or not take(marks, name, times)


def test_a_partition_that_was_idle_may_have_come_further_than_the_watermark() -> None:
    marks = Watermarks(0, 0)
    marks.begin(["a", "b"], 0)
    take(marks, "a", [50])
    marks.idle_now("a")
    marks.finish("b")
    assert marks.watermark == NEVER
    assert told(marks, "a", [45, 45])
    assert not told(marks, "a", [52, 55])
