"""Patterns: how they fall into tokens, and what is said of those that mean no date."""

from __future__ import annotations

import pytest

from penstock.dsl.joda.pattern import PatternError, Token, java_tokens, joda_tokens

TOKENS = [
    ("yyyy.MM.dd", ["yyyy", ".", "MM", ".", "dd"]),
    ("yyyyMMdd", ["yyyy", "MM", "dd"]),
    ("yyyy-MM-dd'T'HH", ["yyyy", "-", "MM", "-", "dd", "T", "HH"]),
    ("yyyy''MM", ["yyyy", "'", "MM"]),
    ("'o''clock' HH", ["o'clock ", "HH"]),
    ("d 'de' MMMM", ["d", " de ", "MMMM"]),
    ("%ss", ["%", "ss"]),
    ("yyyy年M月", ["yyyy", "年", "M", "月"]),
]

REFUSED_BY_JODA = [
    ("", 0, "empty", "yyyy"),
    ("yyyy-MM-ddTHH:mm", 10, "`T`", "'T'"),
    ("HH:mm:ss at yyyy", 10, "`t`", "'t'"),
    ("dd/LLL/yyyy", 3, "`L`", "the month is M"),
    ("yyyy-MM-dd HH:mm:ssXXX", 19, "`X`", "Z"),
    ("HH:mm:ss.nnn", 9, "`n`", "S"),
    ("uuuu-MM-dd", 0, "`u`", "yyyy"),
]

REFUSED_BY_JAVA_TIME = [
    ("yyyy-MM-ddTHH", 10, "`T`", "'T'"),
    ("yyyy 'open", 5, "quote", "''"),
    ("hh aa", 3, "`aa`", "write a"),
    ("DDDD", 0, "`DDDD`", "DDD"),
    ("cc", 0, "`cc`", "ccc"),
    ("V", 0, "`V`", "VV"),
    ("yyyy#", 4, "`#`", "'#'"),
    ("yyyy]", 4, "`]`", "']'"),
    ("HHpp", 2, "padding", "ppH"),
]


@pytest.mark.parametrize(("pattern", "texts"), TOKENS)
def test_a_pattern_is_runs_of_letters_and_texts_between_them(pattern: str, texts: list[str]) -> None:
    assert [token.text for token in joda_tokens(pattern)] == texts
    assert [token.text for token in java_tokens(pattern)] == texts


def test_a_token_says_its_letter_its_length_and_its_place() -> None:
    assert joda_tokens("HH 'h'") == [Token("H", 2, "HH", 0), Token("", 1, " h", 2)]


def test_a_quote_that_is_not_closed_runs_to_the_end_in_joda() -> None:
    assert [token.text for token in joda_tokens("yyyy 'open")] == ["yyyy", " open"]


def test_brackets_of_java_time_are_dropped_unless_quoted() -> None:
    assert [token.text for token in java_tokens("uuuu[-MM]'[x]'")] == ["uuuu", "-", "MM", "[x]"]


@pytest.mark.parametrize("pattern", ["", "[", "[]", "[[]]", "[[]"])
def test_a_pattern_of_java_time_may_mean_nothing(pattern: str) -> None:
    assert java_tokens(pattern) == []


@pytest.mark.parametrize(("pattern", "position", "message", "help"), REFUSED_BY_JODA)
def test_joda_patterns_that_mean_no_date_are_refused(pattern: str, position: int, message: str, help: str) -> None:
    with pytest.raises(PatternError) as refused:
        joda_tokens(pattern)
    assert (refused.value.position, message in refused.value.message) == (position, True)
    assert help in refused.value.help


@pytest.mark.parametrize(("pattern", "position", "message", "help"), REFUSED_BY_JAVA_TIME)
def test_java_time_patterns_that_mean_no_date_are_refused(pattern: str, position: int, message: str, help: str) -> None:
    with pytest.raises(PatternError) as refused:
        java_tokens(pattern)
    assert (refused.value.position, message in refused.value.message) == (position, True)
    assert help in refused.value.help
