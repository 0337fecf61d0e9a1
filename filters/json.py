"""The filter json: a text field parsed, its fields put into the event or below a target.

msgspec reads what is plain, at a fraction of a microsecond a value. What it refuses is read again,
as Logstash's parser would: a blank text, a byte order mark, half surrogates, numbers beyond a
double. Of several values in a row Logstash takes the last; here that is a failure.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import msgspec

from ..dsl.diagnostics import PenstockError
from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldError, FieldRef
from ..dsl.timestamp import parse_timestamp
from ..dsl.values import ruby_text
from ..plugins.contract import Ecs, Filter, complain
from ..plugins.declaration import Example, option
from ..plugins.json_bounds import Bounds
from ._references import named_field, set_all

_BLANK = re.compile(r"[ \t\n\r]*")


class NotJsonError(PenstockError, ValueError):
    """A text that is not valid JSON."""


class Json(Ecs, Filter, name="json"):
    """Parse a field that holds JSON.

    The fields of the JSON object are put into the event, over fields of the same name, or as a
    whole into `target`. A name in brackets, `"[a][b]"`, is a field reference. Without a target the
    text must hold an object, and its `@timestamp` becomes the event's; one that cannot be read is
    kept in `_@timestamp`, tagged `_timestampparsefailure`, and the event gets the present time.

    A string that is not valid JSON leaves the event as it is, tagged with `tag_on_failure`. A field
    that is not there, null or false is skipped. With `skip_on_invalid_json`, text that is not valid
    JSON is skipped, too. A string with other text behind its JSON is not valid.

    Differs from Logstash: of several values in a row not the last one counts, as the others would
    be lost; the text is a failure. JSON that holds more values than `penstock.limits.fields` is
    refused, as is what nests deeper than `penstock.limits.depth`.
    """

    source: str = option("The field with the JSON.")
    target: FieldRef | None = option(
        "Where the value goes. Default: the event itself.", default=None
    )
    tag_on_failure: list[str] = option(
        "Tags for an event whose JSON cannot be used.", default=["_jsonparsefailure"]
    )
    skip_on_invalid_json: bool = option(
        "Whether strings that are not valid JSON are skipped without a tag.", default=False
    )

    examples = (
        Example(
            "parse the message",
            'json { source => "message" remove_field => ["message"] }',
            before={"message": '{"level": "warn", "took": 1.0}'},
            after={"level": "warn", "took": 1.0},
        ),
        Example(
            "below a target, any value will do",
            'json { source => "[payload]" target => "[doc]" }',
            before=[{"payload": "[1, 2]"}, {"payload": "{oops"}],
            after=[
                {"payload": "[1, 2]", "doc": [1, 2]},
                {"payload": "{oops", "tags": ["_jsonparsefailure"]},
            ],
        ),
    )

    def prepare(self) -> None:
        """Find the source."""
        self.source_field = named_field(self, "source", self.source)
        self.bounds = self.context.json_bounds()
        self.put = self.target.set if self.target is not None else self._merge

    def run(self, events: list[Event]) -> list[Event]:
        """Parse the source of each event; the same list."""
        get, put, decorate, decode = self.source_field.get, self.put, self.decorate, _DECODER.decode
        short, bounds = self.bounds.short, self.bounds
        for event in events:
            try:
                text = get(event)
                if text is None or text is False:
                    continue
                try:
                    if len(text) > short:
                        _measure(text, bounds)
                    value = decode(text)
                except (msgspec.DecodeError, UnicodeError, TypeError, RecursionError):
                    value = _read_odd(text)
                put(event, value)
                if decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event whose JSON could not be used, unless it is to be passed over."""
        if self.skip_on_invalid_json and isinstance(error, NotJsonError):
            return
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)
        complain(
            self.context.where,
            "%s: the JSON of an event cannot be used: %s",
            self.context.where,
            error,
        )

    def _merge(self, event: Event, value: Any) -> None:
        if type(value) is not dict:
            raise FieldError("the JSON is not an object: set `target`")
        stamp = value.pop("@timestamp", None)
        if stamp is not None and stamp is not False:
            self._set_timestamp(event, stamp)
        set_all(event, value)

    def _set_timestamp(self, event: Event, stamp: Any) -> None:
        parsed = parse_timestamp(stamp) if type(stamp) is str else None
        event["@timestamp"] = parsed or self.context.now()
        if parsed is None:
            event["_@timestamp"] = ruby_text(stamp)
            add_tag(event, "_timestampparsefailure")


_DECODER = msgspec.json.Decoder()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid JSON")


_ONE = json.JSONDecoder(parse_constant=_refuse)


def _read_odd(text: Any) -> Any:
    """The value of a text, None for a blank one; raises NotJsonError."""
    if type(text) is not str:
        raise NotJsonError(f"the field is not a string but a {type(text).__name__}")
    value, at = None, _skip(text, text.startswith("\ufeff"))
    try:
        if at < len(text):
            value, end = _ONE.raw_decode(text, at)
            at = _skip(text, end)
    except (ValueError, RecursionError) as error:
        raise NotJsonError(str(error)) from None
    if at < len(text):
        raise NotJsonError(f"unexpected text after the JSON, from character {at + 1}")
    return _mended(value) if "\\u" in text or not text.isascii() else value


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


_HALF = re.compile("[\ud800-\udfff]")


def _mended(value: Any) -> Any:
    """The value with U+FFFD for half surrogates, which no encoder takes."""
    if type(value) is str:
        return _HALF.sub("\ufffd", value)
    if type(value) is list:
        return [_mended(item) for item in value]
    if type(value) is dict:
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value


def _measure(text: Any, bounds: Bounds) -> None:
    """Raise NotJsonError where a text is over a bound."""
    if type(text) is str:
        try:
            bounds.check(text)
        except ValueError as error:
            raise NotJsonError(str(error)) from None
