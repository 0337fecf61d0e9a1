"""Digests of values, with or without a key, as the filters that hash want them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from ._ruby import to_s

Digest = Callable[[Any], Any]
"""What is made of a value: a text, or a number for MURMUR3."""

ALGORITHMS = {
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
    "MD5": "md5",
}

_SEED_128 = 2
"""The seed of Logstash's 128-bit fingerprints."""


def canonical(value: Any) -> str:
    """A value as text: maps sorted by their keys, keys and values and the items of lists with ``|``
    between, all flat.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is dict:
        return "|".join([f"{key}|{canonical(value[key])}" for key in sorted(value)])
    if kind is list:
        return "|".join(map(canonical, value))
    return to_s(value)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def cryptographic(algorithm: str, key: str | None, in_base64: bool = False) -> Digest:
    """A digest by an algorithm of ``ALGORITHMS``, or its HMAC where there is a key; in hexadecimal
    or base64.
    """
    raw = _raw(ALGORITHMS[algorithm], key)
    if in_base64:
        return lambda value: base64.b64encode(raw(_encoded(canonical(value)))).decode()
    return lambda value: raw(_encoded(canonical(value))).hex()


def _raw(name: str, key: str | None) -> Callable[[bytes], bytes]:
    if key is None:
        make: Callable[..., Any] = getattr(hashlib, name)
        return lambda data: bytes(make(data, usedforsecurity=False).digest())
    secret = key.encode()
    return lambda data: hmac.digest(secret, data, name)


def murmur3() -> Digest:
    """MurmurHash3 in 32 bits, as a number; of an integer the hash of its eight bytes."""
    from mmh3 import hash as murmur

    def digest(value: Any) -> int:
        if type(value) is int:
            return murmur((value & 0xFFFFFFFFFFFFFFFF).to_bytes(8, "little"), 0, False)
        return murmur(_encoded(canonical(value)), 0, False)

    return digest


def murmur3_128(in_base64: bool) -> Digest:
    """MurmurHash3 in 128 bits, as text; of an integer the hash of its four or eight bytes."""
    from mmh3 import hash_bytes

    def digest(value: Any) -> str:
        if type(value) is int:
            size = 4 if -0x80000000 <= value <= 0x7FFFFFFF else 8
            data = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        else:
            data = _encoded(canonical(value))
        hashed = hash_bytes(data, _SEED_128)
        return base64.b64encode(hashed).decode() if in_base64 else hashed.hex()

    return digest
