"""Modules of Ruby's library: JSON, Digest, Base64, URI, IPAddr, SecureRandom, Zlib, CSV lines,
parts of paths, environment variables.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import posixpath
import secrets
import socket
import time
import urllib.parse
import uuid as uuids
import zlib
from collections.abc import Callable
from typing import Any

from ..timestamp import Timestamp
from .comparison import as_bytes, raw
from .dispatch import CLASS_OF, CONSTANTS, define, singleton
from .errors import (
    InvalidURIError,
    KeyError_,
    MalformedCSVError,
    ZlibBufError,
    ZlibDataError,
)
from .inspection import integer, text, to_s
from .objects import MISSING, Proc, Symbol, key_back
from .packing import from_base64
from .times import new_time, now_of


def context(
    now: Callable[[], Timestamp], new_event: Any, new_timestamp: Any
) -> dict[tuple[str, str], Any]:
    """The functions of a clock."""
    current = now_of(lambda: now().nanos())
    return {
        ("Time", "now"): current,
        ("Time", "new"): new_time(current),
        ("LogStash::Event", "new"): new_event,
        ("LogStash::Timestamp", "now"): now,
        ("LogStash::Timestamp", "new"): new_timestamp,
    }


# --- Digest, Base64, SecureRandom, Zlib

_DIGESTS = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
}


def _digests(name: str, algorithm: str) -> None:
    @singleton(f"Digest::{name}", "hexdigest")
    def hexdigest(value: Any) -> str:
        return hashlib.new(algorithm, _data(value), usedforsecurity=False).hexdigest()

    @singleton(f"Digest::{name}", "digest")
    def digest(value: Any) -> bytes:
        return hashlib.new(algorithm, _data(value), usedforsecurity=False).digest()

    @singleton(f"Digest::{name}", "base64digest")
    def base64digest(value: Any) -> str:
        return base64.b64encode(digest(value)).decode()


def _data(value: Any) -> bytes:
    return as_bytes(value) if type(raw(value)) in (str, bytes) else as_bytes(text(value))


for _name, _algorithm in _DIGESTS.items():
    _digests(_name, _algorithm)


@singleton("OpenSSL::HMAC", "hexdigest")
def hmac_hexdigest(algorithm: Any, key: Any, value: Any) -> str:
    """A keyed digest."""
    return hmac.new(_data(key), _data(value), to_s(algorithm).lower()).hexdigest()


@singleton("Base64", "encode64")
def encode64(value: Any) -> str:
    """In lines of 60 characters."""
    data = _data(value)
    lines = [base64.b64encode(data[at : at + 45]).decode() for at in range(0, len(data), 45)]
    return "".join([f"{line}\n" for line in lines])


@singleton("Base64", "strict_encode64")
def strict_encode64(value: Any) -> str:
    """In one line."""
    return base64.b64encode(_data(value)).decode()


@singleton("Base64", "urlsafe_encode64")
def urlsafe_encode64(value: Any, padding: Any = True) -> str:
    """With characters that addresses may hold."""
    made = base64.urlsafe_b64encode(_data(value)).decode()
    return made if padding is not False else made.rstrip("=")


@singleton("Base64", "decode64")
def decode64(value: Any) -> bytes:
    """The bytes, what is none of the alphabet's left out."""
    return from_base64(_data(value), strict=False)


@singleton("Base64", "strict_decode64")
def strict_decode64(value: Any) -> bytes:
    """The bytes; raises ArgumentError."""
    return from_base64(_data(value), strict=True)


@singleton("Base64", "urlsafe_decode64")
def urlsafe_decode64(value: Any) -> bytes:
    """The bytes of what urlsafe_encode64 makes."""
    data = _data(value).replace(b"-", b"+").replace(b"_", b"/")
    return from_base64(data + b"=" * (-len(data) % 4), strict=True)


@singleton("SecureRandom", "uuid")
def uuid() -> str:
    """A random UUID."""
    return str(uuids.uuid4())


@singleton("SecureRandom", "hex")
def random_hex(count: Any = 16) -> str:
    """Random bytes in hexadecimal."""
    return secrets.token_hex(16 if count is None else integer(count))


@singleton("SecureRandom", "random_number", "rand")
def random_number(limit: Any = 0) -> Any:
    """A random number."""
    return secrets.randbelow(limit) if limit else secrets.randbits(53) / 2**53


@singleton("Zlib", "crc32")
def crc32(value: Any = "", start: Any = 0) -> int:
    """A checksum."""
    return zlib.crc32(_data(value), integer(start))


@singleton("Zlib", "adler32")
def adler32(value: Any = "", start: Any = 1) -> int:
    """A checksum."""
    return zlib.adler32(_data(value), integer(start))


@singleton("Zlib::Inflate", "inflate")
@singleton("Zlib", "inflate")
def inflate(value: Any) -> bytes:
    """What was compressed."""
    try:
        return zlib.decompress(_data(value))
    except zlib.error as error:
        if "incomplete" in str(error):
            raise ZlibBufError("buffer error") from None
        raise ZlibDataError(str(error).split(": ")[-1]) from None


@singleton("Zlib", "gunzip")
def gunzip(value: Any) -> bytes:
    """What gzip compressed."""
    return zlib.decompress(_data(value), 31)


@singleton("Zlib::Deflate", "deflate")
@singleton("Zlib", "deflate")
def deflate(value: Any, level: Any = -1) -> bytes:
    """Compressed."""
    return zlib.compress(_data(value), integer(level))


# --- URI, paths, the environment


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


CLASS_OF[Uri] = "URI::Generic"


@singleton("URI", "parse")
@singleton("Kernel", "URI")
def uri(value: Any) -> Uri:
    """An address; raises URI::InvalidURIError."""
    given = text(value)
    if not given.isascii():
        raise InvalidURIError(f'URI must be ascii only "{given}"'[: len(given) + 30])
    try:
        made = Uri(given)
        _ = made.parts.port
    except ValueError:
        raise InvalidURIError(f"bad URI(is not URI?): {to_quoted(given)}") from None
    if any(char in given for char in ' <>"{}|\\^`'):
        raise InvalidURIError(f"bad URI(is not URI?): {to_quoted(given)}")
    return made


def to_quoted(value: str) -> str:
    """A text as code writes it."""
    from .inspection import quoted

    return quoted(value)


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
    "inspect": lambda self: f"#<URI::{self.parts.scheme.upper() or 'Generic'} {self.source}>",
}
for _name, _function in _URI.items():
    define("URI::Generic", _name)(_function)


@singleton("File", "basename")
def basename(path: Any, suffix: Any = "") -> str:
    """The last part of a path."""
    name = posixpath.basename(text(path).rstrip("/")) or "/"
    end = text(suffix)
    if end == ".*":
        return posixpath.splitext(name)[0]
    return name.removesuffix(end) if end and name != end else name


@singleton("File", "extname")
def extname(path: Any) -> str:
    """The suffix of a path."""
    return posixpath.splitext(text(path))[1]


@singleton("File", "dirname")
def dirname(path: Any) -> str:
    """All but the last part of a path."""
    given = text(path)
    return posixpath.dirname(given.rstrip("/")) or ("/" if given.startswith("/") else ".")


@singleton("File", "join")
def join_path(*parts: Any) -> str:
    """Parts as a path."""
    import re

    return re.sub("/+", "/", "/".join(map(text, parts)))


@singleton("ENV", "[]")
def variable(name: Any) -> str | None:
    """An environment variable."""
    return os.environ.get(text(name))


@singleton("ENV", "fetch")
def fetch_variable(name: Any, default: Any = MISSING, block: Proc | None = None) -> Any:
    """An environment variable; raises KeyError."""
    found = os.environ.get(text(name))
    if found is not None:
        return found
    if block is not None:
        return block.one(name)
    if default is not MISSING:
        return default
    raise KeyError_(f"key not found: {to_quoted(text(name))}")


@singleton("Socket", "gethostname")
def gethostname() -> str:
    """The name of this host."""
    return socket.gethostname()


CONSTANTS |= {
    f"Process::{name}": number
    for name, number in {"CLOCK_REALTIME": 0, "CLOCK_MONOTONIC": 1}.items()
}


@singleton("Process", "clock_gettime")
def clock_gettime(which: Any, unit: Any = None) -> Any:
    """The time of a clock."""
    nanos = time.time_ns() if which == 0 else time.monotonic_ns()
    name = unit.name if type(unit) is Symbol else "float_second"
    scale = {"nanosecond": 1, "microsecond": 1000, "millisecond": 1_000_000, "second": 10**9}
    if name.startswith("float_"):
        return nanos / scale[name.removeprefix("float_")]
    return nanos // scale[name]


@singleton("Process", "pid")
def pid() -> int:
    """The number of this process."""
    return os.getpid()


@singleton("CSV", "parse_line")
def parse_line(line: Any, col_sep: Any = ",", quote_char: Any = '"', **options: Any) -> Any:
    """The fields of a line."""
    import csv as csv_

    given = text(line)
    if not given:
        return None
    rows = csv_.reader(
        [given.rstrip("\r\n")], delimiter=text(col_sep), quotechar=text(quote_char), strict=True
    )
    try:
        found = next(rows)
    except (csv_.Error, StopIteration):
        raise MalformedCSVError("Illegal quoting in line 1.") from None
    quoted = f"{text(quote_char)}{text(quote_char)}"
    return [value if value or quoted in given else None for value in found]
