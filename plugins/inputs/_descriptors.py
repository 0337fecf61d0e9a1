"""The open files, of which there may only be so many: to open one more, the one that was read
longest ago is closed.

Only files that can be opened again under their path are closed for that: not one whose name was
taken away, and not one of which something is on its way, because it might be given back.
"""

from __future__ import annotations

import errno
import resource

from ._log_file import LogFile

_SPARE = 64


def most_open(wanted: int) -> int:
    """How many files may be open: what is wanted, or what the system allows with some to spare."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(wanted, allowed - _SPARE)) if allowed != resource.RLIM_INFINITY else wanted


class Descriptors:
    """Opens files and closes them, the least recently used first. ``limit``: how many may be
    open.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open: dict[LogFile, None] = {}

    def want(self, file: LogFile, path: str | None = None) -> bool:
        """Open a file if it is not; False where that cannot be now. Raises OSError where it may not
        be opened.
        """
        if file.descriptor is None:
            try:
                if not self._room() or not file.open_file(path):
                    return False
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    self.limit = max(1, len(self.open) - 1)
                elif error.errno != errno.ENOENT:
                    raise
                return False
        self.open.pop(file, None)
        self.open[file] = None
        return True

    def _room(self) -> bool:
        while len(self.open) >= self.limit:
            oldest = next((file for file in self.open if not file.detached and not file.open), None)
            if oldest is None:
                return False
            self.close(oldest)
        return True

    def close(self, file: LogFile) -> None:
        """Close a file."""
        self.open.pop(file, None)
        file.close()

    def pass_on(self, old: LogFile, new: LogFile) -> None:
        """Give the descriptor of one file to another that stands for the same bytes on disk."""
        new.descriptor, old.descriptor = old.descriptor, None
        self.open.pop(old, None)
        self.open[new] = None

    def close_all(self) -> None:
        """Close all files."""
        for file in list(self.open):
            self.close(file)
