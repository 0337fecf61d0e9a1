"""The filter dissect: what a dissection means, what does not fit, and the conversions."""
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.filters._dissection import Dissection

Filtered = Callable[..., list[dict[str, Any]]]

FITTING = [
    ("%{a} %{b}", "x y z", {"a": "x", "b": "y z"}),
    ("%{a}", "all of\nit", {"a": "all of\nit"}),
    ("%{a},%{b},%{c}", "x,,", {"a": "x", "b": "", "c": ""}),
    ("[%{a}] %{b}", "[] x", {"a": "", "b": "x"}),
    ("%{a}]: %{b}", "x] ]:]]: y", {"a": "x] ]:]", "b": "y"}),
    ("%{a}\n%{b}", "x\ny\n", {"a": "x", "b": "y\n"}),
    ("%{a} » %{b}", "x » y", {"a": "x", "b": "y"}),
    ("%{a}%%{b}", "x%y", {"a": "x", "b": "y"}),
    ("(%{a}.*)%{b}", "(x.*)y", {"a": "x", "b": "y"}),
    ("%{[a][b]} %{c|d}", "x y", {"a": {"b": "x"}, "c|d": "y"}),
    # text behind the last field ends it
    ("/var/%{a}/log", "/var/x/log/y", {"a": "x"}),
    ("%{a} %{b}!", "x y!z!", {"a": "x", "b": "y"}),
    # skipped
    ("%{} %{?s} %{a}", "x y z", {"a": "z"}),
    # appended, with the delimiter in front; in order, if one is given
    ("%{a} %{+a}-%{b} %{+a}", "1 2-3 4", {"a": "1 2 4", "b": "3"}),
    ("%{+a/2} %{+a/4}-%{+a/1}:%{+a/3}", "bar quux-foo:baz", {"a": "foo bar:baz quux"}),
    ("%{+a->} %{+a}", "x    y", {"a": "x y"}),
    ("%{+k} %{b}", "x y", {"k": "1.5 x", "b": "y"}),
    ("%{+[l][m]}", "x", {"l": {"m": "[1, a] x"}}),
    # named by another field: one of the event, or of the dissection
    ("%{?n}=%{&n} %{&o}", "x=1 2", {"x": "1", "p": "2"}),
    ("%{&none} %{a}", "x y", {"a": "y"}),
    # a delimiter several times
    ("%{a->} %{b}", "x    y z", {"a": "x", "b": "y z"}),
    ("%{a->} %{b}", "x y", {"a": "x", "b": "y"}),
    ("%{a} %{b->}::", "x y::::::z", {"a": "x", "b": "y"}),
    ("%{a/3->}, %{b->/2}", "x, , , y", {"a": "x", "b": "y"}),
    ("%{->} %{a}", "x    y", {"": "x", "a": "y"}),
    ("%{?->} %{a}", "x    y", {"a": "y"}),
    # the text starts with the delimiter behind the first field
    ("%{a},%{b}", ",", {"a": "", "b": ","}),
    ("%{a},%{b},%{c}", ",x,y", {"a": "", "b": "", "c": ",x,y"}),
    ("%{a->},%{b}", ",,x", {"a": "", "b": "x"}),
    ("%{a},%{b};%{c}", ",x;y", {"a": "", "b": ",x", "c": "y"}),
]


@pytest.mark.parametrize(("dissection", "text", "fields"), FITTING)
def test_dissections(filtered: Filtered, dissection: str, text: str, fields: dict[str, Any]) -> None:
    event = {"m": text, "k": 1.5, "l": {"m": [1, "a"]}, "o": "p"}
    assert filtered(f'dissect {{ mapping => {{ "m" => "{dissection}" }} }}', event) == [{**event, **fields}]


NOT_FITTING = [
    ("%{a} %{b}", "x"),
    ("%{a} %{b}", ""),
    ("x%{a}y", "z1y"),
    ("x%{a}y", "x1z"),
    ("x%{a}", " x1"),
    ("%{a},%{b};%{c}", "x;y"),
    ("%{a},%{b};%{c}", ",x"),
    ("%{a}%{b}", "xy"),
    ("%{a}: %{b}", "x:y"),
]


@pytest.mark.parametrize(("dissection", "text"), NOT_FITTING)
def test_what_does_not_fit_is_tagged_and_gets_no_fields(filtered: Filtered, dissection: str, text: str) -> None:
    config = f"""dissect {{ mapping => {{ "m" => "{dissection}" }} add_tag => ["ok"] tag_on_failure => ["no", "fit"] }}"""
    assert filtered(config, {"m": text, "a": 1}) == [{"m": text, "a": 1, "tags": ["no", "fit"]}]


VALUES = [(5, "5"), (1.5, "1.5"), (True, "true"), (["a b"], '["a b"]'), ({"k": None}, '{"k"=>nil}')]


@pytest.mark.parametrize(("value", "text"), VALUES)
def test_what_is_no_text_is_taken_as_ruby_shows_it(filtered: Filtered, value: Any, text: str) -> None:
    assert filtered('dissect { mapping => { "m" => "%{a}" } }', {"m": value}) == [{"m": value, "a": text}]


def test_null_fits_nothing_and_what_is_not_there_is_passed_over(filtered: Filtered) -> None:
    config = 'dissect { mapping => { "m" => "%{a}" } add_tag => ["ok"] }'
    assert filtered(config, {"m": None}, {}) == [{"m": None, "tags": ["_dissectfailure"]}, {}]


def test_mappings_follow_each_other_and_decorate_once(filtered: Filtered) -> None:
    config = 'dissect { mapping => { "a" => "%{x} %{b}" "b" => "%{c}-%{d}" "e" => "" } add_field => { "f" => "%{c}" } }'
    out = filtered(config, {"a": "x y-z"}, {"a": "x y"})
    assert out[0] == {"a": "x y-z", "x": "x", "b": "y-z", "c": "y", "d": "z", "f": "y"}
    assert out[1] == {"a": "x y", "x": "x", "b": "y", "tags": ["_dissectfailure"], "f": "%{c}"}


CONVERTED = [
    ("int", "5.9", 5), ("int", "-3", -3), ("int", "+4", 4), ("int", "1e3", 1000), ("int", ".5", 0), ("int", 2.7, 2),
    ("int", "99999999999999999999", 99999999999999999999), ("INT", 5, 5), ("float", "1.50", 1.5), ("float", "7", 7),
    ("float", "-7.", -7.0), ("float", "1e3", 1000.0), ("Float", 2, 2), ("float", 2.5, 2.5), ("float", "-.5E-1", -0.05),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "number"), CONVERTED)
def test_conversions(filtered: Filtered, kind: str, value: Any, number: float) -> None:
    (out,) = filtered(f'dissect {{ convert_datatype => {{ "[f][g]" => "{kind}" }} }}', {"f": {"g": value}})
    assert repr(out) == repr({"f": {"g": number}})


@pytest.mark.parametrize("kind", ["int", "float"])
@pytest.mark.parametrize("value", ["x", "", " 1", "1,000", "0x1F", "NaN", "Infinity", "1e999999999", "1_0", "٣", True, [1], {}])
def test_what_cannot_be_converted_is_tagged(filtered: Filtered, kind: str, value: Any) -> None:
    config = f'dissect {{ convert_datatype => {{ "f" => "{kind}" }} }}'
    assert filtered(config, {"f": value}) == [{"f": value, "tags": [f"_dataconversionuncoercible_f_{kind}"]}]


@pytest.mark.parametrize("event", [{}, {"f": None}])
def test_nothing_converted_is_tagged(filtered: Filtered, event: dict[str, Any]) -> None:
    config = 'dissect { convert_datatype => { "f" => "int" } }'
    assert filtered(config, event) == [{**event, "tags": ["_dataconversionnullvalue_f_int"]}]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ('mapping => { "m" => "no field" }', "E220"),
        ('mapping => { "m" => "%{+}" }', "E220"),
        ('mapping => { "m" => "%{&->}" }', "E220"),
        ('mapping => { "m" => "%{+&a}" }', "E220"),
        ('mapping => { "m" => "%{&+a}" }', "E220"),
        ('convert_datatype => { "a" => "integer" }', "E204"),
    ],
)
def test_wrong_options_are_refused(options: str, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ dissect {{ {options} }} }}")
    assert [found.code for found in refused.value.diagnostics] == [code]


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ('mapping => { "m" => "%{a}%{b}" }', ["W305"]),
        ('mapping => { "m" => "%{a[b} %{c}" }', ["W304"]),
        ('mapping => { "m[" => "%{c}" } convert_datatype => { "[]" => "int" }', ["W304", "W304"]),
    ],
)
def test_what_never_fits_is_a_warning(options: str, codes: list[str]) -> None:
    stage = penstock.compile(f"filter {{ dissect {{ {options} }} }}")
    assert [found.code for found in stage.warnings] == codes
    (out,) = stage([{"m": "x y"}])
    assert "tags" in out


def walked(dissection: str, text: str) -> list[str] | None:
    """The values of a dissection of plain fields, by the walk that defines them."""
    found = re.findall(r"(.*?)%\{[^}]*?(->)?\}", dissection, re.DOTALL)
    lead, delimiters = found[0][0], [before for before, _ in found[1:]]
    if not text.startswith(lead):
        return None
    values, left = [], len(lead)
    for (_, padded), delimiter in zip(found, delimiters, strict=False):
        end = text.find(delimiter, left)
        if end < 0:
            return None
        values.append(text[left:end])
        left = end + len(delimiter) if end else left
        while padded and text.startswith(delimiter, left):
            left += len(delimiter)
    return [*values, text[left:]]


delimiter = st.text(alphabet="ab.]", min_size=1, max_size=3)


@settings(max_examples=500)
@given(st.sampled_from(["", "a", "]"]), st.lists(st.tuples(delimiter, st.booleans()), max_size=4), st.text("ab.]x", min_size=1))
@example("", [("ab", False), ("a", True)], "abaab")
def test_the_expression_finds_what_the_walk_finds(lead: str, following: list[tuple[str, bool]], text: str) -> None:
    dissection = lead + "%{0}"
    for number, (before, padded) in enumerate(following, 1):
        dissection = dissection[:-1] + ("->}" if padded else "}") + before + f"%{{{number}}}"
    event: dict[str, Any] = {}
    fits = Dissection(dissection).dissect(event, text)
    values = walked(dissection, text)
    assert fits == (values is not None)
    assert list(event.values()) == (values or [])


@given(st.dictionaries(st.sampled_from("mab"), st.none() | st.text() | st.integers() | st.lists(st.text())))
def test_any_event_comes_out(event: dict[str, Any]) -> None:
    config = 'dissect { mapping => { "m" => "%{&a} %{+b} %{[c][d]}" } convert_datatype => { "b" => "int" } }'
    (out,) = penstock.compile(f"filter {{ {config} }}")([event])
    assert repr(out.get("m")) == repr(event.get("m")) or " " in str(event["m"])
