"""What the hand-written loops share: lines in by the chunk, events out by the batch (needs
msgspec).
"""

import gc
import socket
import sys
from datetime import UTC, datetime

import msgspec

CHUNK = 1 << 15
HOST = socket.gethostname()


def now():
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:23] + "Z"


def run(events):
    """Write what ``events`` makes of the lines of each chunk."""
    gc.disable()
    read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
    encode = msgspec.json.Encoder().encode_lines
    rest = b""
    while chunk := read(CHUNK):
        chunk = rest + chunk
        end = chunk.rfind(b"\n") + 1
        rest = chunk[end:]
        lines = chunk[:end].decode("utf-8", "replace").split("\n")
        lines.pop()
        write(encode(events(lines)))
