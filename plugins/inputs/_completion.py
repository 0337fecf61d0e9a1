"""The ends of files: when a file counts as read, and what becomes of it then.

In read mode a file ends where it ends, once its size has stood still for a moment: one that is
still being written is not deleted under its writer's hands. What the option
``file_completed_action`` says is done when the batch with the last line was acknowledged. A damaged
archive is kept. In tail mode only a file ends whose name was taken away: when nothing came for
long.
"""

from __future__ import annotations

import os

from ..rate_limit import PluginLog
from ._files import Files
from ._load import Load
from ._log_file import LogFile

_LINGER = 5.0


class Completion:
    """What is done with a file that was read: ``delete``, ``log`` its path to a file, or
    ``log_and_delete``.
    """

    def __init__(self, action: str, log_path: str | None, log: PluginLog) -> None:
        self._log = log
        self._deletes, self._log_path = "delete" in action, log_path if "log" in action else None

    def carry_out(self, path: str) -> bool:
        """Do it; whether the file is gone."""
        try:
            if self._log_path is not None:
                with open(self._log_path, "ab") as file:
                    file.write(os.fsencode(path) + b"\n")
            if self._deletes:
                os.unlink(path)
        except OSError as error:
            self._log.error(
                "`%s` was read, but file_completed_action failed: %s", path, error, about=path
            )
            return False
        return self._deletes


class Endings:
    """Sees to files that were read to their end and will not be followed."""

    def __init__(self, files: Files, completion: Completion) -> None:
        self._files, self._completion = files, completion
        self._options, self._clock = files.options, files.clock
        self._told: set[LogFile] = set()

    def read_up(self, file: LogFile, load: Load[LogFile]) -> None:
        """All of a file that was there has been read."""
        if self._options.read or file.detached:
            self._files.waiting[file] = None
            self._wait(file, load)

    def _wait(self, file: LogFile, load: Load[LogFile]) -> None:
        now = self._clock.monotonic()
        if self._is_over(file, now) and self._is_unchanged(file):
            del self._files.waiting[file]
            self._files.ending[file] = None
            file.ending = True
            file.flush(load)
            load.tell(file, "finished")
        elif (
            file.detached
            and file.stream is not None
            and not file.stream.holds_part
            and now - file.quiet_since > _LINGER
        ):
            file.flush(load)

    @property
    def are_due(self) -> bool:
        """Whether a file can be ended now."""
        return any(not file.open for file in self._files.ending)

    def see_to(self, load: Load[LogFile]) -> None:
        """End the files that are due; their last events go into ``load``."""
        for file in list(self._files.waiting):
            self._wait(file, load)
        for file in list(self._files.ending):
            if not file.open and self._is_unchanged(file):
                del self._files.ending[file]
                self._end(file)

    def _is_over(self, file: LogFile, now: float) -> bool:
        quiet = now - file.quiet_since
        if not self._options.read:
            return quiet >= (
                _LINGER * max(self._options.stat_interval, 1)
                if file.is_unlinked()
                else self._options.close_older
            )
        if self._options.exit_after_read:
            return True
        if file.unpacker is not None and not file.unpacker.whole and not file.unpacker.problem:
            self._tell(file, "ends in the middle; it is read on when it grows")
            return False
        return max(quiet, self._clock.time() - file.modified / 1e9) >= self._options.stat_interval

    def _is_unchanged(self, file: LogFile) -> bool:
        """Whether there is still nothing more to read; else the file is read on."""
        try:
            if self._files.descriptors.want(file) and file.look() and file.read_up:
                return True
        except OSError:
            return True  # it cannot be read any more: that is its end
        self._files.waiting.pop(file, None)
        self._files.ending.pop(file, None)
        file.ending = False
        self._files.dirty[file] = None
        return False

    def _end(self, file: LogFile) -> None:
        files = self._files
        file.finished = file.unsaved = True
        if not self._options.read or file.detached:
            files.sincedb.put(file.identity, file.record())
            files.drop(file)
            return
        if self._is_intact(file) and self._completion.carry_out(file.path):
            files.drop(file)
            files.sincedb.forget(file.identity)
            return
        file.stream = None
        files.descriptors.close(file)

    def _is_intact(self, file: LogFile) -> bool:
        unpacker = file.unpacker
        if unpacker is None or (unpacker.whole and not unpacker.problem):
            return True
        self._tell(
            file,
            f"is damaged: {unpacker.problem or 'it ends in the middle'}; it is kept, what could be"
            " read was",
        )
        return False

    def _tell(self, file: LogFile, what: str) -> None:
        if file not in self._told:
            self._told.add(file)
            self._files.log.error("the archive `%s` %s", file.path, what, about=file.path)
