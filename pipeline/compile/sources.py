"""Where configurations come from: a file, all files of a folder, a glob, or a text given by hand.

All parts make one pipeline, in the order of their names, each knowing its own places. Names ending
in ``~`` are left out.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.source import Source, Span


def text_source(text: str, name: str = "(config)") -> Source:
    """A configuration given as text."""
    return Source(name, text)


def load_sources(path: str) -> list[Source]:
    """The sources that ``-f`` names; raises ConfigError where there are none or one cannot be
    read.
    """
    return [read_source(file) for file in _files(path.removeprefix("file://"))]


def _files(path: str) -> list[Path]:
    if Path(path).is_dir():
        found = [
            file
            for file in sorted(Path(path).iterdir())
            if file.is_file() and not file.name.startswith(".")
        ]
    else:
        found = [Path(path)] if Path(path).exists() else sorted({Path(p) for p in _globbed(path)})
    found = [file for file in found if not file.name.endswith("~") and not file.is_dir()]
    if not found:
        raise ConfigError(
            [
                Diagnostic(
                    "E100",
                    f"there is no configuration at `{path}`",
                    None,
                    "check the path, or quote a glob",
                )
            ]
        )
    return found


def _globbed(pattern: str) -> Iterable[str]:
    for one in _braces(pattern):
        yield from glob.glob(one, recursive=True)  # noqa: PTH207 (Path.glob takes no absolute pattern)


def _braces(pattern: str) -> list[str]:
    """``conf/{one,two}`` as its alternatives."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if match is None:
        return [pattern]
    head, tail = pattern[: match.start()], pattern[match.end() :]
    return [whole for middle in match[1].split(",") for whole in _braces(head + middle + tail)]


def read_source(path: Path) -> Source:
    """One file; raises ConfigError where it cannot be read or is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"`{path}` cannot be read: {error.strerror or error}"
        raise ConfigError([Diagnostic("E100", message, None, "check its owner and mode")]) from None
    try:
        return Source(str(path), data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        source = Source(str(path), data.decode("utf-8", "replace"))
        at = len(data[: error.start].decode("utf-8", "replace"))
        span = Span(source, at, at + 1)
        remedy = "save the file as UTF-8"
        raise ConfigError([Diagnostic("E100", "this byte is not UTF-8", span, remedy)]) from None
