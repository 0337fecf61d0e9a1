"""The filters of event time against readings of their description that are as plain as can be: SQL
where SQL can say it, and brute force over all events elsewhere.
"""

from __future__ import annotations

import math
import sqlite3
import statistics
from collections import defaultdict
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penstock
from penstock.dsl.event import accept, release
from penstock.dsl.timestamp import Timestamp

Event = dict[str, Any]
Row = tuple[int, str, int]
BASE = 1_756_972_800_000  # 2025-09-04T08:00:00Z, a multiple of every length of a window below
NOW = Timestamp.of_millis(BASE + 86_400_000)

rows = st.lists(
    st.tuples(st.integers(0, 90), st.sampled_from("ab"), st.integers(-3, 9)), max_size=40
)
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=4)
tagged = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from("ab"),
        st.lists(st.sampled_from("xyz"), unique=True, max_size=2),
    ),
    max_size=14,
)


def run(config: str, events: list[Event], sizes: list[int]) -> list[Event]:
    """What leaves the filters that get the events in batches of these sizes, in turn."""
    stage = penstock.compile(f"filter {{ {config} }}", {"penstock.now": str(NOW)})
    made, out, at, turn = [accept(each, NOW) for each in events], list[Event](), 0, 0
    while at < len(made):
        size = sizes[turn % len(sizes)]
        out += stage.run(made[at : at + size])
        at, turn = at + size, turn + 1
    return [release(each) for each in [*out, *stage.flush()]]


def event(at: int, key: str, **more: Any) -> Event:
    return {"@timestamp": str(Timestamp.of_millis(BASE + at * 1000)), "k": key, **more}


def seconds(text: str) -> int:
    return (Timestamp(text).millis() - BASE) // 1000


def table(given_rows: list[Row]) -> sqlite3.Connection:
    base = sqlite3.connect(":memory:")
    base.execute("create table e (n int, at int, k text, v int)")
    numbered = [(n, *row) for n, row in enumerate(given_rows)]
    base.executemany("insert into e values (?, ?, ?, ?)", numbered)
    return base


@pytest.mark.parametrize(("size", "every"), [(10, 10), (20, 5), (10, 4)])
@given(rows, cuts)
@settings(deadline=None, max_examples=40)
def test_windows_of_events_within_lateness_are_those_of_sql(
    size: int, every: int, given_rows: list[Row], sizes: list[int]
) -> None:
    config = (
        f'window {{ id => "w" size => "{size}s" every => "{every}s" lateness => "200s"'
        ' by => ["k"] keep => false sum => { "s" => "v" } avg => { "a" => "v" }'
        ' min => { "lo" => "v" } max => { "hi" => "v" } distinct => { "d" => "v" } }'
    )
    out = run(config, [event(at, k, v=v) for at, k, v in given_rows], sizes)
    found = [
        (
            seconds(e["event"]["start"]),
            e["k"],
            e["window"]["count"],
            *(e[name] for name in ("s", "a", "lo", "hi", "d")),
        )
        for e in out
    ]
    base = table(given_rows)
    wanted = base.execute(
        "with recursive starts(at) as (select ? union all select at + ? from starts where at < 100)"
        " select s.at, k, count(*), sum(v), avg(v), min(v), max(v), count(distinct v) from starts s"
        " join e on e.at >= s.at and e.at < s.at + ? group by s.at, k order by s.at, k",
        (-(size // every) * every, every, size),
    ).fetchall()
    base.close()
    assert found == wanted


@given(st.lists(st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6)), min_size=1))
@settings(deadline=None, max_examples=60)
def test_percentiles_of_few_values_are_values_by_nearest_rank(values: list[float]) -> None:
    config = (
        'window { id => "w" whole => true keep => false percentiles => { "p" => "v" }'
        " percents => [1, 50, 99.9, 100] }"
    )
    (out,) = run(config, [event(0, "a", v=v) for v in values], [7])
    ordered = sorted(values)
    for percent in (1, 50, 99.9, 100):
        place = math.ceil(round(percent * len(values), 6) / 100) - 1
        assert out["p"][f"p{percent:g}"] == ordered[max(place, 0)]


@given(st.integers(0, 1000), st.sampled_from([1.0, 0.001, 1e9, -1.0]))
@settings(deadline=None, max_examples=12)
def test_percentiles_of_many_values_are_within_one_percent(seed: int, scale: float) -> None:
    values = [scale * (1 + (seed + n * 7919) % 4999) for n in range(3000)]
    config = (
        'window { id => "w" whole => true keep => false percentiles => { "p" => "v" }'
        " percents => [5, 50, 95, 99] }"
    )
    (out,) = run(config, [event(0, "a", v=v) for v in values], [500])
    ordered = sorted(values)
    for percent in (5, 50, 95, 99):
        exact = ordered[math.ceil(percent * len(values) / 100) - 1]
        assert out["p"][f"p{percent}"] == pytest.approx(exact, rel=0.0101)


def alerts_by_hand(given_rows: list[Any], fulfils: Any) -> list[Any]:
    """Numbers of events, each followed by ``alert`` where an interval of ten seconds around it
    holds events of its key, among those before it and itself, that fulfil something.
    """
    out: list[Any] = []
    for n, (at, key, _) in enumerate(given_rows):
        out.append(n)
        mine = [
            (when, m, row_tags)
            for m, (when, other, row_tags) in enumerate(given_rows[: n + 1])
            if other == key and abs(when - at) <= 10
        ]
        intervals = (
            [row for row in mine if half / 2 <= row[0] <= half / 2 + 10]
            for half in range(2 * at - 20, 2 * at + 1)
        )
        if given_rows[n][2] and any(fulfils(interval, n) for interval in intervals):
            out.append("alert")
    return out


def correlated(condition: str, given_rows: list[Any], sizes: list[int]) -> list[Any]:
    config = (
        f'correlate {{ id => "c" {condition} by => ["k"] within => "10s" lateness => "200s"'
        ' again => "0s" }'
    )
    events = [event(at, k, n=n, tags=tags) for n, (at, k, tags) in enumerate(given_rows)]
    return [e.get("n", "alert") for e in run(config, events, sizes)]


@given(tagged, cuts)
@settings(deadline=None, max_examples=80)
def test_temporal_by_brute_force(given_rows: list[Any], sizes: list[int]) -> None:
    def fulfils(interval: list[Any], _: int) -> bool:
        return len({tag for _, _, row_tags in interval for tag in row_tags}) == 3

    found = correlated('type => "temporal" events => ["x", "y", "z"]', given_rows, sizes)
    assert found == alerts_by_hand(given_rows, fulfils)


@given(tagged, cuts)
@settings(deadline=None, max_examples=80)
def test_temporal_ordered_by_brute_force(given_rows: list[Any], sizes: list[int]) -> None:
    def fulfils(interval: list[Any], n: int) -> bool:
        ordered = sorted(interval, key=lambda row: row[:2])
        return any(
            n in (a[1], b[1], c[1]) and "x" in a[2] and "y" in b[2] and "z" in c[2]
            for a, b, c in combinations(ordered, 3)
        )

    found = correlated('type => "temporal_ordered" events => ["x", "y", "z"]', given_rows, sizes)
    assert found == alerts_by_hand(given_rows, fulfils)


VALUES = {
    "value_count": (3, lambda values: len(set(values))),
    "value_sum": (9, sum),
    "value_avg": (5, statistics.mean),
    "value_percentile": (6, lambda values: sorted(values)[math.ceil(len(values) / 2) - 1]),
}


@pytest.mark.parametrize("kind", VALUES)
@given(rows, cuts)
@settings(deadline=None, max_examples=40)
def test_conditions_on_values_by_brute_force(
    kind: str, given_rows: list[Row], sizes: list[int]
) -> None:
    least, measure = VALUES[kind]
    config = (
        f'correlate {{ id => "c" type => "{kind}" events => ["t"] field => "v" by => ["k"]'
        f' within => "10s" lateness => "200s" again => "0s" condition => {{ "gte" => {least} }} }}'
    )
    events = [event(at, k, v=v, n=n, tags=["t"]) for n, (at, k, v) in enumerate(given_rows)]
    found = [e.get("n", "alert") for e in run(config, events, sizes)]
    plain = [(at, k, [v]) for at, k, v in given_rows]

    def fulfils(interval: list[Any], _: int) -> bool:
        return bool(measure([v for _, _, (v,) in interval]) >= least)

    assert found == alerts_by_hand(plain, fulfils)


@given(tagged, cuts)
@settings(deadline=None, max_examples=80)
def test_absent_by_brute_force(given_rows: list[Any], sizes: list[int]) -> None:
    found = correlated('type => "absent" events => ["x", "y"] keep => false', given_rows, sizes)
    wanted = 0
    for at, key, row_tags in given_rows:
        follows = any(
            "y" in others and other == key and at < when <= at + 10
            for when, other, others in given_rows
        )
        wanted += "x" in row_tags and not follows
    assert found.count("alert") == wanted


@pytest.mark.parametrize("how", ["last => 4", "half_life => 3"])
@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(-9, 9)), max_size=40), cuts)
@settings(deadline=None, max_examples=60)
def test_trends_by_their_formulas(
    how: str, values: list[tuple[str, int]], sizes: list[int]
) -> None:
    config = f'trend {{ id => "t" field => "v" by => ["k"] {how} warm_up => 3 least => 0.5 }}'
    out = run(config, [event(n, k, v=v) for n, (k, v) in enumerate(values)], sizes)
    before: dict[str, list[int]] = defaultdict(list)
    for (key, x), e in zip(values, out, strict=True):
        known = before[key]
        if len(known) < 3:
            assert "trend" not in e
        else:
            mean, spread = usual(how, known)
            assert e["trend"]["expected"] == pytest.approx(mean)
            assert e["trend"]["score"] == pytest.approx((x - mean) / max(spread, 0.5))
        known.append(x)


def usual(how: str, known: list[int]) -> tuple[float, float]:
    """The mean and the standard deviation that a value is compared with."""
    if how.startswith("last"):
        return statistics.mean(known[-4:]), statistics.stdev(known[-4:])
    alpha, mean, variance = 1 - 2 ** (-1 / 3), float(known[0]), 0.0
    for x in known[1:]:
        distance = x - mean
        mean += alpha * distance
        variance = (1 - alpha) * (variance + alpha * distance * distance)
    return mean, math.sqrt(variance)


class Clock:
    """A watermark by the book: of the least top of some sides, less the lateness."""

    def __init__(self, sides: str, lateness: int) -> None:
        self.tops, self.lateness = dict.fromkeys(sides, -(10**9)), lateness

    @property
    def mark(self) -> int:
        return min(self.tops.values()) - self.lateness

    def see(self, side: str, at: int) -> None:
        self.tops[side] = max(self.tops[side], at)


@given(rows, cuts)
@settings(deadline=None, max_examples=80)
def test_sessions_with_late_events_by_brute_force(given_rows: list[Row], sizes: list[int]) -> None:
    gap, clock, late = 6, Clock("e", 4), list[int]()
    held: dict[str, list[list[int]]] = defaultdict(list)
    ended: dict[str, list[list[int]]] = defaultdict(list)
    for n, (at, key, _) in enumerate(given_rows):
        near = [s for s in ended[key] if s[0] - gap <= at <= s[-1] + gap]
        joined = [s for s in held[key] if s[0] - gap <= at <= s[-1] + gap]
        if near or (not joined and clock.mark > at + gap):
            late.append(n)
            continue
        held[key] = [s for s in held[key] if s not in joined]
        held[key].append(sorted([at, *(time for s in joined for time in s)]))
        clock.see("e", at)
        for each in held:
            ended[each] += [s for s in held[each] if s[-1] + gap < clock.mark]
            held[each] = [s for s in held[each] if s[-1] + gap >= clock.mark]
    config = 'window { id => "w" gap => "6s" lateness => "4s" by => ["k"] keep => false }'
    out = run(config, [event(at, k, n=n) for n, (at, k, _) in enumerate(given_rows)], sizes)
    assert [e["n"] for e in out if "_windowlate" in e.get("tags", [])] == late
    found = sorted(
        (e["k"], seconds(e["event"]["start"]), seconds(e["event"]["end"]), e["window"]["count"])
        for e in out
        if "window" in e
    )
    sessions = [(k, s) for each in (ended, held) for k, some in each.items() for s in some]
    assert found == sorted((k, s[0], s[-1], len(s)) for k, s in sessions)


@pytest.mark.parametrize("match", ["all", "first", "latest"])
@given(rows, cuts)
@settings(deadline=None, max_examples=60)
def test_joins_with_late_events_by_brute_force(
    match: str, given_rows: list[Row], sizes: list[int]
) -> None:
    reach, clock, late = {"a": 8, "b": 3}, Clock("ab", 4), list[int]()
    taken: list[tuple[int, int, str, int]] = []
    partners: dict[int, list[tuple[int, int]]] = defaultdict(list)
    matched: set[int] = set()
    for n, (at, side, key) in enumerate(given_rows):
        if clock.mark > at + reach[side]:
            late.append(n)
            continue
        for other, when, other_side, other_key in taken:
            if other_side == side or other_key != key or when + reach[other_side] < clock.mark:
                continue
            left, right = ((n, at), (other, when)) if side == "a" else ((other, when), (n, at))
            if left[1] - 3 <= right[1] <= left[1] + 8:
                partners[left[0]].append((right[1], right[0]))
                matched |= {left[0], right[0]}
        taken.append((n, at, side, key))
        clock.see(side, at)
    chosen = {
        "all": lambda found: found,
        "first": lambda found: [min(found, key=lambda pair: pair[0])],
        "latest": lambda found: [max(reversed(found), key=lambda pair: pair[0])],
    }[match]
    pairs = [(left, right) for left, found in partners.items() for _, right in chosen(found)]
    config = (
        f'join {{ id => "j" side => "k" left => {{ "a" => "v" }} right => {{ "b" => "v" }}'
        f' before => "3s" within => "8s" lateness => "4s" type => "outer" match => "{match}"'
        " keep => false }"
    )
    out = run(config, [event(at, k, v=v, n=n) for n, (at, k, v) in enumerate(given_rows)], sizes)
    assert [e["n"] for e in out if "_joinlate" in e.get("tags", [])] == late
    found = [(e["n"], e["right"]["n"]) for e in out if e.get("join", {}).get("matched")]
    assert sorted(found) == sorted(pairs)
    alone = [e["n"] for e in out if "_joinunmatched" in e.get("tags", [])]
    assert sorted(alone) == sorted(n for n, *_ in taken if n not in matched)
