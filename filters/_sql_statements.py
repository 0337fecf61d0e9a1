"""Statements with named parameters, `:code`, or with `?` for each; a list takes the place of one in
`IN :codes`.

Only names that are given are parameters: other colons, in texts and casts (`::int`), stay what they
are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import TextClause, bindparam, text

_NAME = re.compile(r"(?<![:\w\\]):(\w+)(:?)")
_QUOTED_OR_MARK = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|(\?)")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


class Statement:
    """A statement with its parameters in order; ``bound(values)`` gives what SQLAlchemy
    executes.
    """

    def __init__(self, sql: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.used = frozenset(_found_names(sql)) & {*names}
        self._text = _NAME.sub(self._marked, sql)
        self._clauses: dict[tuple[str, ...], TextClause] = {}

    def _marked(self, found: re.Match[str]) -> str:
        """A name as SQLAlchemy reads it: as a parameter, also before a cast, or as text."""
        if found[1] not in self.names:
            return f"\\{found[0]}"
        return f"(:{found[1]}):" if found[2] else found[0]

    def bound(self, values: Sequence[Any]) -> tuple[TextClause, dict[str, Any]]:
        """The clause and its parameters; those of the statement that are lists become lists of
        parameters.
        """
        given = {
            name: value for name, value in zip(self.names, values, strict=True) if name in self.used
        }
        lists = tuple([name for name, value in given.items() if type(value) is list])
        clause = self._clauses.get(lists)
        if clause is None:
            clause = text(self._text)
            if lists:
                clause = clause.bindparams(*[bindparam(name, expanding=True) for name in lists])
            self._clauses[lists] = clause
        return clause, given


def unknown_names(sql: str, names: Sequence[str]) -> list[str]:
    """What looks like a parameter in a statement, outside of quotes, but is none of these."""
    found = _found_names(_QUOTED.sub(" ", sql))
    return [name for name in dict.fromkeys(found) if name not in names and not name.isdecimal()]


def _found_names(sql: str) -> list[str]:
    return [found[1] for found in _NAME.finditer(sql)]


def with_names(sql: str) -> tuple[str, list[str]]:
    """A statement with `:p0`, `:p1`, … for each `?` outside of quotes, and these names."""
    names: list[str] = []
    return "".join(_named_marks(sql, names)), names


def _named_marks(sql: str, names: list[str]) -> Iterator[str]:
    at = 0
    for found in _QUOTED_OR_MARK.finditer(sql):
        yield sql[at : found.start()]
        if found[1]:
            names.append(f"p{len(names)}")
            yield f":{names[-1]}"
        else:
            yield found[0]
        at = found.end()
    yield sql[at:]
