"""The lean form of an expression matches and captures what the plain form does; it is only faster."""
from __future__ import annotations

import re
import signal
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from penstock.dsl.grok import Capture, Guard, MatchTimeout, compile_expression, shipped
from penstock.dsl.grok.expression import expand
from penstock.dsl.grok.optimize import named_only
from penstock.dsl.regex import RegexError
from penstock.dsl.regex_writer import Writer

LIBRARY = shipped("ecs-v1")


def plain(text: str) -> re.Pattern[str]:
    """The expression as it is expanded, with nothing done to it but that groups without a name do not capture."""
    return re.compile(Writer(unnamed=False).write(named_only(expand(text, LIBRARY))), re.MULTILINE)


# expression, and how it is written once it is lean
WRITTEN = [
    # a lazy dot jumps to where it may stop
    ("%{DATA:d}; .", r'([^;]*+(?:;[^;]*+)*?); (?s:.)'),
    ('"%{DATA:d}"', r'"([^"]*+)"'),  # nothing behind it can fail
    ("%{DATA:d}", "()"),
    (r"(?-m:.*?);x", r"[^\n;]*+(?:;[^\n;]*+)*?;x"),
    ("[^;]*?;x", "[^;]*+;x"),
    # a repetition gives nothing back that nobody wants
    ("a+b", "a++b"),
    ("a+ab", "a+ab"),
    ("a+b?", "a++b?+"),
    ("a{2,3}a", "a{2,3}a"),
    # a boundary or a look that holds anyway
    (r'"\ba\b"', '"a"'),
    (r"\ba\b", r"\ba\b"),
    (r"x(?<![+-])1(?!\d) ", "x1 "),
    (r"x(?![0-9])\d", r"x(?![0-9])[0-9]"),
    # atomic groups that have one way
    ('(?>a+|b)"', '(?:a++|b)"'),
    ("(?>a|ab)c", "(?>a|ab)c"),
    ("(?>a?)a", "a?+a"),
    # a run in a loop has one way to be taken
    ("^(a+)+$", "^(?:a+)+$"),
    (r"(?:[a-z]+|\\.)*;", r"(?:[a-z]++|\\(?s:.))*;"),
    (r"(?:[a-z]+|\\.)*z", r"(?:[a-z]|\\(?s:.))*z"),
    (r"(?:(?<n>a)|\w+)*;", r"(?:(?P<n>a)|[0-9A-Z_a-z]+)*;"),
    # optional groups, copies
    ("(?:ab)?c", "(?:ab|)c"),
    ("(?:ab)??c", "(?:|ab)c"),
    ("(?:ab){3}c", "abababc"),
    # neighbours that take anything share the text out at once
    ("%{DATA:a};%{DATA:b};%{INT}", r"([^;]*+);([^;]*+(?:;[^;]*+)*?);[+\-]?+[0-9]++"),
    ("%{GREEDYDATA:a};%{GREEDYDATA:b};x", r"((?s:.)*);([^;]*+);x"),
    # groups without a name, unless they are counted on
    ("(a)(?<n>b)", "a(?P<n>b)"),
    (r"(a)\1", r"(a)(?:\1)"),
]


@pytest.mark.parametrize(("text", "written"), WRITTEN)
def test_an_expression_is_made_lean(text: str, written: str) -> None:
    """Each line is a step, or a case in which it would be wrong."""
    assert compile_expression(text, LIBRARY).pattern.pattern == written


NEEDED = [
    ("user %{WORD:u} logged in", " logged in"),
    ("(?:a|b)cd", "cd"),
    ("(?:foo|barfoo)", None),
    ("(?:xfoo|yfoo)", None),
    (r"a(?:\b)b", "ab"),
    ("(?:abc)?de", "de"),
    ("(?:abc){2,}de", "abc"),
    ("(?i)abc", None),
    ("(?!abc)de", "de"),
    ("a|abc", None),
    ("%{WORD:w}", None),
    ("%{HTTPD_COMBINEDLOG}", '] "'),
]


@pytest.mark.parametrize(("text", "needed"), NEEDED)
def test_a_text_is_known_that_every_match_holds(text: str, needed: str | None) -> None:
    """Looking for it is cheaper than matching."""
    assert compile_expression(text, LIBRARY).required == needed


BEGINNINGS = [
    ("^sshd: %{WORD:w}", "sshd: "),
    (r"\A(?:ab|ac)d", "a"),
    ("(?:ab|ab)c", "abc"),
    ("(?<n>ab)(?>c)d+e", "abcd"),
    ("(?:ab){2}c", "ab"),
    ("(?:ab)?c", ""),
    ("(?i)ab", ""),
    (r"a\b\.b", "a.b"),
    ("%{WORD:w}", ""),
]


@pytest.mark.parametrize(("text", "prefix"), BEGINNINGS)
def test_a_text_is_known_with_which_every_match_begins(text: str, prefix: str) -> None:
    """Many anchored expressions can be told apart by it."""
    assert compile_expression(text, LIBRARY).prefix == prefix


ANCHORS = [
    (r"\Aa", "start"),
    ("%{GREEDYDATA:a}b", "start"),  # what it leaves out before a match, it could have taken
    ("(?:%{DATA}a|%{DATA}b)c", "start"),
    ("^a", "line start"),
    (r"(?:^a|\Ab)", "line start"),
    ("(?-m:.*)b", None),
    ("(?>.*?a)b", None),
    (r"(?<x>.*)-\k<x>", None),
    ("a|^b", None),
    ("(?:^a)?b", None),
]


@pytest.mark.parametrize(("text", "anchor"), ANCHORS)
def test_an_expression_that_can_start_in_few_places_is_tried_in_those(text: str, anchor: str | None) -> None:
    """Anything else is looked for everywhere."""
    expression = compile_expression(text, LIBRARY)
    assert expression.anchor == anchor


def test_a_line_start_is_found_in_any_line() -> None:
    """Though a text of one line is tried once only."""
    find = compile_expression("^b", LIBRARY).find
    assert find("ab") is None
    match = find("a\nb")
    assert match is not None
    assert match.start() == 2


def alternatives(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Expressions of smaller ones: in sequence, as a choice, repeated, looked for, named."""
    quantified = st.builds(
        "{}{}".format,
        parts,
        st.sampled_from(("", "*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{0,2}", "{2,}", "{1,3}?")),
    )
    sequence = st.lists(quantified, min_size=1, max_size=4).map("".join)
    choice = st.lists(sequence, min_size=1, max_size=3).map("|".join)
    opening = st.sampled_from(("(?:", "(", "(?<a>", "(?<b>", "(?>", "(?=", "(?!", "(?i:"))
    return st.builds("{}{})".format, opening, choice)


ATOMS = st.sampled_from((
    "a", "b", "c", "ab", " ", "-", '"', "1", ".", "[ab]", "[^a]", '[^"]', r"\w", r"\s", r"\S", r"\d", "[[:alpha:]]",
    r"\b", r"\B", "^", "$", r"\A", r"\z", "(?<=a)", "(?<![ab])", r"(?<!\w)", "(?<= |b)",
    "%{WORD:w}", "%{INT:n}", "%{NUMBER:n}", "%{NOTSPACE:s}", "%{DATA:d}", "%{GREEDYDATA:g}", "%{QS:q}", "(?-m:.*?)",
))  # fmt: skip
EXPRESSIONS = st.recursive(ATOMS, alternatives, max_leaves=12)
ENUMERATIONS = st.lists(
    st.sampled_from(("%{DATA:d}", "%{GREEDYDATA:g}", "(?<k>.*)", "a", " ", "1", "ab", r"\d")), min_size=3, max_size=8
).map("".join)
LINES = st.text(alphabet='aabbcA 1-"\n\\é', max_size=12)


def bounded(find: Callable[[str], re.Match[str] | None], line: str) -> re.Match[str] | None:
    """A match, or a rejected example where plain matching has no end."""
    with Guard(0.2):
        try:
            return find(line)
        except MatchTimeout:
            assume(False)
            raise


def is_as_known(capture: Capture, text: str | None) -> bool:
    """Whether what was captured keeps what is said of the capture."""
    return not capture.sure if text is None else not capture.full or bool(text)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="some of the plain forms have no end")
@settings(max_examples=300, deadline=None)
@given(st.one_of(EXPRESSIONS, ENUMERATIONS), st.lists(LINES, min_size=1, max_size=6))
def test_lean_and_plain_match_and_capture_the_same(text: str, lines: list[str]) -> None:
    """For any expression and any line: the same match, the same groups, and never without the texts that are said to be there."""
    try:
        naive = plain(text)
        expression = compile_expression(text, LIBRARY)
    except (RegexError, re.error):
        assume(False)
        raise
    for line in lines:
        expected, found = bounded(naive.search, line), bounded(expression.find, line)
        assert (found and found.regs) == (expected and expected.regs), line
        assert expected is None or expression.required is None or expression.required in line
        assert found is None or all(is_as_known(capture, found[capture.group]) for capture in expression.captures)
        assert expected is None or expected[0].startswith(expression.prefix)


CERTAIN = [
    ("(?<a>x)(?<b>y*)", [(True, True), (True, False)]),
    ("(?:-|(?<a>x))", [(False, True)]),
    ("(?<a>x)?(?<b>y)", [(False, True), (True, True)]),
    ("(?:(?<a>x)-)+", [(True, True)]),
    ("(?<a>x|(?<b>)y)", [(True, True), (False, False)]),
    ("(?=(?<a>x)).", [(False, True)]),
    ("(?>(?<a>x?))", [(True, False)]),
]


@pytest.mark.parametrize(("text", "certain"), CERTAIN)
def test_it_is_known_which_captures_are_always_there(text: str, certain: list[tuple[bool, bool]]) -> None:
    """Whether a group takes part in every match, and whether it holds a character then: no need to look, event by event."""
    assert [(capture.sure, capture.full) for capture in compile_expression(text, LIBRARY).captures] == certain
