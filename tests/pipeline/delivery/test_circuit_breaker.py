"""A circuit opens after a few failures, tries ever less often, closes with the first success, and tells the log only of changes."""
from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest

from penstock.pipeline.delivery import circuit_breaker
from penstock.pipeline.delivery.circuit_breaker import CLOSED, HALF_OPEN, OPEN, Circuit
from penstock.plugins.errors import Retry


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    logger = logging.getLogger("penstock")
    before, logger.propagate = logger.propagate, True
    caplog.set_level(logging.INFO, "penstock")
    yield caplog
    logger.propagate = before


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the circuit sees; to be set."""
    now = [1000.0]
    monkeypatch.setattr(circuit_breaker.time, "monotonic", lambda: now[0])
    return now


def failed(target: Circuit, times: int = 1) -> list[float]:
    waits = []
    for _ in range(times):
        target.trying()
        waits.append(target.failed(OSError("refused")))
    return waits


def test_it_opens_after_three_failures_and_closes_with_the_first_success() -> None:
    target = Circuit("t", lambda: 0)
    states = [target.state]
    for _ in range(3):
        failed(target)
        states.append(target.state)
    target.trying()
    states.append(target.state)
    target.works()
    assert [*states, target.state] == [CLOSED, CLOSED, CLOSED, OPEN, HALF_OPEN, CLOSED]
    failed(target)
    assert (target.state, target.failures) == (CLOSED, 4)


def test_a_trial_that_fails_leaves_it_open() -> None:
    target = Circuit("t", lambda: 0)
    failed(target, 4)
    assert target.state == OPEN


def test_it_waits_twice_as_long_each_time_up_to_half_a_minute_never_the_same() -> None:
    many = [failed(Circuit("t", lambda: 0), 40) for _ in range(50)]
    for place, waits in enumerate(zip(*many, strict=True)):
        expected = min(2**place, 30)
        assert all(expected * 0.8 <= wait <= expected * 1.2 for wait in waits)
        assert len(set(waits)) > 1


def test_trials_that_began_before_the_latest_failure_are_part_of_it(clock: list[float]) -> None:
    target = Circuit("t", lambda: 0)
    began = clock[0]
    clock[0] += 1
    wait = target.failed(OSError("reset"), began)
    clock[0] += 0.25
    left = [target.failed(OSError("reset"), began) for _ in range(7)]
    assert left == [pytest.approx(wait - 0.25)] * 7
    assert (target.failures, target.state) == (1, CLOSED)
    clock[0] += 60
    assert target.failed(OSError("reset"), began) == 0
    later = clock[0]
    clock[0] += 1
    assert target.failed(OSError("reset"), later) > 1.2
    assert target.failures == 2


def test_one_that_ends_late_is_no_new_outage_after_a_success(clock: list[float]) -> None:
    target = Circuit("t", lambda: 0)
    began = clock[0] - 5
    failed(target)
    target.works()
    target.failed(OSError("reset"), began)
    assert target.failures == 1


def test_what_the_other_side_asks_for_is_waited() -> None:
    assert Circuit("t", lambda: 0).failed(Retry("busy", after=7.5)) == 7.5


def test_it_begins_anew_after_a_success() -> None:
    target = Circuit("t", lambda: 0)
    failed(target, 10)
    target.works()
    assert failed(target)[0] <= 1.2


def test_the_log_is_told_of_changes_and_once_a_minute_not_of_each_trial(said: pytest.LogCaptureFixture, clock: list[float]) -> None:
    target = Circuit("the output x", lambda: 1234)
    for _ in range(100):
        failed(target)
        clock[0] += 1.5
    target.works()
    instant = r"\d{4}-\d\d-\d\dT[\d:.]+Z"
    wanted = [
        r"the output x failed, retrying with back-off: refused",
        rf"the output x is still failing, retrying with back-off: refused; 41 failures since {instant}, 1234 events wait",
        rf"the output x is still failing, retrying with back-off: refused; 81 failures since {instant}, 1234 events wait",
        r"the output x recovered after 100 failures \(150 s\)",
    ]
    assert len(said.messages) == len(wanted)
    assert all(re.fullmatch(pattern, line) for pattern, line in zip(wanted, said.messages, strict=True))


def test_one_that_fails_now_and_then_is_told_of_once_a_minute(said: pytest.LogCaptureFixture, clock: list[float]) -> None:
    target = Circuit("the output x", lambda: 0)
    for _ in range(100):
        failed(target)
        target.works()
        clock[0] += 1
    assert len(said.messages) == 4, "two failures, and that it works again after each"
