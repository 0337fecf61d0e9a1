"""One tree of errors: whatever Penstock raises on purpose can be caught as PenstockError, and its docstring draws the tree."""
from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.dsl.diagnostics import PenstockError

ROOT = Path(__file__).parents[1]
FLOORS = ("dsl", "plugins", "filters", "pipeline")
BUILT_IN = {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)}
NO_ERRORS = {"Jump": "how `break`, `next` and `return` leave a block of Ruby"}


def classes() -> Iterator[tuple[str, str, list[str]]]:
    """Every class of the package: where it is, its name, and the names of its bases."""
    for path in sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", node.name, [ast.unparse(base).rpartition(".")[2] for base in node.bases]


CLASSES = list(classes())
BASES: dict[str, set[str]] = {}
for _, class_name, bases in CLASSES:
    BASES.setdefault(class_name, set()).update(bases)


def ancestors(name: str) -> set[str]:
    found, left = set[str](), [name]
    while left:
        more = BASES.get(left.pop(), set()) - found
        found |= more
        left += more
    return found


ERRORS = [(place, name) for place, name, _ in CLASSES if ancestors(name) & (BUILT_IN | {"PenstockError"})]


def test_errors_are_found_at_all() -> None:
    assert {"ConfigError", "Misconfigured", "XmlError", "Full"} <= {name for _, name in ERRORS}


@pytest.mark.parametrize(("place", "name"), ERRORS, ids=lambda part: part)
def test_each_error_is_a_penstock_error(place: str, name: str) -> None:
    assert name in ("PenstockError", *NO_ERRORS) or "PenstockError" in ancestors(name), f"{place}: {name} derives from {BASES[name]}"


def test_what_the_docstring_draws_is_there() -> None:
    drawn = re.findall(r"\b(?:[A-Z][a-z]+){2,}\b|Undelivered|Disconnected|Retry|Rejected|Misconfigured|Unreadable", PenstockError.__doc__ or "")
    assert len(set(drawn)) > 15
    assert set(drawn) - {name for _, name in ERRORS} - BUILT_IN == set()
