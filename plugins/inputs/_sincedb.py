"""The sincedb: up to where each file was read, in the format of Logstash's file input, so that one
can follow the other.

A line is ``inode major minor position timestamp path``; the last two are missing in old ones. What
Penstock knows beyond that, a fingerprint of each file, stands in a file of its own beside it
(``.fingerprints``), because a word more would become part of the path when Logstash reads the line.
Neither file is needed whole: a line that cannot be read is named and left out. The fingerprints
begin with the version of their format: the one before, which had none, is read; a newer one is
refused.

The device's numbers are written as JRuby counts them (the high byte is the major one) and read as
JRuby's or as the system's.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

from ..errors import NewerFormat
from ..rate_limit import PluginLog
from ._atomic import write_atomically
from ._fingerprint import HEAD, TAIL, Fingerprint, Mark

_Value = TypeVar("_Value")

_SHOWN = 5
_LONGEST = 1 << 16
_SIDE = ".fingerprints"
_SIDE_WORDS = 11
_VERSION = 2
_VERSION_WORD = b"version "
_VERSION_LINE = b"%s%d\n" % (_VERSION_WORD, _VERSION)


class Identity(NamedTuple):
    """What tells a file from others, whatever its name is."""

    device: int
    inode: int

    def __str__(self) -> str:
        return f"{self.device}-{self.inode}"

    @classmethod
    def of(cls, text: str) -> Identity:
        """The identity that is written so."""
        device, _, inode = text.partition("-")
        return cls(int(device), int(inode))


class Key(NamedTuple):
    """An identity as a line of the sincedb gives it."""

    inode: int
    major: int
    minor: int


@dataclass(slots=True)
class Record:
    """What is remembered of a file.

    ``position``: bytes that were read, as Logstash counts them: of a packed file all or none.
    ``unpacked``: bytes of a packed file's content that were read. ``changed``: when, in seconds
    since 1970. ``print``: unknown for a line that Logstash wrote. ``done``: in read mode, whether
    what was to be done with the file after it was read has been done. ``incarnation``: empty where
    it is not known.
    """

    position: int
    changed: float
    path: str | None = None
    print: Fingerprint | None = None
    unpacked: int = 0
    done: bool = True
    incarnation: str = ""


def key_of(identity: Identity) -> Key:
    """The key of a file, as JRuby numbers devices."""
    device, inode = identity
    return Key(inode, device >> 24 & 0xFF, device & 0xFFFFFF)


class Sincedb:
    """The records of one input, by key. ``path`` None: nothing is kept. Where there is no such file
    yet, that at ``older`` is begun with.
    """

    def __init__(self, path: str | None, log: PluginLog, older: str | None = None) -> None:
        self.path, self._log, self._older = path, log, older
        self.records: dict[Key, Record] = {}
        self._written: dict[str, bytes] = {}
        self._damaged = False

    def load(self, now: float) -> None:
        """Read what is there; what cannot be read is logged, by name. A record without a time gets
        ``now``. Raises NewerFormat.
        """
        if self.path is None:
            return
        path = (
            self._older if self._older is not None and not os.path.exists(self.path) else self.path
        )
        self.records, self._damaged = _read(path, _record, self._log)
        check_version(path + _SIDE)
        sides, _ = _read(path + _SIDE, _side, self._log)
        for key, record in self.records.items():
            if key in sides:
                record.print, record.unpacked, record.done, record.incarnation = sides[key]
            record.changed = record.changed or now

    def find(self, identity: Identity) -> Record | None:
        """The record of a file."""
        own = key_of(identity)
        if own not in self.records:
            native = Key(identity.inode, os.major(identity.device), os.minor(identity.device))
            if native in self.records:
                self.records[own] = self.records.pop(native)
        return self.records.get(own)

    def put(self, identity: Identity, record: Record) -> None:
        """Remember a file, from the next ``save`` on."""
        self.records[key_of(identity)] = record

    def forget(self, identity: Identity) -> None:
        """Let go of a file's record, if there is one."""
        self.records.pop(key_of(identity), None)

    def expire(self, before: float, watched: Iterable[Identity]) -> None:
        """Let go of records that did not change since ``before``, but for those of files that are
        there.
        """
        kept = {key_of(identity) for identity in watched}
        for key in [
            key
            for key, record in self.records.items()
            if record.changed < before and key not in kept
        ]:
            del self.records[key]

    def save(self) -> None:
        """Write the records, if they changed; a write that fails is logged and retried at
        the next call.
        """
        if self.path is None:
            return
        sides = [
            _side_line(key, record)
            for key, record in self.records.items()
            if record.print is not None
        ]
        self._write(self.path + _SIDE, _VERSION_LINE + b"".join(sides))
        self._write(self.path, b"".join(_line(key, record) for key, record in self.records.items()))

    def _write(self, path: str, data: bytes) -> None:
        if self._written.get(path) == data:
            return
        if self._damaged and path == self.path:
            self._damaged = False
            _set_aside(path)
        try:
            write_atomically(path, data)
            self._written[path] = data
        except OSError as error:
            self._log.warning(
                "the sincedb `%s` cannot be written: %s",
                path,
                error.strerror or error,
                about=path,
            )


def _set_aside(path: str) -> None:
    """Keep a damaged file under another name too: it may not be a sincedb at all, but something
    that someone needs.
    """
    path = os.path.realpath(path)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"{path}.damaged")
    with contextlib.suppress(OSError):
        os.link(path, f"{path}.damaged")


def is_disabled(path: str) -> bool:
    """Whether a path means that nothing is kept: /dev/null, NUL, or any other device."""
    try:
        return path == "NUL" or not (
            stat.S_ISREG(mode := os.stat(path).st_mode) or stat.S_ISDIR(mode)
        )
    except OSError:
        return False


@dataclass(slots=True)
class _Damage:
    """Lines that could not be read: how many, and the first ones."""

    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, number: int, line: bytes) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            self.shown.append(f"line {number}: {line[:60]!r}")

    def report(self, path: str, log: PluginLog) -> None:
        more = f"; and {self.count - _SHOWN} more" if self.count > _SHOWN else ""
        log.warning(
            "the sincedb `%s` is damaged; what is intact is used, left out is %s%s",
            path,
            "; ".join(self.shown),
            more,
            about=path,
        )


def check_version(path: str) -> None:
    """Raise NewerFormat where fingerprints are of a format that is not known yet."""
    try:
        with open(path, "rb") as file:
            first = file.readline(_LONGEST)
    except OSError:
        return
    number = first.removeprefix(_VERSION_WORD).strip()
    if first.startswith(_VERSION_WORD) and number.isdigit() and int(number) > _VERSION:
        raise NewerFormat(path, int(number), _VERSION)


def _read(
    path: str, parse: Callable[[bytes], tuple[Key, _Value]], log: PluginLog
) -> tuple[dict[Key, _Value], bool]:
    """What the lines of a file say, and whether some are damaged, which is logged."""
    found: dict[Key, _Value] = {}
    damage = _Damage()
    try:
        with open(path, "rb") as file:
            for number, line in enumerate(iter(partial(file.readline, _LONGEST), b""), 1):
                try:
                    line = line.rstrip(b"\r\n")
                    if line and not line.startswith(_VERSION_WORD):
                        key, value = parse(line)
                        found[key] = value
                except ValueError:
                    damage.add(number, line)
    except FileNotFoundError:
        pass
    except OSError as error:
        log.error(
            "the sincedb `%s` cannot be read: %s; its files count as new",
            path,
            error.strerror or error,
            about=path,
        )
    if damage.count:
        damage.report(path, log)
    return found, bool(damage.count)


def _record(line: bytes) -> tuple[Key, Record]:
    words = line.split(b" ", 5)
    key, (position,) = Key(*_numbers(words[:3], 3)), _numbers(words[3:4], 1)
    changed = float(words[4]) if len(words) > 4 else 0.0
    if not 0 <= changed < float("inf"):
        raise ValueError("not a valid time")
    path = os.fsdecode(words[5]) if len(words) > 5 and words[5].strip() else None
    return key, Record(position, changed, path)


def _side(line: bytes) -> tuple[Key, tuple[Fingerprint, int, bool, str]]:
    words = line.split(b" ")
    incarnation = words.pop().decode() if len(words) == _SIDE_WORDS else ""
    inode, major, minor, length, head, position, before, tail, unpacked, done = _numbers(
        words, _SIDE_WORDS - 1
    )
    if length > HEAD or before > min(TAIL, position):
        raise ValueError("not a valid fingerprint")
    return Key(inode, major, minor), (
        Fingerprint(length, head, Mark(position, before, tail)),
        unpacked,
        bool(done),
        incarnation,
    )


def _numbers(words: list[bytes], count: int) -> list[int]:
    if len(words) != count or not all(word.isdigit() and len(word) < 20 for word in words):
        raise ValueError("wrong number of fields")
    return [int(word) for word in words]


def _line(key: Key, record: Record) -> bytes:
    words = [*key, record.position, f"{record.changed:.6f}"]
    line = " ".join(map(str, words)).encode()
    if record.path is not None and "\n" not in record.path:
        line += b" " + os.fsencode(record.path)
    return line + b"\n"


def _side_line(key: Key, record: Record) -> bytes:
    assert record.print is not None
    words = [
        *key,
        record.print.length,
        record.print.sum,
        *record.print.mark,
        record.unpacked,
        int(record.done),
        record.incarnation,
    ]
    return (" ".join(map(str, words)).rstrip() + "\n").encode()
