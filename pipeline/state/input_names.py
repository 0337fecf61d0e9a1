"""The positions of inputs in a commit, by names that stay when a configuration is edited.

Within a run an input is known by its place among the inputs. What outlives the run must not be: an
input that is put in front of another would be given the other's positions. There an input has its
``id`` for a name, or its kind and a digest of those options that say where it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...plugins.batch import Position
from ...plugins.epoch import Offsets, Participant
from ...plugins.input import Input
from ...plugins.option_text import stable_names

_NOT_WHERE = frozenset(
    {"add_field", "codec", "enable_metric", "id", "max_in_flight", "tags", "type"}
)


class NamedInputs:
    """A participant that is told places, and commits names. What is not an input (below 0) stays as
    it is, and so do places that were committed before there were names; positions of inputs that
    the configuration does not have are left out.
    """

    def __init__(self, participant: Participant, inputs: Sequence[Input]) -> None:
        self.overlaps = participant.overlaps
        self._names, self._participant = stable_names(inputs, _NOT_WHERE), participant
        self.begin, self.snapshot = participant.begin, participant.snapshot
        self.abort = participant.abort

    def restored(self) -> Offsets:
        """As ``Participant``, by the place that each input has now."""
        committed = self._participant.restored()
        found: dict[int | str, Mapping[str, Position]] = {
            source: at for source, at in committed.items() if isinstance(source, int)
        }
        for place, name in enumerate(self._names):
            if name in committed:
                found[place] = committed[name]
        return found

    def commit(self, offsets: Offsets, state: Any) -> None:
        """As ``Participant``, given places."""
        positions = by_input(offsets)
        for place, name in enumerate(self._names):
            if place in positions:
                positions[name] = positions.pop(place)
        self._participant.commit(positions, state)


def by_input(offsets: Offsets) -> dict[int | str, dict[str, Position]]:
    """Positions by the place of the input, also of batches that came through the disk queue: there
    a partition has the input's place before its name.
    """
    found: dict[int | str, dict[str, Position]] = {}
    for source, parts in offsets.items():
        is_queue = isinstance(source, int) and source < 0
        for name, position in parts.items():
            place, _, partition = name.partition(" ")
            if partition and is_queue:
                found.setdefault(int(place), {})[partition] = position
            else:
                found.setdefault(source, {})[name] = position
    return found
