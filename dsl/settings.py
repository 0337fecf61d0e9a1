"""Reading settings: each of the type that its declaration says, what is wrong with its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .diagnostics import ConfigError, Diagnostic, PenstockError, did_you_mean
from .options import Misfit, read
from .settings_table import DEFAULTS, INERT, SETTINGS, SettingSpec, is_inert
from .source import Span
from .spec import Kind
from .timestamp import Timestamp, parse_timestamp

__all__ = ["DEFAULTS", "Places", "settled", "without_effect"]

Places = Mapping[str, Span]
"""Where settings are written, as far as they come from a file."""


class _Wrong(PenstockError):
    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message, self.help = message, help


def settled(given: Mapping[str, Any] | None, places: Places | None = None) -> dict[str, Any]:
    """All settings: the defaults under the given ones, each of its type; raises ConfigError with
    all that is wrong.
    """
    settings, problems = dict(DEFAULTS), []
    for key, value in (given or {}).items():
        if is_inert(key):
            continue
        try:
            settings[key] = _typed(key, value)
        except _Wrong as wrong:
            span = (places or {}).get(key)
            problems.append(Diagnostic("E230", wrong.message, span, wrong.help))
    if problems:
        raise ConfigError(problems)
    return settings


def without_effect(given: Iterable[str], places: Places | None = None) -> list[Diagnostic]:
    """A warning that names the given settings which are known to Logstash and do nothing here."""
    keys = [key for key in given if is_inert(key)]
    if not keys:
        return []
    named = ", ".join(f"`{key}`" for key in keys)
    message = f"the setting {named} has no effect"
    if len(keys) > 1:
        message = f"the settings {named} have no effect"
    help = "they can be kept for Logstash" if len(keys) > 1 else "it can be kept for Logstash"
    known = places or {}
    span = next((known[key] for key in keys if key in known), None)
    return [Diagnostic("W311", message, span, help)]


def _typed(key: str, value: Any) -> Any:
    setting = SETTINGS.get(key)
    if setting is None:
        help = _beginning_with(key) or did_you_mean(key, [*SETTINGS, *INERT])
        raise _Wrong(f"unknown setting `{key}`", help or "see docs/settings.md")
    return setting.default if value is None else _READERS[setting.kind](setting, value)


def _beginning_with(key: str) -> str:
    """The settings of which a key is the beginning, or whose last part it is."""
    found = [name for name in SETTINGS if name.startswith(key) or name.split(".")[-1] == key]
    return "did you mean " + " or ".join(f"`{name}`" for name in found[:3]) + "?" if found else ""


def _wrong(setting: SettingSpec, value: Any, wanted: str, help: str) -> _Wrong:
    return _Wrong(f"the setting `{setting.key}` is `{value}`; {wanted}", help)


def _boolean(setting: SettingSpec, value: Any) -> bool:
    if str(value).lower() not in ("true", "false"):
        raise _wrong(setting, value, "a boolean is expected", "give true or false")
    return str(value).lower() == "true"


def _integer(setting: SettingSpec, value: Any) -> int:
    if not str(value).removeprefix("-").isdecimal():
        raise _wrong(setting, value, "an integer is expected", "give digits")
    return _bounded(setting, int(value), value)


def _bounded(setting: SettingSpec, number: int, value: Any) -> int:
    if number < setting.at_least:
        raise _wrong(
            setting, value, f"it must be at least {setting.at_least}", "give a larger number"
        )
    if setting.at_most is not None and number > setting.at_most:
        raise _wrong(
            setting, value, f"it must be at most {setting.at_most}", "give a smaller number"
        )
    return number


def _size(setting: SettingSpec, value: Any) -> Any:
    """Bytes; a size that is written with its unit by default stays as it is written."""
    try:
        number = int(read(Kind("bytes"), value))
    except Misfit as misfit:
        help = misfit.help or "such as 64mb"
        raise _wrong(setting, value, "a size is expected", help) from None
    _bounded(setting, number, value)
    return number if isinstance(setting.default, int) else value


def _duration(setting: SettingSpec, value: Any) -> Any:
    if setting.default == "" and str(value).strip() == "-1":
        return ""  # as Logstash says that there is none
    try:
        seconds = read(Kind("duration"), value) if value != "" else 0
    except Misfit as misfit:
        raise _wrong(
            setting, value, "a duration is expected", misfit.help or "such as 3s"
        ) from None
    if seconds < 0:
        raise _wrong(setting, value, "it must be at least 0", "give a longer duration")
    return value


def _string(setting: SettingSpec, value: Any) -> str:
    if isinstance(value, dict | list):
        raise _wrong(setting, value, "a string is expected", "give one value")
    return str(value)


def _choice(setting: SettingSpec, value: Any) -> str:
    if str(value).lower() not in setting.choices:
        known = ", ".join(setting.choices)
        near = did_you_mean(str(value), setting.choices)
        raise _wrong(setting, value, f"it must be one of {known}", near or "give one of these")
    return str(value).lower()


def _instant(setting: SettingSpec, value: Any) -> Timestamp:
    if type(value) is Timestamp:
        return value
    instant = parse_timestamp(str(value))
    if instant is None:
        help = "give an instant such as 2025-09-04T12:00:00Z"
        raise _wrong(setting, value, "an instant is expected", help)
    return instant


def _zone(setting: SettingSpec, value: Any) -> str:
    from .joda.zones import UnknownZoneError, get_zone

    try:
        get_zone(str(value))
    except UnknownZoneError as error:
        help = error.help or "such as Europe/Berlin"
        raise _wrong(setting, value, "a time zone is expected", help) from None
    return str(value)


_READERS = {
    "boolean": _boolean,
    "integer": _integer,
    "size": _size,
    "duration": _duration,
    "string": _string,
    "choice": _choice,
    "instant": _instant,
    "zone": _zone,
}
