"""The contract of connectors, shown with the plugins that hand events from pipeline to pipeline inside one process."""
from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, ClassVar

from penstock.plugins.batch import Batch
from penstock.plugins.errors import Disconnected
from penstock.plugins.input import Answer
from penstock.plugins.pipeline_bus import Address, is_read, reserve, send
from penstock.testing.connectors import ListenerContract, OutputContract

NO_CREDENTIALS = "it asks for no credentials"
ONE_PROCESS = "an address is known inside one process only; tests/plugins/test_pipeline_bus.py shows its reloads"


class Sender:
    """Another pipeline that sends to the address."""

    environment: ClassVar[Mapping[str, str]] = {}

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def send(self, message: str) -> Future[str]:
        while not is_read("x"):
            threading.Event().wait(0.01)  # the listener's thread is about to serve it
        answer: Future[str] = Future()
        taken = send("x", [{"message": message}], 0)
        if taken is None:
            answer.set_result("busy")
        else:
            taken.add_done_callback(lambda done: answer.set_result("failed" if done.exception() else "taken"))
        return answer


class TestPipelineInput(ListenerContract):
    config = 'pipeline { address => "x" }'
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": NO_CREDENTIALS,
        "a_killed_process_has_delivered_all_that_it_answered": ONE_PROCESS,
        "a_reload_that_changes_the_listener_loses_and_repeats_nothing": ONE_PROCESS,
        "a_reload_that_leaves_the_listener_loses_and_repeats_nothing": ONE_PROCESS,
        "memory_is_bounded_while_the_target_hangs": ONE_PROCESS,
    }

    def server(self, directory: Path) -> Sender:
        return Sender()


class Receiver:
    """Another pipeline that reads from the address, and has what was sent delivered at once."""

    environment: ClassVar[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self._address: Address | None = None
        self._received: list[str] = []
        self._answers: deque[str] = deque()

    def start(self) -> None:
        self._address = reserve("x")
        self._address.serve(self)

    def stop(self) -> None:
        if self._address is not None:
            self._address.release()
        self._address = None

    def received(self) -> list[str]:
        return list(self._received)

    def answer(self, kind: str, *values: Any) -> None:
        self._answers.append(kind)

    def __call__(self, batch: Batch, answer: Answer | None = None) -> bool:
        assert answer is not None
        if self._answers:
            self._answers.popleft()
            answer(Disconnected("the pipeline is reloaded"))
            return True
        self._received += [str(event["message"]) for event in batch.events or ()]
        answer(None)
        return True

    def when_free(self, callback: Callable[[], None]) -> None:
        callback()


class TestPipelineOutput(OutputContract):
    config = 'pipeline { send_to => ["x"] }'
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": NO_CREDENTIALS,
        "a_target_that_is_away_at_the_start_is_waited_for": "each try waits for some seconds by itself, as test_pipeline_bus.py shows",
        "a_busy_target_is_left_alone_for_as_long_as_it_says": "a pipeline that is full does not say for how long",
        "refused_items_are_named_by_their_index": "a pipeline takes every item",
        "a_killed_process_loses_nothing": ONE_PROCESS,
        "a_reload_that_changes_the_output_loses_and_repeats_nothing": ONE_PROCESS,
        "a_reload_that_leaves_the_output_loses_and_repeats_nothing": ONE_PROCESS,
        "a_stop_does_not_wait_for_a_target_that_is_away": ONE_PROCESS,
    }

    def server(self, directory: Path) -> Receiver:
        return Receiver()
