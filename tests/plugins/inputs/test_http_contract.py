"""The contract of listeners, with the input http and clients over TCP."""
from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import urllib3
from servers.process import free_ports

from penstock.testing.connectors import ListenerContract

KINDS = {200: "taken", 429: "busy", 503: "failed"}


class Client:
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
        answer = self._pool.request("POST", self._url, body=message.encode())
        assert ("Retry-After" in answer.headers) == (answer.status != 200)
        return KINDS[answer.status]


class TestHttpInput(ListenerContract):
    config = 'http { host => "127.0.0.1" port => "${PORT}" respond_after => delivered }'
    wrong = 'http { host => "192.0.2.1" port => "${PORT}" }'
    wrong_option = "host"

    def server(self, directory: Path) -> Client:
        return Client()
