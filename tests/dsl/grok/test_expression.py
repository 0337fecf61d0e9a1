"""Grok expressions: what their references mean, which groups fill which fields, and what is wrong with those that fail."""
from __future__ import annotations

import pytest

from penstock.dsl.grok import (
    Expression,
    GrokError,
    RecursivePattern,
    UnknownPattern,
    compile_expression,
    shipped,
)
from penstock.dsl.grok.expression import to_float, to_integer
from penstock.dsl.regex import RegexError

LIBRARY = shipped("legacy")


def captured(expression: Expression, text: str) -> list[tuple[str, object]] | None:
    """The fields in their order, converted; groups that took no part left out. None where nothing matches."""
    match = expression.find(text)
    if match is None:
        return None
    found: list[tuple[str, object]] = []
    for capture, value in zip(expression.captures, expression.read(match), strict=True):
        if value is not None:
            found.append((capture.name, value if capture.convert is None else capture.convert(value)))
    return found


# expression, text, what is captured
MEANINGS = [
    ("%{WORD}", "a b", []),
    ("%{WORD:w}", "a b", [("w", "a")]),
    ("%{NUMBER:n:int} %{NUMBER:f:float}", "5.9 5", [("n", 5), ("f", 5.0)]),
    ("%{NUMBER:[a][b]:int}", "7", [("[a][b]", 7)]),
    ("%{WORD:foo-bar} %{WORD:@x.y}", "a b", [("foo-bar", "a"), ("@x.y", "b")]),
    ("(?<x>a+)(?<[a][b]>b+)", "aabb", [("x", "aa"), ("[a][b]", "bb")]),
    ("%{WORD:a}(?: %{WORD:b})?", "x", [("a", "x")]),
    ("(a) (?<b>b)", "a b", [("b", "b")]),
    ("%{WORD:a}.%{WORD:b}", "x\ny", [("a", "x"), ("b", "y")]),  # the dot takes newlines
    ("^%{WORD:a}$", "x\ny!", [("a", "x")]),  # anchors are those of lines
    # what follows the field is passed over; a reference that is not closed is text
    ("%{WORD:a what is this}", "x", [("a", "x")]),
    ("%{WORD - with words}-%{INT:n}", "x-1", [("n", "1")]),
    ("%{WORD:a:int:more}", "12", [("a", 12)]),
    ("%{WORD:a:text}", "12", [("a", "12")]),
    (r"%{WORD:a", "%{WORD:a", []),
    # a definition on the way
    ("%{OWN=[ab]+}%{OWN:x}c", "abbac", [("x", "a")]),
    ("%{OWN:x=[a-c]{2}} %{OWN:y}", "ab bc", [("x", "ab"), ("y", "bc")]),
    # names are taken one by one, in the order in which they come first; each of its groups is a value
    ("%{WORD:a} %{WORD:b} %{WORD:a}", "x y z", [("a", "x"), ("a", "z"), ("b", "y")]),
    ("%{INT:a}|%{WORD:a}", "x", [("a", "x")]),
    ("(?<a>x)|(?<a>y)", "y", [("a", "y")]),
    # of groups with the same whole name only the first is converted
    ("%{INT:n:int}-%{INT:n:int}", "1-2", [("n", 1), ("n", "2")]),
    ("%{INT:n:int} %{NUMBER:n:int}", "1 2", [("n", 1), ("n", 2)]),
    ("x%{INT:n:int}|y%{INT:n:int}", "y2", [("n", "2")]),
    # flags reach into the patterns
    ("(?i)%{DAY:d}", "mON", [("d", "mON")]),
    ("(?-m:%{GREEDYDATA:g})", "a\nb", [("g", "a")]),
]


@pytest.mark.parametrize(("text", "line", "fields"), MEANINGS)
def test_an_expression_captures_what_it_says(text: str, line: str, fields: list[tuple[str, object]]) -> None:
    """As jls-grok does."""
    assert captured(compile_expression(text, LIBRARY), line) == fields


def test_all_references_capture_if_asked_to() -> None:
    """named_captures_only => false: each under the name of its pattern, and what it is made of as well."""
    expression = compile_expression("%{INT} %{HOSTPORT:at}", LIBRARY, named_captures_only=False)
    assert captured(expression, "1 h:80") == [
        ("INT", "1"), ("at", "h:80"), ("IPORHOST", "h"), ("HOSTNAME", "h"), ("POSINT", "80"),
    ]  # fmt: skip


def test_a_call_takes_the_groups_expression() -> None:
    r"""``\g<name>``; what it matches is not captured."""
    expression = compile_expression(r"(?<n>\d+)-\g<n>", LIBRARY)
    assert captured(expression, "12-34") == [("n", "12")]


ERRORS = [
    ("x %{NOPE:a}", UnknownPattern, 2, "NOPE"),
    ("x %{OUTER}", UnknownPattern, 2, "INNER"),
    ("a %{LOOP}", RecursivePattern, 2, "LOOP → ROUND → LOOP"),
    ("ab(", RegexError, 2, "not closed"),
    ("ab %{BROKEN}", RegexError, 3, "in the pattern BROKEN: "),
    (r"(?<a>x)\1", RegexError, 7, "group 1"),
    (r"(?<n>\d\g<n>?)", RegexError, 7, "recursive"),
]


@pytest.mark.parametrize(("text", "kind", "position", "reason"), ERRORS)
def test_an_expression_is_refused_with_the_place(text: str, kind: type[GrokError], position: int, reason: str) -> None:
    """Where a pattern is to blame the place is that of the reference that leads to it."""
    own = {"OUTER": "%{INNER}", "LOOP": "a%{ROUND}", "ROUND": "%{LOOP}", "BROKEN": "[a"}
    with pytest.raises(kind, match=reason) as refused:
        compile_expression(text, LIBRARY.extended(definitions=own))
    assert refused.value.position == position


def test_an_unknown_name_comes_with_suggestions() -> None:
    """And with the pattern that uses it, where it is not the expression itself."""
    with pytest.raises(UnknownPattern) as refused:
        compile_expression("%{IPORHST:h}", LIBRARY)
    assert refused.value.suggestions[0] == "IPORHOST"


@pytest.mark.parametrize(
    ("text", "integer", "number"),
    [
        ("5", 5, 5.0), ("5.9", 5, 5.9), ("-3", -3, -3.0), ("+3.5x", 3, 3.5), ("1e3", 1, 1000.0), (".5", 0, 0.5),
        ("0x1A", 0, 0.0), ("12abc", 12, 12.0), ("", 0, 0.0), ("nan", 0, 0.0), ("1_000", 1000, 1000.0),
        ("1e999", 1, float("inf")),
    ],
)  # fmt: skip
def test_numbers_are_read_as_far_as_they_go(text: str, integer: int, number: float) -> None:
    """Ruby's to_i and to_f never fail."""
    assert to_integer(text) == integer
    assert to_float(text) == number


def test_a_library_parses_a_pattern_once() -> None:
    """Many expressions share the trees of the core patterns."""
    library = LIBRARY.extended(definitions={"OWN": "x%{INT}"})
    compile_expression("%{OWN:a}", library)
    trees = dict(library.parsed)
    compile_expression("%{OWN:b} %{OWN}", library)
    assert dict(library.parsed) == trees
    assert trees
