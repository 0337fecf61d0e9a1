"""The filter kv: what its options do to pairs, where these go, and what is not a configuration."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError

Filtered = Callable[..., list[dict[str, Any]]]

ABC = {"a": "1", "b": "2", "c": "3"}
FOUND = [
    # texts
    ("", "a=1 b = 2 c= 3 and d", ABC),
    ("", "a=1 a=2 a=1", {"a": ["1", "2", "1"]}),
    ("", "a= b=2", {"a": "b=2"}),
    ("", "=x", {}),
    ("", "nothing", {}),
    (
        "",
        'a="x=y" b=\'it"s\' c=(d e) d=[1,2] e=<f>',
        {"a": "x=y", "b": 'it"s', "c": "d e", "d": "1,2", "e": "f"},
    ),
    ("", 'a="open b=(y', {"a": '"open', "b": "(y"}),
    ("", r"goodbye=cruel\ world a\ b=c", {"goodbye": r"cruel\ world", r"a\ b": "c"}),
    ("", "a=1\nb=2", {"a": "1\nb=2"}),
    ("", "[a][b]=1 [a][c]=2", {"a": {"b": "1", "c": "2"}}),
    # splitters
    ('field_split => "&?"', "?q=fish&n=2", {"q": "fish", "n": "2"}),
    ('value_split => ":="', "a:1 b=2", {"a": "1", "b": "2"}),
    (r'field_split => "\|"', "a=1 2|b=3", {"a": "1 2", "b": "3"}),
    (
        'field_split_pattern => "__+" value_split_pattern => ":+"',
        "a:1__b::x_y___c:(p__q)",
        ABC | {"b": "x_y", "c": "p__q"},
    ),
    ('field_split_pattern => "(,|;)" value_split_pattern => "(?<s>=|:)"', "a=1,b:2;c=3", ABC),
    ('whitespace => "strict"', "a= b=2 c =3", {"b": "2"}),
    ("include_brackets => false", "a=(x y) b='x y'", {"a": "(x", "b": "x y"}),
    # empty and repeated values
    (
        'allow_empty_values => true whitespace => "strict"',
        'a= b="" c=1',
        {"a": "", "b": "", "c": "1"},
    ),
    ("allow_duplicate_values => false", "a=12 a=1 a=12 a=1 b=1", {"a": ["12", "1"], "b": "1"}),
    # changes of keys and values, in order
    ('trim_key => "_" remove_char_key => "."', "_a.b_=1 __.=2", {"ab": "1", "": "2"}),
    ('trim_value => "<>," remove_char_value => "0-3"', "a=<1x2>, c=3", {"a": "x", "c": ""}),
    (r'trim_value => "\[x\]" include_brackets => false', "a=[xyx]", {"a": "y"}),
    (r'trim_value => "\s" field_split => ","', "a= x\n y\n ,b=\t", {"a": "x\ny", "b": ""}),
    ('transform_key => "lowercase" transform_value => "capitalize"', "KeY=vALUE", {"key": "Value"}),
    ('transform_key => "capitalize" transform_value => "uppercase"', "kEY=é", {"Key": "É"}),
    (
        'transform_key => "uppercase" include_keys => ["A", "%{inc}"] prefix => "p"',
        "a=1 b=2 c=3",
        {"pA": "1", "pC": "3"},
    ),
    ('exclude_keys => ["a", "%{exc}"] prefix => "%{pre}."', "a=1 b=2 c=3", {"q.c": "3"}),
    # maps
    ("recursive => true", "a=(b=1 c=[d e]) e=f", {"a": {"b": "1", "c": "d e"}, "e": "f"}),
    ("recursive => true", "a=b=c", {"a": {"b": "c"}}),
    ('default_keys => { "a" => "0" "z" => ["x"] }', "a=1", {"a": "1", "z": ["x"]}),
    ('default_keys => ["a", "0"]', "nothing", {"a": "0"}),
]


@pytest.mark.parametrize(("options", "text", "fields"), FOUND)
def test_a_text_is_taken_apart_into_pairs(
    filtered: Filtered, options: str, text: str, fields: dict[str, Any]
) -> None:
    event = {"message": text, "inc": "C", "exc": "b", "pre": "q"}
    assert filtered(f"kv {{ {options} }}", event) == [{**event, **fields}]


def test_a_target_takes_them_all_and_is_left_alone_where_there_are_none(filtered: Filtered) -> None:
    out = filtered(
        'kv { target => "[k][v]" }',
        {"message": "[a][b]=1 tags=2"},
        {"message": "none", "k": {"v": 1}},
    )
    assert out == [
        {"message": "[a][b]=1 tags=2", "k": {"v": {"[a][b]": "1", "tags": "2"}}},
        {"message": "none", "k": {"v": 1}},
    ]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (["a=1 b=2", 5, None, {"a": "c=1"}, "a=3"], {"a": ["1", "3"], "b": "2"}),
        (5, {}),
        (None, {}),
        ({"a": "b=1"}, {}),
        (True, {}),
    ],
)
def test_the_texts_of_a_list_are_parsed_together_and_nothing_else_is(
    filtered: Filtered, value: Any, found: Any
) -> None:
    assert filtered('kv { source => "[s][0]" }', {"s": [value]}) == [{"s": [value], **found}]


def test_decoration_follows_pairs_and_defaults_alone(filtered: Filtered) -> None:
    config = 'kv { add_tag => ["ok"] } kv { source => "x" default_keys => { "d" => 1 } add_tag => ["x"] }'
    assert filtered(config, {"message": "a"}) == [{"message": "a", "d": 1, "tags": ["x"]}]


@pytest.mark.parametrize("text", ["a[b=1", "@timestamp=now", "@metadata=x"])
def test_a_key_that_cannot_be_set_is_tagged(filtered: Filtered, text: str) -> None:
    config = 'kv { tag_on_failure => ["bad", "kv"] add_tag => ["ok"] }'
    assert filtered(config, {"message": f"z=1 {text} y=2"}) == [
        {"message": f"z=1 {text} y=2", "z": "1", "y": "2", "tags": ["bad", "kv"]}
    ]


def test_recursion_has_a_bottom(filtered: Filtered) -> None:
    (out,) = filtered("kv { recursive => true }", {"message": "a=" * 5000 + "b"})
    depth, value = 0, out["a"]
    while isinstance(value, dict):
        depth, value = depth + 1, value["a"]
    assert (depth, len(value)) == (64, 2 * (5000 - 65) + 1)


ENDLESS = """kv { value_split_pattern => "(?:=+=+)+:" timeout_millis => 40 tag_on_timeout => "late"
                      default_keys => { "d" => 1 } }"""


def test_a_pattern_that_takes_too_long_is_ended(filtered: Filtered) -> None:
    texts = ["foo========:bar baz" + "=" * 60 + "bingo", "foo==:bar"]
    assert filtered(ENDLESS, *({"message": text} for text in texts)) == [
        {"message": texts[0], "tags": ["late"]},
        {"message": texts[1], "foo": "bar", "d": 1},
    ]


def test_patterns_work_in_other_threads(filtered: Filtered) -> None:
    out: list[Any] = []
    thread = threading.Thread(
        target=lambda: out.extend(filtered(ENDLESS, {"message": "foo==:bar"}))
    )
    thread.start()
    thread.join()
    assert out == [{"message": "foo==:bar", "foo": "bar", "d": 1}]


WRONG = [
    ('value_split => ""', "E220"),
    ('field_split => ""', "E220"),
    ('field_split_pattern => ""', "E220"),
    ('value_split_pattern => ""', "E220"),
    ('field_split => "["', "E208"),
    ('field_split_pattern => "("', "E208"),
    ('trim_key => "z-a"', "E208"),
    ('transform_key => "upper"', "E204"),
    ('whitespace => "loose"', "E204"),
    ('source => "a[b"', "E207"),
    ("timeout_millis => -1", "E204"),
]


@pytest.mark.parametrize(("options", "code"), WRONG)
def test_wrong_options_are_refused(options: str, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ kv {{ {options} }} }}")
    assert [found.code for found in refused.value.diagnostics] == [code]


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(alphabet="ab=[] \"'\\@,")
)
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(
    st.dictionaries(st.sampled_from(["m", "x"]), values),
    st.sampled_from(["", 'target => "t"', "recursive => true"]),
)
def test_any_event_comes_out_with_its_source(event: dict[str, Any], options: str) -> None:
    config = f'filter {{ kv {{ source => "m" prefix => "p" default_keys => {{ "d" => 1 }} {options} }} }}'
    (out,) = penstock.compile(config)([event])
    assert all(repr(out[name]) == repr(event[name]) for name in event)
    assert set(out) - set(event) - {"d", "t", "tags", "@timestamp", "@version"} <= {
        n for n in out if n.startswith("p")
    }


@pytest.mark.parametrize(("options", "text", "fields"), FOUND)
def test_a_row_of_keys_that_has_come_before_is_read_in_the_same_way(
    filtered: Filtered, options: str, text: str, fields: dict[str, Any]
) -> None:
    """The third time its expression is known."""
    given = {"inc": "C", "exc": "b", "pre": "q"}
    events = [{"message": text, **given} for _ in range(4)]
    assert filtered(f"kv {{ {options} }}", *events) == [{**event, **fields} for event in events]


def test_rows_that_come_after_many_others_are_read_as_well(filtered: Filtered) -> None:
    """Where keys are others each time, few of the texts are looked at for rows."""
    others = [{"message": f"k{number}=1 l{number}=2"} for number in range(700)]
    same = [{"message": f"a={number} b=x"} for number in range(100)]
    found = filtered("kv { }", *others, *same)
    assert [event["k7"] for event in found if "k7" in event] == ["1"]
    wanted = [(str(number), "x") for number in range(100)]
    assert [(event["a"], event["b"]) for event in found[700:]] == wanted


CHANGING = [
    'prefix => "p_"',
    'trim_value => ","',
    'trim_value => "," trim_key => "_"',
    "transform_key => lowercase",
    "transform_value => uppercase",
    'remove_char_key => "_" prefix => "%{pre}"',
    'include_keys => ["a", "b", "A"]',
    'exclude_keys => ["%{exc}", "_a"] trim_key => "_"',
    "allow_duplicate_values => false",
    "allow_empty_values => true remove_char_value => ','",
]
words = st.sampled_from(["a", "b", "A", "_a", "c"])
written = st.sampled_from(["1", ",2,", ",", "", "x=y", '"q"', '"q r"', "\\", "é"])
texts = st.lists(st.builds("{}={}".format, words, written), max_size=4).map(" ".join)


@given(st.sampled_from(CHANGING), st.lists(texts, min_size=1, max_size=6))
def test_pairs_are_changed_alike_in_a_text_and_one_by_one(options: str, lines: list[str]) -> None:
    """The texts of a list go one by one."""
    given = {"exc": "b", "pre": "q"}
    stage = penstock.compile(f'filter {{ kv {{ target => "t" {options} }} }}')
    whole = stage([{"message": line, **given} for line in lines])
    apart = stage([{"message": [line], **given} for line in lines])
    assert [event.get("t") for event in whole] == [event.get("t") for event in apart]
