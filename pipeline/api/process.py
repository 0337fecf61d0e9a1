"""The process and its threads, as the API tells them. What the system does not say is -1."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

Document = dict[str, Any]
_STARTED = time.time()
_DEEPEST = 10


def process_stats() -> Document:
    """The process: its descriptors, memory in bytes, CPU time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    seconds = usage.ru_utime + usage.ru_stime
    uptime = max(time.time() - _STARTED, 1e-3)
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "open_file_descriptors": _open_files(),
        "max_file_descriptors": soft,
        "mem": {"resident_in_bytes": _resident(), "peak_in_bytes": usage.ru_maxrss * unit},
        "cpu": {
            "total_in_millis": round(seconds * 1000),
            "of_workers_in_millis": round((children.ru_utime + children.ru_stime) * 1000),
            "percent": round(100 * seconds / uptime),
            "load_average": dict(zip(("1m", "5m", "15m"), os.getloadavg(), strict=True)),
        },
        "uptime_in_millis": round(uptime * 1000),
    }


def children_stats() -> Document:
    """The processes that this one started, such as workers, and those that they started."""
    found = _descendants(os.getpid())
    return {
        "count": len(found),
        "resident_in_bytes": sum(map(_resident_of, found)),
        "cpu_in_millis": sum(map(_millis_of, found)),
    }


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(word) for word in path.read_text(encoding="ascii").split()]
    return found + [one for child in found for one in _descendants(child)]


def _resident_of(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _millis_of(pid: int) -> int:
    return max(0, _millis(Path(f"/proc/{pid}/stat")))


def _open_files() -> int:
    try:
        return len(list(Path("/proc/self/fd").iterdir()))
    except OSError:
        return -1


def _resident() -> int:
    return _resident_of(os.getpid()) or -1


def system() -> Document:
    """The machine."""
    return {
        "name": platform.system(),
        "arch": platform.machine(),
        "version": platform.release(),
        "available_processors": os.cpu_count(),
    }


def python() -> Document:
    """The interpreter."""
    return {"pid": os.getpid(), "version": platform.python_version()}


def hot_threads() -> list[Document]:
    """The threads, those that have used most CPU time first, each with what it is doing."""
    frames = sys._current_frames()
    told = []
    for thread in threading.enumerate():
        frame = frames.get(thread.ident or 0)
        if frame is None:
            continue
        lines = traceback.extract_stack(frame, limit=_DEEPEST)
        told.append(
            {
                "name": thread.name,
                "thread_id": thread.native_id,
                "cpu_in_millis": _thread_millis(thread.native_id),
                "traces": [f"{line.filename}:{line.lineno} {line.name}" for line in lines],
            }
        )
    return sorted(told, key=lambda one: -one["cpu_in_millis"])


def _thread_millis(native: int | None) -> int:
    return _millis(Path(f"/proc/self/task/{native}/stat"))


def _millis(stat: Path) -> int:
    """CPU time of a process or a thread."""
    try:
        text = stat.read_text(encoding="utf-8")
    except OSError:
        return -1
    fields = text.rpartition(")")[2].split()
    return round(1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
