"""Texts that belong together, compiled: one namespace, a function for each.

The lines of Python are parsed to a tree, and each of its nodes is given the place of the Ruby text
that it comes from, so that a traceback shows the configuration.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import msgspec

from . import methods as _methods  # noqa: F401 - they register themselves
from . import without as _without  # noqa: F401
from .blocks import python_name
from .compiler import Compiler
from .facts import facts_of
from .frames import Line, Place
from .runtime import RUNTIME, SHARED, ticking_block
from .syntax import Tree
from .texts import Compiled, Origin, Unit


def compile_units(
    units: list[Unit],
    context: dict[tuple[str, str], Any],
    logger: Any,
    ticks: bool = False,
) -> Compiled:
    """Compile texts that belong together. Raises NotCompiled or RubySyntaxError, whose places are
    in the text at the index ``error.unit``.

    ``ticks``: blocks look at the clock too, for threads in which no signal ends them.
    """
    trees: list[Tree] = []
    at = 0
    instance: dict[str, Any] = {}
    names = {**RUNTIME, "instance": instance, "shared": SHARED, "constants": {}, "logger": logger}
    functions: list[Callable[..., Any]] = []
    try:
        for at, unit in enumerate(units):  # noqa: B007 - read when it raises
            trees.append(Tree(unit.text))
        facts = msgspec.structs.replace(facts_of(trees), ticks=ticks)
        if ticks:
            names["symbol_block"] = ticking_block
        for at, (unit, tree) in enumerate(zip(units, trees, strict=True)):
            lines = Compiler(tree, names, facts, context).unit(unit, f"code{at}")
            _execute(lines, unit.origin, names)
            functions.append(names[f"code{at}"])
    except Exception as error:
        error.unit = at  # type: ignore[attr-defined]
        raise
    methods = {name: names.get(f"u_{python_name(name)}") for name in facts.methods}
    made = {k: v for k, v in methods.items() if v}
    return Compiled(functions, made, facts.keeps_state, facts.in_part, instance)


_PLACED = ast.stmt | ast.expr | ast.excepthandler | ast.arg | ast.keyword | ast.alias | ast.pattern
"""The nodes that have a place in the text."""


def _execute(lines: list[Line], origin: Origin, names: dict[str, Any]) -> None:
    text = "\n".join(["    " * line.indent + line.text for line in lines])
    module = ast.parse(text)
    places = [_place(line.at, origin) for line in lines]
    for node in ast.walk(module):
        if isinstance(node, _PLACED):
            line, column, end_line, end_column = places[node.lineno - 1]
            node.lineno, node.col_offset = line, column
            node.end_lineno, node.end_col_offset = end_line, end_column
    exec(compile(module, origin.name, "exec"), names)


def _place(at: Place, origin: Origin) -> Place:
    row, column, end_row, end_column = at
    return (
        origin.line + row,
        column + (origin.column if row == 0 else 0),
        origin.line + end_row,
        end_column + (origin.column if end_row == 0 else 0),
    )
