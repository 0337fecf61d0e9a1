"""Grok: regular expressions with names in them (``%{IP:[client][ip]}``), from the pattern files to
what a filter matches with.

``pattern_files`` finds what a name means, ``expression`` compiles, ``optimize`` makes the result
fast without changing what it captures (by ``boundaries`` and ``sharing``), ``pattern_cache`` keeps
it, ``facts`` tells what is certain before a match; ``guard``, a floor above, ends one that takes
too long.
"""

from ..guard import Guard, MatchTimeout
from .expression import (
    Capture,
    Expression,
    GrokError,
    RecursivePattern,
    UnknownPattern,
    compile_expression,
)
from .pattern_files import Library, Pattern, shipped

__all__ = [
    "Capture",
    "Expression",
    "GrokError",
    "Guard",
    "Library",
    "MatchTimeout",
    "Pattern",
    "RecursivePattern",
    "UnknownPattern",
    "compile_expression",
    "shipped",
]
