"""The contract of listeners, with the input logstash and requests as the output of Logstash sends them."""
from __future__ import annotations

import gzip
import json
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import urllib3
from servers.process import free_ports

from penstock.testing.connectors import ListenerContract

ANSWERS = {200: "taken", 429: "busy", 503: "failed"}
HEADERS = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}


class Client:
    """Sends each message as a list with one event."""

    def __init__(self) -> None:
        (port,) = free_ports()
        self.environment = {"PORT": str(port)}
        self._url = f"http://127.0.0.1:{port}/"
        self._threads = ThreadPoolExecutor(8)
        self._pool = urllib3.PoolManager(maxsize=8, retries=urllib3.Retry(connect=20, backoff_factor=0.05))

    def start(self) -> None: ...

    def stop(self) -> None:
        self._pool.clear()
        self._threads.shutdown(wait=False)

    def send(self, message: str) -> Future[str]:
        return self._threads.submit(self._sent, message)

    def _sent(self, message: str) -> str:
        body = gzip.compress(json.dumps([{"message": message}]).encode())
        return ANSWERS[self._pool.request("POST", self._url, body=body, headers=HEADERS).status]


class TestLogstashInput(ListenerContract):
    config = 'logstash { host => "127.0.0.1" port => "${PORT}" ssl_enabled => false }'
    wrong = 'logstash { host => "192.0.2.1" port => "${PORT}" ssl_enabled => false }'
    wrong_option = "host"

    def server(self, directory: Path) -> Client:
        return Client()
