"""``kill -9`` of a pipeline from HTTP to HTTP: what was answered arrives, where a disk queue stands behind the input, or the answer
waits for the delivery."""
from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from servers.http_pipeline import DISK, Collector, Penstock, Sender, until
from servers.soak import Figures, Found, rounds

WAYS: list[tuple[str, Sequence[str]]] = [
    ("respond_after => delivered", ()),
    ("", DISK),
    ("respond_after => delivered", DISK),
    ("respond_after => delivered", ("-w", "2")),
    ("", (*DISK, "-w", "2")),
]
NAMES = ["delivered", "disk queue", "delivered behind a disk queue", "delivered by workers", "disk queue and workers"]


@pytest.fixture
def target() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def penstock(tmp_path: Path, target: Collector) -> Iterator[Callable[..., Penstock]]:
    with ExitStack() as stack:

        def start(options: str = "", filters: str = "", arguments: Sequence[str] = ()) -> Penstock:
            run = Penstock(tmp_path, target.url, options, filters, arguments).start()
            stack.callback(run.kill)
            return run

        yield start


def killed(run: Penstock, target: Collector, kills: int) -> Figures:
    """Kill it again and again while messages come; all that was answered arrives."""
    chance, sender = random.Random(kills), Sender(run.port)
    for _ in range(kills):
        wanted = len(sender.answered) + chance.randrange(5, 60)
        until(lambda: len(sender.answered) > wanted, run.said)  # noqa: B023  (called at once)
        run.kill()
        run.start()
    wanted = len(sender.answered) + 10
    until(lambda: len(sender.answered) > wanted, run.said)
    sender.end()
    until(lambda: not target.lacks(sender), lambda: f"lost: {target.lacks(sender)}\n{run.said()}")
    numbers = target.numbers()
    return Figures(kills, len(sender.answered), len(numbers) - len(set(numbers)))


@pytest.mark.parametrize(("options", "arguments"), WAYS[:2], ids=NAMES[:2])
def test_a_kill_loses_nothing_that_was_answered(penstock: Any, target: Collector, options: str, arguments: Sequence[str]) -> None:
    killed(penstock(options, "", arguments), target, 1)


def test_a_kill_while_the_target_hangs_loses_nothing_that_is_on_the_disk(penstock: Any, target: Collector) -> None:
    target.hang()
    run = penstock("", "", DISK)
    sender = Sender(run.port)
    until(lambda: len(sender.answered) > 50, run.said)
    run.kill()
    target.flow()
    run.start()
    sender.end()
    until(lambda: not target.lacks(sender), run.said)


@pytest.mark.soak("HTTP")
@pytest.mark.parametrize(("options", "arguments"), WAYS, ids=NAMES)
def test_kills_again_and_again(penstock: Any, target: Collector, options: str, arguments: Sequence[str], found: Found) -> None:
    found(killed(penstock(options, "", arguments), target, rounds()))
