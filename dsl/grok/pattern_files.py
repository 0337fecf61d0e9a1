"""Grok patterns by name: the shipped families, what pygrok has beside them, and a user's own files
and definitions.

A pattern file has ``NAME expression`` a line; a line that begins with ``#`` is a comment
(jls-grok's format). Start-up counts, so a family's files are read in one go and split with one
expression; nothing is parsed before a name is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from .. import globs

if TYPE_CHECKING:
    from importlib.abc import ResourceLoader

    from ..regex_tree import Node

Family = Literal["legacy", "ecs-v1"]

#: The shipped files, those of both families first. Listed, because an archive cannot be asked for
#: its files cheaply.
FILES: dict[Family | Literal["common"], tuple[str, ...]] = {
    "common": (
        "bacula",
        "bind",
        "exim",
        "firewalls",
        "grok-patterns",
        "httpd",
        "java",
        "junos",
        "linux-syslog",
        "maven",
        "mcollective",
        "mongodb",
        "nagios",
        "rails",
        "redis",
        "ruby",
    ),
    "legacy": (
        "aws",
        "bacula",
        "bind",
        "bro",
        "exim",
        "firewalls",
        "grok-patterns",
        "haproxy",
        "httpd",
        "java",
        "junos",
        "linux-syslog",
        "mcollective",
        "mongodb",
        "nagios",
        "postgresql",
        "rails",
        "redis",
        "ruby",
        "squid",
    ),
    "ecs-v1": (
        "aws",
        "bacula",
        "bind",
        "bro",
        "exim",
        "firewalls",
        "grok-patterns",
        "haproxy",
        "httpd",
        "java",
        "junos",
        "linux-syslog",
        "mcollective",
        "mongodb",
        "nagios",
        "postgresql",
        "rails",
        "redis",
        "ruby",
        "squid",
        "zeek",
    ),
}
_DIRECTORY = Path(__file__).parents[2] / "filters" / "patterns"
_LINE = re.compile(r"^[ \t]*([^\s#]\S*)[ \t]+([^\r\n]*)", re.MULTILINE)


class Pattern(NamedTuple):
    """What a name means, and where that is written; ``file`` is empty for a definition in the
    configuration.
    """

    name: str
    text: str
    file: str
    line: int


class _File:
    """One pattern file: its names, each with the place where it is defined last."""

    __slots__ = ("path", "places", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.places = {found[1]: found for found in _LINE.finditer(text)}

    def pattern(self, name: str) -> Pattern:
        """The pattern of a name that the file has."""
        found = self.places[name]
        return Pattern(name, found[2], self.path, self.text.count("\n", 0, found.start(1)) + 1)


class Library:
    """Patterns by name. Later files and definitions go before earlier ones; pygrok's are asked
    last.

    ``missing`` names the directories that were asked for and are not there (Logstash passes over
    them in silence).
    """

    __slots__ = ("_definitions", "_files", "missing", "parsed")

    def __init__(
        self,
        files: tuple[_File, ...],
        definitions: Mapping[str, str] | None = None,
        missing: tuple[str, ...] = (),
    ) -> None:
        self._files = files
        self._definitions = dict(definitions or {})
        self.missing = missing
        #: Patterns that were parsed already; belongs to ``expression``.
        self.parsed: dict[object, Node] = {}

    def find(self, name: str) -> Pattern | None:
        """What a name means, or None."""
        if name in self._definitions:
            return Pattern(name, self._definitions[name], "", 0)
        for file in reversed(self._files):
            if name in file.places:
                return file.pattern(name)
        return next((file.pattern(name) for file in _pygrok() if name in file.places), None)

    def names(self) -> set[str]:
        """Every name, pygrok's too."""
        return {
            *self._definitions,
            *(name for file in (*_pygrok(), *self._files) for name in file.places),
        }

    def __iter__(self) -> Iterator[Pattern]:
        """The patterns that are shipped or the user's own, sorted by name."""
        names = {*self._definitions, *(name for file in self._files for name in file.places)}
        return iter([pattern for name in sorted(names) if (pattern := self.find(name))])

    def suggest(self, name: str) -> list[str]:
        """Up to three names that look like this one, the nearest first."""
        return get_close_matches(name.upper(), self.names(), n=3, cutoff=0.7)

    def extended(
        self,
        directories: Iterable[str] = (),
        glob: str = "*",
        definitions: Mapping[str, str] | None = None,
    ) -> Library:
        """This library with a user's patterns before it: files first, then definitions.

        A directory stands for the files in it that match ``glob``; anything else is a glob itself.
        Raises OSError for a file that cannot be read.
        """
        paths: list[Path] = []
        missing: list[str] = []
        for directory in directories:
            found = _files_of(directory, glob)
            paths.extend(found)
            if not found and not Path(directory).is_dir():
                missing.append(directory)
        files = (*self._files, *map(_read, paths))
        return Library(
            files, {**self._definitions, **(definitions or {})}, (*self.missing, *missing)
        )


@cache
def shipped(family: Family) -> Library:
    """The patterns of a family: ``legacy`` has flat field names, ``ecs-v1`` those of the Elastic
    Common Schema, with types.
    """
    return Library(
        tuple(
            [
                _shipped_file(directory, name)
                for directory in ("common", family)
                for name in FILES[directory]
            ]
        )
    )


def _shipped_file(directory: str, name: str) -> _File:
    path = str(_DIRECTORY / directory / name)
    # The module's own loader reads from a zip archive as well.
    loader = cast("ResourceLoader", __spec__.loader)
    return _File(path, loader.get_data(path).decode())


def _files_of(directory: str, glob: str) -> list[Path]:
    """As Ruby's Dir.glob finds them: without hidden files, and with alternatives in braces."""
    wanted = str(Path(directory, glob)) if Path(directory).is_dir() else directory
    return [path for path in map(Path, globs.found(wanted)) if path.is_file()]


def _read(path: Path) -> _File:
    return _File(str(path), path.read_text(encoding="utf-8-sig", errors="replace"))


@cache
def _pygrok() -> tuple[_File, ...]:
    """The pattern files of the installed pygrok, found without importing it (which would import
    ``regex``).
    """
    spec = find_spec("pygrok")
    if spec is None or not spec.submodule_search_locations:
        return ()
    directory = Path(spec.submodule_search_locations[0]) / "patterns"
    return tuple([_read(path) for path in sorted(directory.glob("*")) if path.is_file()])
