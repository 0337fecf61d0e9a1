"""Symbols."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .comparison import compare
from .dispatch import define
from .objects import Symbol, symbol
from .searching import ends_with, is_match, item, match, starts_with
from .strings import (
    capitalize,
    casecmp,
    downcase,
    is_casecmp,
    is_empty,
    length,
    succ,
    swapcase,
    upcase,
)


@define("Symbol", "to_s", "name", "id2name")
def symbol_to_s(self: Symbol) -> str:
    """The name."""
    return self.name


@define("Symbol", "to_sym", "intern")
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
    "next": succ,
    "swapcase": swapcase,
}
for _name, _function in _SYMBOLIC.items():
    _of_symbols(_name, _function, True)
define("Symbol", "[]", "slice")(lambda self, *where: item(self.name, *where))
_PLAIN: dict[str, Callable[..., Any]] = {
    "length": length,
    "size": length,
    "empty?": is_empty,
    "start_with?": starts_with,
    "end_with?": ends_with,
    "match": match,
    "match?": is_match,
}
for _name, _function in _PLAIN.items():
    _of_symbols(_name, _function, False)


@define("Symbol", "casecmp")
def symbol_casecmp(self: Symbol, other: Any) -> int | None:
    """The order of two symbols, whatever the case of letters."""
    if type(other) is not Symbol:
        return None
    return casecmp(self.name, other.name)


@define("Symbol", "casecmp?")
def symbol_is_same(self: Symbol, other: Any) -> bool | None:
    """Whether two symbols differ in nothing but the case of letters."""
    if type(other) is not Symbol:
        return None
    return is_casecmp(self.name, other.name)
