"""The files that a configuration names, found by the declared kind of its options: ``path`` names a
file, ``pattern`` a directory, or files and directories by a pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import Any

from ...dsl import globs
from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse, Setting
from ...dsl.source import Span
from ...dsl.spec import Kind
from ..compile.instantiate import Assembly, uses
from .shipping import Member, ShippedFile

_KINDS = ("path", "pattern")


def shipped_files(assembly: Assembly) -> tuple[list[ShippedFile], list[Diagnostic]]:
    """What must travel with a configuration, and what cannot."""
    program = assembly.program
    files: list[ShippedFile] = []
    found: list[Diagnostic] = []
    for section in (program.inputs, program.filters, program.outputs):
        for use in uses(section):
            for path, span in _named(use):
                _ship(path, span, files, found)
    return files, found


def _named(use: PluginUse) -> Iterator[tuple[str, Span]]:
    """The paths that the options of a plugin and its codec name, each with its place."""
    for name, setting in use.settings.items():
        if isinstance(setting.value, PluginUse):
            yield from _named(setting.value)
            continue
        kind = use.spec.options[name].kind
        if kind.name in _KINDS:
            yield str(setting.value), setting.span_of()
        elif kind.item is not None and kind.item.name in _KINDS:
            yield from _items(setting, kind)


def _items(setting: Setting, kind: Kind) -> Iterator[tuple[str, Span]]:
    value: Any = setting.value
    pairs = value.items() if kind.name == "hash" else enumerate(value)
    for place, item in pairs:
        yield str(item), setting.span_of((place,))


def _ship(path: str, span: Span, files: list[ShippedFile], found: list[Diagnostic]) -> None:
    members, reason = [], "nothing is found there"
    try:
        members = list(_members(path))
    except OSError as error:
        reason = f"`{error.filename}` cannot be read: {error.strerror}"
    if not members:
        message = f"`{path}` cannot be sent to other machines: {reason}"
        found.append(Diagnostic("E264", message, span, "check its path, owner and mode"))
        return
    is_pattern = not Path(path).exists()
    where = span.place, span.source.name, span.start
    files.append(ShippedFile(path, tuple(members), *where, is_pattern))


def _members(path: str) -> Iterator[Member]:
    whole = Path(path)
    if whole.is_file():
        yield _member(whole, "")
    elif whole.is_dir():
        yield from _inside(whole, "")
    else:
        matches = [Path(match) for match in globs.found(path)]
        for number, match in enumerate(matches):
            if match.is_dir():
                yield from _inside(match, f"{number}/")
            else:
                yield _member(match, f"{number}-{match.name}")


def _inside(directory: Path, below: str) -> Iterator[Member]:
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield _member(path, below + path.relative_to(directory).as_posix())


def _member(path: Path, below: str) -> Member:
    """A file under a name that no other content has, and that ends as its own does: a place where
    one is kept from an earlier run has the old content under another name.
    """
    with path.open("rb") as file:
        digest = file_digest(file, partial(blake2b, digest_size=12)).hexdigest()
    return Member(f"{digest}-{path.name}", str(path.absolute()), below)
