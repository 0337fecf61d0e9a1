"""What compiled code can name: the functions of operators and control structures, and the classes
of values.
"""

from __future__ import annotations

from typing import Any

from ..values import copy
from .comparison import case_equal, equal
from .dispatch import Dispatch
from .enumerables import is_true
from .errors import Jump, StandardError
from .events import PLAIN, UNSHARED
from .functions import splat
from .hash_changes import with_default
from .hashes import with_pairs
from .inspection import to_s
from .kernel import proc_of, raised
from .matches import last_group, last_part
from .mutable import deep, wrap
from .objects import MISSING, MutStr, Proc, Range, Shape, symbol
from .operators import (
    any_case,
    constant,
    is_rescued,
    item,
    less,
    less_equal,
    loop_items,
    matches,
    minus,
    more,
    more_equal,
    nth,
    over,
    plus,
    rest,
    set_item,
    spread,
    string_of,
    tail,
    tick,
    times,
    undefined,
    yielded,
)
from .patterns import LAST, regexp
from .ranges import range_of
from .translation import rescued


def last_named(name: str) -> Any:
    """A named group of the last match."""
    found = LAST.match
    return None if found is None else found.match[name]


def symbol_block(table: Dispatch) -> Proc:
    """``&:name``"""
    shape = Shape(1, takes_rest=True, spreads=False)
    return Proc(lambda value, *rest: table[type(value)](value, *rest), shape)


def ticking_block(table: Dispatch) -> Proc:
    """``&:name`` that looks at the clock."""

    def call(value: Any, *rest: Any) -> Any:
        tick()
        return table[type(value)](value, *rest)

    return Proc(call, Shape(1, takes_rest=True, spreads=False))


def named_options(given: dict[str, Any]) -> dict[Any, Any]:
    """What ``**options`` of a method holds."""
    return {symbol(name.removeprefix("v_")): value for name, value in given.items()}


def deep_copy(value: Any) -> Any:
    """A copy of plain data whose strings may be changed."""
    return deep(copy(value))


_OFFERED = (
    *(any_case, constant, is_rescued, item, less, less_equal, loop_items, matches, minus, more),
    *(more_equal, nth, over, plus, rest, set_item, spread, string_of, tail, tick, times, undefined),
    *(yielded, case_equal, equal, is_true, rescued, splat, with_pairs, to_s, proc_of, raised),
    *(last_group, last_part, deep, wrap, MutStr, Proc, Range, symbol, regexp, range_of, last_named),
    *(symbol_block, named_options, deep_copy, copy, Jump, with_default),
)
RUNTIME: dict[str, Any] = {
    **{offered.__name__: offered for offered in _OFFERED},
    "StandardError": StandardError,
    "MISSING": MISSING,
    "PLAIN": PLAIN,
    "UNSHARED": UNSHARED,
}
"""The names."""

SHARED: dict[str, Any] = {}
"""Ruby's global variables, one for the process."""
