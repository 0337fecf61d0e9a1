"""The names of generated code: those of values that it uses, and those of its own variables."""

from __future__ import annotations

import builtins
import keyword
import re
from typing import Any

_OWN = ("event", "events", "flush", "v", "m", "number", "place")
"""Variables that every generated function may have."""


class Namespace(dict[str, Any]):
    """The names that generated code uses; each value has one name."""

    def __init__(self) -> None:
        super().__init__()
        self._variables: dict[str, int] = {}

    def name(self, wish: str, value: Any) -> str:
        """A name for a value: the one wished for, or one like it."""
        wish = re.sub(r"\W+", "_", wish).strip("_") or "value"
        if wish[0].isdigit() or keyword.iskeyword(wish):
            wish = f"_{wish}"
        taken = wish
        number = 2
        while self._is_taken(taken, value):
            taken, number = f"{wish}_{number}", number + 1
        self[taken] = value
        return taken

    def variable(self, wish: str) -> str:
        """A name that nothing else has, for a variable of the generated code."""
        number = self._variables[wish] = self._variables.get(wish, 0) + 1
        return self.name(wish if number == 1 else f"{wish}_{number}", _Variable())

    def globals(self) -> dict[str, Any]:
        """The values by name, for ``exec``: a plain dict, since of a subclass CPython looks names
        up in the slow way.
        """
        return {name: value for name, value in self.items() if type(value) is not _Variable}

    def _is_taken(self, name: str, value: Any) -> bool:
        if name in self:
            return self[name] is not value
        return name in _OWN or hasattr(builtins, name)


class _Variable:
    """What stands in a namespace for a name of a variable."""
