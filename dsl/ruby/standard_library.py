"""Modules of Ruby's library: JSON, Digest, Base64, URI, IPAddr, SecureRandom, Zlib, CSV lines,
parts of paths, environment variables.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import posixpath
import re
import secrets
import socket
import time
import uuid as uuids
import zlib
from collections.abc import Callable
from typing import Any

from ..timestamp import Timestamp
from .comparison import as_bytes, raw
from .dispatch import CONSTANTS, singleton
from .errors import (
    KeyError_,
    ZlibBufError,
    ZlibDataError,
)
from .inspection import integer, quoted, text, to_s
from .objects import MISSING, Proc, Symbol
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
    raise KeyError_(f"key not found: {quoted(text(name))}")


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
