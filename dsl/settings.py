"""The settings that Penstock knows: Logstash's keys with their defaults, and its own, which start
with ``penstock.``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .diagnostics import ConfigError, Diagnostic, did_you_mean
from .options import Misfit, read
from .spec import Kind
from .timestamp import Timestamp, parse_timestamp

DEFAULTS: dict[str, Any] = {
    "config.support_escapes": False,
    "config.field_reference.escape_style": "none",
    "config.reload.automatic": False,
    "config.reload.interval": "3s",
    "config.test_and_exit": False,
    "config.debug": False,
    "log.format": "plain",
    "log.level": "info",
    "node.name": "",
    "path.config": "",
    "config.string": "",
    "path.data": "",
    "path.logs": "",
    "path.settings": "",
    "path.plugins": [],
    "pipeline.id": "main",
    "pipeline.workers": 1,
    "pipeline.batch.size": 0,
    "pipeline.batch.delay": 50,
    "pipeline.ordered": "auto",
    "pipeline.ecs_compatibility": "v8",
    "pipeline.unsafe_shutdown": False,
    "pipeline.reloadable": True,
    "path.queue": "",
    "path.dead_letter_queue": "",
    "queue.type": "memory",
    "queue.max_bytes": "1024mb",
    "queue.max_events": 0,
    "queue.page_capacity": "64mb",
    "queue.checkpoint.writes": 1024,
    "queue.checkpoint.acks": 1024,
    "queue.drain": False,
    "penstock.limits.depth": 1000,
    "penstock.limits.fields": 100_000,
    "penstock.limits.line": 16 << 20,
    "penstock.limits.match": 1000,
    "penstock.ruby.process": True,
    "penstock.shutdown_timeout": 30,
    "penstock.path.spill": "",
    "dead_letter_queue.enable": False,
    "dead_letter_queue.max_bytes": "1024mb",
    "dead_letter_queue.storage_policy": "drop_newer",
    "dead_letter_queue.retain.age": "",
    "dead_letter_queue.flush_interval": 5000,
    "metric.collect": True,
    "penstock.now": None,
    "penstock.timezone": None,
}

_CHOICES: dict[str, tuple[str, ...]] = {
    "pipeline.ecs_compatibility": ("disabled", "v1", "v8"),
    "pipeline.ordered": ("auto", "true", "false"),
    "config.field_reference.escape_style": ("none", "percent", "ampersand"),
    "log.format": ("plain", "json"),
    "queue.type": ("memory", "persisted"),
    "dead_letter_queue.storage_policy": ("drop_newer", "drop_older"),
    "log.level": ("fatal", "error", "warn", "info", "debug", "trace"),
}

_AT_LEAST = {
    "pipeline.workers": 1,
    "penstock.limits.depth": 1,
    "penstock.limits.fields": 1,
    "penstock.limits.line": 1,
}
_AT_MOST = {"penstock.limits.depth": 1000}
_SIZES = ("penstock.limits.line",)


def settled(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """All settings: the defaults under the given ones, each of its default's type; raises
    ConfigError.
    """
    settings, problems = dict(DEFAULTS), []
    for key, value in (given or {}).items():
        try:
            settings[key] = _typed(key, value)
        except ValueError as error:
            message, remedy = error.args
            problems.append(Diagnostic("E230", message, None, remedy))
    if problems:
        raise ConfigError(problems)
    return settings


def _typed(key: str, value: Any) -> Any:
    if key not in DEFAULTS:
        raise ValueError(
            f"there is no setting `{key}`",
            did_you_mean(key, DEFAULTS) or "see the reference of settings",
        )
    default = DEFAULTS[key]
    if key == "penstock.now":
        return _instant(value)
    if isinstance(default, bool):
        return _boolean(key, value)
    if isinstance(default, int):
        return _whole(key, _size(key, value) if key in _SIZES else value)
    choices = _CHOICES.get(key)
    if choices and str(value).lower() not in choices:
        raise ValueError(f"the setting `{key}` is `{value}`", "one of " + ", ".join(choices))
    return str(value).lower() if choices else value


def _whole(key: str, value: Any) -> int:
    if not str(value).lstrip("-").isdigit():
        raise ValueError(
            f"the setting `{key}` is `{value}`; a whole number is wanted", "give digits"
        )
    least, most = _AT_LEAST.get(key, 0), _AT_MOST.get(key)
    if int(value) < least:
        raise ValueError(f"the setting `{key}` is `{value}`", f"it is at least {least}")
    if most is not None and int(value) > most:
        raise ValueError(f"the setting `{key}` is `{value}`", f"it is at most {most}")
    return int(value)


def _size(key: str, value: Any) -> Any:
    try:
        return read(Kind("bytes"), str(value)) if not isinstance(value, int) else value
    except Misfit as misfit:
        raise ValueError(
            f"the setting `{key}` is `{value}`; a size is wanted", misfit.remedy
        ) from None


def _boolean(key: str, value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise ValueError(f"the setting `{key}` is `{value}`", "give true or false")
    return str(value).lower() == "true"


def _instant(value: Any) -> Timestamp | None:
    if value is None or type(value) is Timestamp:
        return value
    instant = parse_timestamp(str(value))
    if instant is None:
        raise ValueError(
            f"the setting `penstock.now` is `{value}`",
            "give an instant such as 2025-09-04T12:00:00Z",
        )
    return instant
