"""A profile: what each part costs, by its place, so that all of them are the whole."""
import threading
import time
from contextlib import suppress
from typing import Any

from penstock.dsl.settings import settled
from penstock.dsl.source import Source, Span
from penstock.pipeline.compile.generate import generate
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.compile.profile import Profile
from penstock.pipeline.runtime.pipeline import Pipeline

FILTERS = """filter {
  if [n] > 1 { mutate { add_tag => ["a"] } }
  if [n] > 2 { mutate { add_tag => ["b"] } }
  if [n] == 1 { drop { } } else { mutate { add_field => { "x" => "y" } } }
}"""


def spend(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def nothing(*arguments: Any) -> int:
    return 1


def test_the_code_is_that_of_a_run_without_a_profile_but_for_its_marks() -> None:
    def text(observer: Profile | None) -> list[str]:
        assembly = assemble([Source("a.conf", FILTERS)], settled({}))
        lines = generate(assembly.program.filters, assembly.made, "filters", observer).text.splitlines()
        return [line for line in lines if "sorting_" not in line]

    assert text(Profile()) == text(None)


def test_steps_and_conditions_are_counted_by_their_places() -> None:
    """The second branch is sorted with the first one."""
    profile = Profile()
    assembly = assemble([Source("a.conf", FILTERS)], settled({}))
    section = generate(assembly.program.filters, assembly.made, "filters", profile)
    out = section.run([{"n": 1}, {"n": 2}, {"n": 3}])
    assert [event["n"] for event in out] == [2, 3]
    assert {key: cost.events for key, cost in profile.costs.items()} == {
        ("conditions", "a.conf:2:3"): 3,
        ("conditions", "a.conf:4:3"): 3,
        ("mutate", "a.conf:2:16"): 2,
        ("mutate", "a.conf:3:16"): 1,
        ("drop", "a.conf:4:17"): 1,
        ("mutate", "a.conf:4:35"): 2,
        ("between the steps", "filters"): 3,
    }


def test_what_a_part_does_within_another_is_counted_once() -> None:
    profile = Profile()
    inner = profile.timed(profile.cost("inner", ""), lambda: spend(0.02), nothing)

    def work() -> None:
        spend(0.01)
        inner()

    profile.timed(profile.cost("outer", ""), work, nothing)()
    outer, within = profile.cost("outer", "").seconds, profile.cost("inner", "").seconds
    assert outer < within
    assert abs(profile.total() - (outer + within)) < 1e-9


def test_a_part_that_raises_leaves_the_others_counted_rightly() -> None:
    profile = Profile()
    source = Source("a.conf", "filter { }")
    mark = profile.sorting(Span(source, 0, 6))

    def fail() -> None:
        mark(None)
        spend(0.01)
        raise ArithmeticError

    def work() -> None:
        with suppress(ArithmeticError):
            profile.timed(profile.cost("fails", ""), fail, nothing)()

    profile.timed(profile.cost("work", ""), work, nothing)()
    assert profile.cost("fails", "").seconds >= 0.01
    assert profile.cost("work", "").seconds < 0.01


def test_threads_are_counted_apart() -> None:
    profile = Profile()
    run = profile.timed(profile.cost("work", ""), lambda: spend(0.01), nothing)
    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert profile.cost("work", "").events == 3
    assert profile.cost("work", "").seconds >= 0.03


def test_a_whole_run_has_a_row_for_all_that_it_does(tmp_path: Any) -> None:
    lines = tmp_path / "lines"
    lines.write_text("a 1\nb 2\n")
    config = f"""input {{ file {{ path => "{lines}" mode => "read" exit_after_read => true codec => plain
        sincedb_path => "/dev/null" }} }}
filter {{ grok {{ match => {{ "message" => "%{{WORD:w}} %{{INT:n}}" }} }} }}
output {{ file {{ path => "{tmp_path}/out" }} }}"""
    profile = Profile()
    Pipeline(assemble([Source("a.conf", config)], settled({"path.data": str(tmp_path)})), None, profile).run()
    counted = {what: cost.events for (what, _), cost in profile.costs.items()}
    assert counted["decode"] == counted["grok"] == counted["encode"] == 2
    assert "read" in counted
    assert "deliver" in counted
    assert "acknowledge" in counted
    shares = [float(line.split(" %")[0]) for line in profile.report().splitlines()[1:-2]]
    assert abs(sum(shares) - 100) < 0.1 * len(shares)


def rows_of(profile: Profile) -> list[tuple[float, str]]:
    """The share and the rest of each row of a report, but for what inputs waited."""
    found = [line.split(" %", 1) for line in profile.report().splitlines()[1:-1]]
    return [(float(share), rest.strip()) for share, rest in found]


def test_what_comes_before_the_first_part_is_the_start() -> None:
    profile = Profile()
    spend(0.3)
    profile.timed(profile.cost("work", "a.conf:1:1"), lambda: spend(0.01), nothing)()
    shares = {rest: share for share, rest in rows_of(profile)}
    assert shares["start of the process"] > shares["all else"]
    assert shares["whole process"] == 100


def test_parts_of_no_account_are_one_row() -> None:
    profile = Profile()
    for number in range(9):
        profile.timed(profile.cost("small", f"a.conf:{number}:1"), nothing, nothing)()
    named = [rest for _, rest in rows_of(profile)]
    assert sum("small" in rest for rest in named) == 0
    assert sum("parts of less than 0.2% each" in rest for rest in named) == 1
    assert sum(share for share, _ in rows_of(profile)[:-1]) > 99
