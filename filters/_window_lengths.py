"""The lengths of windows: what ``size``, ``every``, ``offset`` and ``timezone`` mean together."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..dsl.joda.zones import UTC, UnknownZoneError, get_zone
from ..dsl.options import Misfit, read
from ..dsl.spec import Kind
from ..plugins.contract import OptionProblem
from .state.calendar import DAY, HOUR, WEEK, CalendarWindows, FixedWindows, Windows

_MONTHS = re.compile(r"\s*(\d+)\s*(?:M|months?)\s*").fullmatch
_DURATION = Kind("duration")


class Length(NamedTuple):
    """A length of time: milliseconds, or months."""

    millis: int
    months: int = 0


def read_length(option: str, text: str) -> Length:
    """What a length says; raises OptionProblem."""
    if months := _MONTHS(text):
        length = Length(0, int(months[1]))
    else:
        try:
            length = Length(round(read(_DURATION, text) * 1000))
        except Misfit:
            raise OptionProblem(
                option,
                f"`{text}` is not a valid length of time",
                'write "90s", "5m", "1h", "1d", "1w" or "1M"',
                code="E204",
            ) from None
    if not any(length):
        raise OptionProblem(
            option, f"`{option}` must be at least a millisecond", "give a longer one"
        )
    return length


def read_windows(size: str, every: str | None, offset: int, timezone: str | None) -> Windows:
    """The windows that these options mean; raises OptionProblem."""
    whole = read_length("size", size)
    step = whole if every is None else read_length("every", every)
    if whole.months and not step.months:
        raise _misplaced("size", size, "UTC" if timezone is None else timezone)
    if step.months > whole.months or step.millis > whole.millis:
        raise OptionProblem(
            "every",
            "`every` is longer than `size`: events between two windows would be lost",
            "give `every` of at most `size`, or drop events before",
            code="E241",
        )
    if timezone is None and not whole.months:
        return FixedWindows(whole.millis, step.millis, offset)
    try:
        zone = UTC if timezone is None else get_zone(timezone)
    except UnknownZoneError as error:
        raise OptionProblem("timezone", str(error), error.help, code="E223") from None
    place = "UTC" if timezone is None else timezone
    unit = _unit("every" if every is not None else "size", every or size, step, place)
    count = whole.months or whole.millis // step.millis
    if not whole.months and whole.millis % step.millis:
        raise _misplaced("size", size, place)
    return CalendarWindows(zone, unit, count // (step.months or 1), offset)


def _unit(option: str, text: str, step: Length, zone: str) -> int | str:
    """The unit of a calendar: ``M``, or milliseconds that fit into its days."""
    if step.months:
        if step.months == 1:
            return "M"
    elif step.millis == WEEK or (step.millis % HOUR == 0 and DAY % step.millis == 0):
        return step.millis
    raise _misplaced(option, text, zone)


def _misplaced(option: str, text: str, zone: str) -> OptionProblem:
    return OptionProblem(
        option,
        f"a window of {text} does not divide a day of {zone}",
        "use 1d, 1w, 1M or hours that divide 24, or `offset`",
        code="E242",
    )
