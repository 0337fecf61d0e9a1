"""An input http that a thread of the runtime serves, for tests that send requests and look at what comes."""
from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import urllib3

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.decoding import Decoder
from penstock.pipeline.runtime.input_threads import Incoming, ListenerThread, MemoryIntake
from penstock.plugins.inputs.http import Http


class Inlet:
    """``send`` sends a request and gives the answer; ``batch`` waits for what came, ``events`` has it delivered."""

    def __init__(self, listener: Http, most: int) -> None:
        listener.max_in_flight = most
        listener.open()
        listener.connect()
        self.port = listener.addresses[0][1]
        self._listener, self._decoder = listener, Decoder(listener)
        self._intake, self.failures = MemoryIntake(), list[BaseException]()
        self.stopping = threading.Event()
        self._thread = ListenerThread(0, listener, self._intake, self.stopping, self.failures.append, is_connected=True)
        self._thread.start()

    def send(self, body: bytes | Iterator[bytes] = b"", path: str = "", method: str = "POST", host: str = "127.0.0.1", **headers: str) -> urllib3.BaseHTTPResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://{host}:{self.port}/{path}"
        return urllib3.request(method, url, body=body, headers=named, retries=False, timeout=30)

    def batch(self) -> Incoming:
        incoming = self._intake.take(30)
        assert incoming is not None, self.failures
        return incoming

    def events(self, batch: Incoming | None = None) -> list[Event]:
        """The events of a batch, the next one if none is given, which is delivered then."""
        incoming = batch or self.batch()
        found = [event for events in self._decoder.batches(incoming.batch) for event in events]
        self.end_batch(incoming, None)
        return found

    def end_batch(self, incoming: Incoming, error: Exception | None) -> None:
        assert incoming.done is not None
        incoming.done(error)

    def end(self) -> None:
        self.stopping.set()
        self._thread.finish()
        self._listener.close()


@contextlib.contextmanager
def inlet(tmp_path: Path, options: str = "", most: int = 256, **settings: Any) -> Iterator[Inlet]:
    where = "" if "host =>" in options else 'host => "127.0.0.1"'
    text = f"input {{ http {{ {where} port => 0 {options} }} }}"
    assembly = assemble([Source("(test)", text)], settled({"path.data": str(tmp_path), **settings}))
    (listener,) = assembly.plugins(assembly.program.inputs)
    served = Inlet(cast(Http, listener), most)
    try:
        yield served
    finally:
        served.end()
