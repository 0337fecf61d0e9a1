"""The filter mutate: what each operation does, their order, and what happens when one fails."""
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
Filtered = Callable[..., list[dict[str, Any]]]

OPERATIONS = [
    # coerce: only where the field is there and null
    ('coerce => { "a" => "%{b}!" }', {"a": None, "b": 1}, {"a": "1!", "b": 1}),
    ('coerce => { "a" => "x" }', {"a": False}, {"a": False}),
    ('coerce => { "a" => "x" }', {}, {}),
    # rename: templates on both sides, filled in before the field is gone
    ('rename => { "a" => "[b][c]" }', {"a": 1}, {"b": {"c": 1}}),
    ('rename => { "a" => "%{a}" }', {"a": "x"}, {"x": "x"}),
    ('rename => { "%{k}" => "z" }', {"k": "a", "a": None}, {"k": "a", "z": None}),
    ('rename => { "[a][0]" => "b" }', {"a": [1, 2]}, {"a": [2], "b": 1}),
    ('rename => { "a" => "b" "b" => "c" }', {"a": 1, "b": 2}, {"c": 1}),
    # update and replace
    ('update => { "a" => "%{b}" }', {"a": None, "b": [1, 2]}, {"a": "1,2", "b": [1, 2]}),
    ('update => { "a" => "x" }', {}, {}),
    ('replace => { "a" => ["p", "q"] "[b][c]" => 5 }', {}, {"a": '["p", "q"]', "b": {"c": "5"}}),
    ('replace => { "%{k}" => "x" }', {"k": "a"}, {"k": "a", "%{k}": "x"}),
    # case
    ('uppercase => ["a"]', {"a": "straße é"}, {"a": "STRASSE É"}),
    ('capitalize => ["a"]', {"a": "éCOLE d'été"}, {"a": "École d'été"}),
    ('lowercase => ["a"]', {"a": ["ÀB", 1, ["X"]]}, {"a": ["àb", 1, ["X"]]}),
    # strip knows Ruby's white space, and no other; NUL only at the end, as JRuby's does
    ('strip => ["a"]', {"a": "\t x\u00a0 \n\0 \0"}, {"a": "x\u00a0"}),
    ('strip => ["a"]', {"a": ["\0\t x ", " \0x"]}, {"a": ["\0\t x", "\0x"]}),
    # tags are a text or a list of texts
    ('rename => { "a" => "tags" }', {"a": None}, {"a": None, "tags": ["_mutate_error"]}),
    ('rename => { "a" => "tags" }', {"a": 5}, {"a": 5, "tags": ["_mutate_error"]}),
    ('rename => { "a" => "tags" }', {"a": ["t", None]}, {"a": ["t", None], "tags": ["_mutate_error"]}),
    ('rename => { "a" => "tags" }', {"a": ["t"]}, {"tags": ["t"]}),
    ('convert => { "tags" => "integer" }', {"tags": ["5"]}, {"tags": ["5", "_mutate_error"]}),
    ('strip => ["a"]', {"a": [" x ", "y "]}, {"a": ["x", "y"]}),
    # split: a blank splits at white space, nothing between characters; empty parts at the end go
    ('split => { "a" => ", " }', {"a": "1, 2,3, , "}, {"a": ["1", "2,3"]}),
    ('split => { "a" => " " }', {"a": "\t1  2\u00a03\n"}, {"a": ["1", "2\u00a03"]}),
    ('split => { "a" => "" }', {"a": "aé"}, {"a": ["a", "é"]}),
    ('split => { "a" => "," }', {"a": ",,"}, {"a": []}),
    # join
    ('join => { "a" => "-" }', {"a": [1, 2.5, None, True, ["x", {"k": 1}]]}, {"a": '1-2.5--true-x-{"k"=>1}'}),
    ('join => { "a" => "-" }', {"a": []}, {"a": ""}),
    ('join => { "a" => "-" }', {"a": {"k": 1}}, {"a": {"k": 1}}),
    # merge
    ('merge => { "a" => "b" }', {"a": "x", "b": ["y"]}, {"a": ["x", "y"], "b": ["y"]}),
    ('merge => { "a" => ["b", "c"] }', {"a": "x", "b": "y", "c": None}, {"a": ["x", "y"], "b": "y", "c": None}),
    ('merge => { "a" => ["b", "c"] }', {"a": {"k": 1}, "b": {}, "c": 3}, {"a": {"k": 1}, "b": {}, "c": 3}),
    ('merge => { "a" => "b" }', {"a": {"k": 1, "m": 1}, "b": {"k": 2}}, {"a": {"k": 2, "m": 1}, "b": {"k": 2}}),
    ('merge => { "a" => "b" }', {"b": {"k": 1}}, {"b": {"k": 1}}),
    ('merge => { "a" => "b" }', {}, {"a": []}),
    # copy
    ('copy => { "a" => "b" }', {"a": {"k": [1]}, "b": 0}, {"a": {"k": [1]}, "b": {"k": [1]}}),
    ('copy => { "a" => "b" }', {"a": None, "b": 0}, {"a": None, "b": 0}),
]


@pytest.mark.parametrize(("options", "event", "after"), OPERATIONS)
def test_operations(filtered: Filtered, options: str, event: dict[str, Any], after: dict[str, Any]) -> None:
    assert filtered(f"mutate {{ {options} }}", event) == [after]


CONVERSIONS = {
    "integer": [
        ("12", 12), ("+12", 12), (" 1,234.9 ", 1234), ("12abc", 12), ("abc", 0), ("", 0), ("0x1A", 0), ("1e3", 1),
        ("1_000", 1000), ("1__0", 1), ("-", 0), ("٣", 0), (7.9, 7), (-7.9, -7), (True, 1), (False, 0), (10**30, 10**30),
        (["1", None, 2.5], [1, None, 2]),
    ],
    "float": [
        ("3141", 3141.0), (".5", 0.5), ("5.", 5.0), ("1e3x", 1000.0), ("1e", 1.0), ("e5", 0.0), ("-1,234.5", -1234.5),
        ("nan", 0.0), ("inf", 0.0), ("1_0.5", 10.5), ("٣.5", 0.0), (3, 3.0), (True, 1.0), ("x", 0.0), ("-", 0.0),
        ("1e400", float("inf")),
    ],
    "integer_eu": [("1.234,9", 1234), ("3.99", 399), (3.99, 3)],
    "float_eu": [("1.234,5", 1234.5), ("3,5", 3.5), ("1e3", 1000.0)],
    "string": [
        (1, "1"), (1.0, "1.0"), (1e16, "10000000000000000.0"), (1.5e20, "1.5e+20"), (1.5e-7, "1.5e-07"), (True, "true"), (None, None),
        ([{"a": 1}], ['{"a"=>1}']),
    ],
    "boolean": [
        ("YES", True), ("t", True), ("1.0", True), (1, True), (1.0, True), ("no", False), (0, False), ("", False),
        ("2", "2"), (2, 2), ("1x0", "1x0"), (["y", None, "f", "?"], [True, None, False, "?"]),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "converted"), [(kind, *pair) for kind, pairs in CONVERSIONS.items() for pair in pairs]
)
def test_conversions(filtered: Filtered, kind: str, value: Any, converted: Any) -> None:
    (out,) = filtered(f'mutate {{ convert => {{ "f" => "{kind}" }} }}', {"f": value})
    assert repr(out) == repr({"f": converted})


@pytest.mark.parametrize("kind", ["integer", "float", "boolean", "string"])
def test_a_map_is_not_converted_and_what_is_not_there_stays_away(filtered: Filtered, kind: str) -> None:
    config = f'mutate {{ convert => {{ "f" => "{kind}" "g" => "{kind}" }} }}'
    assert filtered(config, {"f": {"a": "1"}}) == [{"f": {"a": "1"}}]


def test_an_instant_is_seconds_as_a_number_and_iso_8601_as_text(filtered: Filtered) -> None:
    config = """mutate { copy => { "@timestamp" => "i" } } mutate { copy => { "i" => "f" } }
                mutate { copy => { "i" => "s" } }
                mutate { convert => { "i" => "integer" "f" => "float" "s" => "string" } }"""
    (out,) = filtered(config, {"@timestamp": "2015-10-01T00:00:00.250Z"})
    assert (out["i"], out["f"], out["s"]) == (1443657600, 1443657600.25, "2015-10-01T00:00:00.250Z")


REPLACEMENTS = [
    ("[ /]", "a b/c", "_", "a_b_c"),
    ("[ab]", "abc", "ba", "babac"),
    ("[a-c]", "abcd", "", "d"),
    ("[_-]", "a-b_c", ".", "a.b.c"),
    ("(?i)[xy]", "xYz", "-", "--z"),
    ("a.c", "abc axc", "X", "X X"),
    (".", "a.b", "-", "---"),
    (r"\.", "a.b.", "-", "a-b-"),
    (r"(\w)(\w)?", "ab c", r"[\2\1]", "[ba] [c]"),
    (r"(?<y>\d+)-(?<m>\d+)", "2020-07", r"\k<m>/\k<y>", "07/2020"),
    ("b", "abc", r"<\0\&\9>", "a<bb>c"),
    ("b", "abc", r"\`|\'", "aa|cc"),
    ("b", "abc", r"\\n\q\\.", r"a\n\q\.c"),
    ("b", "abc", "%{k}", "avc"),
    ("b", "abc", "%{nope}", "a%{nope}c"),
    ("%{k}", "v.v", "w", "w.w"),
    ("[%{set}]", "abc", "-", "--c"),
    ("", "ab", "-", "-a-b-"),
    ("a*", "baac", "-", "-b--c-"),
    ("^", "a\nb", ">", ">a\n>b"),
]


@pytest.mark.parametrize(("needle", "text", "replacement", "after"), REPLACEMENTS)
def test_gsub_is_rubys(filtered: Filtered, needle: str, text: str, replacement: str, after: str) -> None:
    config = f"""mutate {{ gsub => ["f", "{needle}", "{replacement}"] }}"""
    (out,) = filtered(config, {"f": text, "k": "v", "set": "ab"})
    assert out["f"] == after


def test_gsub_takes_texts_and_lists_of_them(filtered: Filtered) -> None:
    config = 'mutate { gsub => ["a", "x", "y", "b", "%{k}", "y", "n", "5", "6", "a", "y", "z"] }'
    given = {"a": ["x", 1, {"x": "x"}], "b": ["xk", None], "n": 5, "k": "k"}
    assert filtered(config, given) == [{"a": ["z", 1, {"x": "x"}], "b": ["xy", None], "n": 5, "k": "k"}]


def test_the_order_is_fixed(filtered: Filtered) -> None:
    config = """mutate { copy => { "a" => "copied" } join => { "a" => "+" } split => { "a" => "-" } strip => ["a"]
                         lowercase => ["a"] gsub => ["a", "E", "-"] replace => { "a" => "%{b} " }
                         rename => { "x" => "b" } add_tag => ["%{copied}"] }"""
    assert filtered(config, {"x": "oEnE"})[0] == {"a": "o+n", "b": "oEnE", "copied": "o+n", "tags": ["o+n"]}


FAILURES = [
    ('strip => ["a"]', {"a": ["x", 1]}, {"a": ["x", 1]}),
    ('rename => { "a" => "tags" }', {"a": {"k": 1}}, {"a": {"k": 1}}),
    ('replace => { "[a][b]" => "x" }', {"a": "x"}, {"a": "x"}),
    ('replace => { "@timestamp" => "2020-01-01" }', {}, {}),
    ('convert => { "a" => "integer" }', {"a": [{}]}, {"a": [{}]}),
    ('replace => { "b" => "done" "a[b]" => "x" "z" => "not done" }', {}, {"b": "done"}),
    ('rename => { "%{k}" => "z" }', {"k": "a[b]"}, {"k": "a[b]"}),
    ('gsub => ["a", "%{k}", "x"]', {"a": "x", "k": "("}, {"a": "x", "k": "("}),
    (r'gsub => ["a", "x", "\k<nope>"]', {"a": "x"}, {"a": "x"}),
]


@pytest.mark.parametrize(("options", "event", "after"), FAILURES)
def test_a_failure_ends_the_block_and_is_tagged(filtered: Filtered, options: str, event: Any, after: Any) -> None:
    config = f'mutate {{ {options} copy => {{ "u" => "v" }} add_field => {{ "w" => "x" }} tag_on_failure => "bad" }}'
    assert filtered(config, {**event, "u": 1}) == [{**after, "u": 1, "tags": ["bad"]}]


def test_the_next_event_does_not_notice(filtered: Filtered) -> None:
    first, second = filtered('mutate { strip => ["a"] add_tag => ["t"] }', {"a": [1]}, {"a": " x "})
    assert (first["tags"], second) == (["_mutate_error"], {"a": "x", "tags": ["t"]})


WRONG = [
    ('convert => { "a" => "int" }', "E204", "did you mean `integer`?"),
    ('gsub => ["a", "b"]', "E220", ""),
    ('gsub => ["a", "(", "b"]', "E208", ""),
    ('add_field => "a"', "E204", ""),
]


@pytest.mark.parametrize(("options", "code", "help"), WRONG)
def test_wrong_options_are_refused(options: str, code: str, help: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ mutate {{ {options} }} }}")
    (found,) = refused.value.diagnostics
    assert found.code == code
    assert help in found.help


@pytest.mark.parametrize(
    "options",
    ['replace => { "a[b]" => "x" }', 'uppercase => ["a", "[b"]', 'rename => { "a" => "]" }', 'copy => { "a" => "[]" }',
     'gsub => ["a[", "x", "y"]', 'merge => { "a" => ["b", "[c]d"] }', 'update => { "a" => "%{b[c]}" }'],
)  # fmt: skip
def test_what_fails_only_with_an_event_is_a_warning(options: str) -> None:
    stage = penstock.compile(f"filter {{ mutate {{ {options} }} }}")
    assert [warning.code for warning in stage.warnings] == ["W304"]


@pytest.mark.parametrize(
    ("options", "code", "before", "after"),
    [
        ('rename => { "a" => "b" } rename => { "a" => "c" }', "W306", {"a": 1}, {'"b", "c"': 1}),
        ('copy => { "a" => "b" } copy => { "a" => "c" }', "W306", {"a": 1}, {"a": 1, "tags": ["_mutate_error"]}),
        ('copy => { "a" => "b" } copy => { "a" => "c" }', "W306", {"d": 1}, {"d": 1}),
        ('split => { "a" => "," } split => { "a" => "-" }', "W306", {"a": "x"}, {"a": "x", "tags": ["_mutate_error"]}),
        ('split => { "a" => "," } split => { "a" => "-" }', "W306", {"a": 1}, {"a": 1}),
        ('join => { "a" => "," } join => { "a" => "-" }', "W306", {"a": ["x"]}, {"a": ["x"], "tags": ["_mutate_error"]}),
        ('rename => { "a" => "b" } rename => { "a" => "b" }', None, {"a": 1}, {"b": 1}),
        ('rename => { "a" => 5 } join => { "l" => 0 }', None, {"a": 1, "l": ["x", "y"]}, {"5": 1, "l": "x0y"}),
        ('rename => { "a" => "c" "b" => "c" }', "W308", {"a": 1, "b": 2}, {"c": 2}),
        ('rename => { "a" => "[c][d]" } rename => { "b" => "[c][d]" }', "W308", {"a": 1}, {"c": {"d": 1}}),
        ('rename => { "a" => "%{c}" "b" => "%{c}" }', None, {"a": 1, "c": "d"}, {"c": "d", "d": 1}),
    ],
)  # fmt: skip
def test_what_is_seldom_meant_is_a_warning_and_means_what_it_does_in_logstash(
    options: str, code: str | None, before: dict[str, Any], after: dict[str, Any]
) -> None:
    stage = penstock.compile(f"filter {{ mutate {{ {options} }} }}")
    assert {warning.code for warning in stage.warnings} == ({code} if code else set())
    for _ in range(300):  # the operations become one loop meanwhile
        (out,) = stage([before])
    assert {key: out[key] for key in out if key not in ("@timestamp", "@version")} == after


EVERYTHING = """mutate {
    coerce => { "a" => "x" } rename => { "b" => "c" } update => { "a" => "%{c}" }
    convert => { "d" => "float" "e" => "integer" "f" => "boolean" "g" => "string" "h" => "integer_eu" }
    gsub => ["a", "\\d", "\\0", "d", "x", "%{a}"] uppercase => ["a"] strip => ["c"] split => { "c" => " " }
    join => { "a" => "," } merge => { "a" => ["b", "c"] "c" => "d" } copy => { "e" => "[a][b]" } }"""


@given(st.dictionaries(st.sampled_from("abcdefghz"), values))
def test_any_event_comes_out_and_other_fields_stay(event: dict[str, Any]) -> None:
    (out,) = penstock.compile(f"filter {{ {EVERYTHING} }}")([event])
    assert repr(out.get("z")) == repr(event.get("z"))
    assert out.get("tags", ["_mutate_error"]) == ["_mutate_error"]
