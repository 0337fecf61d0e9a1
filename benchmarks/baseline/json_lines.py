#!/usr/bin/env python3
"""JSON lines in and out, by hand: what a pipeline without filters is held against."""

import sys

import msgspec

CHUNK = 1 << 18


def main():
    decode, encode = msgspec.json.Decoder().decode_lines, msgspec.json.Encoder().encode_lines
    read, write, rest = sys.stdin.buffer.read, sys.stdout.buffer.write, b""
    while chunk := read(CHUNK):
        chunk = rest + chunk
        end = chunk.rfind(b"\n") + 1
        rest = chunk[end:]
        write(encode(decode(chunk[:end])))


if __name__ == "__main__":
    main()
