"""Extensible Data Notation, Clojure's: read into plain data and written.

The reader keeps its own stack, so that no nesting is too deep for it to refuse. Values with a tag
(``#inst``, ``#uuid``) are refused, as Logstash refuses them. Source: the EDN specification,
github.com/edn-format/edn.
"""

from __future__ import annotations

import re
from typing import Any

from ...dsl.values import ruby_float
from ._json import plain

_TOKEN = re.compile(
    r"[\s,]*+(?:;[^\n]*+(?:\n|\Z)[\s,]*+)*+"
    r"(?:(?P<open>\#\{|[\[({])|(?P<close>[\])}])|(?P<discard>\#_)"
    r"|(?P<tag>\#[A-Za-z][^\s,;()\[\]{}\"]*+)"
    r"|\"(?P<text>(?:[^\"\\]++|\\.)*+)\"|\\(?P<char>newline|return|space|tab|u[0-9A-Fa-f]{4}|.)"
    r"|(?P<word>[^\s,;()\[\]{}\"\\\#][^\s,;()\[\]{}\"]*+)|(?P<end>\Z))",
    re.DOTALL,
)
_INTEGER = re.compile(r"[+-]?\d{1,4000}N?", re.ASCII)
_FLOAT = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?M?", re.ASCII)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "\\": "\\"}
_CHARS = {"newline": "\n", "return": "\r", "space": " ", "tab": "\t"}
_WORDS = {"nil": None, "true": True, "false": False}
_CLOSING = {"{": "}", "#{": "}", "[": "]", "(": ")"}
_DEEPEST = 500


class _Open:
    """A collection that is being read. ``discards``: how many of the next values are to be left
    out.
    """

    def __init__(self, bracket: str) -> None:
        self.bracket = bracket
        self.items: list[Any] = []
        self.discards = 0

    def add(self, value: Any) -> None:
        if self.discards:
            self.discards -= 1
        else:
            self.items.append(value)

    def value(self) -> Any:
        if self.discards:
            raise ValueError("`#_` must be followed by a value")
        if self.bracket != "{":
            return self.items
        if len(self.items) % 2:
            raise ValueError("a map has a key without a value")
        keys = [key if type(key) is str else written(key) for key in self.items[::2]]
        return dict(zip(keys, self.items[1::2], strict=True))


def read(text: str) -> Any:
    """The one value of a text; keywords and symbols are text, sets and lists are lists. Raises
    ValueError, also where something stands behind it.
    """
    stack = [_Open("")]
    at = 0
    while True:
        found = _TOKEN.match(text, at)
        if found is None:
            raise ValueError(f"the EDN is truncated or not valid at character {at + 1}")
        at = found.end()
        _take(stack, found.lastgroup or "text", found)
        if len(stack) == 1 and stack[0].items:
            rest = _TOKEN.match(text, at)
            if rest is None or rest.lastgroup != "end":
                raise ValueError(f"unexpected text after the EDN, at character {at + 1}")
            return stack[0].items[0]


def _take(stack: list[_Open], kind: str, found: re.Match[str]) -> None:
    if kind == "open":
        if len(stack) > _DEEPEST:
            raise ValueError("the EDN is nested too deep")
        stack.append(_Open(found["open"]))
    elif kind == "close":
        closed = stack.pop()
        if not stack or _CLOSING[closed.bracket] != found["close"]:
            raise ValueError(f"`{found['close']}` closes nothing")
        stack[-1].add(closed.value())
    elif kind == "discard":
        stack[-1].discards += 1
    elif kind == "tag":
        raise ValueError(f"values with the tag `{found['tag']}` are not known")
    elif kind == "end":
        raise ValueError("the EDN is truncated")
    else:
        stack[-1].add(_SCALARS[kind](found[kind]))


def _text(body: str) -> str:
    return _ESCAPE.sub(_unescaped, body) if "\\" in body else body


def _unescaped(match: re.Match[str]) -> str:
    name = match[1]
    if name[0] == "u" and len(name) == 5:
        return _char(name)
    if name not in _ESCAPED:
        raise ValueError(f"`\\{name}` is not a valid escape")
    return _ESCAPED[name]


def _char(name: str) -> str:
    if len(name) != 5 or name[0] != "u":
        return _CHARS.get(name, name)
    code = int(name[1:], 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)


def _word(word: str) -> Any:
    if word in _WORDS:
        return _WORDS[word]
    if word[0] == ":":
        return word[1:]
    if _INTEGER.fullmatch(word):
        return int(word.rstrip("N"))
    if _FLOAT.fullmatch(word):
        return float(word.rstrip("M"))
    if word[0].isdigit() or (word[0] in "+-" and word[1:2].isdigit()):
        raise ValueError(f"`{word[:40]}` is not a valid number")
    return word


_SCALARS = {"text": _text, "char": _char, "word": _word}


def written(value: Any) -> str:
    """A value as EDN; what EDN does not know is text."""
    return _written(plain(value))


def _written(value: Any) -> str:
    if type(value) is dict:
        return (
            "{"
            + ", ".join([f"{_written(key)} {_written(item)}" for key, item in value.items()])
            + "}"
        )
    if type(value) is list:
        return "[" + " ".join(map(_written, value)) + "]"
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return ruby_float(value)
    return str(value) if isinstance(value, int) else _quoted(str(value))


def _quoted(text: str) -> str:
    for char, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(char, escape)
    return f'"{text}"'
