"""Fields read inline by generated code, those that a loop needs more than once kept in a variable.

A path is read as nested look-ups, ``m.get("b") if type(m := event.get("a")) is dict else None``. A
path, or a map on the way of several, that is needed again is assigned where it is read first, and
named from there on. Which variables are set at a place is known when the code is written: it is
handed from one test to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ...dsl.reading import is_inline
from ...dsl.reference import FieldRef
from .names import Namespace

Keys = tuple[str, ...]
Known = frozenset[Keys]
"""The paths whose variables are set at a place of the code."""

NOTHING: Known = frozenset()


class Reads:
    """Writes the expressions that read fields."""

    def __init__(self, names: Namespace) -> None:
        self.names = names
        self.maps: Known = NOTHING
        """The paths at which a map stands, as was tested before the code that is written."""
        self._variables: dict[Keys, str] = {}
        self._named: dict[Keys, str] = {}

    def share(self, refs: Iterable[FieldRef], maps: Iterable[Keys] = ()) -> None:
        """Give variables to the paths that these reads have in common, and to some maps; those of
        before end.
        """
        self._variables.clear()
        self._variables.update((keys, self._name(keys)) for keys in maps)
        uses = Counter(ref.keys for ref in refs if is_inline(ref.keys))
        for length in range(max(map(len, uses), default=0), 0, -1):
            for keys in [keys for keys in uses if len(keys) == length]:
                if uses[keys] > 1:
                    self._variables.setdefault(keys, self._name(keys))
                if length > 1:
                    uses[keys[:-1]] += 1 if keys in self._variables else uses[keys]

    def _name(self, keys: Keys) -> str:
        if keys not in self._named:
            self._named[keys] = self.names.variable("_".join(keys))
        return self._named[keys]

    def field(self, ref: FieldRef, known: Known) -> tuple[str, Known]:
        """The expression that reads a field, and what is known behind it."""
        if not is_inline(ref.keys):
            name = self.names.name("_".join(ref.keys), ref.get)
            return f"{name}(event)", known
        return self._path(ref.keys, known)

    def value(self, ref: FieldRef, known: Known) -> tuple[str, str, Known]:
        """The expression that reads a field first, the one that names its value from there on, and
        what is known.
        """
        text, after = self.field(ref, known)
        if ref.keys not in self._variables:
            return f"v := {text}", "v", after
        return text if ref.keys in known else text[1:-1], self._variables[ref.keys], after

    def has(self, ref: FieldRef, known: Known) -> tuple[str, Known]:
        """The expression that tells whether a field is there, be it null."""
        if not is_inline(ref.keys):
            return f"{self.names.name('has_' + '_'.join(ref.keys), ref.has)}(event)", known
        last = repr(ref.keys[-1])
        if len(ref.keys) == 1:
            return f"{last} in event", known
        if self._is_map(ref.keys[:-1], known):
            return f"{last} in {self._variables[ref.keys[:-1]]}", known
        outer, name, known = self._map(ref.keys[:-1], known)
        return f"(type({outer}) is dict and {last} in {name})", known

    def map_at(self, key: str, known: Known) -> tuple[str, Known]:
        """The test whether a map stands at a key of the event, and what is known behind it."""
        outer, _, known = self._map((key,), known)
        return f"type({outer}) is dict", known

    def _path(self, keys: Keys, known: Known) -> tuple[str, Known]:
        if keys in known:
            return self._variables[keys], known
        last = repr(keys[-1])
        if len(keys) == 1:
            text = f"event.get({last})"
        elif self._is_map(keys[:-1], known):
            text = f"{self._variables[keys[:-1]]}.get({last})"
        else:
            outer, name, known = self._map(keys[:-1], known)
            text = f"({name}.get({last}) if type({outer}) is dict else None)"
        if keys not in self._variables:
            return text, known
        bare = text[1:-1] if text[0] == "(" else text
        return f"({self._variables[keys]} := {bare})", known | {keys}

    def _is_map(self, keys: Keys, known: Known) -> bool:
        return keys in self.maps and keys in known

    def _map(self, keys: Keys, known: Known) -> tuple[str, str, Known]:
        text, after = self._path(keys, known)
        if keys not in self._variables:
            return f"m := {text}", "m", after
        return text if keys in known else text[1:-1], self._variables[keys], after
