"""The filter mutate after many events, when its operations are one generated loop: whatever the options and the events,
what comes out is what the operations make of them one by one.
"""

import ast
import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from tests.filters.test_mutate import CONVERSIONS, FAILURES, OPERATIONS

Event = dict[str, Any]
Stage = Callable[[list[Event]], list[Event]]

MANY = 300
BASE = {"@timestamp": "2015-10-01T00:00:00.000Z"}

FIELDS = [
    "a", "b", "[a][b]", "[a][c]", "[a][b][c]", "[a][b][d]", "[b][c]", "[c][d][e][f]", "[a][0]", "[b][1][c]", "[@metadata][x]",
    "@metadata", "tags", "[tags][0]", "@timestamp", "[@timestamp][x]", "x[y]",
]  # fmt: skip
TEXTS = ["x", "12", "%{a}", "%{[a][b]}!", "%{b}-%{[c][d]}", "a b ", "{", "'"]
fields = st.sampled_from(FIELDS)
names = fields | st.sampled_from(["%{b}", "[a][%{b}]"])
texts = st.sampled_from(TEXTS)


def hashes(
    option: str, keys: st.SearchStrategy[str], values: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """The text of an option that takes a hash."""
    pairs = st.dictionaries(keys, values, min_size=1, max_size=3)
    return pairs.map(
        lambda given: (
            f"{option} => {{ " + " ".join(f'"{k}" => "{v}"' for k, v in given.items()) + " }"
        )
    )


def arrays(option: str, items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """The text of an option that takes an array."""
    return st.lists(items, min_size=1, max_size=3).map(lambda given: f"{option} => {list(given)!r}")


kinds = st.sampled_from(["integer", "float", "string", "boolean", "integer_eu", "float_eu"])
OPTIONS = [
    *[hashes(option, names, texts) for option in ("coerce", "update", "replace", "add_field")],
    *[
        hashes("rename", names, names),
        hashes("copy", fields, fields),
        hashes("merge", fields, fields),
    ],
    *[hashes("convert", fields, kinds), hashes("split", fields, st.sampled_from([" ", "{", "1", "x", ""]))],
    *[hashes("join", fields, texts), arrays("remove_field", names), arrays("strip", fields)],
    *[arrays(option, fields) for option in ("uppercase", "lowercase", "capitalize")],
    *[
        arrays("add_tag", st.sampled_from(["t", "u", "%{a}"])),
        arrays("remove_tag", st.sampled_from(["t", "u"])),
    ],
    st.tuples(
        fields,
        st.sampled_from(["x", "[ab]", "[xyz]", "[ 1{]", "[^a]", r"\s+", "%{a}"]),
        st.sampled_from(["y", r"<\0>", "%{b}", "{"]),
    ).map(lambda parts: f"gsub => {list(parts)!r}".replace("\\\\", "\\")),
]
option_sets = st.lists(
    st.sampled_from(range(len(OPTIONS))), min_size=1, max_size=4, unique=True
).flatmap(lambda places: st.tuples(*[OPTIONS[place] for place in places]))

leaves = st.sampled_from(
    [
        None,
        "x",
        "12",
        "ab 12",
        " A b",
        "1{2",
        "1.5",
        ".",
        "1.2.3",
        "a\x1fb  c\xa0d",
        "\x00 true\x00",
        "true",
        "No",
        "axxx",
        "",
        0,
        7,
        -1.5,
        True,
        [],
        ["x", "ab"],
        [1, None],
        ["q", {"c": "x"}],
        {},
    ]
)
maps = st.recursive(
    leaves,
    lambda inner: st.dictionaries(st.sampled_from("abcdef"), inner, max_size=3),
    max_leaves=6,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "a": maps,
        "b": maps,
        "c": maps,
        "tags": st.sampled_from(["t", ["t"], ["u", "t"], []]),
        "@metadata": st.just({"x": "y"}),
    },
)


def stage_of(options: str, many: bool = False) -> Stage:
    """A mutate that has seen many events already, or none."""
    stage = penstock.compile(f"filter {{ mutate {{ {options} }} }}")
    if many:
        stage([dict(BASE) for _ in range(MANY)])
    return stage


def through(stage: Stage, event: Event) -> str:
    """An event after the stage: its fields in their order."""
    return repr(stage([copy.deepcopy({**BASE, **event})]))


@given(option_sets, st.lists(events, min_size=1, max_size=5))
def test_the_loop_does_what_the_operations_do(
    options: tuple[str, ...], given_events: list[Event]
) -> None:
    text = " ".join(options)
    one_by_one, loop = stage_of(text), stage_of(text, many=True)
    for event in given_events:
        assert through(loop, event) == through(one_by_one, event)


NEIGHBOURS = st.sampled_from(["[a][b]", "[a][c]", "[a][d]", "[a][b][c]", "[a][b][d]", "a"])
PLACES = st.sampled_from(
    ["[b][x]", "[b][y]", "[c][x]", "[c][y]", "[a][x]", "[a][b]", "[b][x][y]", "[c][x][z]", "d", "b"]
)
MOVES = st.one_of(
    st.dictionaries(NEIGHBOURS, PLACES, min_size=3).map(lambda pairs: ("rename", pairs)),
    st.dictionaries(NEIGHBOURS, PLACES, min_size=3).map(lambda pairs: ("copy", pairs)),
    st.dictionaries(NEIGHBOURS, kinds, min_size=2).map(lambda pairs: ("convert", pairs)),
    st.dictionaries(PLACES, texts, min_size=2).map(lambda pairs: ("add_field", pairs)),
)


@given(
    st.dictionaries(MOVES.map(repr), st.none(), min_size=1, max_size=3),
    st.lists(events, min_size=1, max_size=8),
)
def test_fields_of_one_map_are_moved_together_as_one_by_one(
    moves: dict[str, None], given_events: list[Event]
) -> None:
    options = dict(map(ast.literal_eval, moves))
    text = " ".join(
        f"{option} => {{ " + " ".join(f'"{k}" => "{v}"' for k, v in pairs.items()) + " }"
        for option, pairs in options.items()
    )
    one_by_one, loop = stage_of(text), stage_of(text, many=True)
    for event in given_events:
        assert through(loop, event) == through(one_by_one, event)


@pytest.mark.parametrize(("options", "event", "after"), OPERATIONS)
def test_operations_in_a_loop(options: str, event: Event, after: Event) -> None:
    (out,) = stage_of(options, many=True)([copy.deepcopy({**BASE, **event})])
    assert out == {**BASE, "@version": "1", **after}


@pytest.mark.parametrize(
    ("kind", "value", "converted"),
    [(kind, *pair) for kind, pairs in CONVERSIONS.items() for pair in pairs],
)
def test_conversions_in_a_loop(kind: str, value: Any, converted: Any) -> None:
    stage = stage_of(f'convert => {{ "f" => "{kind}" "[g][h]" => "{kind}" }}', many=True)
    (out,) = stage([{**BASE, "f": value, "g": {"h": value}}])
    assert repr([out["f"], out["g"]["h"]]) == repr([converted, converted])


@pytest.mark.parametrize(("options", "event", "after"), FAILURES)
def test_a_failure_in_a_loop_ends_the_block_for_its_event_alone(
    options: str, event: Event, after: Event
) -> None:
    stage = stage_of(f'{options} add_field => {{ "w" => "x" }} tag_on_failure => "bad"', many=True)
    failed, other = stage([copy.deepcopy({**BASE, **event}), {**BASE, "k": "q"}])
    assert failed == {**BASE, "@version": "1", **after, "tags": ["bad"]}
    assert ("w" in other) != ("tags" in other)


def test_maps_are_found_where_the_operations_before_have_put_them() -> None:
    stage = stage_of(
        'rename => { "[a][b]" => "c" } replace => { "[c][e]" => "x" } copy => { "[c][d]" => "[a][b]" }'
        ' add_field => { "[c][d]" => "y" } remove_field => ["[c][e]"]',
        many=True,
    )
    (out,) = stage([{**BASE, "a": {"b": {"d": 1}}}])
    assert (out["a"], out["c"]) == ({"b": 1}, {"d": [1, "y"]})
