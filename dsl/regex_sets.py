"""Sets of characters of a regular expression: ranges of code points, their algebra, and the classes
that have a name.

The hard idea: a class such as ``[[:alnum:]]`` means hundreds of ranges in Unicode, which would be
slow to list. Python's ``re`` has letters that say some of them; a set keeps those as *names* beside
its ranges. Only a class that has no such letter (``\\p{Lu}``, ``\\p{Han}``) is turned into ranges,
from ``unicodedata``.

Ruby's rules (doc/RE of Onigmo): ``\\d \\s \\w \\h`` are ASCII, bracketed POSIX classes and
properties are Unicode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
EVERYTHING: Ranges = ((0, LAST),)


def normal(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in order, those that touch made one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every code point that is not in the ranges."""
    gaps: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if low > start:
            gaps.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        gaps.append((start, LAST))
    return tuple(gaps)


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """What two sets have in common."""
    return complement(normal(complement(left) + complement(right)))


def disjoint(left: Ranges, right: Ranges) -> bool:
    """Whether two sets have nothing in common."""
    return all(high < other or last < low for low, high in left for other, last in right)


def within(inner: Ranges, outer: Ranges) -> bool:
    """Whether one set holds the whole of another."""
    return all(any(first <= low and high <= last for first, last in outer) for low, high in inner)


def of_text(characters: str) -> Ranges:
    """The set of the characters of a text."""
    return normal((ord(c), ord(c)) for c in characters)


def span(*pairs: str) -> Ranges:
    """The set of some ranges, each written as its first and last character."""
    return normal((ord(pair[0]), ord(pair[-1])) for pair in pairs)


DIGIT = span("09")
HEX = span("09", "AF", "af")
SPACE = span("\t\r", " ")
WORD = span("09", "AZ", "_", "az")
CONTROL = normal([(0, 0x1F), (0x7F, 0x9F)])
BLANKS = of_text(
    "\x20\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u202f\u205f\u3000"
)

#: The classes that are said with Python's letters: alpha is a word character, no digit and no
#: ``_``.
NAMED = frozenset({"word", "digit", "alnum", "alpha"})

ASCII_CLASSES: dict[str, Ranges] = {
    "alnum": span("09", "AZ", "az"),
    "alpha": span("AZ", "az"),
    "ascii": ((0, 0x7F),),
    "blank": of_text(" \t"),
    "cntrl": normal([(0, 0x1F), (0x7F, 0x7F)]),
    "digit": DIGIT,
    "graph": span("!~"),
    "lower": span("az"),
    "print": span(" ~"),
    "punct": span("!/", ":@", "[`", "{~"),
    "space": SPACE,
    "upper": span("AZ"),
    "word": WORD,
    "xdigit": HEX,
}

_FIXED: dict[str, Ranges] = {
    "any": EVERYTHING,
    "ascii": ((0, 0x7F),),
    "blank": normal((*BLANKS, (9, 9))),
    "cntrl": CONTROL,
    "space": normal((*BLANKS, (9, 13), (0x85, 0x85), (0x2028, 0x2029))),
    "xdigit": HEX,
}

_CASED: dict[str, Callable[[str], bool]] = {"lower": str.islower, "upper": str.isupper}

#: How the names of a script's characters begin.
_SCRIPTS = {
    "arabic": "ARABIC",
    "armenian": "ARMENIAN",
    "bengali": "BENGALI",
    "cyrillic": "CYRILLIC",
    "devanagari": "DEVANAGARI",
    "georgian": "GEORGIAN",
    "greek": "GREEK",
    "han": "CJK",
    "hangul": "HANGUL",
    "hebrew": "HEBREW",
    "hiragana": "HIRAGANA",
    "katakana": "KATAKANA",
    "latin": "LATIN",
    "tamil": "TAMIL",
    "thai": "THAI",
}

_CATEGORIES = {
    "letter": "L",
    "uppercaseletter": "Lu",
    "lowercaseletter": "Ll",
    "titlecaseletter": "Lt",
    "modifierletter": "Lm",
    "otherletter": "Lo",
    "mark": "M",
    "number": "N",
    "decimalnumber": "Nd",
    "letternumber": "Nl",
    "punctuation": "P",
    "symbol": "S",
    "mathsymbol": "Sm",
    "currencysymbol": "Sc",
    "separator": "Z",
    "spaceseparator": "Zs",
    "other": "C",
    "control": "Cc",
    "format": "Cf",
    "unassigned": "Cn",
    "punct": "P",
}

_MAJOR = {
    "c": "cfnos",
    "l": "lmotu",
    "m": "cen",
    "n": "dlo",
    "p": "cdefios",
    "s": "ckmo",
    "z": "lps",
}
_ABBREVIATIONS = frozenset(
    major + minor for major, minors in _MAJOR.items() for minor in ("", *minors)
)


@cache
def unicode_class(name: str) -> Ranges | None:
    """The ranges of a POSIX class, general category or script; None where the name is not known.

    ``name`` is in lower case, without ``_``, ``-`` and spaces. Scripts are read from the
    characters' names.
    """
    if name in _FIXED:
        return _FIXED[name]
    if name in _CASED:
        return _collected(_CASED[name])
    if name in ("graph", "print"):
        return _visible(spaces=name == "print")
    category = _CATEGORIES.get(name) or (name.capitalize() if name in _ABBREVIATIONS else "")
    if category:
        return _of_category(category)
    return _of_script(_SCRIPTS[name]) if name in _SCRIPTS else None


def _of_category(category: str) -> Ranges:
    from unicodedata import category as category_of

    found = _collected(lambda c: category_of(c).startswith(category))
    return normal((*found, *ASCII_CLASSES["punct"])) if category == "P" else found


def _of_script(prefix: str) -> Ranges:
    from unicodedata import name as name_of

    return _collected(lambda c: name_of(c, "").startswith(prefix))


def _visible(*, spaces: bool) -> Ranges:
    from unicodedata import category as category_of

    unseen = ("Cc", "Cn", "Cs", "Zl", "Zp") if spaces else ("Cc", "Cn", "Cs", "Zl", "Zp", "Zs")
    return _collected(lambda c: category_of(c) not in unseen)


def _collected(belongs: Callable[[str], bool]) -> Ranges:
    found: list[tuple[int, int]] = []
    start = -1
    for point in range(LAST + 2):
        if point <= LAST and belongs(chr(point)):
            start = point if start < 0 else start
        elif start >= 0:
            found.append((start, point - 1))
            start = -1
    return tuple(found)
