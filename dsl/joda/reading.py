"""Joda-Time's patterns compiled for reading: a regular expression that takes a text apart, and the
arithmetic of its fields.

Joda-Time never goes back on what it has read: a number takes all digits that it may have, a name is
the longest that fits. The expressions are made of possessive and atomic parts, so that they do the
same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from ..timestamp import civil_from_days
from .clock import Clock
from .fields import (
    DAY,
    FieldValueError,
    civil,
    lacks_year,
    move_to_year,
    resolve,
    setting_order,
)
from .minutes import Evaluate, Reader
from .names import Names
from .pattern import Token, joda_tokens
from .spots import TimeGroups
from .zones import OFFSET, Zone, named_zone, parse_offset

Convert = Callable[[str], int]

_WIDTHS = {**dict.fromkeys("MdHkKhmsw", 2), "D": 3, "e": 1}
_NUMERIC = frozenset("CxyYdhHmsSeDwkK")
# What Joda-Time takes for `z`: a short name is a region, whatever its season.
_SHORT_ZONES = {
    "UTC": "UTC",
    "UT": "UTC",
    "GMT": "UTC",
    "EST": "America/New_York",
    "EDT": "America/New_York",
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "MST": "America/Denver",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
}


class Plan(msgspec.Struct):
    """How a pattern is read: the expression, and for each of its groups, from 1, the field and what
    the text means.

    Among the letters Z stands for an offset and z for a zone.
    """

    regex: str = ""
    letters: list[str] = msgspec.field(default_factory=list)
    converts: list[Convert] = msgspec.field(default_factory=list)
    zones: Mapping[str, str] = msgspec.field(default_factory=dict)

    def take(self, letter: str, regex: str, convert: Convert) -> None:
        """Read a field next."""
        self.regex += f"({regex})"
        self.letters.append(letter)
        self.converts.append(convert)

    def group(self, letter: str) -> int:
        """The group of a field that is read exactly once, else 0."""
        return self.letters.index(letter) + 1 if self.letters.count(letter) == 1 else 0


def reader(pattern: str, zone: Zone, names: Names, clock: Clock) -> Reader:
    """A reader of texts that look like a pattern; raises PatternError. Source:
    org.joda.time.format.DateTimeFormat.
    """
    tokens = joda_tokens(pattern)
    plan = Plan()
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        _plan(plan, token, following, names, clock)
    evaluate = _evaluator(plan, zone, None if has_year(tokens) else clock)
    return Reader(plan.regex, evaluate, _time_groups(plan))


def _time_groups(plan: Plan) -> TimeGroups:
    hour, minute, second, fraction = map(plan.group, "HmsS")
    if plan.group("h") and plan.group("a") and not {"H", "k", "K"} & {*plan.letters}:
        return TimeGroups(plan.group("h"), minute, second, fraction, halves=True)
    return TimeGroups(hour, minute, second, fraction)


def has_year(tokens: Sequence[Token]) -> bool:
    """Whether a pattern has a year that the date filter takes for one: a week's year is not."""
    return any(token.letter in ("y", "Y") for token in tokens)


def _is_number(token: Token | None) -> bool:
    return token is not None and (
        token.letter in _NUMERIC or (token.letter == "M" and token.count < 3)
    )


def _plan(plan: Plan, token: Token, following: Token | None, names: Names, clock: Clock) -> None:
    """Add what reads a token. Two letters of a year take any number of digits, unless a number
    comes next.
    """
    letter, count = token.letter, token.count
    if not letter:
        plan.regex += f"(?i:{re.escape(token.text)})"
    elif letter in "yYx":
        _plan_year(plan, letter, count, _is_number(following), clock)
    elif letter == "M" and count > 2:
        _plan_name(plan, "M", names.months)
    elif letter in "EaG":
        _plan_name(plan, "e" if letter == "E" else letter, _named(names, letter))
    elif letter == "S":
        plan.take("S", f"[0-9]{{1,{count}}}+", _milliseconds)
    elif letter == "C":
        plan.take("C", _signed(count), int)
    elif letter == "z" or (letter == "Z" and count > 2):
        _plan_zone(plan, letter)
    elif letter == "Z":
        plan.take("Z", OFFSET, _offset)
    else:
        plan.take(letter, f"[0-9]{{1,{max(count, _WIDTHS[letter])}}}+", int)


def _signed(most: int) -> str:
    return f"(?>[+-]?[0-9]{{1,{most}}})"


def _plan_year(plan: Plan, letter: str, count: int, before_number: bool, clock: Clock) -> None:
    if count == 2:
        plan.take(
            "y" if letter == "Y" else letter,
            "[0-9]{2}" if before_number else _signed(9),
            _near(clock.year - 80),
        )
        return
    most = count if before_number else max(count, 9)
    if letter == "Y":
        plan.take("Y", f"[0-9]{{1,{most}}}+", _positive)
    else:
        plan.take(letter, _signed(most), int)


def _positive(text: str) -> int:
    value = int(text)
    if value == 0:
        raise FieldValueError("no era has a year 0")
    return value


def _near(first: int) -> Convert:
    """Two digits mean a year among the hundred from `first` on; a sign or more digits mean what
    they say.
    """

    def convert(text: str) -> int:
        if len(text) != 2 or text[0] in "+-":
            return int(text)
        return first + (int(text) - first) % 100

    return convert


def _named(names: Names, letter: str) -> Mapping[str, int]:
    return {"E": names.weekdays, "a": names.halves, "G": names.eras}[letter]


def _plan_name(plan: Plan, letter: str, names: Mapping[str, int]) -> None:
    longest_first = sorted(names, key=len, reverse=True)
    plan.take(letter, f"(?>{'|'.join(map(re.escape, longest_first))})", names.__getitem__)


def _plan_zone(plan: Plan, letter: str) -> None:
    """Read a zone by its id (ZZZ) or its short name (z)."""
    if letter == "Z":
        plan.take("z", "[A-Za-z][A-Za-z0-9_/+-]*", len)
    else:
        plan.take("z", "(?>UTC|UT|GMT|[ECMP][SD]T)", len)
    plan.zones = plan.zones or (_SHORT_ZONES if letter == "z" else {})


def _milliseconds(digits: str) -> int:
    return int(digits[:3].ljust(3, "0"))


def _offset(text: str) -> int:
    return parse_offset(text) or 0


def _evaluator(plan: Plan, zone: Zone, clock: Clock | None) -> Evaluate:
    """The arithmetic: from a match to UTC. With a clock, the year is the clock's."""
    local_of = _simple(plan) or _general(plan)
    offset_of = _offset_reader(plan)
    if clock is not None:
        part_of_year = lacks_year([letter for letter in plan.letters if letter not in "Zz"])
        present = _in_present_year if part_of_year else _moved_to_present_year
        return _without_year(present(local_of, clock), offset_of, zone)

    def evaluate(match: re.Match[str]) -> int | None:
        try:
            local = local_of(match.groups(), None)
            given = offset_of(match, local)
        except FieldValueError:
            return None
        return zone.to_utc(local) if given is None else local - given

    return evaluate


Groups = Sequence[str]
LocalReader = Callable[[Groups, int | None], int]
"""Gives the local time of groups, in a year that is not among them if one is given."""
OffsetReader = Callable[[re.Match[str], int], int | None]


def _offset_reader(plan: Plan) -> OffsetReader:
    """What gives the offset that a text says for its local time, or None; of several the last one
    counts.
    """
    places = {letter: place for place, letter in enumerate(plan.letters, 1)}
    if "Z" in places:
        at_offset = places["Z"]
        return lambda match, local: _offset(match[at_offset])
    if "z" not in places:
        return lambda match, local: None
    at_zone, ids = places["z"], plan.zones

    def offset(match: re.Match[str], local: int) -> int:
        zone = named_zone(ids.get(match[at_zone], match[at_zone]))
        utc = None if zone is None else zone.to_utc(local)
        if utc is None:
            raise FieldValueError(f"this time does not exist in `{match[at_zone]}`")
        return local - utc

    return offset


def _general(plan: Plan) -> LocalReader:
    """The local time of any fields, in Joda-Time's order."""
    fields = [
        (letter, place, convert)
        for place, (letter, convert) in enumerate(zip(plan.letters, plan.converts, strict=True))
        if letter not in "Zz"
    ]
    steps = [fields[place] for place in setting_order([letter for letter, _, _ in fields])]
    return lambda groups, year: resolve(
        [(letter, convert(groups[place])) for letter, place, convert in steps], year
    )


_SIMPLE = "yMdHmsS"


def _simple(plan: Plan) -> LocalReader | None:
    """The local time of the fields that most patterns have, each once, where no field can
    contradict another.
    """
    letters = [letter.replace("Y", "y") for letter in plan.letters if letter not in "Zz"]
    if len(set(letters)) < len(letters) or not set(letters) <= set(_SIMPLE):
        return None
    steps = [
        (_SIMPLE.index(letter.replace("Y", "y")), place, convert)
        for place, (letter, convert) in enumerate(zip(plan.letters, plan.converts, strict=True))
        if letter not in "Zz"
    ]

    def local(groups: Groups, year: int | None) -> int:
        values = [1970 if year is None else year, 1, 1, 0, 0, 0, 0]
        for slot, place, convert in steps:
            values[slot] = convert(groups[place])
        return civil(*values)

    return local


def _without_year(
    local_of: Callable[[Groups], int], offset_of: OffsetReader, zone: Zone
) -> Evaluate:
    """Dates without a year; an hour that clocks skip goes over into the next one."""

    def evaluate(match: re.Match[str]) -> int | None:
        try:
            local = local_of(match.groups())
            given = offset_of(match, local)
        except FieldValueError:
            return None
        return zone.nearest_utc(local) if given is None else local - given

    return evaluate


def _in_present_year(local_of: LocalReader, clock: Clock) -> Callable[[Groups], int]:
    """Parts of a year are read in the clock's, in January perhaps in that before it, in December
    in that after it: there is no February 29th but in a leap year.
    """

    def local(groups: Groups) -> int:
        try:
            found = local_of(groups, clock.year)
        except FieldValueError:
            return _before(groups)
        year, month, _ = civil_from_days(found // DAY)
        wanted = clock.year_of(month)
        # The first week may start in December of the year before.
        return found if wanted == clock.year or year != clock.year else local_of(groups, wanted)

    def _before(groups: Groups) -> int:
        """In January, day 366 may be that of the year before."""
        found = local_of(groups, clock.year_of(12))
        if civil_from_days(found // DAY)[:2] != (clock.year - 1, 12):
            raise FieldValueError("no such day this year")
        return found

    return local


def _moved_to_present_year(local_of: LocalReader, clock: Clock) -> Callable[[Groups], int]:
    """Times of a day, and dates by a year of weeks, which the date filter takes for none."""

    def local(groups: Groups) -> int:
        days, millis = divmod(local_of(groups, None), DAY)
        return move_to_year(days, clock.year_of(civil_from_days(days)[1])) * DAY + millis

    return local
