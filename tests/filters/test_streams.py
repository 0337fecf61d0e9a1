"""What the filters of event time do with time, lateness, keys and options, case by case."""
import math
from typing import Any

import pytest

import penstock
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.filters._event_time import EventTime, coarse
from penstock.pipeline.compile.instantiate import inspect

Event = dict[str, Any]
BASE = 1_756_972_800_000  # 2025-09-04T08:00:00Z


def at(seconds: float, **fields: Any) -> Event:
    return {"@timestamp": str(Timestamp.of_millis(BASE + round(seconds * 1000))), **fields}


def run(config: str, *events: Event, **settings: Any) -> list[Event]:
    named = {key.replace("__", "."): value for key, value in settings.items()}
    stage = penstock.compile(f"filter {{ {config} }}", named)
    return [*stage(events), *stage.flush()]


def filter_of(config: str, now: float | None = None, **more: Any) -> EventTime:
    settings: Event = {} if now is None else {"penstock.now": str(Timestamp.of_millis(BASE + round(now * 1000)))}
    stage = penstock.compile(f"filter {{ {config} }}", settings | {key.replace("__", "."): value for key, value in more.items()})
    (plugin,) = stage.assembly.made.values()
    assert isinstance(plugin, EventTime)
    return plugin


def inside(*events: Event) -> list[Event]:
    return [event | {"@timestamp": Timestamp(event["@timestamp"])} for event in events]


def windows(events: list[Event]) -> list[tuple[int, str]]:
    return [(event["window"]["count"], event["window"]["reason"]) for event in events if "window" in event]


def codes(config: str) -> set[str]:
    _, found = inspect([Source("c", f"filter {{ {config} }}")], settled({}))
    return {finding.code for finding in found}


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ('window { id => "w" size => "1m" gap => "1m" }', "E240"),
        ('window { id => "w" size => "1m" whole => true }', "E240"),
        ('window { id => "w" }', "E240"),
        ('window { id => "w" size => "1m" every => "61s" }', "E241"),
        ('window { id => "w" size => "1M" every => "2M" }', "E241"),
        ('window { id => "w" size => "90m" timezone => "Asia/Tokyo" }', "E242"),
        ('window { id => "w" size => "1M" every => "1d" }', "E242"),
        ('window { id => "w" size => "2d" every => "2d" timezone => "Asia/Tokyo" }', "E242"),
        ('window { id => "w" size => "1d" timezone => "Europe/Belrin" }', "E223"),
        ('window { id => "w" size => "soon" }', "E204"),
        ('window { id => "w" size => "1m" sum => { "p" => "a" } max => { "p" => "b" } }', "E244"),
        ('window { id => "w" size => "1m" sum => { "p" => "a" } max => { "[p][q]" => "b" } }', "E244"),
        ('window { id => "w" size => "1m" percentiles => { "p" => "a" } max => { "[p][p95]" => "b" } }', "E244"),
        ('window { id => "w" size => "1m" sum => { "[window][count]" => "a" } }', "E244"),
        ('window { id => "w" size => "1m" reduce => { "r" => "a" } }', "E220"),
        ('window { id => "w" size => "1m" reduce => { "r" => "a" } reduce_code => "a +" }', "E220"),
        ('correlate { id => "c" type => "value_sum" events => ["t"] within => "1m" condition => { "gt" => 1 } }', "E246"),
        ('correlate { id => "c" type => "event_count" events => ["t"] within => "1m" }', "E246"),
        ('correlate { id => "c" type => "event_count" events => ["t"] within => "1m" condition => { "=>" => 1 } }', "E246"),
        ('correlate { id => "c" type => "absent" events => ["t"] within => "1m" }', "E220"),
        ('trend { id => "t" field => "a" }', "E220"),
        ('trend { id => "t" field => "a" last => 3 half_life => 2 }', "E220"),
        ('dedupe { id => "d" by => [] within => "1s" }', "E220"),
        ('join { id => "j" side => "s" left => { "a" => ["x", "y"] } right => { "b" => "x" } within => "1m" }', "E220"),
        ('join { id => "j" side => "s" left => { "a" => "x" } right => { "a" => "x" } within => "1m" }', "E220"),
        ('dedupe { by => ["a"] within => "1s" }', "W320"),
    ],
)
def test_a_bad_option_is_a_diagnostic(config: str, code: str) -> None:
    assert codes(config) == {code}


def test_keys_of_different_types_are_different() -> None:
    out = run('window { id => "w" size => "1m" by => ["k"] keep => false }', *(at(n, k=k) for n, k in enumerate([1, 1.0, "1", True, 1, None])))
    assert [(e["k"], type(e["k"]), e["window"]["count"]) for e in out if "window" in e] == [(1, int, 2), (1.0, float, 1), ("1", str, 1), (True, bool, 1)]


@pytest.mark.parametrize("value", [None, "soon", 17, {"a": 1}, "2025-13-01T00:00:00Z"])
def test_an_event_without_a_time_goes_on_tagged(value: Any) -> None:
    out = run('window { id => "w" size => "1m" time => "t" keep => false }', {"t": value}, {"t": "2025-09-04T10:00:01+02:00"})
    assert out[0]["tags"] == ["_windowtimefailure"]
    assert out[1]["event"]["start"] == "2025-09-04T08:00:00.000Z"


@pytest.mark.parametrize(("late", "going"), [("tag", 1), ("drop", 0)])
def test_late_events_go_on_or_end_as_asked(late: str, going: int) -> None:
    out = run(f'window {{ id => "w" size => "10s" lateness => "0s" keep => false late => "{late}" }}', at(1), at(30), at(2))
    assert sum("_windowlate" in e.get("tags", []) for e in out) == going
    assert windows(out) == [(1, "watermark"), (1, "end")]


def test_the_log_says_at_the_end_how_many_events_were_late(caplog: pytest.LogCaptureFixture) -> None:
    events = [at(100), *(at(second) for second in range(50))]
    run('window { id => "w" size => "1m" }', *events)
    (*_, last) = caplog.messages
    assert last.endswith('late events so far: 50, by at most 30.001 s; lateness => "41s" would have taken them')
    caplog.clear()
    run('window { id => "w" size => "1m" }', at(100))
    assert not caplog.messages


@pytest.mark.parametrize(
    ("millis", "text"),
    [(0, "0ms"), (9_999, "9999ms"), (10_001, "11s"), (600_000, "10m"), (86_400_000, "24h"), (10**9, "12d")],
)
def test_a_duration_is_proposed_in_few_digits_and_never_too_short(millis: int, text: str) -> None:
    assert coarse(millis) == text


def test_late_events_may_become_dead_letters() -> None:
    plugin, buried = filter_of('window { id => "w" size => "10s" lateness => "0s" late => "dead_letter" }'), list[Event]()
    plugin.context.dead_letter = lambda events, _reason: buried.extend(events)
    out = plugin.run(inside(at(1), at(30), at(2, late=True)))
    assert [event["late"] for event in buried] == [True]
    assert not any("late" in event for event in out)


def test_an_event_far_in_the_future_does_not_move_time() -> None:
    plugin = filter_of('window { id => "w" size => "10s" lateness => "0s" keep => false }', now=60)
    assert plugin.run(inside(at(1), at(9000), at(2))) == []
    assert plugin.stats()["future"] == 1
    assert windows(plugin.flush(True)) == [(2, "end"), (1, "end")]


def test_the_clock_closes_windows_where_no_events_come() -> None:
    plugin = filter_of('window { id => "w" size => "1m" keep => false }', now=1)
    plugin.run(inside(at(1)))
    for seconds, told in ((60, []), (120, []), (130, [(1, "idle")])):
        plugin.context.settings["penstock.now"] = Timestamp.of_millis(BASE + seconds * 1000)  # type: ignore[index]
        assert windows(plugin.flush(False)) == told


def test_the_slowest_partition_holds_time_back_until_it_is_idle_or_ends() -> None:
    plugin = filter_of('window { id => "w" size => "10s" lateness => "0s" keep => false }', now=0)
    plugin.begin_partitions(["a", "b"])
    assert plugin.take_batch(inside(at(1), at(25)), [("a", 2)]) == []
    assert windows(plugin.take_batch(inside(at(2), at(12)), [("b", 2)])) == [(2, "watermark")]
    assert windows(plugin.finish_partition("b")) == [(1, "idle")]
    assert plugin.marks.watermark == BASE + 25_000


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ('window { id => "w" size => "10s" lateness => "0s" keep => false }', [{"count": 3, "name": "w", "reason": "watermark", "revision": 0}]),
        ('join { id => "w" side => "s" left => { "a" => "k" } right => { "b" => "k" } within => "5s" lateness => "0s" type => "left" keep => false }', [None] * 2),
    ],
)
def test_a_partition_that_wakes_moves_time_when_those_before_it_have_ended(config: str, told: list[Any]) -> None:
    plugin = filter_of(config, now=0)
    plugin.begin_partitions(["a", "b"])
    early = inside(at(1, s="a", k=1), at(25, s="a", k=2), at(25, s="b", k=3))
    assert plugin.take_batch(early, [("a", 3)]) == []
    assert plugin.take_batch(inside(at(2, s="a", k=4), at(2, s="b", k=5)), [("b", 2)]) == []
    assert plugin.idle_partition("a") == []
    assert plugin.finish_partition("b") == []
    woken = plugin.take_batch(inside(at(24, s="a", k=6), at(24, s="a", k=7)), [("a", 2)])
    assert [e.get("window") for e in woken] == told


def test_too_many_keys_share_one_result() -> None:
    out = run('window { id => "w" size => "1m" by => ["k"] max_keys => 2 keep => false sum => { "s" => "v" } }', *(at(n, k=n % 4, v=1) for n in range(8)))
    assert [(e.get("k"), e["s"], e["window"].get("overflow", False)) for e in out] == [(0, 2, False), (1, 2, False), (None, 4, True)]


def test_too_many_keys_forget_the_one_that_was_quiet_longest() -> None:
    config = 'join { id => "j" side => "s" left => { "a" => "k" } right => { "b" => "k" } within => "1h" type => "left" max_keys => 2 keep => false }'
    out = run(config, at(1, s="a", k=1), at(2, s="a", k=2), at(3, s="a", k=1), at(4, s="a", k=3))
    assert [e["k"] for e in out] == [2, 1, 1, 3]


def test_corrections_of_retained_windows_are_numbered_and_keep_their_id() -> None:
    out = run('window { id => "w" size => "10s" lateness => "0s" retain => "1m" keep => false }', at(1), at(15), at(2), at(3))
    told = [e for e in out if e["event"]["start"].endswith("00:00.000Z")]
    assert [(e["window"]["count"], e["window"]["reason"], e["window"]["revision"]) for e in told] == [(1, "watermark", 0), (2, "late", 1), (3, "late", 2)]
    assert len({e["event"]["id"] for e in told}) == 1


def test_empty_windows_follow_the_last_events_of_a_key() -> None:
    out = run('window { id => "w" size => "10s" lateness => "0s" empty => 2 keep => false by => ["k"] sum => { "s" => "v" } max => { "m" => "v" } }', at(1, k="a", v=5), at(55, k="b", v=1))
    assert [(e["k"], e["window"]["count"], e["s"], e.get("m")) for e in out] == [("a", 1, 5, 5), ("a", 0, 0, None), ("a", 0, 0, None), ("b", 1, 1, 1)]


def test_open_windows_are_told_early() -> None:
    out = run('window { id => "w" size => "1m" lateness => "0s" early => "20s" keep => false }', at(1), at(21), at(45), at(61))
    assert windows(out) == [(2, "early"), (3, "early"), (3, "watermark"), (1, "end")]


def test_a_session_may_not_grow_beyond_its_longest() -> None:
    out = run('window { id => "w" gap => "10s" longest => "15s" lateness => "0s" keep => false }', *(at(n) for n in (0, 8, 15, 16, 40)))
    assert windows(out) == [(3, "longest"), (1, "watermark"), (1, "end")]


def test_an_event_that_is_too_old_for_a_session_of_its_own_is_late_also_beside_an_open_one() -> None:
    events = [at(second, k=key) for second, key in ((0, "a"), (20, "b"), (14, "a"), (13, "a"), (5, "a"), (14, "a"))]
    out = run('window { id => "w" gap => "6s" lateness => "0s" by => ["k"] keep => false }', *events)
    assert [e["@timestamp"][17:19] for e in out if "_windowlate" in e.get("tags", [])] == ["13", "05"]
    assert [(e["k"], e["window"]["count"]) for e in out if "window" in e] == [("a", 1), ("a", 2), ("b", 1)]


def test_functions_of_a_window() -> None:
    config = """window { id => "w" whole => true keep => false
      count => { "n" => "v" } sum => { "sum" => "v" } avg => { "avg" => "v" } min => { "min" => "v" } max => { "max" => "t" }
      first => { "first" => "v" } last => { "last" => "v" } collect => { "all" => "v" } collect_max => 3 frequent => { "often" => "t" } frequent_max => 1
      top => { "top" => "v" } top_max => 1 top_fields => ["t"] reduce => { "longest" => "t" } reduce_code => "a if len(a) >= len(b) else b" }"""
    (out,) = run(config, at(3, v=5, t="x"), at(1, v=2.5, t="yy"), at(2, v="odd", t="x"), at(4))
    assert {key: out[key] for key in ("n", "sum", "avg", "min", "max", "first", "last", "all")} == {"n": 3, "sum": 7.5, "avg": 3.75, "min": 2.5, "max": "yy", "first": 2.5, "last": 5, "all": [2.5, "odd", 5]}
    assert (out["often"], out["top"], out["longest"]) == ([{"value": "x", "count": 2}], [{"t": "x"}], "yy")


def test_fields_without_the_common_schema() -> None:
    (out,) = run('window { id => "w" size => "1m" keep => false }', at(1), pipeline__ecs_compatibility="disabled")
    assert "event" not in out
    assert (out["window"]["start"], out["window"]["end"]) == ("2025-09-04T08:00:00.000Z", "2025-09-04T08:01:00.000Z")


def test_windows_in_branches_and_behind_each_other_take_whole_batches_and_keep_the_order() -> None:
    config = """if [k] == "a" { window { id => "a" size => "10s" lateness => "0s" } } else { window { id => "b" size => "10s" lateness => "0s" } }
      if [window] { window { id => "c" size => "1m" sum => { "total" => "[window][count]" } } }"""
    out = run(config, at(1, k="a"), at(12, k="b"), at(13, k="a"), at(25, k="b"))
    assert [e["window"]["name"] if "window" in e else e["k"] for e in out] == ["a", "b", "a", "a", "b", "b", "a", "b", "c"]
    assert out[-1]["total"] == 4


@pytest.mark.parametrize(
    ("options", "events", "alerts"),
    [
        ('type => "value_count" events => ["t"] field => "v" condition => { "gte" => 2 }', [(0, "t", 1), (5, "t", 1), (9, "t", 2)], [9]),
        ('type => "value_sum" events => ["t"] field => "v" condition => { "gt" => 10 }', [(0, "t", 6), (11, "t", 5), (12, "t", 6)], [12]),
        ('type => "value_percentile" events => ["t"] field => "v" percent => 100 condition => { "gte" => 7 }', [(0, "t", 6), (1, "t", 7)], [1]),
        ('type => "temporal" events => ["t", "u"]', [(0, "u", 1), (10, "t", 1), (21, "u", 1)], [10]),
        ('type => "temporal" events => ["t", "u", "x"] condition => { "gte" => 2 }', [(0, "t", 1), (1, "t", 1), (2, "x", 1)], [2]),
        ('type => "temporal_ordered" events => ["t", "u", "t"]', [(0, "t", 1), (1, "u", 1), (2, "u", 1), (3, "t", 1)], [3]),
        ('type => "temporal_ordered" events => ["t", "u"]', [(5, "u", 1), (0, "t", 1)], [0]),
        ('type => "absent" events => ["t", "u"]', [(0, "t", 1), (10, "u", 1), (30, "t", 1), (41, "u", 1)], [30]),
        ('type => "absent" events => ["t", "u"]', [(10, "u", 1), (0, "t", 1)], []),
    ],
)
def test_correlations(options: str, events: list[tuple[int, str, int]], alerts: list[int]) -> None:
    config = f'correlate {{ id => "c" within => "10s" keep => false {options} }}'
    out = run(config, *(at(second, v=value, tags=[tag]) for second, tag, value in events))
    assert [(Timestamp(e["@timestamp"]).millis() - BASE) // 1000 for e in out] == alerts
    assert all(e["event"]["kind"] == "alert" for e in out)


def test_aliases_name_the_fields_that_stand_for_the_key() -> None:
    config = 'correlate { id => "c" type => "temporal" events => ["t", "u"] within => "1m" by => ["ip"] aliases => { "u" => "client" } keep => false }'
    (out,) = run(config, at(0, tags=["t"], ip="192.0.2.1"), at(1, tags=["u"], ip="x", client="192.0.2.1"))
    assert out["ip"] == "192.0.2.1"


def test_few_events_are_judged_when_their_window_is_over() -> None:
    config = 'correlate { id => "c" type => "event_count" events => ["t"] within => "10s" lateness => "0s" condition => { "lt" => 2 } keep => false }'
    out = run(config, *(at(second, tags=["t"]) for second in (1, 2, 11, 35, 36)))
    assert [(e["event"]["start"][17:19], e["correlation"]["count"]) for e in out] == [("10", 1), ("20", 0)]


def test_a_join_waits_for_both_sides_until_one_is_idle() -> None:
    plugin = filter_of('join { id => "j" side => "s" left => { "a" => "k" } right => { "b" => "k" } within => "5s" lateness => "0s" type => "left" keep => false }', now=0)
    assert plugin.run(inside(at(1, s="a", k=1), at(60, s="a", k=2))) == []
    (told,) = plugin.run(inside(at(50, s="b", k=9)))
    assert (told["k"], told["tags"]) == (1, ["_joinunmatched"])


def test_a_pair_that_finds_no_partner_in_the_next_join_keeps_nothing_of_its_delay() -> None:
    first = 'join { id => "one" side => "s" left => { "a" => "k" } right => { "b" => "k" } within => "5s" keep => false }'
    second = 'join { id => "two" side => "s" left => { "a" => "k" } right => { "c" => "k" } within => "5s" type => "left" keep => false }'
    (told,) = run(first + second, at(1, s="a", k=1), at(3, s="b", k=1))
    assert (told["join"], told["right"]["k"]) == ({"name": "two", "matched": False}, 1)


def test_state_of_a_newer_version_is_refused() -> None:
    plugin = filter_of('dedupe { id => "d" by => ["k"] within => "7s" }')
    with pytest.raises(ValueError, match="newer version"):
        plugin.restore(plugin.snapshot() | {"version": 99})


def test_a_stop_tells_what_is_held_as_parts() -> None:
    plugin = filter_of('window { id => "w" size => "1m" keep => false }')
    plugin.run(inside(at(1)))
    (told,) = plugin.drain("stop")
    assert (told["window"]["reason"], told["tags"]) == ("stop", ["_partial"])


def test_a_result_that_cannot_be_decorated_goes_on_tagged() -> None:
    out = run('window { id => "w" size => "1m" keep => false by => ["k"] add_field => { "[k][x]" => "1" } }', at(1, k="a"))
    assert [(e["k"], e["tags"]) for e in out] == [("a", ["_window_exception"])]


def test_a_sum_beyond_all_floats_is_left_out() -> None:
    (out,) = run('window { id => "w" size => "1m" keep => false sum => { "s" => "v" } max => { "m" => "v" } }', at(1, v=1e308), at(2, v=1e308))
    assert ("s" in out, out["m"]) == (False, 1e308)


@pytest.mark.parametrize(
    "config",
    [
        'window { id => "w" size => "1m" sum => { "s" => "v" } avg => { "a" => "v" } }',
        'window { id => "w" gap => "1m" sum => { "s" => "v" } avg => { "a" => "v" } }',
        'window { id => "w" size => "4m" every => "1m" avg => { "a" => "v" } }',
        'trend { id => "t" field => "v" last => 4 warm_up => 2 }',
        'trend { id => "t" field => "v" half_life => 2 warm_up => 2 }',
        'trend { id => "t" field => "v" per => "w" last => 4 warm_up => 2 }',
        *(
            f'correlate {{ id => "c" type => "{kind}" events => ["a"] field => ["v"] within => "1m"'
            f' condition => {{ "{compares}" => 2 }} again => 0 }}'
            for kind in ("value_sum", "value_avg", "value_percentile")
            for compares in ("gte", "lt")
        ),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_numbers_that_no_float_holds_disturb_nothing(config: str, order: int) -> None:
    numbers = [1e308, 1e308, -1e308, 10**400, math.inf, 2**1024, -(10**400), -math.inf, 1e200, 7]
    large = [at(n, v=v, w=1, tags=["a"]) for n, v in enumerate(numbers[::order])]
    usual = [at(20 + n, v=v, w=1, tags=["a"]) for n, v in enumerate([5, 7, 6, 5, 6, 9])]
    out = run(config, *large, *usual)
    assert {tag for event in out for tag in event.get("tags", [])} <= {"a"}
    judged = [event["trend"] for event in out if "trend" in event]
    assert all(math.isfinite(trend["score"]) for trend in judged)
    assert all(5 <= trend["expected"] <= 7 for trend in judged)


@pytest.mark.parametrize(
    ("config", "before", "after"),
    [("size => '1m'", 2, 1), ("size => '2m' every => '1m'", 4, 3), ("gap => '30s'", 2, 1)],
)
def test_figures_say_how_many_windows_are_open(config: str, before: int, after: int) -> None:
    plugin = filter_of(f'window {{ id => "w" {config} by => ["k"] lateness => "0s" }}')
    plugin.run(inside(at(1, k="a"), at(2, k="b")))
    assert plugin.stats()["windows_open"] == before
    plugin.run(inside(at(70, k="a")))
    assert plugin.stats()["windows_open"] == after
    assert "checkpoint_seconds" not in plugin.stats()
    plugin.committed(0.5)
    assert plugin.stats()["checkpoint_seconds"] == 0.5
    assert plugin.stats()["checkpoint_age_seconds"] >= 0


@pytest.mark.parametrize("config", ['window { id => "w" size => "1h" by => ["k"] keep => false }', 'window { id => "w" gap => "1h" by => ["k"] keep => false }'])
def test_over_the_limit_of_memory_what_was_quiet_longest_is_emitted_as_parts(config: str) -> None:
    plugin = filter_of(config, penstock__limits__state=2000)
    assert plugin.run(inside(*(at(n, k=n) for n in range(100)))) == []
    out = plugin.flush(False)
    assert {(e["window"]["reason"], *e["tags"]) for e in out} == {("memory", "_partial")}
    assert [e["k"] for e in out] == list(range(len(out)))
    assert 90 < len(out) < 100
    assert plugin.stats()["state_bytes"] > 2000
    assert windows(plugin.run(inside(at(99, k=99), at(99, k=5)))) == []
    assert [(e["k"], e["window"]["count"]) for e in plugin.flush(True)][-1] == (99, 2)


def test_a_summary_follows_the_event_that_ends_its_time_also_where_a_duplicate_came_at_the_very_end() -> None:
    events = [at(0, k="a"), at(7, k="a"), at(12, k="b"), at(13, k="c")]
    out = run('dedupe { id => "d" by => ["k"] within => "7s" lateness => "4s" summary => true }', *events)
    assert [(e["k"], "dedupe" in e) for e in out] == [("a", False), ("b", False), ("a", True), ("c", False)]
