"""Names of consumers that outlive a run: what a killed process had is known at its next start.

Each input has a directory below that of its kind, with a numbered directory for each that reads at
the same time. A lock says which of them is in use, and so, without waiting, which names of this
directory belong to nobody: what these have not acknowledged can be taken over at once. Names of
other machines have to show no sign of life for a while first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

from ..records.lock import InUse, Lock

_NAME = "name"


class ConsumerName:
    """The name of one consumer, held until it is released. ``directory``: of this kind of input;
    ``given``: the name that the configuration asks for, or an empty text; ``prefix``: how a name
    begins that is made; ``source``: what is read. Raises OSError where the directory cannot be
    used.
    """

    def __init__(self, directory: Path, given: str, prefix: str, *source: object) -> None:
        digest = hashlib.sha256(repr((given, source)).encode()).hexdigest()[:16]
        self._directory = directory / digest
        number = 0
        while True:
            slot = self._directory / str(number)
            slot.mkdir(parents=True, exist_ok=True)
            try:
                self._lock = Lock(slot)
            except InUse:
                number += 1
                continue
            break
        self._slot = slot
        self.name = _name_of(slot) or _named(slot, given, prefix, number)

    def abandoned(self) -> Iterator[str]:
        """The names of this directory that nobody holds."""
        for slot in sorted(self._directory.iterdir()):
            if slot == self._slot:
                continue
            try:
                lock = Lock(slot)
            except OSError:
                continue
            name = _name_of(slot)
            lock.release()
            if name:
                yield name

    def release(self) -> None:
        """Let another have the name."""
        self._lock.release()


def _name_of(slot: Path) -> str:
    try:
        return (slot / _NAME).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _named(slot: Path, given: str, prefix: str, number: int) -> str:
    name = given or f"{prefix}-{uuid4().hex[:12]}"
    if given and number:
        name = f"{given}-{number}"
    (slot / _NAME).write_text(f"{name}\n", encoding="utf-8")
    return name
