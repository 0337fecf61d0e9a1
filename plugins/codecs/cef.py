"""ArcSight's Common Event Format: a header of seven fields parted by ``|``, then ``key=value``
pairs parted by spaces.

The hard part is that values hold spaces: a value ends where a key follows. Both patterns are
possessive, so that no text, however malformed, makes them try twice. Source: "Implementing ArcSight
Common Event Format", revisions 20 and 23.
"""

from __future__ import annotations

import re
from typing import Any

from ...dsl.joda.names import UnknownLocaleError, names_of, platform_locale
from ...dsl.joda.zones import Zone, find_zone, platform_zone
from ...dsl.reference import Event, FieldError, FieldRef, ReferenceSyntaxError, reference
from ...dsl.template import Template
from ...dsl.timestamp import Timestamp
from ...dsl.values import json_text, to_text
from ..contract import Codec, Ecs
from ..declaration import option
from ._cef_fields import field_names
from ._cef_time import cef_time, device_zone
from ._framing import BYTES_MARK, TOO_LONG, Framing
from ._rendering import renderer, utf8

_HEADER_FIELD = re.compile(r"((?:[^|\\]++|\\[|\\]|\\(?![|\\]))*+)\|")
_KEY = r"\w++(?:\.[^.=\s|\\\[\]]++)*+(?:\[[0-9]++\])?+(?==)"
_PAIR = re.compile(rf"({_KEY})=((?:\S++|\s++(?!{_KEY}))*+)\s*+", re.ASCII)
_INDEXED = re.compile(r"([^\[\]]+)((?:\[[0-9]+\])+)")
_HEADER_ESCAPE = re.compile(r"\\([\\|])")
_VALUE_ESCAPE = re.compile(r"\\([\\=nr])")
_MEANT = {"\\": "\\", "=": "=", "n": "\n", "r": "\r"}
_TO_HEADER = str.maketrans({"\\": "\\\\", "|": "\\|", "\n": " ", "\r": " "})
_TO_VALUE = str.maketrans({"\\": "\\\\", "=": "\\=", "\n": "\\n", "\r": "\\n"})
_NO_KEY = re.compile("[^a-zA-Z0-9]")


class Cef(Ecs, Codec, name="cef"):
    """ArcSight's Common Event Format, to and from events.

    Decoding: the short keys of the format's dictionary become names, those of the format
    (`sourceAddress`) or, with ECS, those of the Elastic Common Schema (`[source][ip]`); values stay
    text, but with ECS times become instants and `rt` sets `@timestamp`. A syslog header before
    `CEF:` is kept in `syslog` (`[log][syslog][header]`). What is not CEF is an event with the text
    as `message`, tagged `_cefparsefailure`. Without a `delimiter` a payload is one event; a final
    line break is ignored.

    Encoding: the header's fields may have `%{field}` in them; `fields` names what is written behind
    it, as names or, with `reverse_mapping`, as short keys.
    """

    delimiter: str | None = option(
        "What stands between events; `\\n` and `\\r` are line breaks.", default=None
    )
    device: str = option(
        "With ECS, what the device's fields describe: the machine that saw the event, or where it"
        " happened.",
        default="observer",
        choices=("observer", "host"),
    )
    default_timezone: str | None = option(
        "The zone of times without one. Default: that of this machine.", default=None
    )
    locale: str | None = option(
        "The language of the names of months. Default: that of this machine.", default=None
    )
    raw_data_field: FieldRef | None = option("A field to keep the undecoded text in.", default=None)
    fields: list[FieldRef] = option("The fields to write.", default=[])
    reverse_mapping: bool = option(
        "Whether the short keys of the format are written.", default=False
    )
    vendor: Template = option("The vendor to write.", default=Template("Elasticsearch"))
    product: Template = option("The product to write.", default=Template("Logstash"))
    version: Template = option("The product's version to write.", default=Template("1.0"))
    signature: Template = option("The class of events to write.", default=Template("Logstash"))
    name: Template = option(  # type: ignore[assignment]
        "The name of events to write.", default=Template("Logstash")
    )
    severity: Template = option(
        "The severity to write, 0 to 10; 6 where it is none.", default=Template("6")
    )

    def prepare(self) -> None:
        self.by_line = self.delimiter is None
        names = field_names(self.ecs, self.device, self.reverse_mapping)
        self._header = [FieldRef(name) for name in names.header]
        self._read = {key: FieldRef(name) for key, name in names.read.items()}
        self._times = frozenset([FieldRef(name) for name in names.times])
        self._syslog = FieldRef("[log][syslog][header]" if self.ecs else "syslog")
        self._written = [
            (ref, _NO_KEY.sub("", names.written.get(ref.text, ref.text))) for ref in self.fields
        ]
        self._renders = [
            (renderer(getattr(self, key)), self.spec.options[key].default.text)
            for key in ("vendor", "product", "version", "signature", "name")
        ]
        self._severity = renderer(self.severity)
        self._end = (self.delimiter or "").replace("\\r", "\r").replace("\\n", "\n")
        self._prepare_times()

    def _prepare_times(self) -> None:
        given = self.default_timezone or self.context.settings.get("penstock.timezone")
        zone = find_zone(str(given)) if given else platform_zone()
        if zone is None:
            self.problem(
                "default_timezone",
                f"`{given}` is not a valid time zone",
                "write Europe/Paris or +02:00",
            )
        self._zone: Zone = zone or platform_zone()
        try:
            self._months = names_of(self.locale or platform_locale()).months
        except UnknownLocaleError as error:
            self.problem("locale", str(error))

    def start(self) -> None:
        self._framing = Framing(self._end.encode() or b"\n", self.longest, self.begun)
        self._marked = not self.begun

    def decode(self, data: bytes) -> list[Event]:
        if self._end:
            return self._lines(self._framing.feed(data))
        if self._marked:
            self._marked, data = False, data.removeprefix(BYTES_MARK)
        return [self._event(data)]

    def flush(self) -> list[Event]:
        return self._lines(self._framing.rest())

    def _lines(self, block: bytes | None) -> list[Event]:
        cut = self._framing.cut
        return [
            _part(line) if cut and place in cut else self._event(line)
            for place, line in enumerate([] if block is None else block.split(self._end.encode()))
        ]

    def _event(self, data: bytes) -> Event:
        try:
            text = data.decode()
            event = self._parsed(text)
            if self.raw_data_field is not None and not self.raw_data_field.has(event):
                self.raw_data_field.set(event, text)
            return event
        except (ValueError, FieldError, ReferenceSyntaxError):
            return {"message": data.decode("utf-8", "replace"), "tags": ["_cefparsefailure"]}

    def _parsed(self, text: str) -> Event:
        if text.startswith('"'):
            text = text[1:-1]
        text = (
            text[:-2]
            if text.endswith("\r\n")
            else text[:-1]
            if text.endswith(("\n", "\r"))
            else text
        )
        if "\n" in text:
            raise ValueError("the record contains a line break: set `delimiter`")
        event: Event = {}
        at = self._read_header(event, text)
        self._read_extension(event, text[at:].strip(" \t\n\v\f\r\0"))
        return event

    def _read_header(self, event: Event, text: str) -> int:
        """Set the header's fields, and give where it ends."""
        at, values = 0, []
        for _ in self._header:
            found = _HEADER_FIELD.match(text, at)
            if found is None:
                raise ValueError("the header has too few fields")
            values.append(_HEADER_ESCAPE.sub(r"\1", found[1]))
            at = found.end()
        syslog, space, values[0] = values[0].rpartition(" ")
        values[0] = values[0].removeprefix("CEF:")
        for ref, value in zip(self._header, values, strict=True):
            ref.set(event, value)
        if space:
            self._syslog.set(event, syslog)
        return at

    def _read_extension(self, event: Event, text: str) -> None:
        values: dict[FieldRef, str] = {}
        at = 0
        while at < len(text):
            found = _PAIR.match(text, at)
            if found is None:
                raise ValueError("an extension value has no key")
            key, value = found.groups()
            if "\\" in value:
                value = _VALUE_ESCAPE.sub(lambda escape: _MEANT[escape[1]], value)
            values[self._read.get(key) or _unknown(key)] = value
            at = found.end()
        zone = values.get(_TIME_ZONE) if self.ecs else None
        for ref, value in values.items():
            if ref not in self._times:
                ref.set(event, value)
            elif value.strip():
                ref.set(
                    event,
                    cef_time(
                        value,
                        device_zone(zone) if zone else self._zone,
                        self._months,
                        self.context.now(),
                    ),
                )
            elif ref.keys != ("@timestamp",):
                ref.set(event, None)

    def encode(self, events: list[Event]) -> bytes:
        return utf8("".join([self._text(event) + self._end for event in events]))

    def _text(self, event: Event) -> str:
        header = [_header_text(render(event)) or default for render, default in self._renders]
        values = [
            f"{key}={_value_text(value)}"
            for ref, key in self._written
            if (value := ref.get(event)) is not None
        ]
        return "|".join(["CEF:0", *header, _severity(self._severity(event)), " ".join(values)])


# The format's option hides the plugin's own name, which is a property and could not be set.
Cef.name = Template("Logstash")
_TIME_ZONE = FieldRef("[event][timezone]")


def _part(line: bytes) -> Event:
    return {"message": line.decode("utf-8", "replace"), "tags": [TOO_LONG]}


def _unknown(key: str) -> FieldRef:
    """The field of a key that the dictionary does not have: ``ad.field[0]`` is an item of
    ``ad.field``.
    """
    indexed = _INDEXED.fullmatch(key) if key.endswith("]") else None
    return reference(f"[{indexed[1]}]{indexed[2]}" if indexed else key)


def _header_text(text: str) -> str:
    return text.replace("\r\n", "\n").translate(_TO_HEADER)


def _value_text(value: Any) -> str:
    if type(value) is Timestamp:
        return str(value)
    text = json_text(value) if type(value) in (list, dict) else to_text(value)
    return text.replace("\r\n", "\n").translate(_TO_VALUE)


def _severity(text: str) -> str:
    try:
        value = float(text.strip())
    except ValueError:
        return "6"
    return str(int(value)) if 0 <= value <= 10 and value == int(value) else "6"
