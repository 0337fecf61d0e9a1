"""How costs grow: with events, filters, branches and grok patterns. In process, CPU time, the best
of several runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import penstock
from penstock.dsl.timestamp import Timestamp

Curve = list[tuple[int, float]]
Event = dict[str, Any]


def all_curves(quick: bool) -> dict[str, Curve]:
    """Each curve: how many of something, and µs of CPU an event."""
    return {
        "events": curve(_events, [10**n for n in range(3, 6 if quick else 8)]),
        "filters": curve(_filters, [1, 2, 5, 10, 20, 50, 100, 200]),
        "branches": curve(_branches, [1, 10, 50, 100, 200, 500, 1000]),
        "grok patterns": curve(_patterns, [1, 10, 50, 100, 200, 500]),
    }


def curve(cost: Callable[[int], float], numbers: list[int]) -> Curve:
    """The cost at each number."""
    return [(number, round(cost(number), 4)) for number in numbers]


def _cost(config: str, events: Callable[[], list[Event]], rounds: int = 3) -> float:
    """µs of CPU an event, over enough batches for the clock of the processor's time, which ticks
    coarsely on some machines.
    """
    stage = penstock.compile(config)
    stage.run(events())
    return min(_spent(stage.run, events) for _ in range(rounds))


def _spent(run: Callable[[list[Event]], Any], events: Callable[[], list[Event]]) -> float:
    done = 0
    batches = [events() for _ in range(10)]
    started = time.process_time()
    while (spent := time.process_time() - started) < 0.1:
        if not batches:
            before = time.process_time()
            batches = [events() for _ in range(10)]
            started += time.process_time() - before
        done += len(run(batches.pop()))
    return 1e6 * spent / done


def _batch(**fields: Callable[[int], Any]) -> list[Event]:
    now = Timestamp("2025-09-04T20:51:05.000Z")
    return [
        {"@timestamp": now, "@version": "1", **{name: value(n) for name, value in fields.items()}}
        for n in range(1000)
    ]


def _events(number: int) -> float:
    """The mean cost over ever more events, in batches of a thousand: flat, unless something is
    kept.
    """
    stage = penstock.compile(
        'filter { grok { match => { "message" => "%{INT:n:int} %{WORD:w}" } } mutate { uppercase =>'
        ' ["w"] } }'
    )
    spent = 0.0
    for start in range(0, number, 1000):
        batch = _batch(message=lambda n, start=start: f"{start + n} word")
        begun = time.process_time()
        stage.run(batch)
        spent += time.process_time() - begun
    return 1e6 * spent / number


def _filters(number: int) -> float:
    config = (
        "filter { "
        + " ".join(f'mutate {{ replace => {{ "f{n}" => "v" }} }}' for n in range(number))
        + " }"
    )
    return _cost(config, lambda: _batch(message=str))


def _branches(number: int) -> float:
    arms = " else ".join(
        f'if [type] == "t{n}" {{ mutate {{ replace => {{ "arm" => "{n}" }} }} }}'
        for n in range(number)
    )
    return _cost(f"filter {{ {arms} }}", lambda: _batch(type=lambda n: f"t{n % number}"))


def _patterns(number: int) -> float:
    patterns = ", ".join(
        f'"^service{n}: %{{WORD:action}} took %{{NUMBER:ms:float}} ms$"' for n in range(number)
    )
    config = f'filter {{ grok {{ match => {{ "message" => [{patterns}] }} }} }}'
    return _cost(
        config, lambda: _batch(message=lambda n: f"service{n % number}: query took 12.5 ms")
    )
