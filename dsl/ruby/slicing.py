"""Parts of lists and strings: from where to where an index, a length or a range reaches."""

from __future__ import annotations

from typing import Any

from .inspection import integer
from .objects import MISSING, Range


def bounds(start: Any, count: Any, size: int) -> tuple[int, int] | None:
    """From where to where an index with a length, or a range, reaches; None where outside."""
    if type(start) is Range:
        return range_bounds(start, size)
    first, number = integer(start), integer(count)
    first = first + size if first < 0 else first
    if first < 0 or first > size or number < 0:
        return None
    return first, min(first + number, size)


def range_bounds(span: Range, size: int) -> tuple[int, int] | None:
    """The part of something of a size that a range means."""
    first = 0 if span.first is None else integer(span.first)
    first = first + size if first < 0 else first
    if first < 0 or first > size:
        return None
    last = -1 if span.last is None else integer(span.last)
    last = last + size if last < 0 else last
    end = last if span.exclusive and span.last is not None else last + 1
    return first, max(min(end, size), first)


def slice_(self: list[Any], where: Any, count: Any = MISSING) -> Any:
    """The item at an index, or a part."""
    if count is MISSING and type(where) is not Range:
        at = integer(where)
        return self[at] if -len(self) <= at < len(self) else None
    reach = bounds(where, count, len(self))
    return None if reach is None else self[reach[0] : reach[1]]
