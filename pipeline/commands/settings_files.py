"""Settings and pipelines from files: ``penstock.yml`` (or ``logstash.yml``) and ``pipelines.yml``
in the folder ``path.settings``.

Keys may be written flat (``pipeline.workers: 2``) or nested; ``${VARIABLES}`` are filled in. A file
that is wrong is refused with its name and line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import ConfigError, Diagnostic

_VARIABLE = re.compile(r"\$\{([a-zA-Z_.][a-zA-Z0-9_.]*)(?::([^}]*))?\}")
_NAMES = ("penstock.yml", "logstash.yml")


def settings_file(folder: str) -> dict[str, Any]:
    """The settings of a folder's file, flat; {} where there is none. Raises ConfigError."""
    for name in _NAMES:
        path = Path(folder, name)
        if path.exists():
            found = _load(path)
            if not isinstance(found, dict | None):
                raise _wrong(path, "settings are a map of keys and values")
            return dict(_flat(found or {}))
    return {}


def pipelines_file(folder: str) -> list[dict[str, Any]]:
    """The pipelines of a folder's ``pipelines.yml``, each a flat map of settings; [] where there is
    none. Raises ConfigError.
    """
    path = Path(folder, "pipelines.yml")
    if not path.exists():
        return []
    found = _load(path)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise _wrong(path, "pipelines are a list of maps")
    pipelines = [dict(_flat(one)) for one in found]
    names = [str(one.get("pipeline.id", "main")) for one in pipelines]
    for name in names:
        if names.count(name) > 1:
            raise _wrong(path, f"the pipeline id `{name}` is there twice")
    for one in pipelines:
        if not {"path.config", "config.string"} & one.keys():
            raise _wrong(
                path,
                f"the pipeline `{one.get('pipeline.id', 'main')}` has neither path.config nor"
                " config.string",
            )
    return pipelines


def _load(path: Path) -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise _wrong(
            path, "reading it needs the package PyYAML", "pip install 'penstock[yaml]'"
        ) from None
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _wrong(path, f"it cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise _wrong(path, " ".join(str(error).split())) from None


def _flat(found: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _filled(value)


def _filled(value: Any) -> Any:
    if not isinstance(value, str) or "${" not in value:
        return value
    return _VARIABLE.sub(
        lambda match: os.environ.get(match[1], match[2] if match[2] is not None else match[0]),
        value,
    )


def _wrong(path: Path, message: str, remedy: str = "") -> ConfigError:
    return ConfigError([Diagnostic("E231", f"`{path}`: {message}", None, remedy)])
