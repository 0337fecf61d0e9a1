"""The output stdout."""
from __future__ import annotations

import sys

from ..contract import Output


class Stdout(Output, name="stdout"):
    """Write events to standard output, as rubydebug unless a codec says otherwise.

    Each batch is written whole before the next begins. Where the reader has gone (`| head`) the pipeline ends without an error.
    """

    default_codec = "rubydebug"
    ends_with_its_reader = True

    def prepare(self) -> None:
        self.pack = self.new_codec().encode  # type: ignore[method-assign]

    def deliver(self, packed: bytes) -> None:
        out = sys.stdout.buffer
        out.write(packed)
        out.flush()
