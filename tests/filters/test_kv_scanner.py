"""The scanner of kv finds what the definition of a pair says, though it goes about it in another way."""
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.dsl.regex import RegexError
from penstock.dsl.regex import compile as compile_ruby
from penstock.filters._kv_scanner import (
    BRACKETS,
    QUOTES,
    Pair,
    Scanner,
    Splitters,
    literal_characters,
)

SPLITTERS = [
    Splitters(" ", "="),
    Splitters(" ", "=", lenient=False),
    Splitters(" ", "=", quotes=QUOTES),
    Splitters(",", "="),
    Splitters(", ", ":="),
    Splitters(" ", " "),
    Splitters("\\\\", "="),
    Splitters(" ", "\\\\"),
    Splitters('"', "="),
    Splitters("a-c ", "=-"),
    Splitters(",+|  ", "=", field_by_pattern=True),
    Splitters(" ", "=+|: ?", value_by_pattern=True),
    Splitters("\\\\a", "=", field_by_pattern=True, lenient=False),
    Splitters(",", r"=\\", field_by_pattern=True, value_by_pattern=True),
    Splitters("(?i)A", "(=)", field_by_pattern=True, value_by_pattern=True),
]


def defined(splitters: Splitters, text: str) -> list[Pair]:
    """The pairs as the definition says it, in exponential time."""
    by_pattern = splitters.field_by_pattern or splitters.value_by_pattern
    field = splitters.field if splitters.field_by_pattern else f"[{splitters.field}]"
    value = splitters.value if splitters.value_by_pattern else f"[{splitters.value}]"
    value = f" *(?:{value}) *" if splitters.lenient else f"(?:{value})"
    key = f"(?:(?!{value}|{field})(?:\\\\.|.))+" if by_pattern else f"(?:\\\\.|[^{splitters.value}{splitters.field}])+"
    bare = f"(?:\\\\.|[^{splitters.field}])+"
    if splitters.field_by_pattern:
        bare = f"(?:(?!{field})(?:\\\\.|.))+"
    held = [
        f"{re.escape(first)}(?<v{n}>(?:\\\\.|[^{re.escape(last)}])+)?{re.escape(last)}"
        for n, (first, last) in enumerate(splitters.quotes)
    ]
    pattern = compile_ruby(f"(?<key>{key}){value}(?:{'|'.join([*held, f'(?<v>{bare})'])})?(?:(?:{field})|$)")
    return [
        (match["key"], next((group for name, group in match.groupdict().items() if name != "key" and group), ""))
        for match in pattern.finditer(text)
    ]


@settings(max_examples=1500)
@given(st.sampled_from(SPLITTERS), st.text(alphabet="aAb==  \\\\\"'()[]<>,:\n-", max_size=14))
@example(SPLITTERS[0], r'a="x\\"y" b\=c')
@example(SPLITTERS[0], r'a\\\=b="x\" y\\" c')
def test_it_finds_what_the_definition_says(splitters: Splitters, text: str) -> None:
    scanner = Scanner(splitters)
    pairs = scanner.pairs(text)
    assert pairs == defined(splitters, text)
    assert scanner.pairs_within(text, 10) == pairs
    cut = scanner.cut(text) if scanner.cut else None
    assert cut is None or list(cut.items()) == pairs


LONG = [
    ("x" * 100_000, 1),
    ("\\" * 100_000, 1),
    ("k\\\\" * 30_000, 1),
    ("x\\ " * 30_000, 1),
    ("x\\= " * 30_000, 15_001),
    ('"' + "\\\\x" * 30_000, 1),
    ('a="' + "\\\\x" * 30_000 + '",', 2),
    ('a="' + '\\\\" ' * 20_000, 2),
    ("a=(" * 30_000, 2),
    ("= " * 50_000, 1),
]


@pytest.mark.parametrize(("text", "pairs"), LONG, ids=lambda text: str(text)[:12])
@pytest.mark.parametrize("splitters", [Splitters(" ", "="), Splitters(" ", "=", field_by_pattern=True)])
def test_no_text_makes_it_explode(splitters: Splitters, text: str, pairs: int) -> None:
    """By the definition as it is said, most of these take longer than there is time."""
    assert len(Scanner(splitters).pairs(text + " z=9")) == pairs


def test_a_matcher_that_can_be_stopped_is_stopped() -> None:
    scanner = Scanner(Splitters(" ", r"(a|b|ab)*(?=c)=", value_by_pattern=True))
    with pytest.raises(TimeoutError):
        scanner.pairs_within("ab" * 2000, 0.01)


@pytest.mark.parametrize(
    ("inside", "characters"),
    [
        (" ", " "), ("<>,", "<>,"), (r"\[\]\-", "[]-"), ("a-z", None), ("^a", None), (r"\s", None), ("[:space:]", None),
        ("", None),
    ],
)
def test_characters_of_a_class(inside: str, characters: str | None) -> None:
    assert literal_characters(inside) == characters


def test_splitters_that_are_no_expression_are_refused() -> None:
    with pytest.raises(RegexError):
        Scanner(Splitters("(", "=", field_by_pattern=True))


def test_quotes_and_brackets_are_told_apart() -> None:
    text = "a=(x y) b='x y'"
    assert Scanner(Splitters(" ", "=", quotes=QUOTES)).pairs(text) == [("a", "(x"), ("b", "x y")]
    assert Scanner(Splitters(" ", "=", quotes=QUOTES + BRACKETS)).pairs(text) == [("a", "x y"), ("b", "x y")]
