"""The input dead_letter_queue: events that a pipeline could not handle, read back in order while
more may come.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import md5
from pathlib import Path

from ...dsl.timestamp import Timestamp, parse_timestamp
from ..contract import Batch, Input, complain
from ..data_paths import data_folder
from ..declaration import option
from ..records.dead_letter import DeadLetter, DeadLetterReader
from ._atomic import write_atomically

_BATCH = 500
_WAIT = 0.25


class _Handed:
    """A batch that was handed out; ``last`` is the sequence of its last letter."""

    __slots__ = ("delivered", "last")

    def __init__(self, last: int) -> None:
        self.last, self.delivered = last, False


class DeadLetterQueue(Input, name="dead_letter_queue"):
    """Read back the events that a pipeline could not handle.

    Each event is as it was when it failed, with `[@metadata][dead_letter_queue]`: `entry_time`,
    `plugin_id`, `plugin_type`, `reason`, and `place`, which is `file:line:column` of the plugin. An
    event that fails again is dropped, counted and logged: it does not go round.

    The position is kept once the outputs have the events; after a crash, what was on its way is
    read again. `start_timestamp` comes before it: each start then begins at that time.
    `clean_consumed` deletes what was read, segment by segment; without it all stays until it is too
    old or too much for the pipeline that wrote it, or until `penstock dlq purge`.

    Differs from Logstash: a folder that is not there yet is waited for. Segments that Logstash
    wrote cannot be read.
    """

    path: Path = option(
        "The folder of dead letters: that of all pipelines, `path.dead_letter_queue`."
    )
    pipeline_id: str = option("The pipeline whose events are read.", default="main")
    commit_offsets: bool = option("Whether to remember up to where was read.", default=True)
    start_timestamp: str | None = option(
        "Leave out what failed before this time, such as 2017-04-04T23:40:37.", default=None
    )
    clean_consumed: bool = option("Delete what was read; needs `commit_offsets`.", default=False)
    sincedb_path: str | None = option("The file for the position.", default=None)

    _letters: DeadLetterReader | None = None

    def prepare(self) -> None:
        self._start: Timestamp | None = None
        if self.clean_consumed and not self.commit_offsets:
            message = "what was read can be deleted only if it is remembered what was"
            self.problem("clean_consumed", message, "take out `commit_offsets => false`")
        if self.start_timestamp is not None:
            self._start = parse_timestamp(self.start_timestamp)
            if self._start is None:
                self.problem(
                    "start_timestamp", "this is no time", "write it as 2017-04-04T23:40:37"
                )
        if self.sincedb_path is not None and Path(self.sincedb_path).is_dir():
            self.problem("sincedb_path", f"`{self.sincedb_path}` is a folder", "name a file in it")
        if not self.pipeline_id or "/" in self.pipeline_id or self.pipeline_id in (".", ".."):
            self.problem("pipeline_id", "this is no name of a pipeline", "give its `pipeline.id`")

    def open(self) -> None:
        self._sincedb = Path(self.sincedb_path) if self.sincedb_path else self._default_sincedb()
        self._position = self._saved = 0 if self._start is not None else self._remembered()
        self._handed: deque[_Handed] = deque()
        self._answers: deque[tuple[_Handed, Exception | None]] = deque()
        self._letters = DeadLetterReader(Path(self.path) / self.pipeline_id, self._position)

    def _default_sincedb(self) -> Path:
        """Logstash's name."""
        name = ".sincedb_" + md5(str(self.path).encode(), usedforsecurity=False).hexdigest()
        return (
            data_folder(self.context.settings)
            / "plugins"
            / "inputs"
            / "dead_letter_queue"
            / self.pipeline_id
            / name
        )

    def _remembered(self) -> int:
        try:
            return int(json.loads(self._sincedb.read_bytes())["sequence"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError) as error:
            where, path = self.context.where, self._sincedb
            complain(
                str(path),
                "%s: the position `%s` cannot be read: %s; all is read again",
                where,
                path,
                error,
            )
            return 0

    def batches(self, stopping: Callable[[], bool]) -> Iterator[Batch | None]:
        while not stopping():
            self._settle()
            letters = self._read()
            if letters:
                handed = _Handed(letters[-1].sequence)
                self._handed.append(handed)
                wanted = [
                    letter.marked()
                    for letter in letters
                    if self._start is None or letter.time >= self._start
                ]
                yield Batch(wanted, partial(self._answer, handed))
            else:
                yield None
                time.sleep(_WAIT)

    def _read(self) -> list[DeadLetter]:
        assert self._letters is not None
        try:
            letters = self._letters.read(_BATCH)
        except FileNotFoundError:
            return []
        for skipped in self._letters.skipped:
            complain(
                f"{skipped.file} {skipped.offset}",
                "%s: left out of the dead letters: %s",
                self.context.where,
                skipped,
            )
        self._letters.skipped.clear()
        return letters

    def _answer(self, handed: _Handed, error: Exception | None) -> None:
        self._answers.append((handed, error))

    def _settle(self) -> None:
        """Move on behind what was delivered; read again what was given back, and all after it."""
        while self._answers:
            handed, error = self._answers.popleft()
            handed.delivered = error is None
            if error is not None and handed in self._handed:
                self._handed.clear()
                self._begin_again()
        while self._handed and self._handed[0].delivered:
            self._position = self._handed.popleft().last
        if self._position != self._saved and self.commit_offsets:
            self._save()

    def _begin_again(self) -> None:
        assert self._letters is not None
        self._letters.close()
        self._letters = DeadLetterReader(self._letters.folder, self._position)

    def _save(self) -> None:
        try:
            self._sincedb.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(
                str(self._sincedb), json.dumps({"sequence": self._position}).encode() + b"\n"
            )
        except OSError as error:
            complain(
                str(self._sincedb),
                "%s: the position `%s` cannot be written: %s",
                self.context.where,
                self._sincedb,
                error,
            )
            return
        self._saved = self._position
        if self.clean_consumed:
            self._clean()

    def _clean(self) -> None:
        assert self._letters is not None
        for path in self._letters.consumed(self._position):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                complain(
                    str(path), "%s: what was read cannot be deleted: %s", self.context.where, error
                )

    def close(self) -> None:
        if self._letters is not None:
            self._settle()
            self._letters.close()
            self._letters = None
