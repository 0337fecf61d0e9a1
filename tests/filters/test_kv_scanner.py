"""The scanner of kv finds what the definition of a pair says, though it goes about it in another way."""
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from penstock.dsl.regex import RegexError
from penstock.dsl.regex import compile as compile_ruby
from penstock.filters._kv_rows import rows
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


KEYS = st.sampled_from(["a", "b", "ab", "a b", "a-b", "a.b", "a'", "a,b", "x=y"])
VALUES = st.sampled_from(["1", "ab", "a b", "", " 1", "x=1", '"', "(a", "a)", "<", "a,b", "\\n", "\\\\", "é", "a'b", "-"])
WRITTEN = st.sampled_from(["{}={}", '{}="{}"', "{}='{}'", "{}=({})", "{}=<{}>", "{}= {}", "{} ={}", '{}="{}"x', "{}:{}"])
PAIR = st.builds(lambda form, key, value: form.format(key, value), WRITTEN, KEYS, VALUES)
TEXT = st.builds(str.join, st.sampled_from([" ", ",", "  ", ", "]), st.lists(PAIR, max_size=4))
ENDS = st.sampled_from(["", "", "", " ", ",", "\n"])


@settings(max_examples=800)
@given(
    st.sampled_from([splitters for splitters in SPLITTERS if rows(splitters)]),
    st.lists(TEXT, min_size=1, max_size=3),
    TEXT,
    ENDS,
    ENDS,
)
def test_what_was_learned_of_texts_finds_in_others_what_the_scanner_finds(
    splitters: Splitters, before: list[str], text: str, start: str, end: str
) -> None:
    scanner, known = Scanner(splitters), rows(splitters)
    assert known is not None
    text = start + text + end
    for each in [*before, text, *before, text]:
        pairs = scanner.pairs(each)
        if len(dict(pairs)) == len(pairs) and all(value for _, value in pairs):
            known.learn(each, dict(pairs))
    for each in [*before, text]:
        found = known.find(each)
        assert found is None or list(found.items()) == scanner.pairs(each)


OTHERS = [
    (" ", "a=3 b=4"), (" ", 'b="4" a=3'), (" ", 'a=3 b="4" c=5'), (" ", "a=3 b="), (" ", 'a=3\\ b="4"'), (" ", 'a=3 b="4"5'),
    (" ", 'a=(3) b="4"'), (" ", 'a="3" b="4"'), (" ", 'a=3 x b="4"'), (",", 'a= 3,b="4"'), (",", 'a=3,b= "4"'), (",", 'a=3,b="4" '),
]


@pytest.mark.parametrize(("field", "text"), OTHERS)
def test_a_text_that_differs_from_a_known_row_is_left_to_the_scanner(field: str, text: str) -> None:
    known = rows(Splitters(field, "="))
    assert known is not None
    known.learn(f'a=1{field}b="x y"', {"a": "1", "b": "x y"})
    assert known.find(f'a=1{field}b="x y"') is None, "it came once only"
    known.learn(f'a=2{field}b="z"', {"a": "2", "b": "z"})
    assert known.find(f'{field}a=3{field}{field}b="p (q) = r"{field}') == {"a": "3", "b": "p (q) = r"}
    assert known.find(text) is None


def test_a_quote_ends_a_value_only_in_front_of_a_splitter() -> None:
    known = rows(Splitters(" ", "="))
    assert known is not None
    for _ in range(2):
        known.learn('a="1" b=2', {"a": "1", "b": "2"})
    assert known.find('a="1" b=3')
    assert not known.find('a="1"b=3')


def test_texts_that_differ_in_their_keys_end_the_learning() -> None:
    known = rows(Splitters(" ", "="))
    assert known is not None
    for number in range(100):
        for _ in range(2):
            known.learn(f"k{number}=1", {f"k{number}": "1"})
    assert [number for number in range(100) if known.find(f"k{number}=2")] == [60, 61, 62, 63]


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
