"""A Python worker ends when the task manager that it works for is gone. Killed, that leaves its
workers behind, which would wait for ever, with some hundred MiB each.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

_watched = threading.Lock()


def end_with_flink() -> None:
    """End this process soon after its task manager; nothing in a process that runs a job itself."""
    main = sys.modules["__main__"].__spec__
    is_worker = main is not None and main.name.startswith("pyflink.fn_execution")
    if is_worker and _watched.acquire(blocking=False):
        threading.Thread(target=_watch, args=(_task_manager(),), daemon=True).start()


def _watch(task_manager: int) -> None:
    while _task_manager() == task_manager:
        time.sleep(1)
    os._exit(1)


def _task_manager() -> int:
    """The process above the shell that runs this one."""
    status = Path(f"/proc/{os.getppid()}/stat").read_text()
    return int(status.rpartition(")")[2].split()[1])
