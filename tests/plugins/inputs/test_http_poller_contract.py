"""The contract of inputs, as far as a source can keep it that is asked and never told what was delivered."""
from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from servers.http_server import Asked, HttpServer, Reply

from penstock.testing.connectors import InputContract

NO_MEMORY = "a server that is asked for its state does not know what was delivered: the next start asks anew"
NO_CONNECTION = "a request without an answer is an event of its own"


class Mailbox:
    """Gives each message to whoever asks first."""

    def __init__(self) -> None:
        self._server = HttpServer(self._answer)
        self._messages: list[str] = []
        self._lock = threading.Lock()
        self.environment = {"URL": f"http://localhost:{self._server.port}/"}

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def put(self, messages: Sequence[str]) -> None:
        with self._lock:
            self._messages += messages

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            messages, self._messages = self._messages, []
        return Reply(body=json.dumps([{"message": message} for message in messages]).encode())


class TestHttpPoller(InputContract):
    config = 'http_poller { urls => { "box" => "${URL}" } schedule => { every => "20ms" } }'
    absent: ClassVar[Mapping[str, str]] = {
        "wrong_credentials_are_said_at_their_option": "an answer 401 is an event, as in Logstash",
        "nothing_is_acknowledged_before_it_was_delivered": NO_MEMORY,
        "what_was_delivered_is_not_given_again": NO_MEMORY,
        "batches_settled_out_of_order_acknowledge_nothing_before_a_gap": NO_MEMORY,
        "batches_settled_in_reverse_are_all_acknowledged": NO_MEMORY,
        "a_settle_that_raises_is_the_failure_of_the_input_alone": NO_MEMORY,
        "memory_is_bounded_while_the_target_hangs": "an answer is one body, read as a whole, of 64 MiB at most",
        "tokens_of_an_older_connection_are_ignored": NO_CONNECTION,
        "a_server_that_is_away_at_the_start_is_waited_for": NO_CONNECTION,
        "a_server_that_dies_in_the_middle_loses_nothing": NO_CONNECTION,
        "a_killed_process_gives_again_what_was_not_delivered": NO_MEMORY,
    }

    def server(self, directory: Path) -> Mailbox:
        return Mailbox()
