"""Ruby compiled to Python: text in, functions out. Knows no plugin.

``compile_units`` reads texts of Ruby and gives a function for each. What it does not compile, it
names (``NotCompiled``), with its place; Ruby's exceptions are Python's (``RubyException``).
"""

from .errors import NotCompiled, RubyException, RubySyntaxError
from .events import Logger, RubyEvent, new_event
from .subset import Outdated
from .texts import Compiled, Origin, Unit
from .units import compile_units

__all__ = [
    "Compiled",
    "Logger",
    "NotCompiled",
    "Origin",
    "Outdated",
    "RubyEvent",
    "RubyException",
    "RubySyntaxError",
    "Unit",
    "compile_units",
    "new_event",
]
