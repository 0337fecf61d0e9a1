"""The filters of event time against brute force: the same events, any batch sizes, stopped and gone on anywhere, give what a plain reading says."""
import json
import re
import sqlite3
from collections import defaultdict
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penstock
from penstock.dsl.event import accept, release
from penstock.dsl.timestamp import Timestamp
from penstock.filters._event_time import EventTime

Event = dict[str, Any]
BASE = 1_756_972_800_000  # 2025-09-04T08:00:00Z
NOW = Timestamp.of_millis(BASE + 86_400_000)
SETTINGS = {"penstock.now": str(NOW)}

steps = st.tuples(st.integers(0, 120), st.sampled_from("abc"), st.integers(-3, 9))
rows = st.lists(steps, max_size=60)
cuts = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def event(row: tuple[int, str, int], number: int, **more: Any) -> Event:
    at, key, value = row
    return {"@timestamp": str(Timestamp.of_millis(BASE + at * 1000)), "k": key, "v": value, "n": number, **more}


def filter_of(config: str) -> EventTime:
    stage = penstock.compile(f"filter {{ {config} }}", SETTINGS)
    (plugin,) = stage.assembly.made.values()
    assert isinstance(plugin, EventTime)
    return plugin


def run(config: str, events: list[Event], sizes: list[int], restarts: bool = False) -> list[Event]:
    """What leaves a filter that gets the events in batches of these sizes, in turn; between them it may be replaced by one that goes on from its snapshot."""
    plugin, out, at, turn, kept = filter_of(config), list[Event](), 0, 0, list[Any]()
    given_events = [accept(msgspec.json.decode(json.dumps(e)), NOW) for e in events]
    while at < len(given_events):
        size = sizes[turn % len(sizes)]
        out += plugin.run(given_events[at : at + size])
        at, turn = at + size, turn + 1
        if restarts:
            kept.append(msgspec.json.decode(msgspec.json.encode(plugin.snapshot())))
        if restarts and turn % 2:
            plugin = filter_of(config)
            for data in kept:
                plugin.restore(data)
            plugin.snapshot()
    return [release(e) for e in [*out, *plugin.flush(True)]]


CONFIGS = {
    "tumbling": 'window { id => "w" size => "10s" lateness => "5s" by => ["k"] sum => { "s" => "v" } min => { "lo" => "v" } percentiles => { "p" => "v" } distinct => { "d" => "v" } last => { "l" => "n" } collect => { "c" => "n" } }',
    "sliding": 'window { id => "w" size => "20s" every => "5s" lateness => "5s" by => ["k"] sum => { "s" => "v" } top => { "t" => "v" } top_max => 2 }',
    "sliding, a fraction": 'window { id => "w" size => "9s" every => "6s" lateness => "5s" by => ["k"] retain => "7s" early => "4s" }',
    "retain and empty": 'window { id => "w" size => "10s" lateness => "3s" by => ["k"] retain => "20s" empty => 2 }',
    "sessions": 'window { id => "w" gap => "6s" lateness => "5s" by => ["k"] first => { "f" => "n" } sum => { "s" => "v" } }',
    "long sessions": 'window { id => "w" gap => "6s" longest => "15s" lateness => "5s" by => ["k"] retain => "9s" early => "5s" }',
    "whole": 'window { id => "w" whole => true by => ["k"] frequent => { "f" => "v" } }',
    "join": 'join { id => "j" side => "k" left => { "a" => "v" } right => { "b" => "v" } before => "3s" within => "8s" lateness => "5s" type => "outer" }',
    "join, latest": 'join { id => "j" side => "k" left => { "a" => "v" } right => { "b" => "v" } before => "9s" within => "4s" lateness => "5s" type => "left" match => "latest" keep => false }',
    "dedupe": 'dedupe { id => "d" by => ["k"] within => "7s" lateness => "4s" summary => true }',
    "dedupe, refreshed": 'dedupe { id => "d" by => ["k"] within => "7s" lateness => "4s" refresh => true duplicates => "tag" }',
    "event_count": 'correlate { id => "c" type => "event_count" events => ["t"] by => ["k"] within => "10s" lateness => "4s" condition => { "gte" => 3 } again => "5s" }',
    "value_avg": 'correlate { id => "c" type => "value_avg" events => ["t"] field => "v" by => ["k"] within => "10s" lateness => "4s" condition => { "gte" => 4 } collect => ["n"] }',
    "few": 'correlate { id => "c" type => "event_count" events => ["t"] by => ["k"] within => "10s" lateness => "4s" condition => { "lte" => 1 } }',
    "absent": 'correlate { id => "c" type => "absent" events => ["t", "t"] by => ["k"] within => "9s" lateness => "4s" }',
    "trend": 'trend { id => "t" field => "v" by => ["k"] half_life => 3 warm_up => 2 season => 2 }',
}


@pytest.mark.parametrize("name", CONFIGS)
@given(rows, cuts)
@settings(deadline=None, max_examples=40)
def test_results_depend_neither_on_batches_nor_on_restarts(name: str, given_rows: list[Any], sizes: list[int]) -> None:
    events = [event(row, n, tags=["t"]) for n, row in enumerate(given_rows)]
    at_once = run(CONFIGS[name], events, [1000])
    assert run(CONFIGS[name], events, sizes) == at_once
    assert run(CONFIGS[name], events, sizes, restarts=True) == at_once


def tumbling_by_hand(given_rows: list[Any], size: int, every: int, lateness: int) -> tuple[list[Any], list[int]]:
    """The numbers of events and results as (end, key, count, sum), in order, and the numbers of late events."""
    mark, top, open_ones, told, late = -(10**9), -(10**9), defaultdict(list), [], list[int]()

    def close(until: int) -> None:
        for start, key in sorted(open_ones, key=lambda w: (w[0] + size, w[1])):
            if start + size <= until:
                values = open_ones.pop((start, key))
                told.append((start + size, key, len(values), sum(values)))

    for number, (at, key, value) in enumerate(given_rows):
        starts = [s for s in range(at - at % every, at - size, -every) if s <= at < s + size]
        live = [s for s in starts if s + size > mark]
        if not live:
            late.append(number)
        for start in live:
            open_ones[start, key].append(value)
        told.append(number)
        top = max(top, at)
        mark = max(mark, top - lateness)
        close(mark)
    close(10**9)
    return told, late


@pytest.mark.parametrize(("size", "every"), [(10, 10), (20, 5), (9, 6), (7, 7)])
@given(rows, cuts)
@settings(deadline=None, max_examples=60)
def test_windows_of_a_size_by_brute_force(size: int, every: int, given_rows: list[Any], sizes: list[int]) -> None:
    config = f'window {{ id => "w" size => "{size}s" every => "{every}s" lateness => "5s" by => ["k"] sum => {{ "s" => "v" }} }}'
    out = run(config, [event(row, n) for n, row in enumerate(given_rows)], sizes)
    # Windows begin at multiples of `every` since 1970; the base is one of 10, 6 and 5 s, but not of 7 s.
    shift = BASE // 1000 % every
    told, late = tumbling_by_hand([(at + shift, k, v) for at, k, v in given_rows], size, every, 5)
    ends = [(Timestamp(e["event"]["end"]).millis() - BASE) // 1000 + shift if "window" in e else 0 for e in out]
    assert [(end, e["k"], e["window"]["count"], e["s"]) if end else e["n"] for end, e in zip(ends, out, strict=True)] == told
    assert [e["n"] for e in out if "_windowlate" in e.get("tags", [])] == late


@given(rows, cuts)
@settings(deadline=None, max_examples=60)
def test_sessions_of_events_within_lateness_are_those_of_sql(given_rows: list[Any], sizes: list[int]) -> None:
    config = 'window { id => "w" gap => "6s" lateness => "200s" by => ["k"] sum => { "s" => "v" } keep => false }'
    out = run(config, [event(row, n) for n, row in enumerate(given_rows)], sizes)
    found = [(e["k"], (Timestamp(e["event"]["start"]).millis() - BASE) // 1000, (Timestamp(e["event"]["end"]).millis() - BASE) // 1000, e["window"]["count"], e["s"]) for e in out]
    base = sqlite3.connect(":memory:")
    base.execute("create table e (at int, k text, v int)")
    base.executemany("insert into e values (?, ?, ?)", given_rows)
    wanted = base.execute(
        "with marked as (select *, case when at - lag(at) over (partition by k order by at) <= 6 then 0 else 1 end as begins from e),"
        " numbered as (select *, sum(begins) over (partition by k order by at rows unbounded preceding) as session from marked)"
        " select k, min(at), max(at), count(*), sum(v) from numbered group by k, session"
    ).fetchall()
    base.close()
    assert sorted(found) == sorted(wanted)


@given(rows, cuts)
@settings(deadline=None, max_examples=60)
def test_pairs_and_unmatched_of_events_within_lateness_are_those_of_sql(given_rows: list[Any], sizes: list[int]) -> None:
    config = 'join { id => "j" side => "k" left => { "a" => "v" } right => { "b" => "v" } before => "3s" within => "8s" lateness => "200s" type => "outer" keep => false }'
    out = run(config, [event(row, n) for n, row in enumerate(given_rows)], sizes)
    pairs = sorted((e["n"], e["right"]["n"]) for e in out if e.get("join", {}).get("matched"))
    single = sorted(e["n"] for e in out if "_joinunmatched" in e.get("tags", []))
    base = sqlite3.connect(":memory:")
    base.execute("create table e (n int, at int, k text, v int)")
    base.executemany("insert into e values (?, ?, ?, ?)", [(n, *row) for n, row in enumerate(given_rows)])
    on = "l.k = 'a' and r.k = 'b' and l.v = r.v and r.at between l.at - 3 and l.at + 8"
    assert pairs == sorted(base.execute(f"select l.n, r.n from e l join e r on {on}").fetchall())
    wanted = base.execute(f"select l.n from e l where l.k = 'a' and not exists (select 1 from e r where {on})").fetchall()
    wanted += base.execute(f"select r.n from e r where r.k = 'b' and not exists (select 1 from e l where {on})").fetchall()
    base.close()
    assert single == sorted(n for (n,) in wanted)


@given(rows, cuts)
@settings(deadline=None, max_examples=60)
def test_duplicates_by_brute_force(given_rows: list[Any], sizes: list[int]) -> None:
    out = run('dedupe { id => "d" by => ["k"] within => "7s" lateness => "4s" }', [event(row, n) for n, row in enumerate(given_rows)], sizes)
    passed, wanted, late, top = defaultdict(list), [], [], -(10**9)
    for n, (at, key, _) in enumerate(given_rows):
        if top - 4 > at + 7:
            late.append(n)
            wanted.append(n)
            continue
        if all(abs(at - other) > 7 for other in passed[key]):
            passed[key].append(at)
            wanted.append(n)
        top = max(top, at)
    assert [e["n"] for e in out] == wanted
    assert [e["n"] for e in out if "_dedupelate" in e.get("tags", [])] == late


@pytest.mark.parametrize("more", ["", "summary => true"])
@given(st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abcd")), max_size=60), cuts, st.booleans())
@settings(deadline=None, max_examples=60)
def test_of_too_many_keys_the_one_whose_latest_event_is_oldest_is_forgotten(more: str, given_rows: list[Any], sizes: list[int], restarts: bool) -> None:
    config = f'dedupe {{ id => "d" by => ["k"] within => "7s" lateness => "200s" max_keys => 2 {more} }}'
    times = [at * 1000 + n for n, (at, _) in enumerate(given_rows)]
    events = [{"@timestamp": str(Timestamp.of_millis(BASE + at)), "k": key, "n": n} for n, (at, (_, key)) in enumerate(zip(times, given_rows, strict=True))]
    out = run(config, events, sizes, restarts)
    passed, latest, wanted = dict[str, list[int]](), dict[str, int](), []
    for n, (at, (_, key)) in enumerate(zip(times, given_rows, strict=True)):
        if key not in passed and len(passed) == 2:
            oldest = min(passed, key=latest.__getitem__)
            del passed[oldest], latest[oldest]
        latest[key] = max(at, latest.get(key, 0))
        if all(abs(at - other) > 7000 for other in passed.setdefault(key, [])):
            passed[key].append(at)
            wanted.append(n)
    assert [e["n"] for e in out if "n" in e] == wanted


@given(rows, cuts)
@settings(deadline=None, max_examples=60)
def test_counts_of_events_by_brute_force(given_rows: list[Any], sizes: list[int]) -> None:
    config = 'correlate { id => "c" type => "event_count" events => ["t"] by => ["k"] within => "10s" lateness => "4s" condition => { "gte" => 3 } again => "0s" }'
    out = run(config, [event(row, n, tags=["t"]) for n, row in enumerate(given_rows)], sizes)
    held, wanted, top = defaultdict(list), [], -(10**9)
    for n, (at, key, _) in enumerate(given_rows):
        wanted.append(n)
        mark = top - 4
        if mark > at + 10:
            continue
        held[key] = [t for t in held[key] if t >= mark - 10] + [at]
        best = max(sum(s <= t <= s + 10 for t in held[key]) for s in range(at - 10, at + 1))
        if best >= 3:
            wanted.append(("alert", best))
        top = max(top, at)
    assert [e["n"] if "n" in e else ("alert", e["correlation"]["count"]) for e in out] == wanted


@given(rows, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
@pytest.mark.parametrize("name", ["tumbling", "sliding", "sessions", "whole"])
def test_the_order_of_events_within_lateness_changes_no_result(name: str, given_rows: list[Any], dice: Any) -> None:
    config = CONFIGS[name].replace("5s\" by", "200s\" by").replace('collect => { "c" => "n" }', "").replace('last => { "l" => "n" }', "").replace('first => { "f" => "n" }', "")
    config = config.replace('top => { "t" => "v" } top_max => 2', "")
    events = [event(row, n) for n, row in enumerate(given_rows)]
    mixed = events.copy()
    dice.shuffle(mixed)
    results = [[e for e in run(config, given_events, [7]) if "window" in e] for given_events in (events, mixed)]
    assert results[0] == results[1]


@given(rows, cuts)
@settings(deadline=None, max_examples=30)
def test_sliding_as_often_as_long_is_tumbling(given_rows: list[Any], sizes: list[int]) -> None:
    events = [event(row, n) for n, row in enumerate(given_rows)]
    one, other = (f'window {{ id => "w" size => "10s" {every} lateness => "5s" by => ["k"] }}' for every in ("", 'every => "10s"'))
    assert run(one, events, sizes) == run(other, events, sizes)


SHIFTED = ["tumbling", "sliding", "sliding, a fraction", "retain and empty", "join", "dedupe", "event_count"]


@pytest.mark.parametrize("name", SHIFTED)
@given(rows)
@settings(deadline=None, max_examples=40)
def test_the_lateness_that_the_log_asks_for_is_what_late_events_need(
    name: str, given_rows: list[Any]
) -> None:
    events = [event(row, n, tags=["t"]) for n, row in enumerate(given_rows)]

    def late(lateness: int) -> tuple[int, int]:
        config = re.sub(r'lateness => "\d+s"', f'lateness => "{lateness}ms"', CONFIGS[name])
        plugin = filter_of(config)
        plugin.run([accept(msgspec.json.decode(json.dumps(e)), NOW) for e in events])
        return plugin.counts.late, plugin.counts.late_most

    number, most = late(3000)
    if number:
        assert late(3000 + most) == (0, 0)
        assert late(3000 + most - 1) > (0, 0)
