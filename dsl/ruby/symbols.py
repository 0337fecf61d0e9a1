"""Symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .comparison import compare
from .dispatch import define
from .objects import Symbol, symbol
from .searching import item
from .strings import capitalize, downcase, is_empty, length, succ, upcase


@define("Symbol", "to_s", "name", "id2name")
def symbol_to_s(self: Symbol) -> str:
    """The name."""
    return self.name


@define("Symbol", "to_sym")
def symbol_itself(self: Symbol) -> Symbol:
    """The symbol."""
    return self


@define("Symbol", "inspect")
def symbol_inspect(self: Symbol) -> str:
    """As it is written in code."""
    from .inspection import symbol_text

    return symbol_text(self.name)


@define("Symbol", "<=>")
def symbol_compare(self: Symbol, other: Any) -> int | None:
    """The order of two symbols."""
    return compare(self.name, other.name) if type(other) is Symbol else None


def _of_symbols(name: str, function: Callable[..., Any], gives_symbol: bool) -> None:
    def method(self: Symbol, *values: Any) -> Any:
        made = function(self.name, *values)
        return symbol(made) if gives_symbol else made

    define("Symbol", name)(method)


_SYMBOLIC: dict[str, Callable[..., Any]] = {
    "upcase": upcase,
    "downcase": downcase,
    "capitalize": capitalize,
    "succ": succ,
}
for _name, _function in _SYMBOLIC.items():
    _of_symbols(_name, _function, True)
define("Symbol", "[]")(lambda self, *where: item(self.name, *where))
_PLAIN: dict[str, Callable[..., Any]] = {"length": length, "size": length, "empty?": is_empty}
for _name, _function in _PLAIN.items():
    _of_symbols(_name, _function, False)
