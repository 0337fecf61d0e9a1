"""Requests of filters over HTTP: those of a batch are asked at the same time, by a client and
threads that each process has for itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from ..dsl.values import to_text
from ..plugins.clients.http import HttpClient, HttpOptions, Request, Response
from ..plugins.clients.http_failures import HttpFailure
from ..plugins.tls import TlsContext
from ._per_process import PerProcess

Answer = Response | Exception
"""An answer with a status of 2xx, or why there is none."""


class Requests:
    """Asks for a filter; ``name`` is that of its threads."""

    def __init__(self, options: HttpOptions, tls: TlsContext, name: str) -> None:
        self._clients = PerProcess(lambda: HttpClient(options, tls), HttpClient.close)
        self._pools = PerProcess(lambda: ThreadPoolExecutor(options.pool_max, name), _stop)

    def open(self) -> None:
        """Make the client; raises what making it raises."""
        self._clients.get()

    def ask(self, requests: Sequence[Request | Exception]) -> list[Answer]:
        """The answer to each request; a request that could not be made is its own answer."""
        self._clients.get()  # before the threads do
        if len(requests) < 2:
            return list(map(self._answer, requests))
        return list(self._pools.get().map(self._answer, requests))

    def _answer(self, request: Request | Exception) -> Answer:
        if isinstance(request, Exception):
            return request
        try:
            answer = self._clients.get().send(request)
        except Exception as error:
            return error
        if 200 <= answer.status <= 299:
            return answer
        return HttpFailure(f"the status is {answer.status}")

    def close(self) -> None:
        self._pools.close()
        self._clients.close()


def _stop(pool: ThreadPoolExecutor) -> None:
    pool.shutdown(wait=False, cancel_futures=True)


def encoded(values: Mapping[str, Any]) -> str:
    """Values as the parameters of a URL or a form; a list is a parameter for each of its items."""
    pairs = {
        key: [to_text(item) for item in value] if isinstance(value, list) else to_text(value)
        for key, value in values.items()
    }
    return urlencode(pairs, doseq=True)


def with_parameters(url: str, values: Mapping[str, Any]) -> str:
    """A URL with parameters added behind those that it has."""
    url, hash_, fragment = url.partition("#")
    return f"{url}{'&' if '?' in url else '?'}{encoded(values)}{hash_}{fragment}"


def has_type(headers: Mapping[str, str]) -> bool:
    """Whether headers say what the body is."""
    return any(name.lower() == "content-type" for name in headers)
