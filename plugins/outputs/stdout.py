"""The output stdout."""
from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..contract import Codec, Output


class Stdout(Output, name="stdout"):
    """Write events to standard output, as rubydebug unless a codec says otherwise.

    Each batch is written whole before the next begins. Where the reader has gone (`| head`) the pipeline ends without an error.
    """

    default_codec = "rubydebug"
    ends_with_its_reader = True

    def prepare(self) -> None:
        self._codec = self.new_codec()
        self.pack = self._codec.encode  # type: ignore[method-assign]

    def encoding(self) -> tuple[Codec, Callable[[Any], Any]]:
        return self._codec, lambda data: data

    def deliver(self, packed: bytes) -> None:
        out = sys.stdout.buffer
        out.write(packed)
        out.flush()
