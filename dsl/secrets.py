"""What must not be shown: passwords of options, values of the keystore, contents of secret files.

Whoever reads a secret hides it here; whatever writes to people (diagnostics, the log) asks for its
text ``masked``. The set belongs to the process, since its log does. A secret that is written in the
configuration itself is hidden as well, but the line that a diagnostic quotes is the file's own.
"""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "<password>"
_SHORTEST = 4
"""Shorter ones would hide parts of ordinary words."""

_secrets: set[str] = set()
_LOGIN = re.compile(r"//[^/\s]*@")


def hide(secret: str) -> None:
    """Never show this text; those of less than four characters cannot be told from others."""
    if len(secret) >= _SHORTEST:
        _secrets.add(secret)


def masked(text: str) -> str:
    """A text with every secret in it replaced."""
    if not _secrets:
        return text
    return _pattern(len(_secrets)).sub(MASK, text)


def starred(text: str) -> str:
    """The same, as long as before: for lines with a caret below."""
    if not _secrets:
        return text
    return _pattern(len(_secrets)).sub(lambda found: "*" * len(found[0]), text)


def without_login(text: str) -> str:
    """A text without the user and the password of a URL in it."""
    return _LOGIN.sub("//", text)


@lru_cache(1)
def _pattern(count: int) -> re.Pattern[str]:
    """What finds all secrets; made anew for each ``count`` of them, so that one that a thread hides
    while another makes the expression is not missing from then on.
    """
    longest_first = sorted(_secrets, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))
