"""From the tree of a grok expression to a compiled pattern: optimized, which for a large one takes
longer than to compile it, and kept on disk for the next start.

A file is named by a hash of the expression as it was before, of Python's version and of the modules
that optimize it: what was kept by other ones is never found. Whatever goes wrong with the files,
the pattern is made anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import tempfile
import time
from functools import cache, lru_cache
from pathlib import Path

from ..regex_tree import Back, Capture, Condition, Look, Node, Repeat, children, width
from ..regex_writer import Writer
from . import boundaries, optimize, sharing

_DEEPEST = 60
_MOST_COUNTED = 1000
_LEAST_SECONDS = 0.005
_MOST_FILES = 1000


def optimized_pattern(node: Node) -> re.Pattern[str]:
    """The expression compiled; its groups are those of ``groups_of``."""
    unnamed = None in groups_of(node)
    plain = Writer(unnamed=unnamed)
    text = plain.write(node)
    file = _directory() / f"{_key(text)}.regex"
    kept = _kept(file, node)
    if kept is not None:
        return kept
    started = time.thread_time()
    writer = Writer(unnamed=unnamed)
    optimized = writer.write(optimize.slimmed(node))
    if writer.groups == plain.groups:
        text = optimized
    if time.thread_time() - started > _LEAST_SECONDS:
        _keep(file, text)
    return re.compile(text, re.MULTILINE)


def groups_of(node: Node) -> list[str | None]:
    """The names of the groups that capture, in order."""
    names: list[str | None] = []
    pending = [node]
    while pending:
        at = pending.pop()
        if isinstance(at, Capture):
            names.append(at.name)
        pending.extend(reversed(children(at)))
    return names


def may_be_refused(node: Node) -> bool:
    """Whether Python may refuse the expression, though Ruby's syntax allows it."""
    return _depth(node) > _DEEPEST


@lru_cache(maxsize=8192)
def _depth(node: Node) -> int:
    """How deep a tree is; much too deep where a part of it may be refused."""
    if isinstance(node, Back | Condition):
        return _MOST_COUNTED
    if isinstance(node, Look) and node.behind and len(set(width(node.node))) > 1:
        return _MOST_COUNTED
    if isinstance(node, Repeat) and max(node.low, node.high or 0) > _MOST_COUNTED:
        return _MOST_COUNTED
    return 1 + max(map(_depth, children(node)), default=0)


def _directory() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(home, "penstock", "grok")


def _key(text: str) -> str:
    return hashlib.blake2b(f"{_makers()}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()[:40]


@cache
def _makers() -> str:
    """What the result depends on besides the expression: versions of Python and of these
    modules.
    """
    files = (boundaries.__file__, optimize.__file__, sharing.__file__, __file__)
    found = [sys.version]
    for file in files:
        with contextlib.suppress(OSError):
            stat = Path(file).stat()
            found.append(f"{file}:{stat.st_mtime_ns}:{stat.st_size}")
    return "\0".join(found)


def _kept(file: Path, node: Node) -> re.Pattern[str] | None:
    try:
        pattern = re.compile(file.read_bytes().decode("utf-8", "surrogatepass"), re.MULTILINE)
    except (OSError, ValueError, re.error, OverflowError, RecursionError):
        return None
    return pattern if pattern.groups == len(groups_of(node)) else None


def _keep(file: Path, text: str) -> None:
    """Written beside and moved into its place, so that no process reads a half."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        _make_room(file.parent)
        with tempfile.NamedTemporaryFile(dir=file.parent, delete=False) as beside:
            beside.write(text.encode("utf-8", "surrogatepass"))
        Path(beside.name).replace(file)


def _make_room(directory: Path) -> None:
    files = list(directory.iterdir())
    if len(files) >= _MOST_FILES:
        files.sort(key=lambda file: file.stat().st_mtime)
        for file in files[: _MOST_FILES // 2]:
            file.unlink(missing_ok=True)
