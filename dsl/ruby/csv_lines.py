"""``CSV.parse_line``: the fields of a line."""

from __future__ import annotations

import re
from typing import Any

from .dispatch import singleton
from .errors import MalformedCSVError
from .inspection import text


@singleton("CSV", "parse_line")
def parse_line(line: Any, col_sep: Any = ",", quote_char: Any = '"', **options: Any) -> Any:
    """The fields of a line."""
    given, separator = text(line), text(col_sep)
    if not given:
        return None
    if quote_char is None:
        return [field or None for field in given.rstrip("\r\n").split(separator)]
    return [] if given in ("\n", "\r\n") else _fields(given, separator, text(quote_char))


def _fields(line: str, separator: str, quote: str) -> list[str | None]:
    """The fields of a line; a field without quotes and characters is nil."""
    q, s = re.escape(quote), re.escape(separator)
    field = re.compile(rf"(?:{q}((?:[^{q}]|{q}{q})*){q}|((?:(?!{s})[^{q}\r\n])*))({s}|\r?\n|\Z)")
    found: list[str | None] = []
    at = 0
    while True:
        one = field.match(line, at)
        if one is None:
            raise MalformedCSVError(_csv_problem(line, at, quote))
        quoted = one[1]
        found.append((one[2] or None) if quoted is None else quoted.replace(quote * 2, quote))
        at = one.end()
        if one[3] != separator:
            return found


def _csv_problem(line: str, at: int, quote: str) -> str:
    if not line.startswith(quote, at):
        return "Illegal quoting in line 1."
    is_open = line.count(quote, at) % 2
    what = "Unclosed quoted field" if is_open else "Any value after quoted field isn't allowed"
    return f"{what} in line 1."
