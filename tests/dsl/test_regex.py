"""Ruby's regular expressions match here what they match there, and what Ruby refuses is refused with its place."""
from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.regex import RegexError, compile, translate  # noqa: A004 - re.compile for Ruby's expressions

# expression, text, everything that is found in it
FOUND = [
    # anchors are those of lines
    (r"^b", "a\nb", ["b"]),
    (r"a$", "a\nb", ["a"]),
    (r"^", "a\n", [""]),  # no line begins behind the last newline
    (r"^\s*$", "a\n", []),
    (r"\Ab", "a\nb", []),
    (r"a\z", "a\n", []),
    (r"a\Z", "a\n", ["a"]),
    (r"\Ga", "aa", ["a"]),
    # the dot takes newlines only under (?m)
    (r"a.b", "a\nb", []),
    (r"(?m)a.b", "a\nb", ["a\nb"]),
    (r"(?m:a.)b.", "a\nb\n", []),
    (r"(?m)(?-m:a.)", "a\n", []),
    # \d \w \s \h are ASCII, \b and POSIX classes are not
    (r"\d+", "1٣", ["1"]),
    (r"\w+", "aé_", ["a", "_"]),
    (r"\s", "\u00a0", []),
    (r"\bb", "éb b", ["b"]),
    (r"\h+", "cafe", ["cafe"]),
    (r"\H+", "cafex", ["x"]),
    (r"[[:alpha:]]+", "Čierný1", ["Čierný"]),
    (r"[[:alnum:]]+", "中1_", ["中1"]),
    (r"[[:alnum:]_]+", "中1_-", ["中1_"]),
    (r"[[:alnum:].]+", "a.中_", ["a.中"]),
    (r"[^[:alnum:].]+", "a_é-.", ["_", "-"]),
    (r"[[:^digit:]]+", "a1b", ["a", "b"]),
    (r"[[:upper:]]+", "ÉaÀ", ["É", "À"]),
    (r"[[:space:]]", "\u00a0", ["\u00a0"]),
    (r"[[:punct:]]+", "a,$-b", [",$-"]),
    (r"[[:xdigit:]]+", "xffg", ["ff"]),
    (r"\p{Lu}\p{Ll}", "Éé", ["Éé"]),
    (r"\p{^Alpha}\P{Alpha}", "1-", ["1-"]),
    (r"\p{Greek}+", "aβγ", ["βγ"]),
    (r"(?a)[[:alpha:]]+", "éb", ["b"]),
    (r"(?u)\w+", "éb", ["éb"]),
    # sets in sets
    (r"[a-c[x-z]]+", "axd", ["ax"]),
    (r"[a-z&&[^aeiou]]+", "audio", ["d"]),
    (r"[\w&&[^\d]]+", "a1b", ["a", "b"]),
    (r"[[:alpha:]&&[^é]]+", "aéb", ["a", "b"]),
    (r"[]a]+", "a]", ["a]"]),
    (r"[a-]+", "a-", ["a-"]),
    (r"[+--]+", "+,-", ["+,-"]),
    (r"[\d-z]+", "1-z", ["1-z"]),
    (r"[\b]", "\b", ["\b"]),
    (r"[^\w-]+", "a-;b", [";"]),
    (r"[\[]+", "[[", ["[["]),
    # what is not an escape is the character; what is not a quantifier is text
    (r"\_\"\<\%\/\-\:", '_"<%/-:', ['_"<%/-:']),
    (r"\y\i", "yi", ["yi"]),
    (r"a{b}", "a{b}", ["a{b}"]),
    (r"a{,}", "a{,}", ["a{,}"]),
    (r"{a", "{a", ["{a"]),
    (r"]", "]", ["]"]),
    (r"\x41\x{42}\u0043\u{44 45}\e\101", "ABCDE\x1bA", ["ABCDE\x1bA"]),
    (r"\xC3\xA9", "é", ["é"]),
    (r"\cA\C-b\a\0", "\x01\x02\x07\x00", ["\x01\x02\x07\x00"]),
    (r"a\R", "a\r\n", ["a\r\n"]),
    # quantifiers
    (r"a{2}+", "aaaaa", ["aaaa"]),  # not possessive: two a, once or more
    (r"a{2,3}+a", "aaa", ["aaa"]),
    (r"a{2}?", "aaa", ["aa", "", ""]),  # not lazy: two a, or none
    (r"a{,2}b", "aab", ["aab"]),
    (r"a++a", "aaa", []),
    (r"a*+b", "aab", ["aab"]),
    (r"a+?", "aa", ["a", "a"]),
    (r"a{1,2}?", "aa", ["a", "a"]),
    (r"(?:ab)**c", "ababc", ["ababc"]),
    (r"(?>a+)a", "aa", []),
    # flags
    (r"a(?i)b|c", "aB aC C", ["aB", "aC"]),  # they reach to the end of the group, alternatives included
    (r"(?:(?i)a)b", "Ab AB", ["Ab"]),
    (r"(?i)a(?-i)b", "Ab AB", ["Ab"]),
    (r"(?i-m:a.)", "A\n", []),
    (r"(?x) a b # and a comment" + "\n c", "abc", ["abc"]),
    (r"a(?# a comment)b", "ab", ["ab"]),
    # looking around
    (r"(?<=a|bc)d", "adbcdxd", ["d", "d"]),
    (r"(?<!a|bc)d", "adbcdxd", ["d"]),
    (r"a(?=b)", "abac", ["a"]),
    (r"a(?!b)", "abac", ["a"]),
    # groups
    (r"(a)\1", "aab", ["aa"]),
    (r"(a)(b)\k<-2>", "aba", ["aba"]),
    (r"(?<x>a|b)\k<x>", "abba", ["bb"]),
    (r"(?<x>a)|(?<x>b)-\k<x>", "b-b", ["b-b"]),
    (r"(?<x>\d)-\g<x>", "1-2", ["1-2"]),
    (r"\g<x>-(?<x>\d)", "1-2", ["1-2"]),
    (r"(?<x>a)?(?(<x>)b|c)", "abc", ["ab", "c"]),
    (r"(a)?(?(1)b|c)", "abc", ["ab", "c"]),
]

REFUSED = [
    ("*a", 0, "nothing to repeat"),
    ("a|+b", 2, "nothing to repeat"),
    ("a)b", 1, "has no matching `(`"),
    ("x(a", 1, "not closed"),
    ("x[a", 1, "not closed"),
    ("[]", 0, "empty"),
    ("a\\", 1, "backslash"),
    ("[b-a]", 2, "is reversed"),
    ("a{3,2}", 1, "is reversed"),
    ("a{1000000}", 1, "too many"),
    (r"\k<x>", 0, "group x"),
    (r"a\1", 1, "group 1"),
    (r"(?<a>b)\1", 7, "group 1"),
    (r"(?<a>b\k<a>)", 6, "from inside"),
    (r"(?<a>b\g<a>?)", 6, "recursive"),
    (r"\g<b>", 0, "no group"),
    ("(?P<n>a)", 0, "group syntax"),
    ("x(?<=a+)b", 1, "fixed length"),
    (r"\p{Nope}", 0, "Nope"),
    ("[[:nope:]]", 1, "nope"),
    (r"\xZZ", 0, "hexadecimal"),
    (r"a\Kb", 1, "not supported"),
    ("(?<n", 0, "group syntax"),
    ("(" * 2000 + ")" * 2000, 0, "deeply"),
]


@pytest.mark.parametrize(("expression", "text", "found"), FOUND)
def test_an_expression_finds_what_it_finds_in_ruby(expression: str, text: str, found: list[str]) -> None:
    """Every match in the text, from left to right."""
    assert [match[0] for match in compile(expression).finditer(text)] == found


@pytest.mark.parametrize(("expression", "position", "reason"), REFUSED)
def test_what_ruby_refuses_is_refused_with_its_place(expression: str, position: int, reason: str) -> None:
    """The position is an offset in the expression as it was written."""
    with pytest.raises(RegexError, match=re.escape(reason)) as refused:
        compile(expression)
    assert refused.value.position == position


def test_unnamed_groups_capture_only_where_none_has_a_name() -> None:
    """So does Ruby; the numbers of gsub's back references depend on it."""
    assert compile(r"(a)(b)").groups == 2
    assert compile(r"(a)(?<n>b)").groups == 1


def test_a_group_keeps_its_name_where_python_can_have_it() -> None:
    """The first of several groups with one name has it; a field reference is not a name."""
    assert compile(r"(?<n>a)|(?<n>b)").groupindex == {"n": 1}
    assert compile(r"(?<[a][b]>x)").groupindex == {}
    assert compile(r"(?<[a][b]>x)").groups == 1


def test_a_plain_expression_stays_as_it_is() -> None:
    """What is read in ``show`` and in tracebacks should be what was written."""
    for expression in ("a+b?c*", r"a|b|c", "(?:a|b)c", r'"[^"]*"', r"\Ax.y\b", "a{2,3}?", "(?i:abc)"):
        assert translate(expression) == expression


@given(st.text(alphabet=r"ab\[]()|*+?{},.^$-&:1d<>k=!ix ", max_size=12))
def test_any_text_is_either_compiled_or_refused(expression: str) -> None:
    """No other error escapes, and a place lies in the text."""
    position = 0
    try:
        compile(expression)
    except RegexError as error:
        position = error.position
    assert 0 <= position <= len(expression)


@given(st.text(max_size=20))
def test_escaped_text_is_found_as_it_is(text: str) -> None:
    """Python's escapes are Ruby's too."""
    found = compile(re.escape(text)).fullmatch(text)
    assert found is not None
