"""When a poller asks: again and again, by a cron line, or once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from ...dsl.durations import seconds_of
from ...dsl.joda.zones import Zone
from ..schedule import ScheduleError, parse_schedule

_EPOCH = datetime(1970, 1, 1)


class Polls:
    """``first``: the instant of the first poll for an instant at which the input starts; ``then``:
    the next one after one that was due; both in milliseconds since 1970, None for never.
    """

    def __init__(
        self,
        first: Callable[[int], int | None],
        then: Callable[[int], int | None] = lambda due: None,
    ) -> None:
        self.first, self._then = first, then

    def after(self, due: int, now: int) -> int | None:
        """The next poll after one that was due, behind the present: those that were missed are left
        out.
        """
        following = self._then(due)
        while following is not None and following <= now:
            following = self._then(max(following, now - 1))
        return following


def polls(schedule: dict[str, Any], zone: Zone) -> Polls:
    """The polls that an option means, such as ``{"every" => "1h"}``; raises ScheduleError."""
    if len(schedule) != 1:
        raise ScheduleError("a schedule has one key: `every`, `cron`, `in` or `at`")
    ((kind, value),) = schedule.items()
    if kind == "every":
        every = parse_schedule(f"every {_span_text(value)}", zone)
        return Polls(lambda now: now, every.after)
    if kind == "cron":
        cron = parse_schedule(str(value), zone)
        return Polls(cron.after, cron.after)
    if kind == "in":
        seconds = seconds_of(_span_text(value))
        if seconds is None:
            raise ScheduleError(f"`{value}` is not a valid duration")
        return Polls(lambda now: now + round(seconds * 1000))
    if kind == "at":
        at = _instant(str(value), zone)
        return Polls(lambda now: at if at >= now else None)
    raise ScheduleError(f"`{kind}` is not a kind of schedule: take `every`, `cron`, `in` or `at`")


def _span_text(value: Any) -> str:
    """A duration as a text; a bare number means seconds."""
    text = str(value).strip()
    return f"{text}s" if text.replace(".", "", 1).isdecimal() else text


def _instant(text: str, zone: Zone) -> int:
    """An instant in milliseconds since 1970; raises ScheduleError."""
    try:
        read = datetime.fromisoformat(text.strip().replace("/", "-"))
    except ValueError:
        raise ScheduleError(f"`{text}` is not a valid time") from None
    if read.tzinfo is not None:
        return round(read.timestamp() * 1000)
    local = round((read - _EPOCH).total_seconds() * 1000)
    instant = zone.to_utc(local)
    if instant is None:
        raise ScheduleError(f"`{text}` never comes: clocks skip it")
    return instant
