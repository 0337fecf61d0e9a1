"""The state of the filters of a pipeline as what epochs commit: what they hold, together with the
positions of the inputs.

At the start each filter is given what its ``id`` had at the last commit. Where its options mean
something else by now, or it is gone, what was held is emitted by the filter as it was, as parts of
what there would have been.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ...dsl.reference import Event
from ...plugins.batch import Position
from ...plugins.epoch import Offsets
from ...plugins.event_time import KeepsState
from ..storage.state_store import Change, Held

log = logging.getLogger("penstock")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode

Rebuild = Callable[[Held], KeepsState]
"""Makes a filter as it was from what is known of it; raises what says why it cannot."""


Text = Callable[[KeepsState], str]
"""Gives the text of a filter in the configuration."""


class Store(Protocol):
    """Where state is kept; the methods are those of ``StateStore``."""

    def positions(self) -> dict[Any, dict[str, Position]]: ...

    def filters(self) -> list[Held]: ...

    def keys(self, name: str) -> Iterator[tuple[bytes, bytes]]: ...

    def commit(
        self,
        positions: Mapping[Any, Mapping[str, Position]],
        changes: Iterable[Change],
        gone: Iterable[str] = (),
    ) -> None: ...

    def forget_positions(self) -> None: ...

    def close(self) -> None: ...


class States(Protocol):
    """What keeps the state of a pipeline's filters, as the runtime sees it."""

    def open(self, partitions: Iterable[str]) -> bool:
        """Before events of these partitions are worked: see to it that what is held of them is
        here; False where it cannot be, and the events must come again.
        """
        ...

    def keeps(self, plugin: KeepsState) -> bool:
        """Whether a filter's state is kept here."""
        ...

    @property
    def has_leftovers(self) -> bool:
        """Whether something is to be emitted that was held under another meaning."""
        ...

    def take_leftovers(self) -> list[Event]:
        """Before time goes on without events: what filters held that are gone; once."""
        ...

    def close(self) -> None:
        """Let go of where it is kept."""
        ...


class FilterStates:
    """The participant of a pipeline with filters of event time. Those without an ``id`` are not
    kept. ``leftovers``: what filters held that are gone.
    """

    overlaps = True

    def __init__(
        self,
        filters: Sequence[KeepsState],
        store: Store,
        text: Text,
        rebuild: Rebuild,
    ) -> None:
        self.filters = {each.id: each for each in filters if each.id is not None}
        self._store, self._rebuild = store, rebuild
        self._described = {name: _described(each, text) for name, each in self.filters.items()}
        self._anew: set[str] = set()
        self._gone: list[str] = []
        self.leftovers: list[Event] = []

    # -- at the start -----------------------------------------------------------------------

    def restored(self) -> Offsets:
        known = {held.id: held for held in self._store.filters()}
        for name, plugin in self.filters.items():
            held = known.get(name)
            plugin.begin_anew()
            if held is not None and self._means_the_same(held, plugin):
                self._load(held, plugin)
            elif held is not None:
                self._anew.add(name)
                plugin.leftover = [*plugin.leftover, *self._drained(held)]
            plugin.note_changes()
        for name in known.keys() - self.filters.keys():
            log.warning("the filter `%s` is gone: what it held is emitted as it is", name)
            self.leftovers += self._drained(known[name])
            self._gone.append(name)
        return self._store.positions() if self.filters else {}

    def _means_the_same(self, held: Held, plugin: KeepsState) -> bool:
        now, _ = self._described[held.id]
        if held.kind != plugin.name:
            what = f"it is a `{plugin.name}` now, and was a `{held.kind}`"
        else:
            names = [*now, *(name for name in held.meaning if name not in now)]
            changed = [name for name in names if now.get(name) != held.meaning.get(name)]
            if not changed:
                return True
            what = ", ".join(f"`{name}`" for name in changed) + " changed"
        log.warning(
            "the state of `%s` means something else now: %s; what it held is emitted as it is, and"
            " it begins anew",
            held.id,
            what,
        )
        return False

    def _load(self, held: Held, plugin: KeepsState) -> None:
        rows = ((_decode(key), _decode(state)) for key, state in self._store.keys(held.id))
        marks = _decode(held.marks)
        plugin.restore({"version": held.version, "marks": marks, "keys": rows})

    def _drained(self, held: Held) -> list[Event]:
        """What a filter held, as parts of what there would have been."""
        try:
            plugin = self._rebuild(held)
            self._load(held, plugin)
        except Exception as error:
            log.error("what `%s` held cannot be emitted: %s", held.id, error)
            log.debug("making a filter of the state raised", exc_info=True)
            return []
        return plugin.drain("stop")

    def open(self, partitions: Iterable[str]) -> bool:
        """All is here from the start on."""
        return True

    @property
    def is_new(self) -> bool:
        """Whether the next commit has to take out what was held before."""
        return bool(self._anew or self._gone)

    def keeps(self, plugin: KeepsState) -> bool:
        """Whether a filter's state is kept here."""
        return plugin.id is not None and self.filters.get(plugin.id) is plugin

    @property
    def has_leftovers(self) -> bool:
        """Whether something is to be emitted that was held under another meaning."""
        return bool(self.leftovers) or any(each.leftover for each in self.filters.values())

    def take_leftovers(self) -> list[Event]:
        """What filters held that are gone; once."""
        taken, self.leftovers = self.leftovers, []
        return taken

    # -- epochs -----------------------------------------------------------------------------

    def begin(self) -> None:
        """An epoch needs no preparation."""

    def snapshot(self) -> list[Change]:
        changes = []
        for name, plugin in self.filters.items():
            data = plugin.snapshot()
            meaning, text = self._described[name]
            marks = _encode(data["marks"])
            version, fields = data["version"], data["fields"]
            held = Held(name, plugin.name, version, fields, meaning, text, marks)
            keys = [(_encode(key), _state(state)) for key, state in data["keys"]]
            changes.append(Change(held, keys, name in self._anew))
        self._anew = set()
        return changes

    def commit(self, offsets: Offsets, state: Any) -> None:
        positions = offsets if self.filters else {}
        if not self.filters:
            self._store.forget_positions()
        began = time.monotonic()
        self._store.commit(positions, state, self._gone)
        self._gone = []
        for plugin in self.filters.values():
            plugin.committed(time.monotonic() - began)

    def abort(self) -> None:
        self._anew, self._gone, self.leftovers = set(), [], []
        for plugin in self.filters.values():
            plugin.leftover = []
        self.restored()

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()


def _described(plugin: KeepsState, text: Text) -> tuple[dict[str, str], str]:
    return plugin.meaning(), text(plugin)


def _state(data: Any) -> bytes | None:
    return None if data is None else _encode(data)
