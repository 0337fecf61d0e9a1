"""What an exception of a plugin's code says, in one line, and where it was raised."""

from __future__ import annotations

from pathlib import Path
from traceback import extract_tb


def said(error: BaseException) -> str:
    """The kind of an exception and its message: `KeyError: 'user'`."""
    text = str(error)
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind


def said_with_place(error: BaseException) -> str:
    """The same with the innermost line of code: `KeyError: 'user' (my_filters.py, line 12)`."""
    frames = extract_tb(error.__traceback__)
    if not frames:
        return said(error)
    return f"{said(error)} ({Path(frames[-1].filename).name}, line {frames[-1].lineno})"
