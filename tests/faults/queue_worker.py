"""Puts numbers into a disk queue, takes them out, acknowledges some, and says so on stdout, until it is killed.

    python queue_worker.py DIRECTORY FIRST SEED

``p N``: N was put; ``g N``: N was handed out; ``a N``: N is about to be acknowledged; ``s N``: that was saved.
"""
from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

from penstock.pipeline.storage.queue import DiskQueue

SAYING = threading.Lock()
"""A write of more than 4096 bytes to a pipe may be cut by another thread's."""


def say(kind: str, *numbers: int) -> None:
    with SAYING:
        os.write(1, "".join(f"{kind} {number}\n" for number in numbers).encode())


def produce(queue: DiskQueue, number: int, chance: random.Random) -> None:
    while True:
        payload = b"%d " % number + b"x" * chance.choice([0, 10, 500, 30_000])
        queue.put(payload, {"n": number}, durable=chance.random() < 0.05)
        say("p", number)
        number += 1


def main(directory: str, first: int, seed: int) -> None:
    chance = random.Random(seed)
    queue = DiskQueue(Path(directory), max_bytes=2 << 20, commit_events=20, checkpoint_acks=20, interval=0.01, report=lambda skipped: None)
    say("o", 0)
    threading.Thread(target=produce, args=(queue, first, random.Random(seed + 1)), daemon=True).start()
    held: dict[int, int] = {}
    unsaved: list[int] = []
    while True:
        item = queue.get(0.01)
        if item is not None:
            assert item.payload.startswith(b"%d " % item.note["n"])
            held[item.sequence] = item.note["n"]
            say("g", item.note["n"])
        if chance.random() < 0.3 or len(held) > 20:
            for sequence in chance.sample(sorted(held), len(held) // 2):
                say("a", held[sequence])
                queue.ack(sequence)
                unsaved.append(held.pop(sequence))
        if chance.random() < 0.05:
            queue.checkpoint()
            say("s", *unsaved)
            unsaved.clear()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
