"""What the filters of event time cost: CPU microseconds an event, beside a loop over dicts by hand.

    python benchmarks/streams.py [--events N] [--sums] [NAME …]

Events have 1,000 keys and come in batches of 200, a little out of order; the hand-written loop
computes the same figures of the same events, without lateness, order or results as events.
With ``--sums``: two filters behind each other, or each in a branch, beside the sum of what they
cost alone. There each batch counts with the best of its runs, so that a busy machine disturbs less.
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable
from typing import Any

import penstock
from penstock.dsl.timestamp import Timestamp

Event = dict[str, Any]
BATCH, KEYS, START = 200, 1_000, 1_757_000_000_000

CONFIGS = {
    "tumbling": 'window { id => "w" size => "1m" by => ["[service][name]"] keep => false'
    ' sum => { "[ms][sum]" => "[event][took]" } min => { "[ms][min]" => "[event][took]" }'
    ' max => { "[ms][max]" => "[event][took]" } percentiles => { "[ms]" => "[event][took]" }'
    " percents => [95] }",
    "sliding": 'window { id => "w" size => "10m" every => "1m" by => ["[service][name]"]'
    ' keep => false sum => { "[ms][sum]" => "[event][took]" } }',
    "sessions": 'window { id => "w" gap => "30s" by => ["[service][name]"] keep => false }',
    "join": 'join { id => "j" side => "side" left => { "a" => "[pair]" } right => { "b" =>'
    ' "[pair]" } within => "1m" keep => false }',
    "correlate": 'correlate { id => "c" type => "event_count" events => ["failed"]'
    ' by => ["[service][name]"] within => "1m" condition => { "gte" => 1000 } }',
    "dedupe": 'dedupe { id => "d" by => ["[service][name]"] within => "10s" }',
    "trend": 'trend { id => "t" field => "[event][took]" by => ["[service][name]"]'
    " half_life => 60 }",
}

FIRST, SECOND = CONFIGS["correlate"], CONFIGS["dedupe"]
TOGETHER = {
    "behind each other": (f"{FIRST} {SECOND}", [FIRST, SECOND]),
    "in two branches": (
        f'if [side] == "a" {{ {FIRST} }} else {{ {SECOND} }}',
        [f'if [side] == "a" {{ {FIRST} }}', f'if [side] == "b" {{ {SECOND} }}'],
    ),
}
"""Filters, and what they are made of."""


def make_events(count: int, rate: int) -> list[Event]:
    """Events at so many a second, up to two seconds out of order."""
    dice = random.Random(7)
    made = []
    for number in range(count):
        at = START + number * 1000 // rate + dice.randrange(-2000, 2000)
        made.append(
            {
                "@timestamp": Timestamp.of_millis(at),
                "@version": "1",
                "service": {"name": f"service-{dice.randrange(KEYS)}"},
                "event": {"took": dice.randrange(1, 5000)},
                "side": "ab"[number % 2],
                "pair": number // 2,
                "tags": ["failed"],
            }
        )
    return made


def by_hand(events: list[Event]) -> None:
    """Count, sum, least, greatest and p95 by minute and key, with a dict of lists."""
    held: dict[tuple[str, str], list[int]] = {}
    for event in events:
        minute = str(event["@timestamp"])[:16]
        key = (minute, event["service"]["name"])
        if key in held:
            held[key].append(event["event"]["took"])
        else:
            held[key] = [event["event"]["took"]]
    results = []
    for (minute, name), values in held.items():
        values.sort()
        figures = {"sum": sum(values), "min": values[0], "max": values[-1]}
        figures["p95"] = values[-(-95 * len(values) // 100) - 1]
        results.append({"at": minute, "name": name, "count": len(values), "ms": figures})


def cost(run: Callable[[list[Event]], Any], events: list[Event]) -> float:
    """CPU microseconds an event, batch by batch, results included."""
    gc.collect()
    gc.freeze()
    gc.disable()
    began = time.process_time()
    for start in range(0, len(events), BATCH):
        run(events[start : start + BATCH])
    spent = time.process_time() - began
    gc.enable()
    return spent * 1e6 / len(events)


def measured(name: str, count: int, rate: int) -> float:
    events = make_events(count, rate)
    if name == "hand":
        gc.disable()
        began = time.process_time()
        by_hand(events)
        spent = time.process_time() - began
        gc.enable()
        return spent * 1e6 / count
    stage = penstock.compile(f"filter {{ {CONFIGS[name]} }}")
    return cost(stage.run, events)


def steady(filters: str, count: int, rate: int) -> float:
    """CPU microseconds an event where each batch counts with the best of five runs."""
    best = [float("inf")] * -(-count // BATCH)
    for _ in range(5):
        events = make_events(count, rate)
        run = penstock.compile(f"filter {{ {filters} }}").run
        gc.collect()
        gc.freeze()
        gc.disable()
        for number, start in enumerate(range(0, count, BATCH)):
            batch = events[start : start + BATCH]
            began = time.process_time()
            run(batch)
            best[number] = min(best[number], time.process_time() - began)
        gc.enable()
        gc.unfreeze()
    return sum(best) * 1e6 / count


def print_sums(count: int, rate: int) -> None:
    """What filters cost together, beside the sum of what they cost alone."""
    for name, (filters, parts) in TOGETHER.items():
        together = steady(filters, count, rate)
        alone = [steady(part, count, rate) for part in parts]
        print(f"{name:18} {together:6.2f} µs an event, alone {sum(alone):6.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="which of them; all unless given")
    parser.add_argument("--events", type=int, default=200_000, help="how many events")
    parser.add_argument("--rate", type=int, default=500, help="events a second of event time")
    parser.add_argument("--sums", action="store_true", help="filters together and alone")
    options = parser.parse_args()
    if options.sums:
        print_sums(options.events, options.rate)
        return
    for name in options.names or ["hand", *CONFIGS]:
        best = min(measured(name, options.events, options.rate) for _ in range(3))
        print(f"{name:10} {best:6.2f} µs an event")


if __name__ == "__main__":
    main()
