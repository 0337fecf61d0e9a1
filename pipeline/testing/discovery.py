"""Finds test files, and chooses among their cases."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ...dsl.diagnostics import ConfigError, Diagnostic, PenstockError
from .cases import Case
from .document import load, read_source
from .verifier import looks_foreign

SUFFIXES = (".test.yml", ".test.yaml", ".test.json")
_PLAIN = (".yml", ".yaml", ".json")


def find(paths: Iterable[str], foreign: bool) -> list[Path]:
    """The test files of paths, directories with all below them; ``foreign`` adds those of
    logstash-filter-verifier, whatever their names are. Raises ConfigError for a path that is not
    there.
    """
    found: dict[Path, None] = {}
    for text in paths:
        path = Path(text)
        if path.is_dir():
            found |= dict.fromkeys(_below(path, foreign))
        elif not path.exists():
            raise _refused(
                f"`{path}` does not exist", "give test files, or directories that have some"
            )
        elif not path.name.endswith(_PLAIN):
            raise _refused(
                f"`{path}` is not a test file",
                "a test file is called NAME.test.yml; it names the configuration with `pipeline:`",
            )
        else:
            found[path] = None
    return list(found)


def _refused(message: str, help: str) -> ConfigError:
    return ConfigError([Diagnostic("E406", message, None, help)])


def _below(directory: Path, foreign: bool) -> Iterator[Path]:
    for place, directories, names in os.walk(directory):
        directories[:] = sorted(
            name
            for name in directories
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


class BadChoice(PenstockError, ValueError):
    """An expression of ``-k`` that is not one."""


def chosen(expression: str) -> Choice:
    """Which names ``-k`` means: those that have its words, which ``and``, ``or`` and ``not`` may
    join; case is one. Raises BadChoice.
    """
    ways = [
        [_operand(part, expression) for part in _split(way, "and")]
        for way in _split(expression.lower().split(), "or")
    ]

    def is_meant(name: str) -> bool:
        folded = name.lower()
        return any(all((words in folded) is wanted for words, wanted in way) for way in ways)

    return is_meant


def _split(words: Sequence[str], at: str) -> list[list[str]]:
    """Words in parts, between those that join them."""
    parts: list[list[str]] = [[]]
    for word in words:
        if word == at:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _operand(words: list[str], expression: str) -> tuple[str, bool]:
    """Words that a name must have, or with ``not`` must not have."""
    negations = 0
    while words[negations : negations + 1] == ["not"]:
        negations += 1
    if not words[negations:]:
        raise BadChoice(f"`{expression}`: words are missing beside `and`, `or` or `not`")
    return " ".join(words[negations:]), negations % 2 == 0


def choice(expression: str | None) -> Callable[[Case], bool]:
    """``chosen``, for cases; all of them without an expression."""
    if not expression:
        return lambda case: True
    wanted = chosen(expression)
    return lambda case: wanted(case.name)
