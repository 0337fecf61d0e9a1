"""URI and CGI: addresses, and texts as forms and pages write them."""

from __future__ import annotations

import html
import re
import urllib.parse
from collections.abc import Callable
from typing import Any

from .dispatch import ANCESTORS, CLASS_OF, define, singleton
from .errors import InvalidURIError
from .inspection import quoted, text, to_s
from .objects import key_back


@singleton("CGI", "escape")
@singleton("URI", "encode_www_form_component")
def encode_component(value: Any) -> str:
    """A text as a form sends it."""
    return urllib.parse.quote_plus(to_s(value), safe="*-._").replace("~", "%7E")


@singleton("CGI", "unescape")
@singleton("URI", "decode_www_form_component")
def decode_component(value: Any) -> str:
    """What a form has sent."""
    return urllib.parse.unquote_plus(text(value), errors="surrogateescape")


@singleton("URI", "decode_www_form")
def decode_form(value: Any) -> list[Any]:
    """The pairs of a query."""
    return [
        [decode_component(part) for part in (k, v)]
        for k, _, v in (p.partition("=") for p in text(value).split("&") if p)
    ]


@singleton("URI", "encode_www_form")
def encode_form(pairs: Any) -> str:
    """A query of pairs."""
    given = pairs.items() if isinstance(pairs, dict) else pairs
    return "&".join([f"{encode_component(key_back(k))}={encode_component(v)}" for k, v in given])


class Uri:
    """An address."""

    __slots__ = ("parts", "source")

    def __init__(self, source: str) -> None:
        self.source, self.parts = source, urllib.parse.urlsplit(source)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Uri) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)


class _Http(Uri):
    __slots__ = ()


CLASS_OF[Uri] = "URI::Generic"
CLASS_OF[_Http] = "URI::HTTP"
_OF_SCHEME: dict[str, type[Uri]] = {"http": _Http}
for _scheme in ("https", "ws", "wss", "ftp", "ldap", "ldaps", "mailto", "file"):
    _made = type(_scheme, (Uri,), {"__slots__": ()})
    _name = {"mailto": "MailTo", "file": "File"}.get(_scheme, _scheme.upper())
    CLASS_OF[_made], _OF_SCHEME[_scheme] = f"URI::{_name}", _made
    _above = ("URI::HTTP", "URI::Generic") if _scheme == "https" else ("URI::Generic",)
    ANCESTORS[f"URI::{_name}"] = _above
ANCESTORS["URI::HTTP"] = ("URI::Generic",)
_CLASSES = ("URI::Generic", *(CLASS_OF[_made] for _made in _OF_SCHEME.values()))


@singleton("URI", "parse")
@singleton("Kernel", "URI")
def uri(value: Any) -> Uri:
    """An address; raises URI::InvalidURIError."""
    given = text(value)
    if not given.isascii():
        raise InvalidURIError(f'URI must be ascii only "{given}"'[: len(given) + 30])
    try:
        made = _OF_SCHEME.get(given.partition(":")[0].lower(), Uri)(given)
        _ = made.parts.port
    except ValueError:
        raise InvalidURIError(f"bad URI(is not URI?): {quoted(given)}") from None
    if any(char in given for char in ' <>"{}|\\^`'):
        raise InvalidURIError(f"bad URI(is not URI?): {quoted(given)}")
    return made


_PORTS = {"http": 80, "https": 443, "ftp": 21, "ldap": 389, "ldaps": 636, "ws": 80, "wss": 443}
_URI: dict[str, Callable[..., Any]] = {
    "scheme": lambda self: self.parts.scheme or None,
    "host": lambda self: (
        self.parts.netloc.rpartition("@")[2].rsplit(":", 1)[0] or None
        if "[" not in self.parts.netloc
        else self.parts.netloc.rpartition("@")[2].partition("]")[0] + "]"
    ),
    "hostname": lambda self: self.parts.hostname,
    "port": lambda self: self.parts.port or _PORTS.get(self.parts.scheme),
    "path": lambda self: self.parts.path,
    "query": lambda self: self.parts.query if "?" in self.source else None,
    "fragment": lambda self: self.parts.fragment if "#" in self.source else None,
    "userinfo": lambda self: self.parts.netloc.rpartition("@")[0] or None,
    "user": lambda self: self.parts.username,
    "password": lambda self: self.parts.password,
    "to_s": lambda self: self.source,
    "opaque": lambda self: None if "//" in self.source or not self.parts.scheme else _opaque(self),
    "absolute?": lambda self: bool(self.parts.scheme),
    "relative?": lambda self: not self.parts.scheme,
    "default_port": lambda self: _PORTS.get(self.parts.scheme),
    "inspect": lambda self: f"#<URI::{self.parts.scheme.upper() or 'Generic'} {self.source}>",
}
for _name, _function in _URI.items():
    for _class in _CLASSES:
        define(_class, _name)(_function)


def _opaque(self: Uri) -> str | None:
    """What follows the scheme, where it is not a path."""
    rest = self.source.partition(":")[2]
    return None if rest.startswith("/") else rest


@define("URI::HTTP", "request_uri")
@define("URI::HTTPS", "request_uri")
@define("URI::WS", "request_uri")
@define("URI::WSS", "request_uri")
def request_uri(self: Uri) -> str:
    """Path and query, as a request has them."""
    query = f"?{self.parts.query}" if "?" in self.source else ""
    return f"{self.parts.path or '/'}{query}"


@singleton("CGI", "escapeHTML", "escape_html", "h")
def escape_html(value: Any) -> str:
    """A text as a page writes it."""
    return html.escape(text(value)).replace("&#x27;", "&#39;")


@singleton("CGI", "unescapeHTML", "unescape_html")
def unescape_html(value: Any) -> str:
    """A text of a page: the five names of XML, and characters by number."""
    return _ENTITY.sub(_entity, text(value))


_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d+)|#[xX]([0-9a-fA-F]+));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _entity(found: re.Match[str]) -> str:
    if found[1]:
        return _NAMED[found[1]]
    number = int(found[2]) if found[2] else int(found[3], 16)
    return chr(number) if number < 0x110000 else found[0]
