"""Text as Ruby's ``inspect`` shows it, which is what Logstash prints on a terminal, and bytes that
are not UTF-8 as it shows those.

Source: Ruby's documentation of ``String#inspect``, ``Float#inspect`` and the print class of Onigmo.
"""

from __future__ import annotations

import re
from unicodedata import category

_NAMED = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\x0b": "\\v",
    "\x0c": "\\f",
    "\x08": "\\b",
    "\x07": "\\a",
    "\x1b": "\\e",
    "\x7f": "\\x7F",
    "#": "\\#",
}
_SUSPECT = re.compile(r'["\\\x00-\x1f\x7f]|#(?=[{$@])|[^\x00-\x7f]')
_INTERPOLATED = re.compile(r"#(?=[{$@])")
_UNPRINTED = frozenset(("Cc", "Cn", "Zl", "Zp"))


def inspect(text: str) -> str:
    """A text in double quotes, escaped. Lone surrogates stand for bytes (``surrogateescape``): they
    are shown as ``\\xE9``.
    """
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """A text as between the quotes of ``inspect``."""
    if not text.isprintable():
        return _SUSPECT.sub(_escape, text)
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return _INTERPOLATED.sub(r"\\#", text) if "#" in text else text


def escaped_bytes(data: bytes) -> str:
    """Bytes that should be UTF-8 as text: what is none is shown as ``\\xE9``; the rest stays."""
    return _BYTE.sub(_hexadecimal, data.decode("utf-8", "surrogateescape"))


_BYTE = re.compile("[\udc80-\udcff]")


def _hexadecimal(match: re.Match[str]) -> str:
    return f"\\x{ord(match[0]) - 0xDC00:02X}"


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    named = _NAMED.get(char)
    if named is not None:
        return named
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02X}"
    if code > 0x7F and category(char) not in _UNPRINTED:
        return char
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\u{{{code:X}}}"
