"""``penstock run`` in a process of its own, as an operator starts, stops, kills and pauses it."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

_LONGEST = 120.0


class Penstock:
    """A run of a configuration. ``name`` tells it from others in the same directory: it has a data
    directory of its own. ``options`` are those of the command line.
    """

    def __init__(self, directory: Path, config: str, *options: str, name: str = "run", stdin: bytes | None = None) -> None:
        self._log = directory / f"{name}.log"
        path = directory / f"{name}.conf"
        path.write_text(config)
        self._command = [sys.executable, "-m", "penstock", "run", "-f", str(path), "--path.data", str(directory / f"{name}.data"), *options]
        self._stdin = stdin
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, stderr=log, env=environment,
                stdin=subprocess.DEVNULL if self._stdin is None else subprocess.PIPE,
            )
        if self.process.stdin is not None:
            self.process.stdin.write(self._stdin or b"")
            self.process.stdin.close()
        return self

    def said(self) -> str:
        """What it has logged."""
        return self._log.read_text() if self._log.exists() else ""

    def until(self, holds: Callable[[], bool], what: str, longest: float = _LONGEST) -> None:
        """Wait until something holds, while it runs, up to so many seconds."""
        end = time.monotonic() + longest
        while not holds():
            assert self.process is not None
            assert self.process.poll() is None, f"it ended before {what}:\n{self.said()}"
            assert time.monotonic() < end, f"not in {longest} s: {what}\n{self.said()}"
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Its exit status, when it has ended by itself."""
        assert self.process is not None
        return self.process.wait(_LONGEST)

    def stop(self) -> None:
        """End it as an operator does; it must end well."""
        self.signal(signal.SIGTERM)
        assert self.wait() == 0, self.said()

    def kill(self) -> None:
        """End it as a crash does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *problem: object) -> None:
        self.kill()
