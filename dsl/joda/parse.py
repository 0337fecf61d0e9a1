"""Parsers: texts and numbers to instants, by the formats that the date filter takes.

    parser("dd/MMM/yyyy:HH:mm:ss Z").read("24/Nov/2013:01:29:01 -0800")    # Timestamp
    2013-11-24T09:29:01.000Z

A format is a Joda-Time pattern or one of the names in ``NAMED``. All is compiled beforehand.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..timestamp import Timestamp
from .clock import Clock
from .epochs import tai64n, unix, unix_ms, unix_ms_number, unix_number
from .iso8601 import readers
from .minutes import KnownDay
from .names import ENGLISH, Names
from .pattern import Token, joda_tokens
from .reading import has_year, reader
from .zones import UTC, Zone

NAMED = ("ISO8601", "UNIX", "UNIX_MS", "TAI64N", "AUTO")
"""The formats with a name of their own; AUTO, which guesses, is none of Logstash's."""


def _nothing() -> None:
    pass


def _no_number(value: float) -> None:
    return None


def _no_day(text: str) -> None:
    return None


class Parser(msgspec.Struct, frozen=True):
    """A compiled format. ``read`` and ``read_number`` give None for what does not fit.

    Where ``follows_clock``, results hold for the clock's month only; call ``forget`` when it has
    turned. ``known_day``: what is known of the day of a text that was read. ``is_even``: a text
    that does not fit at two times of the day, hours apart, fits at none: each field that is read
    takes two digits, whichever they are, or takes 05 at least.
    """

    read: Callable[[str], Timestamp | None]
    read_number: Callable[[int | float], Timestamp | None] = _no_number
    follows_clock: bool = False
    forget: Callable[[], None] = _nothing
    known_day: Callable[[str], KnownDay | None] = _no_day
    is_even: bool = False


def parser(
    pattern: str, zone: Zone = UTC, names: Names = ENGLISH, clock: Clock | None = None
) -> Parser:
    """Compile a format; raises PatternError.

    Texts that say no zone are in ``zone``; months and days have these ``names``; dates without a
    year get the clock's.
    """
    clock = clock or Clock()
    if pattern == "ISO8601":
        return _iso8601(zone)
    if pattern == "AUTO":
        from .guess import guesser

        return Parser(guesser(zone, clock), follows_clock=True)
    if pattern in COUNTS:
        return COUNTS[pattern]
    compiled, tokens = reader(pattern, zone, names, clock), joda_tokens(pattern)
    return Parser(
        compiled.read,
        follows_clock=not has_year(tokens),
        forget=compiled.forget,
        known_day=compiled.known_day,
        is_even=not any(_has_digits(token) for token in tokens),
    )


def _has_digits(token: Token) -> bool:
    """Whether a token is text with digits, which stand there whatever the time is."""
    return not token.letter and any(map(str.isdigit, token.text))


COUNTS = {
    "UNIX": Parser(unix, unix_number),
    "UNIX_MS": Parser(unix_ms, unix_ms_number),
    "TAI64N": Parser(tai64n),
}


def uses_names(pattern: str) -> bool:
    """Whether a format reads names of months or days, so that its locale counts."""
    if pattern in NAMED:
        return False
    letters = [(token.letter, token.count) for token in joda_tokens(pattern) if token.letter]
    return any(letter in "EaG" or (letter == "M" and count > 2) for letter, count in letters)


def _iso8601(zone: Zone) -> Parser:
    by_date, by_time, by_blank = readers(zone)
    dated, timed, spaced = by_date.read, by_time.read, by_blank.read

    def read(text: str) -> Timestamp | None:
        return spaced(text) if " " in text else dated(text) or timed(text)

    def known_day(text: str) -> KnownDay | None:
        return (by_blank if " " in text else by_date).known_day(text)

    return Parser(read, known_day=known_day, is_even=True)
