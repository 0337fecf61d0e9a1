"""Dates as patterns say: Joda-Time's patterns read and printed, java.time's printed.

Reading is in ``parse``, apart from what is imported here: who only prints dates does not pay for
it.
"""

from .format import formatter, java_formatter
from .pattern import PatternError

__all__ = ["PatternError", "formatter", "java_formatter"]
