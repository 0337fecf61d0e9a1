"""The names of clients' addresses, looked up without holding up anybody else.

The system's resolver blocks, for as long as ten seconds where no server answers. So each look-up
has a thread of its own, a few at a time, which nobody waits for at the end of the program; what was
found, and that nothing was found, is remembered for a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time

_AT_ONCE = 16
_PATIENCE = 5.0
_VALID = 300.0
_MOST = 10_000


class ReverseNames:
    """Names by address; used in one event loop."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, str]] = {}
        self._asked: dict[str, asyncio.Future[str]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def name(self, ip: str) -> str:
        """The name of an address; itself where it has none, or none is found in five seconds."""
        when, name = self._known.get(ip, (0.0, ""))
        if name and time.monotonic() - when < _VALID:
            return name
        asked = self._asked.get(ip)
        if asked is None:
            asked = self._asked[ip] = asyncio.ensure_future(self._found(ip))
        return await asyncio.shield(asked)

    async def _found(self, ip: str) -> str:
        found = ip
        async with self._slots:
            answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            threading.Thread(target=_look_up, args=(ip, answer), daemon=True).start()
            with contextlib.suppress(TimeoutError):
                found = await asyncio.wait_for(answer, _PATIENCE)
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[ip] = time.monotonic(), found
        self._asked.pop(ip, None)
        return found


def _look_up(ip: str, answer: asyncio.Future[str]) -> None:
    try:
        name = socket.gethostbyaddr(ip)[0]
    except OSError:
        name = ip

    def tell() -> None:
        if not answer.done():
            answer.set_result(name)

    with contextlib.suppress(RuntimeError):  # the loop has ended
        answer.get_loop().call_soon_threadsafe(tell)
