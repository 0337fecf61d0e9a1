"""CloudTrail's files: one JSON document whose `Records` are the events."""

from __future__ import annotations

from typing import Any, ClassVar

from ...dsl.reference import Event
from ..contract import Codec
from ..declaration import option
from ._charset import charset_option
from ._json import FAILED, checked, parse


class Cloudtrail(Codec, name="cloudtrail"):
    """The log files of AWS CloudTrail; for inputs only.

    Each of a document's `Records` is an event, whose `@timestamp` is its `eventTime`. A
    `disableApiTermination` that is not a map becomes `{"value": …}`, so that its type is one. A
    document stands on one line, as CloudTrail writes it.

    Differs from Logstash: a line that is not JSON, or has no records, is an event with the line as
    `message`, tagged `_jsonparsefailure`.
    """

    encodes: ClassVar[bool] = False
    by_line = True

    charset: str = option("The character set of the text.", default="UTF-8")

    def prepare(self) -> None:
        self._charset = charset_option(self)
        self._bounds = self.context.json_bounds()

    def decode(self, data: bytes) -> list[Event]:
        text = self._charset.text(data)
        try:
            self._bounds.check(text)
            document = parse(text)
            records = document["Records"] if type(document) is dict else None
            if type(records) is not list or not all(type(each) is dict for each in records):
                raise ValueError("no list of records")
        except (ValueError, KeyError):
            return [{"message": text, "tags": [FAILED]}]
        return [checked(_event(record), self.context.now()) for record in records]


def _event(record: dict[str, Any]) -> Event:
    if "eventTime" in record:
        record["@timestamp"] = record.pop("eventTime")
    parameters = record.get("requestParameters")
    if type(parameters) is dict and "disableApiTermination" in parameters:
        value = parameters["disableApiTermination"]
        if type(value) is not dict:
            parameters["disableApiTermination"] = {"value": value}
    return record
