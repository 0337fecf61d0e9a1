"""The times of a batch, worked out of all texts at once.

Texts of the form ``2015-10-01T00:00:00.123Z`` are laid end to end with eight spaces between them:
four words of eight bytes each. One of the words of all events, such as ``:00.123Z``, is a long
integer with a *lane* of 64 bits for each event. So digits are checked, weighed and added up in some
ten operations on long integers, however many events there are; no lane runs over into the next.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct

import msgspec

from ...dsl.diagnostics import PenstockError

GAP = " " * 8
_GAP = GAP.encode()
_WORDS = 4
_KEPT = 64
"""For so many sizes of a batch the constants of a word are kept."""


class OtherForm(PenstockError):
    """Texts that have to be read one by one."""


class _Digit(msgspec.Struct, frozen=True):
    """A digit of a word: its place, the greatest that is valid there, and what it counts."""

    place: int
    most: int
    weight: int


class _Constants(msgspec.Struct, frozen=True):
    """What a word is worked on with, for a number of lanes: the same in each of them."""

    ones: int
    template: int
    carry: int
    invalid: int
    byte: int
    numbers: int
    half: int


class _Word:
    """A word with digits in it; ``template`` has zeros in their places."""

    def __init__(self, template: bytes, digits: tuple[_Digit, ...]) -> None:
        self._template, self._digits = template, digits
        self._constants = lru_cache(maxsize=_KEPT)(self._made)

    def _made(self, count: int) -> _Constants:
        ones = ones_of(count)
        carry, invalid = bytearray(8), bytearray(b"\xff" * 8)
        for digit in self._digits:
            # Added to a digit that is too large, this carries into the upper half of its byte.
            carry[digit.place] = 15 - digit.most
            invalid[digit.place] = 0xF0
        template, carries, mask = (
            ones * int.from_bytes(each, "little") for each in (self._template, carry, invalid)
        )
        masks = (ones * 0xFF, ones * 0xFF00FF00FF, ones * 0xFFFF)
        return _Constants(ones, template, carries, mask, *masks)

    def read(self, words: bytes, count: int) -> int:
        """The sum of the weighed digits, lane by lane."""
        known = self._constants(count)
        # Digits become their values, and what is as in the template becomes 0.
        values = int.from_bytes(words, "little") ^ known.template
        if (values | (values + known.carry)) & known.invalid:
            raise OtherForm
        return self._sum(values, known)

    def _sum(self, values: int, known: _Constants) -> int:
        byte, total = known.byte, 0
        for digit in self._digits:
            total += ((values >> 8 * digit.place) & byte) * digit.weight
        return total


class _Tail(_Word):
    """The word with seconds and milliseconds. Neighbours are added up at the same time: of five
    digits three numbers are made, of these two, of these one.
    """

    def _sum(self, values: int, known: _Constants) -> int:
        # A factor of 2 ** 8 * 10 + 1 puts ten times a digit beside the next one, in one step.
        numbers = ((values * 0xA01) >> 16) & known.numbers
        tenths = ((numbers * 0xA0001) >> 16) & known.half
        return tenths * 100 + ((numbers >> 32) & known.half)


_SECONDS = (
    _Digit(1, 5, 10_000),
    _Digit(2, 9, 1_000),
    _Digit(4, 9, 100),
    _Digit(5, 9, 10),
    _Digit(6, 9, 1),
)
_MINUTES = (_Digit(6, 5, 600_000), _Digit(7, 9, 60_000))
_tails = _Tail(b":00.000Z", _SECONDS)


@lru_cache(maxsize=_KEPT)
def ones_of(count: int) -> int:
    """An integer with a one in each of so many lanes."""
    return int.from_bytes(b"\1\0\0\0\0\0\0\0" * count, "little")


@lru_cache(maxsize=_KEPT)
def _hour(text: bytes) -> _Word:
    """The word in the middle, of the texts of an hour: ``01T00:59``."""
    return _Word(text + b":00", _MINUTES)


class Texts:
    """The texts of some events, joined by ``GAP``. Raises OtherForm where theirs is another."""

    def __init__(self, joined: bytes, count: int) -> None:
        if len(joined) != (count * _WORDS - 1) * 8:
            raise OtherForm
        self._joined, self._count = joined, count
        self._words = memoryview(joined).cast("Q")
        # The other words are checked to have no spaces: so each text has the usual length.
        if self._word(3) != _GAP * (count - 1):
            raise OtherForm

    def _word(self, number: int) -> bytes:
        return self._words[number::_WORDS].tobytes()

    def common(self) -> bytes:
        """What all texts begin with: date, hour and minute, or else date and hour."""
        day, minute = self._joined[:8], self._joined[8:16]
        if self._word(0) != day * self._count:
            raise OtherForm
        if self._word(1) == minute * self._count:
            return day + minute
        return day + minute[:5]

    def millis(self, common: bytes, start: int) -> list[int]:
        """The time of each event, where what all begin with is the time ``start``."""
        count = self._count
        found = ones_of(count) * start + _tails.read(self._word(2), count)
        if len(common) < 16:
            found += _hour(common[8:]).read(self._word(1), count)
        return list(_integers(count).unpack(found.to_bytes(count * 8, "little")))


@lru_cache(maxsize=_KEPT)
def _integers(count: int) -> Struct:
    return Struct(f"<{count}q")
