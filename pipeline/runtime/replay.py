"""Sending given events through a configuration: its filters and outputs, with its inputs left
out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...dsl.parser import parse
from ...dsl.reference import Event
from ...dsl.source import Source
from ...plugins.batch import Batch
from ...plugins.errors import EndOfInput
from ...plugins.input import Input
from ..compile.instantiate import assemble
from .pipeline import Pipeline

_BATCH = 500


class Given(Input, name="given"):
    """Events from a list."""

    local = True
    bounded = True
    events: list[Event]
    _next = 0

    def read(self, timeout: float) -> Batch | None:
        start, self._next = self._next, self._next + _BATCH
        if start >= len(self.events):
            raise EndOfInput
        return Batch(self.events[start : start + _BATCH])


def replay_events(
    sources: Sequence[Source], settings: Mapping[str, Any], events: list[Event]
) -> None:
    """Run events through a configuration; returns when the outputs have them. Raises ConfigError,
    or Undelivered.
    """
    assembly = assemble([without_inputs(source) for source in sources], settings)
    pipeline = Pipeline(assembly)
    given = Given({})
    given.events = events
    pipeline.inputs = [given]
    pipeline.run()


def without_inputs(source: Source) -> Source:
    """A source with blanks in place of its input sections, so that all else keeps its place; raises
    ConfigError.
    """
    text = source.text
    for section in parse(source).sections:
        if section.kind == "input":
            start, end = section.span.start, section.span.end
            blank = "".join(letter if letter == "\n" else " " for letter in text[start:end])
            text = text[:start] + blank + text[end:]
    return Source(source.name, text)
