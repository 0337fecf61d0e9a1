"""The output stdout."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from typing import Any

from ...dsl.reference import Event
from ..batch import Payload
from ..codec import Codec
from ..errors import Misconfigured
from ..former import FormerOption, renamed
from ..output import Output
from ._writing import PartlyWritten, Rests, Target, target_of


class Stdout(Output, name="stdout"):
    """Write events to standard output, as rubydebug unless a codec says otherwise.

    Each batch is written whole before the next begins, also to a pipe that does not block and to a
    disk that fills meanwhile. Where the reader has gone (`| head`) the pipeline ends without an
    error.
    """

    former = renamed(
        {
            "debug": FormerOption("codec", {"true": "rubydebug"}, help="write codec => rubydebug"),
        },
        unused=("debug_format",),
    )

    default_codec = "rubydebug"
    immediate = True
    ends_with_its_reader = True

    _target: Target | None = None
    _out: Any = None
    _descriptor = -1

    def prepare(self) -> None:
        self._codec = self.new_codec()
        self._rests = Rests()

    def plain_encoding(self) -> tuple[Codec, Hashable]:
        return self._codec, None

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(self._codec.encode(events), events)]

    def deliver(self, payload: Payload) -> None:
        out = sys.stdout
        out.flush()
        data = self._rests.get(payload)
        if self._target is None or out is not self._out:
            try:
                self._descriptor = out.fileno()
            except OSError:  # a program that embeds the pipeline has put something else there
                out.buffer.write(data)
                out.buffer.flush()
                return
            self._out, self._target = out, target_of(self._descriptor)
        try:
            self._target.write(self._descriptor, data, self)
        except PartlyWritten as error:
            self._rests.keep(payload, error.rest)
            raise
        self._rests.forget(payload)

    def connect(self) -> None:
        if sys.stdout is None:
            raise Misconfigured("codec", "standard output is closed")

    def close(self) -> None:
        if self._target is not None:
            self._target.leave(self)
