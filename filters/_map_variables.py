"""Lines of generated code on the fields of ``event``, with the maps on their paths in variables.

The map that holds a field is looked up once and kept in a variable (``m1``, ``m2`` …) while nothing
on its path changes. A variable holds the map that stands at its path, or something that sends the
next line to the operation itself; after that is called, what it may have changed is looked up anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..dsl.generated import CodeWriter

Keys = tuple[str, ...]

BODY = 3
"""How deep the lines of an operation stand."""


class MapWriter(CodeWriter):
    """Writes the lines of one loop, and knows which maps its variables hold."""

    def __init__(self) -> None:
        super().__init__()
        self.scope: dict[str, Any] = {}
        self._maps: dict[Keys, str] = {}
        self._made = 0
        self._sure: Collection[Keys] = ()
        """Where maps stand, as the lines before have found."""
        self._open: Collection[Keys] = ()
        """Where maps stand, or nothing does."""

    def name(self, wish: str, value: Any) -> str:
        """A name of the generated code for a value."""
        name = f"{wish}_{len(self.scope) + 1}"
        self.scope[name] = value
        return name

    def holder(self, keys: Keys) -> str:
        """The variable with the map that holds a field, looked up in the body of the loop."""
        parents = keys[:-1]
        if not parents:
            return "event"
        if parents not in self._maps:
            self.holder(parents)
            self._made += 1
            self._maps[parents] = f"m{self._made}"
            self._look_up(BODY, parents)
        return self._maps[parents]

    def _look_up(self, depth: int, parents: Keys) -> None:
        name, above, key = self._maps[parents], self._above(parents), parents[-1]
        if above == "event":
            self.line(depth, f"{name} = event.get({key!r})")
        else:
            self.line(depth, f"{name} = {above}.get({key!r}) if type({above}) is dict else {above}")

    def _above(self, parents: Keys) -> str:
        return self._maps[parents[:-1]] if len(parents) > 1 else "event"

    def call(self, depth: int, step: str, *touched: Keys) -> None:
        """Let an operation do it, and look up again what stands near the fields that it touches."""
        self.line(depth, f"{step}(event)")
        heads = {keys[0] for keys in touched}
        for parents in self._maps:
            if parents[0] in heads:
                self._look_up(depth, parents)

    def changed(self, keys: Keys) -> None:
        """Forget the maps at and below a field."""
        self._maps = {
            parents: name for parents, name in self._maps.items() if parents[: len(keys)] != keys
        }

    def changed_anything(self) -> None:
        self._maps.clear()

    @contextmanager
    def within(self, keys: Keys, targets: Sequence[Keys], steps: Sequence[str]) -> Iterator[int]:
        """Lines for where the map that holds a field is there, which may set the targets; gives
        their depth. Nothing is done where it is not there, and the steps, operations on fields of
        that map, where something else is in its place, or in that of a map that several targets
        need.
        """
        for target in targets:
            self.holder(target)
        at = self.holder(keys)
        if at == "event":
            yield BODY
            return
        parents = keys[:-1]
        self._sure = [parents[:length] for length in range(1, len(parents) + 1)]
        needed = Counter(target[:-1] for target in targets if target[:-1] not in self._sure)
        self._open = [path for path, uses in needed.items() if len(path) == 1 and uses > 1]
        tests = [f"type({at}) is dict"]
        for path in self._open:
            tests.append(f"(type({self._maps[path]}) is dict or {path[0]!r} not in event)")
        self.line(BODY, f"if {' and '.join(tests)}:")
        yield BODY + 1
        self._sure = self._open = ()
        self.line(BODY, f"elif {at} is not None:")
        for step in steps[:-1]:
            self.line(BODY + 1, f"{step}(event)")
        self.call(BODY + 1, steps[-1], keys, *targets)

    def put(self, depth: int, step: str, keys: Keys, value: str, *more: Keys) -> None:
        """Lines that set a field whose holder is known; its map is made where only that is not
        there.
        """
        key, parents = keys[-1], keys[:-1]
        if not parents:
            self.line(depth, f"event[{key!r}] = {value}")
            return
        at = self._maps[parents]
        if parents in self._sure:
            self.line(depth, f"{at}[{key!r}] = {value}")
            return
        if parents in self._open:
            self.line(depth, f"if {at} is None:")
            self.line(depth + 1, f"{at} = event[{parents[0]!r}] = {{{key!r}: {value}}}")
            self.line(depth, "else:")
            self.line(depth + 1, f"{at}[{key!r}] = {value}")
            return
        self.line(depth, f"if type({at}) is dict:")
        self.line(depth + 1, f"{at}[{key!r}] = {value}")
        self._put_in_new_map(depth, keys, value)
        self.line(depth, "else:")
        self.call(depth + 1, step, keys, *more)

    def add(self, step: str, keys: Keys, value: str) -> None:
        """Lines that set a field that is not there, whose holder is known; where it is there, the
        step is called.
        """
        key, at = keys[-1], self.holder(keys)
        is_map = "" if at == "event" else f"type({at}) is dict and "
        self.line(BODY, f"if {is_map}{key!r} not in {at}:")
        self.line(BODY + 1, f"{at}[{key!r}] = {value}")
        if at != "event":
            self._put_in_new_map(BODY, keys, value)
        self.line(BODY, "else:")
        self.call(BODY + 1, step, keys)

    def _put_in_new_map(self, depth: int, keys: Keys, value: str) -> None:
        parents, key = keys[:-1], keys[-1]
        at, above, last = self._maps[parents], self._above(parents), parents[-1]
        is_map = "" if above == "event" else f"type({above}) is dict and "
        self.line(depth, f"elif {is_map}{last!r} not in {above}:")
        self.line(depth + 1, f"{at} = {above}[{last!r}] = {{{key!r}: {value}}}")
