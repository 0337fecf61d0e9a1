"""The positions of inputs in a commit, by numbers that stay when a configuration is edited.

Within a run an input is known by its place among the inputs. What outlives the run must not be: an
input that is put in front of another would be given the other's positions. There an input's number
is made of its ``id``, or of its kind and of those options that say where it reads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ...plugins.batch import Position
from ...plugins.epoch import Offsets, Participant
from ...plugins.input import Input
from ...plugins.option_text import stable_names

_FIRST = 1 << 40
"""Above any place: smaller numbers are places, as they were committed before there were names."""

_NOT_WHERE = frozenset(
    {"add_field", "codec", "enable_metric", "id", "max_in_flight", "tags", "type"}
)


def number_of(name: str) -> int:
    """A number that stands for a name: at least 2**40, less than 2**41."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
    return _FIRST | int.from_bytes(digest[:5], "big")


class InputNames:
    """Places of inputs as names, and back; for where a commit can hold texts."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._names = stable_names(inputs, _NOT_WHERE)

    def by_place(self, committed: Mapping[Any, dict[str, Position]]) -> Offsets:
        """What was committed, by the place that each input has now; as of ``InputNumbers``."""
        found = {source: at for source, at in committed.items() if isinstance(source, int)}
        for place, name in enumerate(self._names):
            if name in committed:
                found[place] = committed[name]
        return found

    def named(self, offsets: Offsets) -> dict[Any, dict[str, Position]]:
        """Positions by place, as they are to be committed."""
        names = dict(enumerate(self._names))
        return {names.get(at, at): dict(parts) for at, parts in offsets.items()}


class InputNumbers:
    """Places of inputs as numbers, and back. What is not an input (below 0) stays as it is;
    positions of inputs that the configuration does not have are left out.
    """

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._numbers = [number_of(name) for name in stable_names(inputs, _NOT_WHERE)]

    def by_place(self, committed: Offsets) -> Offsets:
        """What was committed, by the place that each input has now."""
        found = {source: at for source, at in committed.items() if source < _FIRST}
        for place, number in enumerate(self._numbers):
            if number in committed:
                found[place] = committed[number]
        return found

    def numbered(self, offsets: Offsets) -> Offsets:
        """Positions by place, as they are to be committed."""
        numbers = self._numbers
        return {numbers[at] if at >= 0 else at: parts for at, parts in offsets.items()}


class NumberedInputs:
    """A participant that is told places, and commits numbers."""

    def __init__(self, participant: Participant, inputs: Sequence[Input]) -> None:
        self.overlaps = participant.overlaps
        self._numbers, self._participant = InputNumbers(inputs), participant
        self.begin, self.snapshot = participant.begin, participant.snapshot
        self.abort = participant.abort

    def restored(self) -> Offsets:
        """As ``Participant``, by place."""
        return self._numbers.by_place(self._participant.restored())

    def commit(self, offsets: Offsets, state: Any) -> None:
        """As ``Participant``, given places."""
        self._participant.commit(self._numbers.numbered(offsets), state)
