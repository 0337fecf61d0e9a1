"""Flink: the environment that has it, configurations run by it, and a cluster of its own processes.

The environment pins libraries that the tests' own has newer, so that Flink is a subprocess: `python -m penstock run --engine flink`.
"""
from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from .packages import python, root
from .process import LOOPBACK, Server, free_ports

ROOT = Path(__file__).parents[2]
PATIENCE = 900
_JVM = "-Xmx768m -XX:+UseSerialGC"


def connector() -> str:
    """The jar of the connector for Kafka, as Flink's option `pipeline.jars` wants it."""
    (jar,) = (root() / "jars" / "flink").glob("flink-sql-connector-kafka-*.jar")
    return jar.as_uri()


def environment(**variables: object) -> dict[str, str]:
    """What a process with Flink gets: the source, a small JVM, and these variables."""
    given = {name: str(value) for name, value in variables.items()}
    return {**os.environ, "PYTHONPATH": str(ROOT), "JVM_ARGS": _JVM, **given}


def penstock(*arguments: str | Path, directory: Path) -> list[str | Path]:
    """A run on Flink as a command."""
    return [python("flink"), "-m", "penstock", "run", "--engine", "flink", "--path.data", directory / "data", *arguments]


def run(*arguments: str | Path, directory: Path, **variables: object) -> subprocess.CompletedProcess[str]:
    """A run on Flink that ends."""
    command = penstock(*arguments, directory=directory)
    return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, timeout=PATIENCE, check=False)


def lines_of(directory: Path) -> list[str]:
    """What Flink has written as a file: the lines of all parts that are complete, those of one writer in order."""
    parts = [path for path in directory.rglob("part-*") if path.is_file() and not path.name.startswith(".")]
    return [line for part in sorted(parts, key=_number) for line in part.read_text(encoding="utf-8").split("\n")[:-1]]


class Cluster:
    """A job manager and task managers with two slots each; `address` is what clients connect to."""

    def __init__(self, home: Path, task_managers: int = 2) -> None:
        self._rest, rpc = free_ports(2)
        self.address = f"{LOOPBACK}:{self._rest}"
        self._home = home
        self._bin = _home() / "bin"
        _configure(home / "conf", self._rest, rpc)
        self._manager = self._server("jobmanager", lambda: bool(self.asked("overview")))
        self.task_managers = [self._server("taskmanager", lambda: True) for _ in range(task_managers)]

    def _server(self, kind: str, ready: Any) -> Server:
        home = self._home / f"{kind}-{len(list(self._home.iterdir()))}"
        home.mkdir()
        places = {"FLINK_CONF_DIR": str(self._home / "conf"), "FLINK_LOG_DIR": str(home), "PYTHONPATH": str(ROOT)}
        command = [self._bin / f"{kind}.sh", "start-foreground"]
        return Server(command, ready, home, environment=places, patience=300)

    def asked(self, path: str) -> Any:
        """An answer of the job manager."""
        with urllib.request.urlopen(f"http://{self.address}/{path}", timeout=10) as answer:
            return json.load(answer)

    def has_slots(self, count: int) -> bool:
        """Whether so many slots are there."""
        return int(self.asked("overview")["slots-total"]) >= count

    def completed_checkpoints(self) -> int:
        """How many checkpoints the latest job has completed."""
        jobs = self.asked("jobs/overview")["jobs"]
        newest = max(jobs, key=lambda job: job["start-time"], default=None)
        if newest is None:
            return 0
        try:
            told = self.asked(f"jobs/{newest['jid']}/checkpoints")
        except urllib.error.HTTPError:  # a job that begins has no figures yet
            return 0
        return int(told["counts"]["completed"])

    def __enter__(self) -> Cluster:
        with ExitStack() as stack:
            for server in (self._manager, *self.task_managers):
                stack.enter_context(server)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def kill_alone(server: Server) -> None:
    """Kill a JVM, and not the Python workers that it has started."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()


def workers_of(server: Server) -> list[int]:
    """The Python workers that a task manager has started, also when it is gone: they stay in its group."""
    return [pid for pid, command in _group_of(server) if any(b"beam_boot" in part for part in command[2:3])]


def left_of(server: Server) -> list[int]:
    """All processes of a task manager that is gone, but those that only wait to be reaped."""
    return [pid for pid, command in _group_of(server) if any(command)]


def _group_of(server: Server) -> Iterator[tuple[int, list[bytes]]]:
    """The processes in the group of a server, and their commands."""
    assert server.process is not None
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):  # it has ended, or is not a process
            if os.getpgid(int(entry.name)) == server.process.pid:
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")


def _home() -> Path:
    return next((root() / "pip" / "flink" / "lib").glob("python*/site-packages/pyflink"))


def _configure(conf: Path, rest: int, rpc: int) -> None:
    conf.mkdir()
    for name in ("log4j-console.properties", "masters", "workers"):
        (conf / name).write_text((_home() / "conf" / name).read_text())
    given = (_home() / "conf" / "config.yaml").read_text().splitlines()
    options = next(line.split("all:", 1)[1].strip() for line in given if line.strip().startswith("all:"))
    settings: Mapping[str, object] = {
        "jobmanager.rpc.address": LOOPBACK,
        "jobmanager.rpc.port": rpc,
        "jobmanager.memory.process.size": "1g",
        "rest.address": LOOPBACK,
        "rest.bind-address": LOOPBACK,
        "rest.port": rest,
        "taskmanager.host": LOOPBACK,
        "taskmanager.numberOfTaskSlots": 2,
        "taskmanager.memory.process.size": "1400m",
        "env.java.opts.all": f"{options} -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "heartbeat.timeout": 60000,
    }
    (conf / "config.yaml").write_text("".join(f"{name}: {value}\n" for name, value in settings.items()))


def _number(part: Path) -> tuple[str, int]:
    writer, _, number = part.name.rpartition("-")
    return writer, int(number)
