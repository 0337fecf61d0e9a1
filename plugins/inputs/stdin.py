"""The input stdin."""
from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator

from ...dsl.reference import Event
from ..contract import Batch, Ecs, Input
from ..streams import chunks


class Stdin(Ecs, Input, name="stdin"):
    """Read events from standard input, line by line unless a codec says otherwise.

    Events get the name of this machine as `[host][hostname]` (`host` without ECS) unless they have a `host`. The pipeline ends when
    the input does.
    """

    default_codec = "line"
    streams = True

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        codec, host = self.new_codec(), socket.gethostname()
        for data in chunks(sys.stdin.fileno(), stopping):
            events = codec.idle() if data is None else codec.decode(data)
            yield Batch(self._from(host, events), bytes=len(data or b"")) if events or data else None
        held = codec.flush()
        if held:
            yield Batch(self._from(host, held))

    def _from(self, host: str, events: list[Event]) -> list[Event]:
        if self.ecs:
            for event in events:
                if "host" not in event:
                    event["host"] = {"hostname": host}
        else:
            for event in events:
                if "host" not in event:
                    event["host"] = host
        return events
