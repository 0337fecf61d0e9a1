"""Where configurations come from: a file, the files of a directory, a glob, or a text given by
hand.

All parts make one pipeline, in the order of their names, each knowing its own places. A directory
stands for the files in it that may be configurations, whatever their suffix: what lies beside
them, such as tests, notes, logs and backups of editors, is left out.
"""

from __future__ import annotations

import re
from pathlib import Path

from ...dsl import globs
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


_ACCESS = "check its owner and mode"
_TESTS = re.compile(r"\.test\.(ya?ml|json)\Z|\.snap\.json\Z")
_OTHERS = re.compile(
    r"\.(md|rst|txt|ya?ml|json|jsonl|ndjson|csv|log|gz|swp)\Z"
    r"|\A(README|LICENSE|LICENCE|NOTICE|CHANGELOG|AUTHORS|Makefile|Dockerfile)\b",
    re.IGNORECASE,
)


def _files(path: str) -> list[Path]:
    if Path(path).is_dir():
        inside = sorted(file for file in Path(path).iterdir() if file.is_file())
        found = [file for file in inside if may_be_configuration(file.name)]
        if inside and not found:
            help = f"it contains {inside[0].name}, which is skipped by its name or suffix"
            raise _nothing(f"no configuration in the directory `{path}`", help)
    elif Path(path).exists():
        return [Path(path)]
    else:
        files = (Path(one) for one in globs.found(path))
        found = sorted({file for file in files if file.is_file() and not _set_aside(file.name)})
    if not found:
        raise _nothing(f"no configuration at `{path}`", "check the path, or quote a glob")
    return found


def may_be_configuration(name: str) -> bool:
    """Whether a file of a directory is read as a configuration, going by its name."""
    return not (name.startswith(".") or _set_aside(name) or _OTHERS.search(name))


def _set_aside(name: str) -> bool:
    """Whether a file is an editor's backup or a test, which a glob does not mean either."""
    return name.endswith("~") or _TESTS.search(name) is not None


def _nothing(message: str, help: str) -> ConfigError:
    return ConfigError([Diagnostic("E100", message, None, help)])


def read_source(path: Path) -> Source:
    """One file; raises ConfigError where it cannot be read or is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"`{path}` cannot be read: {error.strerror or error}"
        help = "check the path" if isinstance(error, FileNotFoundError) else _ACCESS
        raise ConfigError([Diagnostic("E100", message, None, help)]) from None
    try:
        return Source(str(path), data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        source = Source(str(path), data.decode("utf-8", "replace"))
        at = len(data[: error.start].decode("utf-8", "replace"))
        span = Span(source, at, at + 1)
        help = "save the file as UTF-8"
        raise ConfigError([Diagnostic("E100", "this byte is not UTF-8", span, help)]) from None
