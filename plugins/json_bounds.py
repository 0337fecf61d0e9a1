"""How deep and how large a JSON text may be, found out before it is read: what it becomes takes
many times its length.

Texts that are too short to be over a bound are not looked at. Of longer ones brackets and commas
are counted, wherever they stand; only where those are enough to be over a bound, it is gone through
piece by piece, strings passed over, until it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_TEXT = re.compile(r'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_BYTES = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},]', re.DOTALL)
_SIGNS: Any = ("{", "[", ",")
_SIGN_BYTES: Any = (b"{", b"[", b",")
_OPENING, _CLOSING, _COMMA = ("[", "{", b"[", b"{"), ("]", "}", b"]", b"}"), (",", b",")


class Bounds:
    """At most ``depth`` maps and lists in each other, and ``fields`` values in all of them. Texts
    up to ``short`` keep them.
    """

    def __init__(self, depth: int, fields: int) -> None:
        self.depth, self.fields = depth, fields
        self.short = 2 * min(depth, fields)

    def check(self, text: Any) -> None:
        """Raise ValueError where a text (or bytes) is over a bound."""
        if len(text) <= self.short:
            return
        brace, bracket, comma = _SIGNS if isinstance(text, str) else _SIGN_BYTES
        opened = text.count(brace) + text.count(bracket)
        if opened > self.depth or (
            len(text) > self.fields and opened + text.count(comma) > self.fields
        ):
            self._walk(text)

    def checked(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """The same texts; raises ValueError where one of them is over a bound."""
        if max(map(len, lines), default=0) > self.short:
            for line in lines:
                self.check(line)
        return lines

    def _walk(self, text: Any) -> None:
        """Each value stands behind a bracket that opens, or behind a comma."""
        depth = values = 0
        for found in (_TEXT if isinstance(text, str) else _BYTES).finditer(text):
            sign = found[0]
            if sign in _COMMA:
                values += 1
            elif sign in _OPENING:
                values += 1
                depth += 1
            elif sign in _CLOSING:
                depth -= 1
            if values > self.fields:
                raise ValueError(
                    f"the JSON holds more than {self.fields} values (penstock.limits.fields)"
                )
            if depth > self.depth:
                raise ValueError(
                    f"the JSON nests more than {self.depth} deep (penstock.limits.depth)"
                )
