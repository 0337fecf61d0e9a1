"""Spark in local mode, in an environment of its own, with one session for the whole test run."""
from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .packages import PROJECT, python
from .process import LOOPBACK, Server, accepts, free_ports

PATIENCE = 900.0
CONF = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": "2",
    "spark.network.timeout": "800s",
    "spark.python.authenticate.socketTimeout": "800s",  # of a worker that a busy machine starts
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
}
HERE = {"PYTHONPATH": str(PROJECT.parent), "SPARK_LOCAL_IP": LOOPBACK}
"""What a process of that environment needs in its own, to run Penstock from here."""


def server(home: Path) -> Server:
    """The session; ``port`` is where it is asked to run commands."""
    (port,) = free_ports()
    driver = Path(__file__).with_name("spark_driver.py")
    command = [python("spark"), driver, str(port), json.dumps(CONF)]
    return Server(command, accepts(port), home, environment=HERE, patience=PATIENCE, port=port)


class Ended(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


def run(spark: Any, environment: Mapping[str, str], *arguments: str) -> Ended:
    """``penstock …`` in the session, with more in its environment."""
    asked = {"arguments": list(arguments), "environment": dict(environment)}
    with socket.create_connection((LOOPBACK, spark.port), PATIENCE) as connection:
        connection.sendall(json.dumps(asked).encode() + b"\n")
        with connection.makefile("r", encoding="utf-8") as stream:
            return Ended(**json.loads(stream.readline()))


def lines_of(path: Path) -> list[str]:
    """The lines of all parts of a file that Spark has written, in the order of the parts."""
    parts = sorted(path.glob("part-*"))
    return [line for part in parts for line in part.read_text(encoding="utf-8").splitlines()]


def home() -> Path:
    """Where Spark itself is, in its environment."""
    (found,) = python("spark").parents[1].glob("lib/python*/site-packages/pyspark")
    return found


def master(directory: Path) -> Server:
    """The master of a cluster; ``url`` is its address."""
    (port,) = free_ports()
    where = ["--host", LOOPBACK, "--port", str(port), "--webui-port", "0"]
    command = _deployed("master.Master", *where)
    return Server(command, accepts(port), directory, environment=_CLUSTER, patience=PATIENCE, url=f"spark://{LOOPBACK}:{port}")


def worker(directory: Path, url: str, has_penstock: bool = True) -> Server:
    """A worker of a cluster, with one core; it is ready when the master has it. Where it has no Penstock,
    its executors need an environment that is sent to them.
    """
    where = ["--cores", "1", "--memory", "700m", "--webui-port", "0", "--host", LOOPBACK, "--work-dir", str(directory)]
    command = _deployed("worker.Worker", *where, url)
    log = directory / "server.log"
    return Server(
        command,
        lambda: "Successfully registered" in log.read_text(errors="replace"),
        directory,
        environment=_CLUSTER if has_penstock else {**_CLUSTER, "PYTHONPATH": ""},
        patience=PATIENCE,
    )


_CLUSTER = {**HERE, "SPARK_DAEMON_MEMORY": "256m"}


def _deployed(what: str, *arguments: str) -> list[str | Path]:
    return [home() / "bin" / "spark-class", f"org.apache.spark.deploy.{what}", *arguments]


ON_CLUSTER = {
    "spark.driver.memory": "600m",
    "spark.executor.memory": "512m",
    "spark.driver.host": LOOPBACK,
}


def start_on(
    url: str, config: Path, *options: str, has_penstock: bool = True, flags: Sequence[str] = (), **environment: str
) -> subprocess.Popen[bytes]:
    """``penstock run --engine spark`` on a cluster, in a process of its own, with more in its environment."""
    conf = {**ON_CLUSTER, "spark.master": url, "spark.executorEnv.PYTHONPATH": HERE["PYTHONPATH"] if has_penstock else ""}
    return _start(conf, config, *options, flags=flags, **environment)


def start_alone(config: Path, *flags: str) -> subprocess.Popen[bytes]:
    """``penstock run --engine spark`` in local mode, in a process of its own, with more flags."""
    return _start(CONF, config, flags=flags)


def _start(conf: Mapping[str, str], config: Path, *options: str, flags: Sequence[str] = (), **environment: str) -> subprocess.Popen[bytes]:
    given = [*(f"{key}={value}" for key, value in conf.items()), *options]
    told = [flag for option in given for flag in ("--engine-option", option)]
    command = [str(python("spark")), "-m", "penstock", "run", "-f", str(config), "--engine", "spark", *told, *flags]
    with (config.parent / "run.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **HERE, **environment}, cwd=config.parent)


def said(directory: Path) -> str:
    """The end of what a process that was started here has said."""
    return (directory / "run.log").read_text(errors="replace")[-4000:]


def until(holds: Callable[[], Any], job: subprocess.Popen[bytes], directory: Path) -> None:
    """Wait until something holds, while the process runs."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert job.poll() is None, f"it has ended: {said(directory)}"
        assert time.monotonic() < end, said(directory)
        time.sleep(0.05)


_LEFT_OUT = ("pyspark", "py4j", "pip", "setuptools", "venv_pack", "__pycache__")
_SOURCES = ("dsl", "filters", "penstock", "pipeline", "plugins", "pyproject.toml", "README.md", "LICENSE")


def packed_environment(directory: Path) -> Path:
    """An environment with Penstock as it is installed from here, and without Spark, packed as the documentation
    says; its libraries are those of the environment that has Spark.
    """
    environment, sources = directory / "executor", directory / "sources"
    subprocess.run([python("spark"), "-m", "venv", "--without-pip", environment], check=True)
    (libraries,) = environment.glob("lib/python*/site-packages")
    for each in home().parent.iterdir():
        if not each.name.startswith(_LEFT_OUT):
            (shutil.copytree if each.is_dir() else shutil.copy)(each, libraries / each.name)
    for name in _SOURCES:
        source = PROJECT.parent / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, _below(sources) / name)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*install, "--ignore-installed", "--target", libraries, sources], check=True)
    archive = directory / "environment.tar.gz"
    pack = python("spark").with_name("venv-pack")
    subprocess.run([pack, "-q", "-p", environment, "-o", archive, "--compress-level", "1"], check=True)
    return archive


def _below(directory: Path) -> Path:
    directory.mkdir(exist_ok=True)
    return directory
