"""What a grok pattern says without meaning it."""

from __future__ import annotations

import re

_UNCLOSED = re.compile(r"(?<!\\)%\{\w+(?::[^\s%{}\"']*)?(?![^\s%]*\})")


def unclosed(pattern: str) -> str:
    """The first ``%{NAME`` that no bracket closes, and that is matched as text; else nothing."""
    found = _UNCLOSED.search(pattern)
    return found[0] if found else ""
