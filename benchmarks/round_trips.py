"""What a target that is far away costs: events a second with a round trip, of those without one.

The output of this script does nothing but wait. One lets the runtime join what waits, with default
options; the other takes what was packed as it is, in eight requests at once. A request that is
not joined has the events of one batch, some 32 KiB of input; so eight in flight take no more than
8 / ROUND_TRIP of them a second, whatever the runtime does: that bound is printed beside.

    python benchmarks/round_trips.py [--events 150000] [--seconds 0.02]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.pipeline import Pipeline
from penstock.pipeline.runtime.turns import short_turns
from penstock.plugins.batch import Payload
from penstock.plugins.outputs.null import Null

LINE = (
    '192.0.2.{} - - [04/Sep/2025:08:15:00 +0200] "GET /articles/{} HTTP/1.1" 200 5120 "-"'
    ' "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"\n'
)
CONFIG = """
input {{ file {{ path => "{path}" mode => "read" file_completed_action => "log"
    file_completed_log_path => "/dev/null" exit_after_read => true sincedb_path => "/dev/null" }} }}
filter {{ grok {{ match => {{ "message" => "%{{COMMONAPACHELOG}}" }} }} }}
output {{ null {{ {options} }} }}
"""
IN_FLIGHT = 8


class Far(Null, name="null"):
    """The output of the measurement. ``seconds``: the round trip; ``requests``: their sizes."""

    immediate = False
    seconds = 0.0
    is_joined = True
    requests: list[int] = []  # noqa: RUF012  (one measurement at a time)

    def pack(self, events: list[Event]) -> list[Payload]:
        """The texts of a batch."""
        lane = "only" if self.is_joined else None
        return [Payload([event["message"] for event in events], None, lane, len(events))]

    def joins(self, payload: Payload) -> bool:
        """Whether requests hold several batches."""
        return self.is_joined

    def deliver(self, payload: Payload) -> None:
        """Wait for the answer."""
        self.requests.append(payload.count)
        if self.seconds:
            time.sleep(self.seconds)


def rate(path: Path, events: int, options: str, seconds: float, is_joined: bool) -> float:
    """Events a second of a run."""
    with tempfile.TemporaryDirectory() as data:
        settings: dict[str, Any] = settled({"path.data": data})
        text = CONFIG.format(path=path, options=options)
        assembly = assemble([Source("round-trips.conf", text)], settings)
        pipeline = Pipeline(assembly)
        (output,) = pipeline.targets
        output.__class__ = Far
        Far.seconds, Far.is_joined, Far.requests = seconds, is_joined, []
        begin = time.perf_counter()
        pipeline.run()
        took = time.perf_counter() - begin
    assert sum(Far.requests) == events, "an event is missing"
    return events / took


def main() -> None:
    """Print a line for each way to deliver: the best of some rounds, near and far in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--seconds", type=float, default=0.02)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, short_turns():
        path = Path(directory, "access.log")
        lines = (LINE.format(number % 250, number) for number in range(given.events))
        path.write_text("".join(lines), encoding="ascii")
        _measure("joined, default options", path, given, "", True)
        _measure(f"{IN_FLIGHT} in flight", path, given, f"max_in_flight => {IN_FLIGHT}", False)


def _measure(
    name: str, path: Path, given: argparse.Namespace, options: str, is_joined: bool
) -> None:
    near, far = 0.0, 0.0
    for _ in range(given.rounds):
        near = max(near, rate(path, given.events, options, 0, is_joined))
        far = max(far, rate(path, given.events, options, given.seconds, is_joined))
    size = sum(Far.requests) / len(Far.requests)
    said = f"{size:.0f} events a request"
    if not is_joined:
        said += f": at most {IN_FLIGHT / given.seconds * size:,.0f} a second"
    print(f"{name}: {near:,.0f} → {far:,.0f} events a second ({far / near:.0%}); {said}")


if __name__ == "__main__":
    main()
