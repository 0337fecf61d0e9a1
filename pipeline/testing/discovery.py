"""Finds test files, and chooses among their cases."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ...dsl.diagnostics import ConfigError, Diagnostic
from .document import load
from .suite import Case, looks_foreign, read_source

SUFFIXES = (".test.yml", ".test.yaml", ".test.json")
_PLAIN = (".yml", ".yaml", ".json")


def find(paths: Iterable[str], foreign: bool) -> list[Path]:
    """The test files of paths, folders with all below them; ``foreign`` adds those of
    logstash-filter-verifier, whatever their names are. Raises ConfigError for a path that is not
    there.
    """
    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found |= dict.fromkeys(_below(path, foreign))
        elif path.exists():
            found[path] = None
        else:
            raise ConfigError(
                [
                    Diagnostic(
                        "E406",
                        f"there is no `{path}`",
                        None,
                        "give test files, or folders that have some",
                    )
                ]
            )
    return list(found)


def _below(folder: Path, foreign: bool) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name not in ("node_modules", "__pycache__")
        )
        for name in sorted(names):
            path = Path(place, name)
            if name.endswith(SUFFIXES) or (foreign and name.endswith(_PLAIN) and _is_foreign(path)):
                yield path


def _is_foreign(path: Path) -> bool:
    if path.name.endswith(".snap.json"):
        return False
    try:
        return looks_foreign(load(read_source(path)))
    except ConfigError:
        return False


Choice = Callable[[str], bool]


def chosen(expression: str) -> Choice:
    """Which names ``-k`` means: those that have its words, which ``and``, ``or`` and ``not`` may
    join; case is one.
    """
    ways = [
        re.split(r"\s+and\s+", way.strip())
        for way in re.split(r"\s+or\s+", expression.strip().lower())
    ]

    def has(word: str, name: str) -> bool:
        return word[4:].strip() not in name if word.startswith("not ") else word in name

    return lambda name: any(all(has(word, name.lower()) for word in way) for way in ways)


def choice(expression: str | None) -> Callable[[Case], bool]:
    """``chosen``, for cases; all of them without an expression."""
    if not expression:
        return lambda case: True
    wanted = chosen(expression)
    return lambda case: wanted(case.name)
