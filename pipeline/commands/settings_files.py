"""Settings and pipelines from files: ``penstock.yml`` (or ``logstash.yml``) and ``pipelines.yml``
in the directory ``path.settings``.

Keys may be written flat (``pipeline.workers: 2``) or nested; ``${VARIABLES}`` are filled in. What
is wrong in a file is said with its line, all of it at once.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...dsl.diagnostics import ConfigError, Diagnostic, in_order
from ...dsl.settings import settled
from ...dsl.settings_table import SETTINGS
from ...dsl.source import Span
from ...dsl.variables import VARIABLE, UnreadableSecretError, Variables, content_of, names_a_file
from ..compile.sources import read_source

if TYPE_CHECKING:
    from ..testing.document import Node

_NAMES = ("penstock.yml", "logstash.yml")
_OLD_BOOLEANS = {"yes": True, "on": True, "no": False, "off": False}
"""YAML 1.1, by which Logstash reads its files, has these beside true and false."""


@dataclass(slots=True)
class FileSettings:
    """Settings of a file, flat, with the places where they are written."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    span: Span | None = None
    problems: list[Diagnostic] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    """What ``${NAME}`` stands for while the file is read."""

    def check(self) -> None:
        """Raise ConfigError with all that is wrong."""
        problems = [*self.problems]
        unset = {problem.span for problem in problems}
        try:
            settled(self.values, self.places)
        except ConfigError as error:
            problems += [one for one in error.diagnostics if one.span not in unset]
        if problems:
            raise ConfigError(in_order(problems))

    def under(self, given: FileSettings) -> FileSettings:
        """These settings, with others that take precedence."""
        return FileSettings(
            {**self.values, **given.values}, {**self.places, **given.places}, given.span
        )

    def given(self, values: Mapping[str, Any]) -> FileSettings:
        """These settings under those of the command line, which have no place."""
        places = {key: span for key, span in self.places.items() if key not in values}
        return FileSettings({**self.values, **values}, places, self.span)


@dataclass(slots=True)
class SettingsDirectory:
    """What a directory of settings says: of all pipelines, and of each."""

    shared: FileSettings = field(default_factory=FileSettings)
    pipelines: list[FileSettings] = field(default_factory=list)


def read_settings(directory: str, pipelines: bool) -> SettingsDirectory:
    """The settings of a directory, with those of ``pipelines.yml`` where that is asked; raises
    ConfigError with all that is wrong.
    """
    if not Path(directory).is_dir():
        message = f"directory `{directory}` does not exist"
        help = "--path.settings (or LS_SETTINGS_DIR) names the directory of penstock.yml"
        raise ConfigError([Diagnostic("E231", message, None, help)])
    found, problems = SettingsDirectory(), list[Diagnostic]()
    try:
        found.shared = _settings_file(directory)
    except ConfigError as error:
        problems += error.diagnostics
    try:
        found.pipelines = _pipelines_file(directory) if pipelines else []
    except ConfigError as error:
        problems += error.diagnostics
    if problems:
        raise ConfigError(problems)
    return found


def _settings_file(directory: str) -> FileSettings:
    from ..testing.document import Mapping as MappingNode

    path = next((path for name in _NAMES if (path := Path(directory, name)).exists()), None)
    root = _load(path) if path is not None else None
    if root is None:
        return FileSettings()
    if not isinstance(root, MappingNode):
        raise _wrong("settings must be a map of keys and values", root.span, "write KEY: VALUE")
    found = _flat(root, _variables(directory))
    found.check()
    return found


def _pipelines_file(directory: str) -> list[FileSettings]:
    """The pipelines of a directory's ``pipelines.yml``; [] where there is none."""
    from ..testing.document import Items
    from ..testing.document import Mapping as MappingNode

    path = Path(directory, "pipelines.yml")
    root = _load(path) if path.exists() else None
    if root is None:
        return []
    nodes = root.nodes if isinstance(root, Items) else ()
    maps = [node for node in nodes if isinstance(node, MappingNode)]
    if not isinstance(root, Items) or len(maps) < len(nodes):
        odd = next((node for node in nodes if not isinstance(node, MappingNode)), root)
        raise _wrong("pipelines must be a list of maps", odd.span, "write - pipeline.id: NAME")
    variables = _variables(directory)
    pipelines = [_flat(node, variables) for node in maps]
    problems = list(_problems(pipelines))
    if problems:
        raise ConfigError(problems)
    return pipelines


def _problems(pipelines: list[FileSettings]) -> Iterator[Diagnostic]:
    first: dict[str, Span | None] = {}
    for one in pipelines:
        name = str(one.values.get("pipeline.id", "main"))
        span = one.places.get("pipeline.id", one.span)
        if name in first:
            before = first[name]
            help = f"see {before.place}" if before is not None else ""
            yield Diagnostic("E231", f"the pipeline id `{name}` is used twice", span, help)
        first.setdefault(name, span)
        if not {"path.config", "config.string"} & one.values.keys():
            message = f"the pipeline `{name}` has neither path.config nor config.string"
            yield Diagnostic("E231", message, span, "add `path.config` or `config.string`")
        try:
            one.check()
        except ConfigError as error:
            yield from error.diagnostics


def _load(path: Path) -> Node | None:
    """The document of a file, None where it is empty."""
    from ..testing.document import load

    source = read_source(path)
    if not re.sub(r"#.*", "", source.text).strip(" \t\r\n-"):
        return None
    try:
        return load(source)
    except ModuleNotFoundError:
        message = f"`{path}`: reading it needs the package PyYAML"
        help = "pip install 'penstock[yaml]'"
        raise ConfigError([Diagnostic("E231", message, None, help)]) from None
    except ConfigError as error:
        found = (Diagnostic("E231", one.message, one.span, one.help) for one in error.diagnostics)
        raise ConfigError(list(found)) from None


def _variables(directory: str) -> Variables:
    from ..storage.keystore import KeystoreError, keystore_values

    try:
        return Variables(os.environ, keystore_values({"path.settings": directory}))
    except KeystoreError as error:
        raise ConfigError([Diagnostic("E232", str(error))]) from None


def _flat(node: Any, variables: Mapping[str, str]) -> FileSettings:
    span = node.entries[0][0].span if node.entries else node.span
    found = FileSettings(span=span, variables=variables)
    _collect(node, "", found)
    return found


def _collect(node: Any, prefix: str, found: FileSettings) -> None:
    from ..testing.document import Mapping as MappingNode

    for key, value in node.entries:
        name = f"{prefix}{key.value}"
        if isinstance(value, MappingNode):
            _collect(value, f"{name}.", found)
        else:
            found.values[name] = _value(name, value, found)
            found.places[name] = value.span if name in SETTINGS and value.span.text else key.span


def _value(key: str, node: Any, found: FileSettings) -> Any:
    """The value of a key; a variable that is not set is noted as a problem."""
    from ..testing.document import plain

    def variable(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if names_a_file(name, default):
            return _file(default, node.span, found)
        if name not in found.variables and default is None:
            message = f"the variable `{name}` is not set and has no default"
            help = f"set it, or give a default: ${{{name}:default}}"
            found.problems.append(Diagnostic("E206", message, node.span, help))
        return found.variables.get(name, default or "")

    def filled(value: Any) -> Any:
        if isinstance(value, list):
            return [filled(item) for item in value]
        return VARIABLE.sub(variable, value) if isinstance(value, str) else value

    value = filled(plain(node))
    if key in SETTINGS and SETTINGS[key].kind == "boolean":
        return _OLD_BOOLEANS.get(str(value).lower(), value)
    return value


def _file(path: str, span: Span, found: FileSettings) -> str:
    try:
        return content_of(path)
    except UnreadableSecretError as error:
        found.problems.append(Diagnostic("E206", str(error), span, error.help))
        return ""


def _wrong(message: str, span: Span, help: str) -> ConfigError:
    return ConfigError([Diagnostic("E231", message, span, help)])
