"""The output stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ..contract import Codec, Output
from ._writing import Target, target_of


class Stdout(Output, name="stdout"):
    """Write events to standard output, as rubydebug unless a codec says otherwise.

    Each batch is written whole before the next begins, also to a pipe that does not block and to a
    disk that fills meanwhile. Where the reader has gone (`| head`) the pipeline ends without an
    error.
    """

    default_codec = "rubydebug"
    ends_with_its_reader = True

    _target: Target | None = None
    _out: Any = None
    _descriptor = -1

    def prepare(self) -> None:
        self._codec = self.new_codec()
        self.pack = self._codec.encode  # type: ignore[method-assign]

    def encoding(self) -> tuple[Codec, Callable[[Any], Any]]:
        return self._codec, lambda data: data

    def deliver(self, packed: bytes) -> None:
        out = sys.stdout
        out.flush()
        if self._target is None or out is not self._out:
            try:
                self._descriptor = out.fileno()
            except OSError:  # a program that embeds the pipeline has put something else there
                out.buffer.write(packed)
                out.buffer.flush()
                return
            self._out, self._target = out, target_of(self._descriptor)
        self._target.write(self._descriptor, packed, self)

    def close(self) -> None:
        if self._target is not None:
            self._target.leave(self)
