"""Signals are calls in a thread of their own: handlers do nothing, what came early waits, what comes late is ignored."""
from __future__ import annotations

import os
import signal
import threading

import pytest

from penstock.pipeline.runtime.signals import SignalThread

NUMBER = signal.SIGUSR2


@pytest.fixture(autouse=True)
def handlers() -> object:
    before = signal.getsignal(NUMBER)
    yield
    signal.signal(NUMBER, before)


def send() -> None:
    os.kill(os.getpid(), NUMBER)


class Heard:
    """Notes the thread that it is called in."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.called = threading.Semaphore(0)

    def __call__(self) -> None:
        self.threads.append(threading.current_thread().name)
        self.called.release()


def test_an_action_is_called_in_the_thread_of_signals() -> None:
    heard = Heard()
    with SignalThread([NUMBER]) as signals:
        signals.start({NUMBER: heard})
        send()
        assert heard.called.acquire(timeout=90)
    assert heard.threads == ["signals"]


def test_a_signal_that_came_before_the_start_counts() -> None:
    heard = Heard()
    with SignalThread([NUMBER]) as signals:
        send()
        assert heard.threads == []
        signals.start({NUMBER: heard})
        assert heard.called.acquire(timeout=90)


def test_signals_are_ignored_when_a_run_has_ended() -> None:
    heard = Heard()
    with SignalThread([NUMBER]) as signals:
        signals.start({NUMBER: heard})
    send()
    assert (signal.getsignal(NUMBER), heard.threads) == (signal.SIG_IGN, [])


def test_handlers_are_put_back_where_nothing_ran() -> None:
    def own(number: int, frame: object) -> None:
        """The program's own."""

    signal.signal(NUMBER, own)
    with SignalThread([NUMBER]):
        assert signal.getsignal(NUMBER) is not own
    assert signal.getsignal(NUMBER) is own


def test_a_signal_that_comes_while_a_lock_is_held_waits_for_the_lock_in_its_own_thread() -> None:
    """What an action in the main thread would never get."""
    lock, heard = threading.Lock(), Heard()

    def action() -> None:
        with lock:
            heard()

    with SignalThread([NUMBER]) as signals:
        signals.start({NUMBER: action})
        with lock:
            send()
        assert heard.called.acquire(timeout=90)
