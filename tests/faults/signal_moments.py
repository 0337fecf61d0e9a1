"""Runs of a pipeline to which a signal comes at a given moment; a process of its own, started by a test.

The modules are imported once; each run is a fork that begins where ``penstock run`` does. Prints a line for each run: how many
milliseconds after its start the signal came, and how it ended: a status, or ``hang``.
"""
from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

CONFIG = 'input { generator { count => 200 } } filter { mutate { add_tag => ["a"] } } output { null { } null { } }'
LONGEST = 120.0


def run_penstock(said: int, workers: str) -> None:
    from penstock.pipeline.commands.main import main  # imported before the fork

    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        os.dup2(said, 1)
        os.dup2(said, 2)
        sys.argv = ["penstock", "run", "-w", workers, "-e", CONFIG]
        main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    except KeyboardInterrupt:
        status = 128 + signal.SIGINT  # as Python does where nobody catches it
    finally:
        os._exit(status)


def started(said: int, workers: str) -> tuple[int, int]:
    """A run, and a descriptor that is readable when it has ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # a traceback between fork and try would be ours
    process = os.fork()
    if process == 0:
        run_penstock(said, workers)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    return process, os.pidfd_open(process)


def ended(process: int, watch: int, timeout: float) -> str:
    """How a run ended."""
    with contextlib.closing(os.fdopen(watch)):
        if not select.select([watch], [], [], timeout)[0]:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return "hang"
    return str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def duration(said: int, workers: str) -> float:
    """How long a run takes that no signal disturbs: the longest of three."""
    longest = 0.0
    for _ in range(3):
        begin = time.monotonic()
        assert ended(*started(said, workers), LONGEST) == "0"
        longest = max(longest, time.monotonic() - begin)
    return longest


def send_at_each_moment(number: int, moments: int, workers: str, path: str) -> None:
    from penstock.pipeline.commands import main, run

    assert main.COMMANDS["run"], run.run.name
    said = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    whole = duration(said, workers)
    for moment in range(moments):
        process, watch = started(said, workers)
        wait = 1.1 * whole * moment / moments
        select.select([watch], [], [], wait)
        os.kill(process, number)
        # A run that was not yet listening ended as any program does.
        print(f"{wait * 1000:.1f}", ended(process, watch, LONGEST), flush=True)


if __name__ == "__main__":
    send_at_each_moment(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
