"""Dates as patterns say: Joda-Time's patterns read and printed, java.time's printed."""

from .format import formatter, java_formatter
from .pattern import PatternError

__all__ = ["PatternError", "formatter", "java_formatter"]
