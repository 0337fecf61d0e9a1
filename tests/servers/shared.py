"""Servers that serve a whole test run, whichever of its workers asks first.

The run has a directory, named by an environment variable that workers of pytest-xdist inherit. Who
asks for a server takes its lock: the first starts it and writes its facts down, the others read
them. A watchdog process of the run, which notices through a pipe that the run has ended, however it
ended, kills what was started and removes the directory.
"""
from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from .process import Server

_VARIABLE = "PENSTOCK_TEST_RUN"


def begin_run() -> None:
    """Make the run's directory and its watchdog; called once, before the workers are started."""
    if _VARIABLE in os.environ:
        return
    directory = tempfile.mkdtemp(prefix="penstock-servers-")
    Path(directory).chmod(0o755)  # a server with a user of its own, such as PostgreSQL, passes through
    os.environ[_VARIABLE] = directory
    read_end, _write_end = os.pipe()  # the write end closes with this process
    watchdog = Path(__file__).with_name("watchdog.py")
    subprocess.Popen([sys.executable, "-S", watchdog, directory], stdin=read_end, start_new_session=True)
    os.close(read_end)


def run_directory() -> Path:
    """The directory of this test run."""
    return Path(os.environ[_VARIABLE])


def shared(name: str, make: Callable[[Path], Server]) -> Any:
    """The server of that name, started by ``make`` in the directory it is given unless it runs
    already; its facts are attributes.
    """
    run = run_directory()
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        facts = run / f"{name}.json"
        if not facts.exists():
            home = run / name
            home.mkdir()
            server = make(home).start()
            assert server.process is not None
            facts.write_text(json.dumps({**server.facts, "home": str(home), "pid": server.process.pid}))
        return SimpleNamespace(**json.loads(facts.read_text()))
