"""Formatters: an instant as a pattern says, in UTC and English.

    formatter("yyyy.MM.dd")(stamp)       # "2015.10.01", for %{+yyyy.MM.dd}: Joda-Time's patterns
    java_formatter("uuuu/DDD")(stamp)    # "2015/274", for %{{uuuu/DDD}}: java.time's patterns

What a pattern shows is rendered once for each day, hour, minute or second, whichever is the finest
field in it. Where that saves nothing, as the pattern goes down to (parts of) the second, the
numbers are cut out of the instant's text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from ..timestamp import Timestamp
from .java import JAVA_FIELDS
from .moment import MONTHS, WEEKDAYS, Moment, moment, padded
from .pattern import Token, java_tokens, joda_tokens

Formatter = Callable[[Timestamp], str]
Field = Callable[[Moment], str]

_KEPT = 1024

# Where a field stands in the text of an instant whose year has four digits:
# 2015-10-01T00:00:00.000Z.
_PLACES: Mapping[str, slice] = {
    "yyyy": slice(0, 4),
    "yy": slice(2, 4),
    "MM": slice(5, 7),
    "dd": slice(8, 10),
    "HH": slice(11, 13),
    "mm": slice(14, 16),
    "ss": slice(17, 19),
    "SSS": slice(20, 23),
    "SS": slice(20, 22),
    "S": slice(20, 21),
}
_JODA_PLACES = {**_PLACES, "YYYY": slice(0, 4), "YY": slice(2, 4), "CC": slice(0, 2)}
_JAVA_PLACES = {**_PLACES, "uuuu": slice(0, 4), "uu": slice(2, 4), "LL": slice(5, 7)}

# How much of an instant's text tells two renderings of a letter apart; all of it, for letters that
# are not here.
_REACH: Mapping[str, int] = {
    **dict.fromkeys("GCYxweEyDMduLQqgWcFVvzOXxZp", 10),
    **dict.fromkeys("aKhHk", 13),
    **dict.fromkeys("mB", 16),
    "s": 19,
}
_SECOND, _ALL = 19, 64


def _number(value: Callable[[Moment], int]) -> Callable[[int], Field]:
    return lambda count: lambda at: padded(value(at), count)


def _year(value: Callable[[Moment], int]) -> Callable[[int], Field]:
    def render(count: int) -> Field:
        if count == 2:
            return lambda at: f"{abs(value(at)) % 100:02d}"
        return lambda at: padded(value(at), count)

    return render


def _name(names: Sequence[str], index: Callable[[Moment], int]) -> Callable[[int], Field]:
    return lambda count: lambda at: names[index(at)] if count > 3 else names[index(at)][:3]


def _month(count: int) -> Field:
    return (_number if count < 3 else lambda month: _name(MONTHS, lambda at: month(at) - 1))(
        lambda at: at.month
    )(count)


def _fraction(count: int) -> Field:
    return lambda at: f"{at.nano // 1_000_000:03d}".ljust(count, "0")[:count]


def _constant(short: str, long: str, longer_from: int) -> Callable[[int], Field]:
    return lambda count: lambda at: long if count >= longer_from else short


def _offset(count: int) -> Field:
    return lambda at: ("+0000", "+00:00", "UTC")[min(count, 3) - 1]


_JODA_FIELDS: Mapping[str, Callable[[int], Field]] = {
    "G": lambda count: lambda at: "AD" if at.year > 0 else "BC",
    "C": _number(lambda at: abs(at.year) // 100),
    "Y": lambda count: _year(lambda at: at.year if at.year > 0 or count == 2 else 1 - at.year)(
        count
    ),
    "x": _year(lambda at: at.iso_week[0]),
    "w": _number(lambda at: at.iso_week[1]),
    "e": _number(lambda at: at.weekday),
    "E": _name(WEEKDAYS, lambda at: at.weekday - 1),
    "y": _year(lambda at: at.year),
    "D": _number(lambda at: at.day_of_year),
    "M": _month,
    "d": _number(lambda at: at.day),
    "a": lambda count: lambda at: "AM" if at.hour < 12 else "PM",
    "K": _number(lambda at: at.hour % 12),
    "h": _number(lambda at: (at.hour - 1) % 12 + 1),
    "H": _number(lambda at: at.hour),
    "k": _number(lambda at: at.hour or 24),
    "m": _number(lambda at: at.minute),
    "s": _number(lambda at: at.second % 60),
    "S": _fraction,
    "z": _constant("UTC", "Coordinated Universal Time", 4),
    "Z": _offset,
}


@lru_cache(maxsize=512)
def formatter(pattern: str) -> Formatter:
    """A function that prints an instant by a Joda-Time pattern; raises PatternError."""
    return _compiled(
        joda_tokens(pattern), _JODA_PLACES, lambda token: _JODA_FIELDS[token.letter](token.count)
    )


@lru_cache(maxsize=512)
def java_formatter(pattern: str) -> Formatter:
    """A function that prints an instant by a java.time pattern; raises PatternError."""
    return _compiled(_unpadded(java_tokens(pattern)), _JAVA_PLACES, _java_field)


def _unpadded(tokens: list[Token]) -> list[Token]:
    """Tokens in which a padding `pp` and the field `H` that it pads are one: `ppH`."""
    joined: list[Token] = []
    for token in tokens:
        if joined and joined[-1].text.strip("p") == "" and joined[-1].letter == "p":
            padding = joined.pop()
            token = Token(token.letter, token.count, padding.text + token.text, padding.position)
        joined.append(token)
    return joined


def _java_field(token: Token) -> Field:
    render = JAVA_FIELDS[token.letter](token.count)
    width = len(token.text) - token.count
    return (lambda at: render(at).rjust(width)) if width else render


def _compiled(
    tokens: list[Token], places: Mapping[str, slice], field: Callable[[Token], Field]
) -> Formatter:
    rendered = _rendered(tokens, field)
    reach = max((_REACH.get(token.letter, _ALL) for token in tokens if token.letter), default=10)
    if reach < _SECOND:
        return _keeping(rendered, reach)
    cuts = [places.get(token.text) for token in tokens if token.letter]
    slices = [cut for cut in cuts if cut is not None]
    if len(slices) < len(cuts):
        return rendered if reach == _ALL else _keeping(rendered, reach)
    template = "".join("%s" if token.letter else token.text.replace("%", "%%") for token in tokens)
    return _cutting(template, slices, rendered)


def _cutting(template: str, slices: list[slice], rendered: Formatter) -> Formatter:
    """A formatter for patterns whose fields stand in the text; the years 1000 to 9999 do not start
    with a sign or 0.
    """
    cut = itemgetter(*slices)
    return lambda stamp: template % cut(stamp) if stamp[0] > "0" else rendered(stamp)


def _keeping(rendered: Formatter, reach: int) -> Formatter:
    """A formatter that keeps what it rendered, by so many characters of the instant's text."""
    kept: dict[str, str] = {}

    def render(stamp: Timestamp) -> str:
        if stamp[0] < "0":
            return rendered(stamp)
        key = stamp[:reach]
        text = kept.get(key)
        if text is None:
            if len(kept) >= _KEPT:
                kept.clear()
            text = kept[key] = rendered(stamp)
        return text

    return render


def _rendered(tokens: list[Token], field: Callable[[Token], Field]) -> Formatter:
    parts = [field(token) if token.letter else _text(token.text) for token in tokens]

    def render(stamp: Timestamp) -> str:
        at = moment(stamp)
        return "".join([part(at) for part in parts])

    return render


def _text(text: str) -> Field:
    return lambda at: text
