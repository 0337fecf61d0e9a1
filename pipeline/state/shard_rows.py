"""What the filters of one shard hold, as rows of a changelog, in the place of a database.

A row's key says which filter and which key of it, its value is the state. A message of a broker has
a greatest size, so that what is longer is several rows, numbered. What was read is forgotten after
the first commit: from then on only what changes is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ...plugins.batch import Position
from ...plugins.epoch import Row
from ..storage.state_store import Change, Held

PIECE = 500_000
"""The most bytes of a row's value; brokers take a megabyte, unless they are told otherwise."""

_ABOUT = ""
"""In the place of a filter's id: how far the shard's partitions have been taken in."""

_encode = msgspec.msgpack.Encoder().encode
_key_of = msgspec.msgpack.Decoder(tuple[str, bytes, int]).decode
_held_of = msgspec.msgpack.Decoder(Held).decode
_positions_of = msgspec.msgpack.Decoder(dict[str, Position]).decode

_Name = tuple[str, bytes]
"""A filter, and an encoded key of it; no key for what is known of the filter itself."""


class ShardRows:
    """The rows of one shard; ``taken`` gives what a commit has to write."""

    def __init__(self, shard: str, rows: Mapping[bytes, bytes]) -> None:
        self._shard = shard
        self._pieces: dict[_Name, int] = {}
        self._held = self._joined(rows)
        about = self._held.pop((_ABOUT, b""), None)
        self._positions = {} if about is None else _positions_of(about)
        self._marks: dict[str, bytes] = {}
        self._rows: list[Row] = []

    def _joined(self, rows: Mapping[bytes, bytes]) -> dict[_Name, bytes]:
        """Values as they were before they were cut into pieces."""
        pieces: dict[_Name, dict[int, bytes]] = {}
        for written, value in rows.items():
            name, key, number = _key_of(written)
            pieces.setdefault((name, key), {})[number] = value
        found = {}
        for at, parts in pieces.items():
            if len(parts) > 1:
                self._pieces[at] = len(parts)
            found[at] = b"".join(parts[number] for number in sorted(parts))
        return found

    # -- as StateStore ----------------------------------------------------------------------

    def filters(self) -> list[Held]:
        """The filters of which something is known."""
        return [_held_of(value) for (_, key), value in self._held.items() if not key]

    def keys(self, name: str) -> Iterator[tuple[bytes, bytes]]:
        """What a filter holds, by key, as it was encoded."""
        for (theirs, key), value in self._held.items():
            if theirs == name and key:
                yield key, value

    def positions(self) -> dict[Any, dict[str, Position]]:
        """By partition: up to where events are in the state."""
        return {"": dict(self._positions)}

    def commit(
        self,
        positions: Mapping[Any, Mapping[str, Position]],
        changes: Iterable[Change],
        gone: Iterable[str] = (),
    ) -> None:
        """Note what is to be written of positions and filters."""
        for name in gone:
            self._clear(name)
        for change in changes:
            self._note(change)
        moved = positions.get("", {})
        if moved:
            self._positions |= moved
            self._put((_ABOUT, b""), _encode(self._positions))
        self._held = {}

    def forget_positions(self) -> None:
        """Positions are the group's own."""

    def close(self) -> None:
        """There is nothing to let go of."""

    # -- rows -------------------------------------------------------------------------------

    def taken(self) -> list[Row]:
        """What is to be written, once."""
        taken, self._rows = self._rows, []
        return taken

    def _note(self, change: Change) -> None:
        held = change.held
        if change.is_anew:
            self._clear(held.id)
        about = _encode(held)
        if self._marks.get(held.id) != about:
            self._marks[held.id] = about
            self._put((held.id, b""), about)
        for key, state in change.keys:
            self._put((held.id, key), state)

    def _clear(self, name: str) -> None:
        for theirs, key in list(self._held):
            if theirs == name:
                self._put((theirs, key), None)

    def _put(self, name: _Name, value: bytes | None) -> None:
        """Write a value; where it has fewer pieces than before, the others go."""
        whole = value or b""
        pieces = [whole[at : at + PIECE] for at in range(0, len(whole), PIECE)]
        before = self._pieces.pop(name, 1)
        if len(pieces) > 1:
            self._pieces[name] = len(pieces)
        for number in range(max(len(pieces), before)):
            piece = pieces[number] if number < len(pieces) else None
            self._rows.append(Row(self._shard, _encode((*name, number)), piece))
