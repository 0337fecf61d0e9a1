"""What the compiler is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec


class Origin(msgspec.Struct, frozen=True):
    """Where a Ruby text stands: the name of its file, the line and column of its start."""

    name: str
    line: int = 1
    column: int = 0


class Unit(msgspec.Struct, frozen=True):
    """A Ruby text: where it stands, and the parameters of the function that it becomes."""

    text: str
    origin: Origin
    parameters: tuple[str, ...] = ()
    wants_value: bool = False


class Compiled(msgspec.Struct):
    """What texts have become: a function for each, and the methods that they define."""

    functions: list[Callable[..., Any]]
    methods: dict[str, Callable[..., Any]]
    keeps_state: bool
    in_part: bool
    instance: dict[str, Any]
