"""The words that a pattern needs, read off its text: never one too many, or a pattern would be skipped that matches."""
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ua_parser.loaders import load_lazy_builtins

from penstock.filters._literals_required import Index, grams_of, needles


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("Firefox", [("firefox",)]),
        ("(Firefox)/(\\d+)", [("firefox",), ("/",)]),
        ("(iPod|iPhone|iPad)", [("ipod", "iphone", "ipad")]),
        ("a|", []),
        ("(?:Win|) NT", [(" nt",)]),
        ("colou?r", [("colo",), ("r",)]),
        ("go+gle", [("go",), ("gle",)]),
        ("x{0,3}y", [("y",)]),
        ("x{2}y", [("x",), ("y",)]),
        ("[Bb]ot", [("bot",)]),
        ("[ab]ot", [("ot",)]),
        ("a.c", [("a",), ("c",)]),
        ("Chrome\\.exe", [("chrome.exe",)]),
        ("(?=Safari)x", [("x",)]),
        ("(?!Safari)x", [("x",)]),
        ("^\\w+$", []),
        ("[)]abc", [(")abc",)]),
    ],
)
def test_the_words_of_a_pattern(pattern: str, needed: list[tuple[str, ...]]) -> None:
    assert needles(pattern) == needed


_PATTERNS = [m.regex for kind in load_lazy_builtins() for m in kind if not getattr(m, "regex_flag", None)][::9]
_INDEX = Index(_PATTERNS)


_PLACES = st.integers(0, len(_PATTERNS) - 1)


@given(_PLACES.flatmap(lambda place: st.tuples(st.just(place), st.from_regex(re.compile(_PATTERNS[place])))))
def test_a_text_that_a_pattern_matches_has_the_pattern_among_its_candidates(drawn: tuple[int, str]) -> None:
    place, text = drawn
    lower = text.lower()
    assert place in _INDEX.candidates(lower, grams_of(lower))
