"""Graphite's plaintext protocol: ``name value time``, a line for each measurement."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from ...dsl import regex
from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.timestamp import Timestamp
from ...dsl.values import ruby_float, ruby_text
from ..contract import Codec
from ..declaration import option
from ._charset import Charset
from ._framing import TOO_LONG, LineReader
from ._rendering import renderer, utf8

_NUMBER = re.compile(r"\s*([+-]?(?:\d[\d_]*)(?:\.\d+)?(?:[eE][+-]?\d+)?)", re.ASCII)
_WORD = re.compile(r"[^ \t\r\n\v\f]+")
_WHOLE = re.compile(r"\s*([+-]?\d+)", re.ASCII)
_MOST_SECONDS = 10**12
_ALWAYS_LEFT_OUT = ("@timestamp", "@version", "@metadata")
Search = Callable[[str], Any]


class Graphite(Codec, name="graphite"):
    """Graphite's lines, `name value time`.

    Decoding: a field of the metric's name holds its value, and `@timestamp` its time. A value that
    is not a number is 0.0, a missing time is 1970, as in Logstash. Encoding: a line for each of
    `metrics`, or for each field if `fields_are_metrics`; an event without any gives nothing.
    """

    metrics: dict[str, Any] = option(
        "Names of metrics, with the value of each; both may have `%{field}`.", default={}
    )
    fields_are_metrics: bool = option("Whether every field is a metric.", default=False)
    include_metrics: list[str] = option(
        "Expressions; a name that matches none is left out.", default=[".*"]
    )
    exclude_metrics: list[str] = option(
        "Expressions; a name that matches one is left out.", default=[r"%\{[^}]+\}"]
    )
    metrics_format: str = option(
        "What a name is written as; `*` stands for it, and it may have `%{field}`.", default="*"
    )

    def prepare(self) -> None:
        template = Template(self.metrics_format)
        self._format_is_constant = template.is_constant
        if template.problem:
            self.problem("metrics_format", template.problem, template.help, code="W304")
        self._included = self._searches("include_metrics")
        self._excluded = self._searches("exclude_metrics")
        texts = [(name, ruby_text(value)) for name, value in self.metrics.items()]
        self._metrics = [
            (renderer(Template(name)), renderer(Template(value))) for name, value in texts
        ]

    def _searches(self, option: str) -> list[Search]:
        searches: list[Search] = []
        for place, text in enumerate(getattr(self, option)):
            try:
                searches.append(regex.compile(text).search)
            except regex.RegexError as error:
                self.problem(option, f"bad regular expression: {error}", path=(place,), code="E208")
        return searches

    def start(self) -> None:
        self._reader = LineReader(Charset("UTF-8"), "\n", self.longest, self.begun)

    def decode(self, data: bytes) -> list[Event]:
        return self._events(self._reader.lines(data))

    def flush(self) -> list[Event]:
        return self._events(self._reader.rest())

    def _events(self, lines: list[str]) -> list[Event]:
        cut = self._reader.cut
        return [
            {"message": line, "tags": [TOO_LONG]} if cut and place in cut else _measured(words)
            for place, line in enumerate(lines)
            if (words := _WORD.findall(line))
        ]

    def encode(self, events: list[Event]) -> bytes:
        return utf8("".join([line for event in events for line in self._lines(event)]))

    def _lines(self, event: Event) -> list[str]:
        stamp = event.get("@timestamp")
        at = stamp.seconds() if type(stamp) is Timestamp else ""
        if self.fields_are_metrics:
            pairs = [
                (key, ruby_text(value))
                for key, value in event.items()
                if key not in _ALWAYS_LEFT_OUT
            ]
        else:
            pairs = [(name(event), value(event)) for name, value in self._metrics]
        return [
            f"{self._named(event, name)} {ruby_float(_number(value))} {at}\n"
            for name, value in pairs
            if self._is_wanted(name)
        ]

    def _named(self, event: Event, name: str) -> str:
        """A name as it is written: templates are filled in once it stands in the format."""
        text = self.metrics_format.replace("*", name)
        return text if self._format_is_constant else _template(text).render(event)

    def _is_wanted(self, name: str) -> bool:
        included = self.fields_are_metrics and not self._included
        included = included or any(search(name) for search in self._included)
        return included and not any(search(name) for search in self._excluded)


@lru_cache(maxsize=4096)
def _template(text: str) -> Template:
    return Template(text)


def _measured(words: list[str]) -> Event:
    name, value, time, *_ = [*words, "", ""]
    seconds = _WHOLE.match(time)
    at = int(seconds[1][:20]) if seconds else 0
    return {
        name: _number(value),
        "@timestamp": Timestamp.of_millis(max(-_MOST_SECONDS, min(at, _MOST_SECONDS)) * 1000),
    }


def _number(text: str) -> float:
    """The number that a text begins with, as Ruby's to_f reads it; 0.0 if there is none."""
    found = _NUMBER.match(text)
    return float(found[1].replace("_", "")) if found else 0.0
