"""Events as MessagePack, for the codecs that write it. Source: the MessagePack specification."""

from __future__ import annotations

from typing import Any

import msgspec

from ...dsl.reference import Event
from ._json import bare, plain

_encode = msgspec.msgpack.Encoder(enc_hook=str).encode


def packed(event: Event) -> bytes:
    """An event as MessagePack, without metadata; what MessagePack does not know becomes text."""
    try:
        return _encode(bare(event))
    except (UnicodeEncodeError, TypeError, ValueError, OverflowError, RecursionError):
        return _encode(_in_range(plain(bare(event))))


def _in_range(value: Any) -> Any:
    """The value with numbers of more than 64 bits as text."""
    if type(value) is int and not -(2**63) <= value < 2**64:
        return str(value)
    if type(value) is dict:
        return {key: _in_range(item) for key, item in value.items()}
    return [_in_range(item) for item in value] if type(value) is list else value
