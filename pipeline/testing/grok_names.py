"""Names for captures: from the key before them, from their kind, else from what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol


class _Token(Protocol):
    @property
    def kind(self) -> str: ...

    @property
    def texts(self) -> tuple[str, ...]: ...


_METHODS = {"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE"}
_ECS = {
    "timestamp": ("timestamp", "timestamp_2"),
    "LOGLEVEL": ("[log][level]",),
    "IP": ("[source][ip]", "[destination][ip]"),
    "IPORHOST": ("[source][address]", "[destination][address]"),
    "HOSTNAME": ("[host][hostname]", "[server][domain]"),
    "EMAILADDRESS": ("[user][email]",),
    "URI": ("[url][original]", "[http][request][referrer]"),
    "MAC": ("[source][mac]", "[destination][mac]"),
    "UUID": ("[trace][id]",),
    "JAVACLASS": ("[log][logger]",),
    "path": ("[url][path]", "[file][path]"),
    "method": ("[http][request][method]",),
    "version": ("[http][version]",),
    "pid": ("[process][pid]",),
    "program": ("[process][name]",),
}
_FLAT = {
    "timestamp": ("timestamp", "timestamp_2"),
    "LOGLEVEL": ("level",),
    "IP": ("src_ip", "dest_ip"),
    "IPORHOST": ("source", "destination"),
    "HOSTNAME": ("hostname", "server"),
    "EMAILADDRESS": ("email",),
    "URI": ("uri", "referrer"),
    "MAC": ("src_mac", "dest_mac"),
    "UUID": ("uuid",),
    "JAVACLASS": ("logger",),
    "path": ("path", "file"),
    "method": ("method",),
    "version": ("http_version",),
    "pid": ("pid",),
    "program": ("program",),
}
_NAMELESS = frozenset({"INT", "NUMBER", "WORD", "run", "quoted"})
_LITTLE = frozenset(
    {
        "a",
        "an",
        "and",
        "as",
        "at",
        "by",
        "for",
        "from",
        "in",
        "into",
        "is",
        "of",
        "off",
        "on",
        "the",
        "to",
        "was",
        "were",
        "with",
    }
)
_PLAIN = {"INT": "number", "NUMBER": "number", "quoted": "text", "WORD": "word", "run": "value"}


class Namer:
    """Gives each capture of an expression a name of its own."""

    def __init__(self, ecs: bool) -> None:
        self.known = _ECS if ecs else _FLAT
        self.taken: set[str] = set()

    def name(
        self, kind: str, texts: Sequence[str], before: Sequence[_Token], following: _Token | None
    ) -> str:
        """The name of a capture, by what it is and what stands around it."""
        hint = self.hinted(kind, before)
        role = _role(kind, texts, before, following)
        wishes = (hint,) if hint else self.known.get(role, (_PLAIN.get(kind, kind.lower()),))
        return self._free(wishes)

    def hinted(self, kind: str, before: Sequence[_Token]) -> str:
        """The name that stands before a value: ``status=``, ``status:``; for numbers, ``status
        ``.
        """
        signs = [token.texts[0] for token in before[-3:]]
        if len(before) >= 2 and before[-2].kind == "key" and signs[-1] == "=":
            return _as_name(signs[-2])
        if len(before) >= 3 and before[-3].kind == "WORD" and signs[-2:] == [":", " "]:
            return _as_name(signs[-3])
        if (
            kind in _NAMELESS
            and len(before) >= 2
            and before[-2].kind == "WORD"
            and signs[-1] == " "
        ):
            word = signs[-2].lower()
            return _as_name(word) if _same(before[-2]) and word not in _LITTLE else ""
        return ""

    def _free(self, wishes: Sequence[str]) -> str:
        for wish in wishes:
            if wish not in self.taken:
                self.taken.add(wish)
                return wish
        number = 2
        while _numbered(wishes[0], number) in self.taken:
            number += 1
        self.taken.add(_numbered(wishes[0], number))
        return _numbered(wishes[0], number)


def _numbered(name: str, number: int) -> str:
    return f"{name[:-1]}_{number}]" if name.endswith("]") else f"{name}_{number}"


def _same(token: _Token) -> bool:
    return len(set(token.texts)) == 1


def _as_name(text: str) -> str:
    return re.sub(r"\W+", "_", text).strip("_").lower()


def _role(
    kind: str, texts: Sequence[str], before: Sequence[_Token], following: _Token | None
) -> str:
    """What a value is for, where its environment tell."""
    behind = following.texts[0] if following is not None else ""
    ahead = "".join(token.texts[0] for token in before[-2:])
    if kind.startswith("%"):
        return "timestamp"
    if all(text in _METHODS for text in texts):
        return "method"
    if kind in ("NUMBER", "INT") and ahead == "HTTP/":
        return "version"
    if kind == "INT" and behind == "]" and ahead.endswith("["):
        return "pid"
    if kind in ("WORD", "run") and behind == "[":
        return "program"
    return kind
