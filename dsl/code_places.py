"""Code whose instructions stand at other places than those of the text it was compiled from.

A generated text is compiled as it is, and then each instruction gets the place in the configuration
that its line came from. The other way, to parse the text, to give the nodes of the tree their
places and to compile it, takes three times as long. What is written here is CPython's table of
locations (``Objects/locations.md``), in its long form alone: an entry has a count of code units,
and then, in groups of six bits, the lines from the one before, the lines to the end, and two
columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import CodeType

Extent = tuple[int, int, int, int]
"""First line, first column, last line and the column behind it; columns from 0, in bytes."""

_LONG = 14
_BYTES = 2
_MOST_UNITS = 8


def placed(code: CodeType, places: Mapping[int, Extent]) -> CodeType:
    """The code with its lines moved to their places, and all code within it; every line of it has
    one.
    """
    consts = tuple(
        placed(each, places) if isinstance(each, CodeType) else each for each in code.co_consts
    )
    first = places[max(code.co_firstlineno, 1)][0]
    table, before = bytearray(), first
    for start, end, line in code.co_lines():
        extent, units = places[line or code.co_firstlineno], (end - start) // _BYTES
        while units > 0:
            _write(table, min(units, _MOST_UNITS), extent, before)
            units, before = units - _MOST_UNITS, extent[0]
    return code.replace(co_consts=consts, co_linetable=bytes(table), co_firstlineno=first)


def _write(table: bytearray, units: int, extent: Extent, before: int) -> None:
    """An entry for some code units; ``before``: the line of the entry before it."""
    line, column, end_line, end_column = extent
    delta = line - before
    table.append(0x80 | _LONG << 3 | units - 1)
    _write_number(table, delta << 1 if delta >= 0 else -delta << 1 | 1)
    _write_number(table, end_line - line)
    _write_number(table, column + 1)
    _write_number(table, end_column + 1)


def _write_number(table: bytearray, number: int) -> None:
    while number > 63:
        table.append(0x40 | number & 63)
        number >>= 6
    table.append(number)
