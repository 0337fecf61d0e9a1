"""Lumberjack's frames, written out for tests."""
from __future__ import annotations

import json
import struct
import zlib
from typing import Any


def window(count: int, version: str = "2") -> bytes:
    return version.encode() + b"W" + struct.pack(">I", count)


def event(sequence: int, data: Any, version: str = "2") -> bytes:
    """An event as JSON; ``data`` may be bytes that are sent as they are."""
    payload = data if isinstance(data, bytes) else json.dumps(data).encode()
    return version.encode() + b"J" + struct.pack(">II", sequence, len(payload)) + payload


def pairs(sequence: int, data: dict[bytes, bytes]) -> bytes:
    """An event of version 1."""
    texts = [text for pair in data.items() for text in pair]
    return b"1D" + struct.pack(">II", sequence, len(data)) + b"".join(struct.pack(">I", len(text)) + text for text in texts)


def packed(*frames: bytes, version: str = "2", level: int = 6) -> bytes:
    data = zlib.compress(b"".join(frames), level)
    return version.encode() + b"C" + struct.pack(">I", len(data)) + data


def messages(*texts: str, start: int = 1) -> bytes:
    """A window with these messages."""
    return window(len(texts)) + b"".join(event(start + i, {"message": text}) for i, text in enumerate(texts))


def ack(sequence: int, version: str = "2") -> bytes:
    return version.encode() + b"A" + struct.pack(">I", sequence)
