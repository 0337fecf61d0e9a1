"""Templates: fields and dates in a text."""
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.joda import PatternError
from penstock.dsl.naming import FieldName
from penstock.dsl.reference import ReferenceSyntaxError
from penstock.dsl.template import Template
from penstock.dsl.timestamp import Timestamp

EVENT: dict[str, Any] = {
    "@timestamp": Timestamp("2025-09-04T12:30:45.678Z"),
    "a": "A",
    "n": 5,
    "f": 1.5,
    "l": ["x", 2],
    "maps": [{"k": "v", "l": [1, {"z": None}]}, 1e7, None, ["a", 2.5]],
    "m7": {"f": 1e7, "g": [1e-9, 1.5]},
    "m": {"k": "v", "deep": {"er": 1}},
    "t": True,
    "null": None,
    "name with space": "S",
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        ("%{a}", "A"),
        ("<%{a}>", "<A>"),
        ("%{a}%{n}", "A5"),
        ("%{[a]}", "A"),
        ("%{[m][k]}", "v"),
        ("%{[m][deep][er]}", "1"),
        ("%{[l][0]}", "x"),
        ("%{l}", "x,2"),
        ("%{m}", '{"k":"v","deep":{"er":1}}'),
        ("%{f} %{t}", "1.5 true"),
        ("%{name with space}", "S"),
        ("%{missing}", "%{missing}"),
        ("%{[m][missing]}", "%{[m][missing]}"),
        ("%{null}", "%{null}"),
        ("%{@timestamp}", "2025-09-04T12:30:45.678Z"),
        ("%{+yyyy.MM.dd}", "2025.09.04"),
        ("%{+HH:mm:ss.SSS}", "12:30:45.678"),
        ("%{+%s}", "1756989045"),
        ("%{{yyyy-MM-dd}}", "2025-09-04"),
        ("logs-%{a}-%{+YYYY}", "logs-A-2025"),
        ("%{unterminated", "%{unterminated"),
        ("%{a} %{unterminated", "A %{unterminated"),
        ("%{}", "1756989045"),
        ("%{+} %{+%} %{+%s}", "1756989045 1756989045 1756989045"),
        ("%{{x}y}}", "%{{x}y}}"),
        ("%{maps}", "{l=[1, {z=null}], k=v},1.0E7,,a,2.5"),
        ("%{m7}", '{"f":1.0E7,"g":[1.0E-9,1.5]}'),
        ("100%", "100%"),
        ("%%{a}", "%A"),
        ("{a} $a %a", "{a} $a %a"),
    ],
)
def test_a_template_renders_an_event_so(template: str, text: str) -> None:
    assert Template(template).render(EVENT) == text


def test_a_text_without_places_says_that_it_is_constant() -> None:
    assert Template("plain %{open").is_constant
    assert not Template("%{a}").is_constant
    assert not Template("%{+yyyy}").is_constant


def test_a_date_of_an_event_without_timestamp_is_empty() -> None:
    assert Template("<%{+yyyy}>").render({}) == "<>"


def test_the_present_does_not_ask_the_event() -> None:
    assert Template("%{{TIME_NOW}}").render({}).startswith("20")


def test_a_bad_reference_fails_when_it_is_rendered_and_says_so_before() -> None:
    template = Template("x %{a[b]}")
    assert template.problem is not None
    with pytest.raises(ReferenceSyntaxError):
        template.render({})


@pytest.mark.parametrize("text", ["x %{+yyyy-BB}", "%{{b}}"])
def test_a_bad_date_pattern_fails_when_it_is_rendered_and_says_so_before(text: str) -> None:
    template = Template(text)
    assert template.problem is not None
    assert "bad date pattern" in template.problem
    with pytest.raises(PatternError):
        template.render(EVENT)
    assert template.render({}).strip() in ("", "x")


def test_a_field_name_may_hold_a_template() -> None:
    name = FieldName("[by][%{a}]")
    assert name.constant is None
    assert name.of(EVENT).keys == ("by", "A")
    constant = FieldName("[m][k]")
    assert constant.constant is not None
    assert constant.of({}) is constant.constant


@given(st.text(alphabet="%{}+[]ay ", max_size=15))
def test_any_text_renders_or_says_what_is_wrong(text: str) -> None:
    try:
        template = Template(text)
        rendered = template.render(EVENT)
    except (PatternError, ReferenceSyntaxError) as error:
        assert str(error)
    else:
        assert rendered == text or not template.is_constant
