"""The time of a syslog message: what Logstash's input reads with a date filter of its own."""

from __future__ import annotations

from ...dsl.event import add_tag
from ...dsl.joda.clock import Clock
from ...dsl.joda.formats import Formats
from ...dsl.joda.names import (
    ENGLISH,
    Names,
    UnknownLocaleError,
    is_english,
    names_of,
    platform_locale,
)
from ...dsl.joda.parse import parser
from ...dsl.joda.zones import Zone, get_zone, platform_zone
from ...dsl.reference import Event
from ..context import Context

_FORMATS = ("MMM dd HH:mm:ss", "MMM  d HH:mm:ss", "MMM d HH:mm:ss")
_FAILED = "_dateparsefailure"


class Times:
    """Reads times, in a zone and a language unless they say their own; ``removes``: the text is
    taken out of the event. ``is_unknown_language``: English was taken instead. Raises
    UnknownZoneError, UnknownLocaleError.
    """

    def __init__(
        self, context: Context, zone: str | None, locale: str | None, removes: bool
    ) -> None:
        self._removes = removes
        self._clock = Clock(context.now)
        place = platform_zone() if zone is None else get_zone(zone)
        languages = _languages(locale)
        self.is_unknown_language = bool(locale) and languages == [ENGLISH]
        self.is_unknown_language &= not is_english(locale or "")
        self._formats = _formats(place, languages, self._clock)

    def look_at_clock(self) -> None:
        """Dates have no year: what was read last month may be of another one now."""
        if self._clock.turned():
            self._formats.forget()

    def take(self, event: Event) -> None:
        """Make the time that was captured the event's."""
        if self._removes:
            text = event.pop("timestamp", None)
        else:
            text = event.get("timestamp8601")
            if text is not None:
                event["timestamp"] = text
            text = event.get("timestamp")
        if text is not None:
            self.read(event, text)

    def read(self, event: Event, text: object) -> None:
        """Make a time the event's; one that cannot be read is a tag."""
        if type(text) is list and text:
            text = text[0]
        stamp = ""
        if type(text) is str:
            stamp = self._formats.known.get(text) or self._formats.read(text)
        if stamp:
            event["@timestamp"] = stamp
        else:
            add_tag(event, _FAILED)


def _languages(locale: str | None) -> list[Names]:
    try:
        names = names_of(platform_locale() if locale is None else locale)
    except UnknownLocaleError:
        if locale is not None:
            raise
        return [ENGLISH]
    return [names] if names is ENGLISH or locale is not None else [names, ENGLISH]


def _formats(zone: Zone, languages: list[Names], clock: Clock) -> Formats:
    named = [parser(each, zone, names, clock) for each in _FORMATS for names in languages]
    return Formats([*named, parser("ISO8601", zone)])
