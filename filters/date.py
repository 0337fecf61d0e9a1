"""The filter date: an event's time, read from one of its fields.

Formats are compiled when the pipeline is; with a zone that each event names itself, once for each
zone. The loop looks texts up among those it has read already, and only reads what is new.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..dsl.event import add_tag
from ..dsl.generated import function_of
from ..dsl.joda.clock import Clock
from ..dsl.joda.formats import Formats
from ..dsl.joda.names import (
    ENGLISH,
    Names,
    UnknownLocaleError,
    is_english,
    names_of,
    platform_locale,
)
from ..dsl.joda.parse import COUNTS, Parser, parser, uses_names
from ..dsl.joda.pattern import PatternError
from ..dsl.joda.pattern_lint import doubts, named_like
from ..dsl.joda.zones import UTC, UnknownZoneError, Zone, find_zone, get_zone, platform_zone
from ..dsl.reading import reads
from ..dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ..dsl.template import Template
from ..dsl.unmade import UnmadeEvents
from ..plugins.contract import Filter, OptionProblem
from ..plugins.declaration import Example, option
from ..plugins.decoration import decorating

_MOST_ZONES = 256
_MANY = 16
"""Events from which on it is cheaper to read all dates of a batch at once."""


class Date(Filter, name="date"):
    """Read a date from a field and make it the event's time.

    The formats are tried in order; the first that fits wins. A format is a pattern of Joda-Time
    (`yyyy-MM-dd HH:mm:ss`, with text in quotes) or one of these names:

    - `ISO8601`: dates such as `2001-12-07T23:54:54.123Z`, also without time, seconds or zone
    - `UNIX`, `UNIX_MS`: seconds (with a fraction, perhaps) and milliseconds since 1970, as text or
      number
    - `TAI64N`: labels such as `@4000000050d506482dbdf024`
    - `AUTO`: whatever can be guessed; slow, and for where no pattern is known

    A pattern must fit the whole text. Where it has no year, the present one is taken; in December
    and January dates of the other month belong to the year next door. A field that is missing or
    null is skipped in silence.

    Differs from Logstash: `AUTO` is new. A date without a year is not refused for an hour that
    clocks skip.
    """

    match: list[str] = option(
        "The field, then one format or several: `[field, format, …]`.", default=[]
    )
    target: FieldRef = option("The field that gets the instant.", default=FieldRef("@timestamp"))
    timezone: str | None = option(
        "The time zone of strings that have none: a name (`Europe/Paris`) or an offset (`+02:00`),"
        " perhaps out of a field (`%{[host][zone]}`). Default: the time zone of the machine.",
        default=None,
    )
    locale: str | None = option(
        "The language of months and days: `de`, `pt-BR`, `fr_FR`. Default: that of the"
        " machine, then English.",
        default=None,
    )
    tag_on_failure: list[str] = option(
        "Tags for an event that no format fitted.", default=["_dateparsefailure"]
    )

    examples = (
        Example(
            "the time of an access log",
            'date { match => ["when", "dd/MMM/yyyy:HH:mm:ss Z"] remove_field => ["when"] }',
            before={"when": "24/Nov/2013:01:29:01 -0800", "@timestamp": "2024-01-01T00:00:00.000Z"},
            after={"@timestamp": "2013-11-24T09:29:01.000Z"},
        ),
        Example(
            "two formats, a zone, another target",
            """date {
  match => ["t", "yyyy-MM-dd HH:mm:ss,SSS", "UNIX"]
  timezone => "Europe/Paris"
  target => "[event][created]"
}""",
            before=[{"t": "2013-07-15 12:00:00,250"}, {"t": 1373882400.25}],
            after=[
                {"t": "2013-07-15 12:00:00,250", "event": {"created": "2013-07-15T10:00:00.250Z"}},
                {"t": 1373882400.25, "event": {"created": "2013-07-15T10:00:00.250Z"}},
            ],
        ),
        Example(
            "no format fits",
            'date { match => ["t", "ISO8601"] }',
            before={"t": "yesterday"},
            after={"t": "yesterday", "tags": ["_dateparsefailure"]},
        ),
    )

    finite = True

    def prepare(self) -> None:
        if len(self.match) < 2:
            raise OptionProblem(
                "match",
                "expected a field and at least one format",
                'match => ["time", "ISO8601"]',
            )
        field, *self._formats = map(str, self.match)
        self._clock = Clock(self.context.now)
        self._loop: Callable[..., None] | None = None
        self._get = self._source(field)
        self._check_formats()
        self._names = self._languages()
        self._zone = self._zone_template()
        self._in_zones: OrderedDict[str, Formats] = OrderedDict()
        self._fixed = self._in(self._fixed_zone()) if self._zone.is_constant else None

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        return self.changes_of([str(self.target)])

    def _source(self, field: str) -> Callable[[Event], Any]:
        try:
            return FieldRef(field).get
        except ReferenceSyntaxError as error:
            raise OptionProblem(
                "match", str(error), "write a field as name, [name] or [outer][inner]", (0,), "E207"
            ) from None

    def _check_formats(self) -> None:
        """Take out the formats that are none, and say so."""
        usable = []
        for place, pattern in enumerate(self._formats, 1):
            try:
                found = doubts(pattern)
            except PatternError as error:
                name = named_like(pattern)
                help = f"write `{name}`" if name else error.help
                self.problem(
                    "match",
                    f"`{pattern}` is not a valid date format: {error.message}",
                    help,
                    (place,),
                    "E222",
                )
                continue
            usable.append(pattern)
            for message, help in found:
                self.problem("match", f"`{pattern}`: {message}", help, (place,), "W310")
        self._formats = usable

    def _languages(self) -> list[Names]:
        """The names of months and days to try, if any format reads names."""
        if not any(map(uses_names, self._formats)):
            return [ENGLISH]
        try:
            names = names_of(self.locale if self.locale is not None else platform_locale())
        except UnknownLocaleError as error:
            if self.locale is None:
                return [ENGLISH]
            raise OptionProblem("locale", str(error), code="E202") from None
        if self.locale is None:
            return [names] if names is ENGLISH else [names, ENGLISH]
        if names is ENGLISH and not is_english(self.locale):
            self.problem(
                "locale",
                f"unknown locale `{self.locale}`",
                "such as de or pt-BR",
                code="W310",
            )
        return [names]

    def _zone_template(self) -> Template:
        template = Template(self.timezone or "")
        if template.problem:
            self.problem(
                "timezone",
                template.problem,
                template.help,
                code="E207",
            )
        return template

    def _fixed_zone(self) -> Zone:
        if self.timezone is None:
            return platform_zone()
        try:
            return get_zone(self.timezone)
        except UnknownZoneError as error:
            if all(pattern in COUNTS for pattern in self._formats):
                help = "remove it: numbers of seconds have no time zone"
                self.problem("timezone", f"{error}; no format needs one", help, code="W305")
            else:
                help = error.help
                if self.timezone.startswith("["):
                    help = f"to take it from a field, write %{{{self.timezone}}}"
                self.problem("timezone", str(error), help, code="E223")
            return UTC

    def _in(self, zone: Zone | None) -> Formats:
        """The formats, compiled for a zone; without one, those that need none."""
        return Formats(self._parsers(zone))

    def _parsers(self, zone: Zone | None) -> Iterator[Parser]:
        for pattern in self._formats:
            if pattern in COUNTS:
                yield COUNTS[pattern]
            elif zone is not None:
                for names in self._names if uses_names(pattern) else [ENGLISH]:
                    yield parser(pattern, zone, names, self._clock)

    def _named_by(self, event: Event) -> Formats:
        """The formats in the zone that an event names."""
        zone_id = self._zone.render(event)
        formats = self._in_zones.get(zone_id)
        if formats is None:
            if len(self._in_zones) >= _MOST_ZONES:
                self._in_zones.popitem(last=False)
            formats = self._in_zones[zone_id] = self._in(find_zone(zone_id))
        return formats

    @property
    def takes_rows(self) -> bool:
        takes_any = self._fixed is not None and self._plain_target is not None
        return takes_any and (self.decorate is None or bool(self.removes))

    def run(self, events: list[Event]) -> list[Event]:
        if (self._fixed is None or self._fixed.follows_clock) and self._clock.turned():
            for formats in (self._fixed, *self._in_zones.values()):
                if formats is not None and formats.follows_clock:
                    formats.forget()
        if self._fixed is None:
            self._run_zoned(events)
        elif type(events) is UnmadeEvents and self._run_rows(events, self._fixed):
            return events
        else:
            self._run_fixed(events, self._fixed)
        return events

    def _run_rows(self, events: UnmadeEvents, formats: Formats) -> bool:
        """Read the dates of matches whose events are not made; those of a match without a date, or
        with one that cannot be read, are made. Whether it is known where the dates are.
        """
        rows, key = events.rows, self._plain_target
        if rows is None or key is None or not self.takes_rows:
            return False
        column = rows.column(FieldRef(str(self.match[0])).keys)
        if column is None or not rows.layout.takes_field(key):
            return False
        stamps = formats.read_texts(column) if formats.reads_together() else None
        if stamps is None:
            stamps, lines = self._each(column, formats), events.lines()
            for place, stamp in enumerate(stamps):
                if not stamp and type(rows.items[place]) is not dict:
                    rows.leave(lines, place)
        rows.set(key, stamps)
        rows.remove(self.removes)
        self._run_fixed(rows.events, formats)
        return True

    def _each(self, texts: Sequence[str | None], formats: Formats) -> list[str]:
        """What is read of each text, empty where nothing is."""
        known, read = formats.known.get, formats.read
        stamps = []
        for text in texts:
            stamp = known(text) if text else ""
            if stamp is None:
                try:
                    stamp = read(text or "")
                except Exception:  # its event is made, fails again, and tells why
                    stamp = ""
            stamps.append(stamp)
        return stamps

    def _run_fixed(self, events: list[Event], formats: Formats) -> None:
        if self._loop is None:
            self._loop = self._compiled()
        self._loop(
            events,
            formats.known.get,
            formats.read,
            formats.read_number,
            formats.read_all if len(events) >= _MANY and formats.reads_together() else None,
        )

    def _compiled(self) -> Callable[..., None]:
        """The loop over a batch, what is constant written into it."""
        key, keys = self._plain_target, FieldRef(str(self.match[0])).keys
        put = (
            ["settle(event, stamp)"]
            if key is None
            else [f"event[{key!r}] = stamp", *decorating(self.decorate, self.removes)]
        )
        lines = [
            "def loop(events, known, read, read_number, read_all):",
            *(self._together(key, keys) if key is not None else []),
            "    for event in events:",
            f"        value = {reads(keys)}",
            "        if value is None:",
            "            continue",
            "        try:",
            "            if type(value) is str:",
            "                stamp = known(value)",
            "                if stamp is None:",
            "                    stamp = read(value)",
            "            elif type(value) is int or type(value) is float:",
            "                stamp = read_number(value)",
            "            else:",
            "                stamp = None",
            "            if stamp:",
            *[f"                {line}" for line in put],
            "            else:",
            "                settle(event, stamp)",
            "        except Exception as error:",
            "            failed(event, error)",
        ]
        scope: dict[str, Any] = {
            "get": self._get,
            "settle": self._settle(),
            "failed": self.failed,
            "decorate": self.decorate,
        }
        loop: Callable[..., None] = function_of(lines, "date", scope)
        return loop

    def _together(self, target: str, keys: Sequence[str]) -> list[str]:
        """The lines that read the texts of all events at once, where all can be read; nothing where
        an event may fail afterwards.
        """
        if self.decorate is not None and not self.removes:
            return []
        return [
            "    if read_all is not None:",
            f"        stamps = read_all([{reads(keys)} for event in events])",
            "        if stamps is not None:",
            "            for event, stamp in zip(events, stamps):",
            f"                event[{target!r}] = stamp",
            *[f"                {line}" for line in decorating(self.decorate, self.removes)],
            "            return",
        ]

    def _run_zoned(self, events: list[Event]) -> None:
        get, settle = self._get, self._settle()
        for event in events:
            value = get(event)
            if value is None:
                continue
            try:
                formats = self._named_by(event)
                if type(value) is str:
                    stamp = formats.known.get(value)
                    settle(event, formats.read(value) if stamp is None else stamp)
                else:
                    settle(event, self._read_other(value, formats))
            except Exception as error:
                self.failed(event, error)

    def _read_other(self, value: Any, formats: Formats) -> str:
        """What a value means that is not a string: only numbers may mean something."""
        return (formats.read_number(value) or "") if type(value) in (int, float) else ""

    @property
    def _plain_target(self) -> str | None:
        """The key to set, where the target is a field of the event itself that takes any value."""
        keys = self.target.keys
        takes_any = len(keys) == 1 and keys[0] not in ("tags", "@metadata")
        return keys[0] if takes_any else None

    def _settle(self) -> Callable[[Event, str | None], None]:
        """What puts an instant in its place and decorates the event, or tags it where there is
        none.
        """
        put, decorate, tags = self.target.set, self.decorate, self.tag_on_failure

        def settle(event: Event, stamp: str | None) -> None:
            if stamp:
                put(event, stamp)
                if decorate is not None:
                    decorate(event)
            else:
                self.failures += 1
                for tag in tags:
                    add_tag(event, tag)

        return settle
