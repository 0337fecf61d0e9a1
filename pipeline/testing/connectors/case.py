"""What the contract tests of inputs, listeners and outputs share.

A test class names a configuration and a server. A case that a connector cannot have is declared off
in ``absent``, with the reason, and pytest lists it as skipped with that reason. No case waits for
time to pass: back-off is cut short by ``Pauses``, which notes how long was to be waited.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Protocol

import pytest

from ....dsl.settings import settled
from ....dsl.source import Source
from ....plugins.errors import Misconfigured
from ....plugins.plugin import Plugin
from ...compile.instantiate import Assembly, assemble

LONGEST = 120.0
"""Seconds after which something that does not happen has failed."""


class Process(Protocol):
    """A server of a test. ``environment`` is what the configuration's ``${NAME}`` stand for; it
    must be known, and stay the same, before ``start``.
    """

    environment: Mapping[str, str]

    def start(self) -> None:
        """Serve, with all that was put and not acknowledged before a ``stop``."""
        ...

    def stop(self) -> None:
        """End at once, and with it every connection; also called at the end of a case."""
        ...


class Server(Process, Protocol):
    """The source of an input."""

    def put(self, messages: Sequence[str]) -> None:
        """Have messages to be read, in this order."""
        ...


class Client(Process, Protocol):
    """What talks to a listener."""

    def send(self, message: str) -> Future[str]:
        """Send a message, and return at once; how it is answered: ``taken``, ``busy`` or
        ``failed``. Where the connection ends without an answer the future has an exception.
        """
        ...


class Target(Process, Protocol):
    """The target of an output."""

    def received(self) -> list[str]:
        """The messages that it has, in order; at any time, from any thread."""
        ...

    def answer(self, kind: str, *values: Any) -> None:
        """Answer the next request with ``busy`` (seconds), ``break`` (the connection is cut before
        an answer), or ``refuse`` (the messages that will never be taken).
        """
        ...


class Pauses(threading.Event):
    """The end of a run, as a connector's loop waits for it; ``asked`` has the seconds."""

    def __init__(self, then: Callable[[int], None] = lambda number: None) -> None:
        super().__init__()
        self.asked: list[float] = []
        self._then = then

    def wait(self, timeout: float | None = None) -> bool:
        """Note the pause, and do not wait."""
        self.asked.append(timeout or 0.0)
        self._then(len(self.asked))
        return self.is_set()


def until(holds: Callable[[], bool], demand: str, found: Callable[[], object] = str) -> None:
    """Wait until something holds; else the test fails with what the contract asks for."""
    end = time.monotonic() + LONGEST
    while not holds():
        if time.monotonic() > end:
            check(False, demand, found())
        time.sleep(0.01)


def check(holds: bool, demand: str, found: object = "") -> None:
    """Fail with what the contract asks for, and what was found."""
    __tracebackhide__ = True
    if not holds:
        pytest.fail(f"the contract asks: {demand}\nfound: {found}")


class ConnectorContract:
    """The root of the contracts."""

    section: ClassVar[str] = ""
    config: ClassVar[str] = ""
    """The plugin as it stands in a configuration; ``${NAME}`` is taken from the server."""

    wrong: ClassVar[str] = ""
    """The same with credentials, or another option, that the server refuses."""

    wrong_option: ClassVar[str] = ""
    """The option that is to blame for ``wrong``."""

    absent: ClassVar[Mapping[str, str]] = {}
    """Cases, by name without ``test_``, that the connector cannot have, each with the reason."""

    directory: Path

    def server(self, directory: Path) -> Any:
        """The server of the test, not started; ``directory`` is empty and belongs to the case."""
        raise NotImplementedError(f"define `server(directory)` in {type(self).__name__}")

    @classmethod
    def cases(cls) -> dict[str, str]:
        """All cases, each with the reason why it is off, or an empty text."""
        names = [name for name in dir(cls) if name.startswith("test_")]
        return {name[5:]: cls.absent.get(name[5:], "") for name in names}

    @pytest.fixture(autouse=True)
    def _arrange(
        self, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[None]:
        reason = self.absent.get(request.node.originalname.removeprefix("test_"))
        if reason is not None:
            pytest.skip(reason)
        self.directory = tmp_path
        self._open: list[Plugin] = []
        self.backend = self.server(tmp_path)
        for name, value in self.backend.environment.items():
            monkeypatch.setenv(name, value)
        try:
            yield
        finally:
            with ExitStack() as ending:  # each, even if another fails
                ending.callback(self.backend.stop)
                for plugin in self._open:
                    ending.callback(plugin.close)

    def test_cases_that_are_off_exist_and_say_why(self) -> None:
        """A misspelled case would be off without anybody noticing that it is on."""
        unknown = self.absent.keys() - self.cases().keys()
        check(not unknown, "`absent` names cases of the contract", unknown)
        check(all(self.absent.values()), "`absent` gives the reason of each case", self.absent)

    def text(self, config: str = "") -> str:
        """A whole configuration with the connector."""
        this = f"{self.section} {{ {config or self.config} }}"
        return f"input {{ stdin {{ }} }}\n{this}" if self.section == "output" else this

    def assembly(self, config: str = "") -> Assembly:
        """A configuration with the connector, assembled."""
        settings = settled({"path.data": str(self.directory / "data")})
        return assemble([Source("contract.conf", self.text(config))], settings)

    def opened(self) -> Plugin:
        """The connector, prepared and open, as it is in a run; closed when the case ends."""
        assembly = self.assembly()
        uses = assembly.program.inputs if self.section == "input" else assembly.program.outputs
        (plugin,) = assembly.plugins(uses)
        plugin.open()
        self._open.append(plugin)
        return plugin

    def closed(self, plugin: Plugin) -> None:
        """Close a connector before the case ends."""
        self._open.remove(plugin)
        plugin.close()

    def test_wrong_credentials_are_said_at_their_option(self) -> None:
        """The first connect of a run shows that an option is wrong: exit 1, and where it stands."""
        demand = "`wrong` and `wrong_option` are set, or the case is named in `absent`"
        check(bool(self.wrong and self.wrong_option), demand)
        self.backend.start()
        with self.process(self.text(self.wrong), stdin=b"one\n") as run:
            demand = "a run whose credentials are refused ends with exit status 1"
            check(run.process.wait(LONGEST) == 1, demand, run.said())
        demand = f"`{self.wrong_option}` is shown as what is to blame"
        check(_is_underlined(self.wrong_option, run.said()), demand, run.said())
        check("close failed" not in run.said(), "`close` works after that", run.said())
        check("Traceback" not in run.said(), "no traceback", run.said())

    def refused(self, plugin: Any) -> Misconfigured:
        """What ``connect`` raises where it must be Misconfigured."""
        with pytest.raises(Misconfigured) as caught:
            plugin.connect()
        return caught.value

    def changed(self, options: str) -> str:
        """The plugin's configuration with options behind those that it has."""
        return f"{self.config.rstrip().removesuffix('}')} {options} }}"

    def standard_input(self) -> int:
        """What runs have for standard input: a descriptor, or a constant of ``subprocess``."""
        return subprocess.DEVNULL

    def standard_output(self) -> int:
        """What runs have for standard output."""
        return subprocess.DEVNULL

    @contextmanager
    def process(
        self, config: str, stdin: bytes | None = None, stdout: int | None = None
    ) -> Iterator[Run]:
        """A configuration that runs in a process of its own; killed when the block ends."""
        output = self.standard_output() if stdout is None else stdout
        run = Run(self.directory, config, stdin, self.standard_input(), output)
        try:
            yield run
        finally:
            run.kill()


def _is_underlined(word: str, said: str) -> bool:
    """Whether a diagnostic has carets under an option or its value."""
    lines = said.splitlines()
    for line, below in pairwise(lines):
        column = below.find("^")
        if column < 0:
            continue
        if line[column:].startswith(word) or line[:column].endswith(f"{word} => "):
            return True
    return False


class Run:
    """``penstock run`` in a process of its own."""

    def __init__(
        self,
        directory: Path,
        config: str,
        stdin: bytes | None,
        standard_input: int = subprocess.DEVNULL,
        standard_output: int = subprocess.DEVNULL,
    ) -> None:
        self.path, self._log = directory / "run.conf", directory / "said"
        self.path.write_text(config, encoding="utf-8")
        command = [sys.executable, "-m", "penstock", "run", "-f", str(self.path)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--path.data", str(directory / "data")],
                stdin=standard_input if stdin is None else subprocess.PIPE,
                stdout=standard_output,
                stderr=log,
                env=environment,
            )
        if self.process.stdin is not None:
            self.process.stdin.write(stdin or b"")
            self.process.stdin.close()

    def said(self) -> str:
        """What it wrote to its log so far."""
        return self._log.read_text(encoding="utf-8")

    def reload(self, config: str) -> None:
        """Have it run another configuration."""
        self.path.write_text(config, encoding="utf-8")
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> int:
        """Ask it to end, and wait; its exit status."""
        self.process.terminate()
        return self.process.wait(LONGEST)

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
