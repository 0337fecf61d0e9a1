"""Templates of flow records: exporters say once in a while what their records look like, and send
the records bare.

Templates live for a while and then are forgotten. Their number is bounded, for anyone may send
some. They can be kept in a file, so that a restart need not wait for the exporters to say them
again.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ._flow_values import Read

VARIABLE = 65_535
_MOST = 20_000

Part = tuple[str, int, Read | None]
"""A field of a template: its name, its length and how it is read."""

Said = list[list[int]]
"""A template as it was said: the enterprise, number and length of each field; -1 stands for a scope
of NetFlow 9.
"""


class Template:
    """What a record looks like."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self.size = sum([1 if length == VARIABLE else length for _, length, _ in parts])
        self._varies = any(length == VARIABLE for _, length, _ in parts)

    def records(self, data: bytes) -> Iterator[dict[str, Any]]:
        """The records in the data of a set; what is too short for one is padding."""
        at = 0
        while self.size and len(data) - at >= self.size:
            record: dict[str, Any] = {}
            for name, length, read in self.parts:
                if length == VARIABLE:
                    length, at = _length(data, at)
                if read is not None:
                    record[name] = read(data[at : at + length])
                at += length
            if at > len(data):
                return
            yield record


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The length of a field that says it itself, and where the field starts. Source: RFC 7011,
    section 7.
    """
    length = data[at] if at < len(data) else 0
    return (
        (int.from_bytes(data[at + 1 : at + 3], "big"), at + 3)
        if length == 255
        else (length, at + 1)
    )


class Templates:
    """The templates of one version, by ``source|template``; those that were not said for
    ``lifetime`` seconds are forgotten.
    """

    def __init__(self, lifetime: float, directory: Path | None = None, name: str = "") -> None:
        self._lifetime = lifetime
        self._file = directory / f"{name}.json" if directory is not None else None
        self._held: dict[str, tuple[Said, Template, float]] = {}

    def get(self, key: str) -> Template | None:
        """The template of a key, unless it is too old."""
        held = self._held.get(key)
        return held[1] if held is not None and held[2] > time.monotonic() else None

    def put(self, key: str, said: Said, template: Template) -> None:
        """Hold a template; one more than the most drops the one that was said longest ago."""
        former = self._held.pop(key, None)
        self._held[key] = (said, template, time.monotonic() + self._lifetime)
        if len(self._held) > _MOST:
            del self._held[next(iter(self._held))]
        if self._file is not None and (former is None or former[0] != said):
            self._save()

    def restore(self, made: Callable[[Said], Template]) -> None:
        """Take the templates from the file; raises ValueError or TypeError if it is none of ours,
        OSError if it cannot be read.
        """
        if self._file is None or not self._file.exists():
            return
        found = json.loads(self._file.read_text("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("not a valid templates file")
        until = time.monotonic() + self._lifetime
        for key, said in found.items():
            fields = [[int(number) for number in field] for field in said]
            self._held[key] = (fields, made(fields), until)

    def _save(self) -> None:
        """Replace the file at once, so that it is whole whenever the program ends."""
        assert self._file is not None
        descriptor, path = tempfile.mkstemp(dir=self._file.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump({key: said for key, (said, _, _) in self._held.items()}, file)
            Path(path).replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(path).unlink()
            raise
