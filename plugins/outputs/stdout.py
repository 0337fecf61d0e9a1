"""The output stdout."""
from __future__ import annotations

import sys

from ...dsl.reference import Event
from ..contract import Output


class Stdout(Output, name="stdout"):
    """Write events to standard output, as rubydebug unless a codec says otherwise.

    Each batch is written whole before the next begins. Where the reader has gone (`| head`) the pipeline ends without an error.
    """

    default_codec = "rubydebug"

    def prepare(self) -> None:
        self._encode = self.new_codec().encode

    def write(self, events: list[Event]) -> None:
        out = sys.stdout.buffer
        out.write(self._encode(events))
        out.flush()
