"""What a directory of Logstash's configurations needs to run here: each file looked at by itself,
the findings counted over all of them.

A configuration is a file with a section (``input {``, ``filter {``, ``output {``) at the start of a
line. Inputs and outputs that are not there do not hide what else is to be said of a file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.settings import without_effect
from ...plugins.contract import Filter
from ..compile.instantiate import Assembly, inspect
from ..compile.sources import may_be_configuration, read_source
from .findings import missing_plugins
from .settings_files import read_settings

_SECTION = re.compile(r"^[ \t]*(?:input|filter|output)\s*\{", re.MULTILINE)
_LARGEST = 4 << 20
_SETTINGS = ("logstash.yml", "penstock.yml", "pipelines.yml")
_ABSENT = "W219"
_DEPRECATED = "W301"


@dataclass(slots=True)
class File:
    """A configuration and what was found; ``runs``: whether it would run as it is."""

    path: str
    runs: bool
    findings: list[Diagnostic]
    ruby: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Kind:
    """A finding in the same words, however often: how often, what to write instead, where first."""

    code: str
    message: str
    help: str
    place: str
    count: int = 0


@dataclass(slots=True)
class Migration:
    """The files of a directory, and what its settings files say in vain."""

    root: str
    files: list[File] = field(default_factory=list)
    settings: list[Diagnostic] = field(default_factory=list)

    @property
    def findings(self) -> list[Diagnostic]:
        """The findings of all files."""
        return [finding for file in self.files for finding in file.findings]

    @property
    def runs(self) -> bool:
        """Whether everything would run."""
        broken = any(finding.is_error for finding in self.settings)
        return not broken and all(file.runs for file in self.files)

    @property
    def missing(self) -> dict[str, int]:
        """The plugins that are not there, with the number of uses."""
        return missing_plugins(self.findings)

    @property
    def obstacles(self) -> list[Kind]:
        """Why files would not run, the most frequent first."""
        return kinds([each for each in self.findings if _hinders(each)])

    @property
    def deprecated(self) -> list[Kind]:
        """Options that are deprecated."""
        return kinds([each for each in self.findings if each.code == _DEPRECATED])

    @property
    def warnings(self) -> list[Kind]:
        """What else is worth a look."""
        found = [each for each in self.findings if each.code != _DEPRECATED and not _hinders(each)]
        return kinds(found)

    @property
    def ruby(self) -> dict[str, int]:
        """How many filters run their Ruby compiled, and how many in a process."""
        total: Counter[str] = sum((file.ruby for file in self.files), Counter())
        return {route: total[route] for route in ("compiled", "process")}


def _hinders(finding: Diagnostic) -> bool:
    return finding.is_error or finding.code == _ABSENT


def kinds(found: Sequence[Diagnostic]) -> list[Kind]:
    """Findings by their words, the most frequent first."""
    by_words: dict[tuple[str, str], Kind] = {}
    for finding in found:
        key = finding.code, finding.message
        if key not in by_words:
            by_words[key] = Kind(finding.code, finding.message, finding.help, finding.place)
        by_words[key].count += 1
    return sorted(by_words.values(), key=lambda kind: (-kind.count, kind.code, kind.message))


def migration(root: str, settings: dict[str, Any]) -> Migration:
    """What is to be said of a directory; raises ConfigError where there is nothing in it."""
    if not Path(root).is_dir():
        help = "name the directory of the configurations"
        raise ConfigError([Diagnostic("E100", f"directory `{root}` does not exist", None, help)])
    made = Migration(root, [_looked_at(path, settings) for path in _configurations(root)])
    if not made.files:
        help = "a configuration has a section `input`, `filter` or `output` at the start of a line"
        message = f"no configuration below `{root}`"
        raise ConfigError([Diagnostic("E100", message, None, help)])
    for directory in sorted({p.parent for n in _SETTINGS for p in Path(root).rglob(n)}):
        made.settings += _of_settings(directory)
    return made


def _configurations(root: str) -> Iterator[Path]:
    for path in sorted(Path(root).rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if is_hidden or not may_be_configuration(path.name) or not path.is_file():
            continue
        if path.stat().st_size <= _LARGEST and _SECTION.search(_text(path)):
            yield path


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _looked_at(path: Path, settings: dict[str, Any]) -> File:
    try:
        source = read_source(path)
    except ConfigError as error:
        return File(str(path), False, list(error.diagnostics))
    assembly, found = inspect([source], {**settings, "penstock.lenient": True})
    runs = not any(map(_hinders, found))
    if assembly is None:
        return File(str(path), runs, found)
    try:
        return File(str(path), runs, found, _ruby_of(assembly))
    finally:
        assembly.close()


def _ruby_of(assembly: Assembly) -> Counter[str]:
    filters = [plugin for plugin in assembly.made.values() if isinstance(plugin, Filter)]
    return Counter(plugin.ruby_route for plugin in filters if plugin.ruby_route)


def _of_settings(directory: Path) -> list[Diagnostic]:
    """What the settings files of a directory say that has no effect or is wrong."""
    try:
        found = read_settings(str(directory), pipelines=True)
    except ConfigError as error:
        return list(error.diagnostics)
    every = [found.shared, *found.pipelines]
    keys = dict.fromkeys(key for one in every for key in one.values)
    places = {key: span for one in every for key, span in one.places.items()}
    return [each for key in keys for each in without_effect([key], places)]
