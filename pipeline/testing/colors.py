"""Colours for a terminal."""

from __future__ import annotations

_STYLES = {"bad": "1;31", "good": "32", "head": "1", "weak": "2", "note": "33"}


class Painter:
    """Colours text, or does not. The styles are bad, good, head, weak and note."""

    def __init__(self, color: bool) -> None:
        self.color = color

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text
