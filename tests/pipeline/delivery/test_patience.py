"""What is said of a server that takes a connection and does not answer."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from penstock.pipeline.delivery import patience as subject
from penstock.pipeline.delivery.patience import PATIENCE, Patience


class Waiting:
    """What is waited for of one output, at moments that the test sets. ``events`` wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.events = 1000.0, 7
        monkeypatch.setattr(subject, "time", SimpleNamespace(monotonic=lambda: self.now, sleep=time.sleep))
        self.patience = Patience("output some", lambda: self.events)

    def pass_(self, seconds: float) -> None:
        """Let time pass, and look."""
        self.now += seconds
        self.patience.look(self.now)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Waiting:
    return Waiting(monkeypatch)


def test_it_is_said_once_then_each_minute_and_when_it_is_over(waiting: Waiting, caplog: pytest.LogCaptureFixture) -> None:
    waiting.patience.begin("request")
    waiting.pass_(PATIENCE - 1)
    assert caplog.messages == []
    for _ in range(20):
        waiting.pass_(4)
    assert caplog.messages == [
        "output some has not answered for 33 s; 7 events wait",
        "output some has not answered for 93 s; 7 events wait",
    ]
    waiting.patience.end("request")
    assert caplog.messages[2:] == ["output some has answered, after 109 s"]
    waiting.pass_(1000)
    assert len(caplog.messages) == 3


def test_the_oldest_of_many_counts(waiting: Waiting, caplog: pytest.LogCaptureFixture) -> None:
    waiting.patience.begin("first")
    waiting.pass_(PATIENCE / 2)
    waiting.patience.begin("second")
    waiting.patience.end("first")
    waiting.pass_(PATIENCE - 1)
    assert caplog.messages == []
    waiting.pass_(1)
    assert len(caplog.messages) == 1


def test_a_failure_is_said_by_who_hears_of_it(waiting: Waiting, caplog: pytest.LogCaptureFixture) -> None:
    waiting.events = 0
    waiting.patience.begin("request")
    waiting.pass_(PATIENCE)
    waiting.patience.end("request", has_answered=False)
    assert caplog.messages == ["output some has not answered for 30 s"]
    with waiting.patience.awaiting():
        pass
    assert len(caplog.messages) == 1


def test_what_answers_in_time_is_not_spoken_of(waiting: Waiting, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(100):
        waiting.patience.begin(number)
        waiting.pass_(1)
        waiting.patience.end(number)
    waiting.pass_(1000)
    assert caplog.messages == []


def test_one_thread_looks_after_all_as_long_as_there_is_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_LOOKS", 0)
    keeper, looked, kept = subject._Keeper(), list[str](), list[object]()

    class Watched:
        def __init__(self, name: str) -> None:
            self.name = name

        def look(self, now: float) -> None:
            looked.append(self.name)
            if {"one", "two"} <= set(looked):
                kept.clear()

    for name in ("one", "two"):
        made: Any = Watched(name)
        kept.append(made)
        keeper.watch(made)
    del made
    thread = keeper._thread
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive()
    assert set(looked) == {"one", "two"}
