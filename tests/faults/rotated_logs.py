"""Log files that are written and rotated, by renaming and by copying and truncating, with a book of what stands in them.

A line says to which file it belongs, to which generation of that file (all between two rotations), and its number there. Who copies
and truncates loses what is written between the copy and the truncation and was not read by then; so nothing is written in between:
what is promised can be asked for then, that every line arrives.
"""
from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

Line = tuple[str, int, int]

KINDS = ("plain", "plain", "plain", "drop", "clone", "split")
PARTS = {"plain": {"-"}, "drop": set[str](), "clone": {"-", "again"}, "split": {"left", "right"}}


class RotatedLogs:
    """``expected``: the parts in which each line is to arrive."""

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self.directory, self.chance = directory, chance
        self.expected: dict[Line, set[str]] = {}
        self._generation: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._rotated: dict[Path, tuple[str, int]] = {}
        directory.mkdir()

    def append(self) -> None:
        """Some lines to one of the files, its last line in two parts at times."""
        name = self.chance.choice(["moved", "copied", "kept"])
        for _ in range(self.chance.choice([1, 20, 400])):
            self._line(name)

    def _line(self, name: str) -> None:
        generation, number = self._generation[name], self._written[name]
        kind = self.chance.choice(KINDS)
        rest = "left|right" if kind == "split" else "-"
        text = f"{name} {generation} {number} {kind} {rest} {'x' * self.chance.choice([0, 10, 300])}\n"
        with (self.directory / f"{name}.log").open("a") as file:
            if self.chance.random() < 0.01:
                file.write(text[:5])
                file.flush()
                text = text[5:]
            file.write(text)
        self.expected[name, generation, number] = PARTS[kind]
        self._written[name] += 1

    def rotate(self) -> None:
        """One of the two files that are rotated, unless there is nothing in it."""
        name = self.chance.choice(["moved", "copied"])
        path = self.directory / f"{name}.log"
        if not self._written[name]:
            return
        aside = self.directory / f"{name}.log.{self._generation[name]}"
        if name == "moved":
            path.rename(aside)
        else:
            shutil.copyfile(path, aside)
            with path.open("r+") as file:
                file.truncate(0)
        self._rotated[aside] = name, self._generation[name]
        self._generation[name] += 1
        self._written[name] = 0

    def forget(self, missing: set[Line]) -> None:
        """Delete rotated files of which all has arrived, as it is done with old ones; but the latest of each name stay."""
        needed = {line[:2] for line in missing} | {(name, generation - 1) for name, generation in self._generation.items()}
        for path in [path for path, which in self._rotated.items() if which not in needed]:
            path.unlink()
            del self._rotated[path]
