"""The compiled filter section: its order is that of an interpreter that takes events one by one, whatever branches do.

The interpreter below is the definition; the generated function must give the same events in the same order.
"""
import traceback
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl.check import check
from penstock.dsl.parser import parse
from penstock.dsl.program import Arm, Branch, PluginUse, Program, Statement
from penstock.dsl.reference import FieldRef
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.spec import PluginSpec
from penstock.pipeline.compile.condition import Expressions
from penstock.pipeline.compile.generate import generate
from penstock.pipeline.compile.instantiate import uses
from penstock.pipeline.compile.names import Namespace
from penstock.plugins.contract import Filter, Plugin
from penstock.plugins.declaration import option

Event = dict[str, Any]


class Mark(Filter, name="mark"):
    """Writes its name into the event's trail, and counts."""

    by: str = option("The mark.", default="m")

    def apply(self, event: Event) -> bool:
        event["trail"] = event.get("trail", "") + self.by
        event["n"] = (event["n"] * 7 + 3) % 10
        return True


class Lose(Filter, name="lose"):
    """Drops events whose n is odd."""

    reshapes = True

    def apply(self, event: Event) -> list[Event]:
        return [] if event["n"] % 2 else [event]


class Twin(Filter, name="twin"):
    """Makes two of each, the second with another n."""

    reshapes = True

    def apply(self, event: Event) -> list[Event]:
        return [event, {**event, "n": (event["n"] + 1) % 10, "trail": event.get("trail", "") + "'"}]


class Swap(Filter, name="swap"):
    """Takes the whole batch, as hot filters do."""

    def run(self, events: list[Event]) -> list[Event]:
        for event in events:
            event["trail"] = event.get("trail", "") + "s"
        return events


class Hold(Filter, name="hold"):
    """Keeps every event until it is flushed."""

    reshapes = True
    flushes = True
    stateful = True

    def prepare(self) -> None:
        self.held: list[Event] = []

    def apply(self, event: Event) -> list[Event]:
        self.held.append(event)
        return []

    def flush(self, final: bool) -> list[Event]:
        if not final:
            return []
        held, self.held = self.held, []
        return held


FILTERS = {cls.spec.name: cls for cls in (Mark, Lose, Twin, Swap, Hold)}


class Catalogue:
    """The filters of this module."""

    def spec(self, section: str, name: str) -> PluginSpec | None:
        return FILTERS[name].spec if name in FILTERS else None

    def names(self, section: str) -> list[str]:
        return list(FILTERS)


def assembled(text: str) -> tuple[Program, dict[PluginUse, Plugin]]:
    """A program and its plugins."""
    checked = check([parse(Source("test.conf", text))], Catalogue(), settled(None), {})
    assert not checked.diagnostics, checked.diagnostics
    made: dict[PluginUse, Plugin] = {}
    for use in uses(checked.program.filters):
        made[use] = FILTERS[use.name]({name: setting.value for name, setting in use.settings.items()})
        made[use].prepare()
    return checked.program, made


def compiled(text: str, events: list[Event]) -> list[Event]:
    program, made = assembled(text)
    return generate(program.filters, made, "filters").run([dict(event) for event in events])


def interpreted(text: str, events: list[Event]) -> list[Event]:
    program, made = assembled(text)
    return [out for event in events for out in walk(program.filters, dict(event), made)]


def walk(statements: Iterable[Statement], event: Event, made: dict[PluginUse, Plugin]) -> list[Event]:
    """One event through statements."""
    events = [event]
    for statement in statements:
        if isinstance(statement, PluginUse):
            plugin = made[statement]
            assert isinstance(plugin, Filter)
            events = [out for one in events for out in plugin.run([one])]
        else:
            events = [out for one in events for out in walk(taken(statement, one), one, made)]
    return events


def taken(branch: Branch, event: Event) -> tuple[Statement, ...]:
    """The body of the first arm that holds."""
    return next((arm.body for arm in branch.arms if holds(arm, event)), ())


def holds(arm: Arm, event: Event) -> bool:
    if arm.condition is None:
        return True
    names = Namespace()
    return bool(eval(Expressions(names).of(arm.condition), names, {"event": event}))


plugins = st.sampled_from(["mark { }", "mark { by => 'x' }", "mark { by => 'y' }", "lose { }", "twin { }", "swap { }"])
conditions = st.sampled_from(["[n] > 4", "[n] < 3", "[n] in [1, 4, 7]", "'x' in [trail]", "[trail]", "true", "false", "[n] == 6"])


def branch(bodies: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arm = st.tuples(conditions, bodies)
    return st.builds(
        lambda first, others, last: f"if {first[0]} {{ {first[1]} }} "
        + " ".join(f"else if {condition} {{ {body} }}" for condition, body in others)
        + ("" if last is None else f" else {{ {last} }}"),
        arm, st.lists(arm, max_size=3), st.one_of(st.none(), bodies),
    )


bodies = st.recursive(
    st.lists(plugins, max_size=3).map(" ".join),
    lambda inner: st.lists(st.one_of(plugins, branch(inner)), max_size=3).map(" ".join),
    max_leaves=8,
)


@settings(max_examples=300)
@given(bodies, st.lists(st.integers(0, 9), max_size=12))
def test_a_batch_goes_as_its_events_would_one_by_one(body: str, numbers: list[int]) -> None:
    text = f"filter {{ {body} }}"
    events = [{"n": n, "id": i} for i, n in enumerate(numbers)]
    assert compiled(text, events) == interpreted(text, events)


@given(bodies, st.lists(st.integers(0, 9), max_size=12), st.integers(0, 12))
def test_where_a_batch_is_cut_does_not_matter(body: str, numbers: list[int], cut: int) -> None:
    text = f"filter {{ {body} }}"
    events = [{"n": n, "id": i} for i, n in enumerate(numbers)]
    assert compiled(text, events) == compiled(text, events[:cut]) + compiled(text, events[cut:])


def test_what_a_filter_holds_goes_through_the_filters_that_follow() -> None:
    program, made = assembled("filter { mark { by => 'a' } hold { } mark { by => 'b' } if [n] { mark { by => 'c' } } }")
    section = generate(program.filters, made, "filters")
    assert section.run([{"n": 1}, {"n": 2}]) == []
    assert section.run([], False) == []
    assert [event["trail"] for event in section.run([], True)] == ["abc", "abc"]


def test_what_a_filter_holds_inside_of_a_branch_comes_out_behind() -> None:
    program, made = assembled("filter { if [n] > 4 { hold { } mark { by => 'in' } } else { mark { by => 'else' } } mark { by => '.' } }")
    section = generate(program.filters, made, "filters")
    assert [event["trail"] for event in section.run([{"n": 9}, {"n": 1}])] == ["else."]
    assert [event["trail"] for event in section.run([{"n": 2}], True)] == ["else.", "in."]


def test_a_chain_of_two_thousand_arms_runs() -> None:
    chain = "if [n] == 0 { mark { by => 'a0' } }" + "".join(
        f" else if [n] == {n} {{ mark {{ by => 'a{n}' }} }}" for n in range(1, 2000)
    )
    events = [{"n": n} for n in (1999, 0, 50, 49, 2000, 1000)]
    assert [event.get("trail") for event in compiled(f"filter {{ {chain} }}", events)] == ["a1999", "a0", "a50", "a49", None, "a1000"]


def test_a_long_chain_that_drops_and_clones_keeps_the_order() -> None:
    arms = ["lose { }", "twin { }", "mark { }"]
    chain = "if [id] == 0 { mark { } }" + "".join(f" else if [id] == {n} {{ {arms[n % 3]} }}" for n in range(1, 200))
    events = [{"n": n % 10, "id": n} for n in (199, 3, 120, 61, 77, 0, 198, 500, 51)]
    assert compiled(f"filter {{ {chain} }}", events) == interpreted(f"filter {{ {chain} }}", events)


def test_five_thousand_lines_run() -> None:
    text = "filter {\n" + "  if [n] > 4 {\n    mark {\n    }\n  }\n" * 1250 + "}\n"
    assert text.count("\n") > 5000
    events = [{"n": 5}, {"n": 1}]
    assert compiled(text, events) == interpreted(text, events)


@pytest.mark.parametrize(("depth", "wanted"), [(30, "x"), (75, "x")])
def test_branches_may_nest(depth: int, wanted: str) -> None:
    text = "filter { " + "if true { " * depth + "mark { by => 'x' }" + " }" * depth + " }"
    assert compiled(text, [{"n": 1}])[0]["trail"] == wanted


def test_sources_are_compiled_apart_and_run_in_order() -> None:
    trees = [parse(Source(name, f"filter {{ mark {{ by => '{name}' }} }}")) for name in "abc"]
    program = check(trees, Catalogue(), settled(None), {}).program
    made = {use: FILTERS[use.name]({name: s.value for name, s in use.settings.items()}) for use in uses(program.filters)}
    section = generate(program.filters, dict(made), "filters")
    assert section.run([{"n": 1}])[0]["trail"] == "abc"
    assert [line for line in section.text.splitlines() if line.startswith("# ")] == ["# a", "# b", "# c"]


def test_a_traceback_points_into_the_configuration() -> None:
    class Break(Filter, name="break"):
        """Raises for the whole batch, which no filter should."""

        def run(self, events: list[Event]) -> list[Event]:
            raise RuntimeError("broken")

    FILTERS["break"] = Break
    try:
        program, made = assembled("filter {\n  mark { }\n  if [n] {\n    break { }\n  }\n}")
    finally:
        del FILTERS["break"]
    with pytest.raises(RuntimeError) as raised:
        generate(program.filters, made, "filters").run([{"n": 1}])
    frames = [frame for frame in traceback.extract_tb(raised.value.__traceback__) if frame.filename == "test.conf"]
    assert [(frame.lineno, frame.line) for frame in frames] == [(4, "break { }")]


def test_a_filter_that_raises_on_one_event_leaves_the_others_alone() -> None:
    class Stumble(Filter, name="stumble"):
        """Raises on a zero."""

        def apply(self, event: Event) -> bool:
            event["inverse"] = 1 / event["n"]
            return True

    FILTERS["stumble"] = Stumble
    try:
        program, made = assembled("filter { stumble { } mark { } }")
    finally:
        del FILTERS["stumble"]
    first, second, third = generate(program.filters, made, "filters").run([{"n": 2}, {"n": 0}, {"n": 4}])
    assert (first["inverse"], third["inverse"]) == (0.5, 0.25)
    assert second["tags"] == ["_stumble_exception"]
    assert second["trail"] == "m"
    assert "ZeroDivisionError" in second["@metadata"]["exception"]["reason"]


class Write(Filter, name="write"):
    """Sets a field, tells which, and leaves a trail that no condition looks at."""

    field: str = option("The field.")
    value: Any = option("The value.", default="w")

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        return self.changes_of([self.field])

    def apply(self, event: Event) -> bool:
        event["trail"] = [*event.get("trail", []), self.field, self.value]
        FieldRef(self.field).set(event, self.value)
        return True


FILTERS["write"] = Write

WRITES = st.sampled_from(
    ["write { field => 'k' value => 'b' }", "write { field => '[m][k]' value => 2 }", "write { field => 'other' }", "write { field => 'x' } write { field => 'y' }", ""]
)
DECIDED = st.builds(
    lambda field, test: test.replace("F", field),
    st.sampled_from(["[k]", "[m][k]", "[m]", "[m][k][k]"]),
    st.sampled_from(
        ["F == 'a'", "F == 'b'", "F == 1", "F == 2", "F != 'a'", "F in ['a', '2']", "F in [1, 'c']", "F not in ['b', 'c']", "F", "!F", "F == 1.0", "F == true",
         "F > 1", "F < 2", "F >= 2", "F <= 1", "F > 0 and F < 3", "F > 1.5", "not (F > 1)", "'a' == F", "2 > F",
         "F == 'a' and [x]", "F == 'b' and [n] > 4", "F == 1 or F == 2", "F == 'c' or [n] == 3", "F == 'a' xor F == 'b'", "F =~ /^[ab]$/",
         "exists(F)", "exists(F) and F != 'a'", "F and (F == 'a' or F < 2)", "F in ['', 'a']", "F == [k]", "[m][k] and F in 'abc'"]
    ),
)  # fmt: skip
DECIDED_ARMS = st.tuples(DECIDED, WRITES)
DECIDED_BRANCHES = st.builds(
    lambda arms, last: "if " + " else if ".join(f"{condition} {{ {body} }}" for condition, body in arms) + ("" if last is None else f" else {{ {last} }}"),
    st.one_of(st.lists(DECIDED_ARMS, min_size=1, max_size=2), st.lists(DECIDED_ARMS, min_size=4, max_size=8)),
    st.one_of(st.none(), WRITES),
)
VALUES = st.sampled_from(["a", "b", "c", "2", "", "false", 0, 1, 2, 3, 10**20, 1.0, 1.5, 2.0, True, False, None, float("nan"), ["a"], {"k": 1}])


def told(event: Event) -> str:
    """All of an event; text, because a number that is none does not equal itself."""
    return repr(event)


@settings(max_examples=300)
@given(st.lists(st.one_of(DECIDED_BRANCHES, WRITES), max_size=5).map(" ".join), st.lists(st.tuples(VALUES, VALUES, st.integers(0, 9)), max_size=8))
def test_tables_and_branches_sorted_together_mean_what_single_ones_mean(body: str, events: list[tuple[Any, Any, int]]) -> None:
    text = f"filter {{ {body} }}"
    given = [deepcopy({"k": k, "m": {"k": inner} if n < 8 else inner, "n": n}) for k, inner, n in events]
    assert [told(event) for event in compiled(text, deepcopy(given))] == [told(event) for event in interpreted(text, deepcopy(given))]


@pytest.mark.parametrize("order", [">", ">=", "<", "<="])
def test_a_chain_of_limits_is_a_look_among_intervals(order: str) -> None:
    limits = range(0, 100, 5) if order[0] == "<" else range(100, 0, -5)
    chain = "if " + " else if ".join(f"[n] {order} {limit} {{ write {{ field => 'x' value => {limit} }} }}" for limit in limits)
    text = f"filter {{ {chain} else {{ write {{ field => 'x' value => 'none' }} }} }}"
    events = [{"n": n} for n in (-1, 0, 4.5, 5, 5.0, 99, 100, 101, 10**30, float("nan"), float("inf"), "5", True, None)]
    assert [told(event) for event in compiled(text, events)] == [told(event) for event in interpreted(text, events)]
    program, made = assembled(text)
    assert "interval_of" in generate(program.filters, made, "filters").text


def test_neighbours_that_nothing_changes_are_sorted_by_one_loop() -> None:
    """And not those behind a change of what they look at."""

    def loops(text: str) -> int:
        program, made = assembled(f"filter {{ {text} }}")
        return generate(program.filters, made, "filters").text.count("for event in events:")

    one, other = "if [k] == 'a' { write { field => 'x' } }", "if [m][k] == 1 { write { field => 'y' } }"
    assert loops(f"{one} {other} {one}") == 1
    assert loops(f"{one} write {{ field => 'z' }} {other}") == 2
    assert loops("if [m][k] == 1 { write { field => 'm' } } " + other) == 2
    assert loops("if [k] { write { field => '[m][k][l]' } } " + other) == 2
    assert loops(f"{one} if 'x' in [tags] {{ write {{ field => 'y' }} }}") == 2, "a filter that fails tags"
    assert loops(f"if [k] {{ mark {{ }} }} {other}") == 2, "a filter that does not tell what it changes"


def test_generated_code_names_nothing_after_what_python_has() -> None:
    """Fields may be called as variables and builtins are."""
    text = "filter { " + " ".join(
        f"if [{name}][k] == 1 and [{name}][l] in ['a', 'b'] {{ write {{ field => 'x' }} }} else if [{name}][0] == 'a' {{ write {{ field => 'y' }} }}"
        for name in ("type", "event", "events", "arm", "number", "v", "m", "is", "dict", "flush")
    ) + " }"
    for name in ("type", "event", "arm", "dict", "v"):
        events = [{name: {"k": 1, "l": "a"}}, {name: ["a"]}, {name: 5}]
        assert [told(event) for event in compiled(text, deepcopy(events))] == [told(event) for event in interpreted(text, deepcopy(events))]
