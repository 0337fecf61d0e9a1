"""The input dead_letter_queue: events that a pipeline could not handle, read back in order while
more may come.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import md5
from itertools import count
from pathlib import Path

from ...dsl.timestamp import Timestamp, parse_timestamp
from ..batch import Batch, Part, Position
from ..contract import Input, Outcome
from ..declaration import option
from ..errors import NewerFormat
from ..rate_limit import complain
from ..records.dead_letter import DeadLetter, DeadLetterReader
from ..wake_pipe import WakePipe
from ._atomic import write_atomically

_BATCH = 500
_VERSION = 1
"""Of the file with the position; the one before had none."""

_PARTITION = "letters"
_INCARNATION = "1"
"""Always the same: sequences begin at the clock, so that a store that was made anew has none of the
old numbers.
"""


class DeadLetterQueue(Input, name="dead_letter_queue"):
    """Read back the events that a pipeline could not handle.

    Each event is as it was when it failed, with `[@metadata][dead_letter_queue]`: `entry_time`,
    `plugin_id`, `plugin_type`, `reason`, and `place`, which is `file:line:column` of the plugin. An
    event that fails again is dropped, counted and logged: it does not go round.

    The position is kept once the outputs have the events; after a crash, what was on its way is
    read again. `start_timestamp` comes before it: each start then begins at that time.
    `clean_consumed` deletes what was read, segment by segment; without it all stays until it is too
    old or too much for the pipeline that wrote it, or until `penstock dlq purge`.

    Differs from Logstash: a directory that is not there yet is waited for. Segments that Logstash
    wrote cannot be read.
    """

    replays = True
    local = True

    path: Path = option(
        "The directory of dead letters: that of all pipelines, `path.dead_letter_queue`."
    )
    pipeline_id: str = option("The pipeline whose events are read.", default="main")
    commit_offsets: bool = option(
        "Whether to save the position up to which was read.", default=True
    )
    start_timestamp: str | None = option(
        "Skip events that failed before this time, such as 2017-04-04T23:40:37.", default=None
    )
    clean_consumed: bool = option("Delete what was read; needs `commit_offsets`.", default=False)
    sincedb_path: str | None = option("The file for the position.", default=None)

    _letters: DeadLetterReader | None = None
    _pipe: WakePipe | None = None

    def prepare(self) -> None:
        self._start: Timestamp | None = None
        if self.clean_consumed and not self.commit_offsets:
            message = "`clean_consumed` requires `commit_offsets`"
            self.problem("clean_consumed", message, "remove `commit_offsets => false`")
        if self.start_timestamp is not None:
            self._start = parse_timestamp(self.start_timestamp)
            if self._start is None:
                self.problem(
                    "start_timestamp", "this is not a valid time", "write it as 2017-04-04T23:40:37"
                )
        if self.sincedb_path is not None and Path(self.sincedb_path).is_dir():
            self.problem(
                "sincedb_path", f"`{self.sincedb_path}` is a directory", "name a file in it"
            )
        if not self.pipeline_id or "/" in self.pipeline_id or self.pipeline_id in (".", ".."):
            self.problem(
                "pipeline_id", "this is not a valid name of a pipeline", "give its `pipeline.id`"
            )

    def open(self) -> None:
        self._sincedb = Path(self.sincedb_path) if self.sincedb_path else self._default_sincedb()
        self._position = self._saved = 0 if self._start is not None else self._remembered()
        self._last_given = self._position
        self._letters = DeadLetterReader(Path(self.path) / self.pipeline_id, self._position)
        self._letters.check_format()
        self._numbers = count()
        self._under_way: list[tuple[int, int]] = []  # what was given: number, sequence before it
        self._pipe = WakePipe()

    def _default_sincedb(self) -> Path:
        """Logstash's name."""
        name = ".sincedb_" + md5(str(self.path).encode(), usedforsecurity=False).hexdigest()
        return (
            self.context.data_directory
            / "plugins"
            / "inputs"
            / "dead_letter_queue"
            / self.pipeline_id
            / name
        )

    def _remembered(self) -> int:
        try:
            found = json.loads(self._sincedb.read_bytes())
            version, sequence = int(found.get("version", 0)), int(found["sequence"])
        except FileNotFoundError:
            return 0
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.context.log.warning(
                "the position `%s` cannot be read: %s; reading starts over", self._sincedb, error
            )
            return 0
        if version > _VERSION:
            raise NewerFormat(self._sincedb, version, _VERSION)
        return sequence

    def connect(self) -> None:
        self._under_way.clear()
        self._begin_again(self._position)

    def resume(self, positions: Mapping[str, Position]) -> None:
        position = positions.get(_PARTITION)
        if position is not None:
            self._position = position.offset
            self._begin_again(position.offset)

    def read(self, timeout: float) -> Batch | None:
        letters = self._read()
        if not letters:
            assert self._pipe is not None
            self._pipe.wait(timeout)
            return None
        token = (next(self._numbers), self._last_given)
        self._under_way.append(token)
        self._last_given, start = letters[-1].sequence, self._start
        wanted = [letter.marked() for letter in letters if start is None or letter.time >= start]
        position = Position(_INCARNATION, self._last_given)
        return Batch(wanted, token=token, parts=[Part(_PARTITION, position, len(wanted))])

    def wake(self) -> None:
        pipe = self._pipe
        if pipe is not None:
            pipe.wake()

    def _read(self) -> list[DeadLetter]:
        assert self._letters is not None
        try:
            letters = self._letters.read(_BATCH)
        except FileNotFoundError:
            return []
        for skipped in self._letters.skipped:
            complain(  # each of them once
                f"{skipped.file} {skipped.offset}",
                "%s: dead letters: skipped: %s",
                self.context.where,
                skipped,
            )
        self._letters.skipped.clear()
        return letters

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        if _PARTITION in behind:
            self._position = behind[_PARTITION].offset
        for token, error in outcomes:
            if token not in self._under_way:
                continue  # it was given before the last outage, and is read again already
            if error is None:
                self._under_way.remove(token)
            else:
                del self._under_way[self._under_way.index(token) :]
                self._begin_again(token[1])
        if self._position != self._saved and self.commit_offsets:
            self._save()

    def _begin_again(self, after: int) -> None:
        """Read again what comes after a sequence."""
        if after == self._last_given:
            return
        assert self._letters is not None
        self._letters.close()
        self._letters = DeadLetterReader(self._letters.directory, after)
        self._last_given = after

    def _save(self) -> None:
        try:
            self._sincedb.parent.mkdir(parents=True, exist_ok=True)
            line = json.dumps({"version": _VERSION, "sequence": self._position})
            write_atomically(str(self._sincedb), line.encode() + b"\n")
        except OSError as error:
            self.context.log.warning(
                "the position `%s` cannot be written: %s", self._sincedb, error
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
                self.context.log.warning(
                    "what was read cannot be deleted: %s: %s", path, error, about=str(path)
                )

    def close(self) -> None:
        self._pipe = None
        if self._letters is not None:
            self._letters.close()
            self._letters = None
