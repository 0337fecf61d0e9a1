"""Whether the API can be had as the settings ask for it, and safely."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from ...dsl.diagnostics import ConfigError, Diagnostic


def check_settings(settings: Mapping[str, Any]) -> None:
    """Raises ConfigError where the API is asked for in a way that is not safe, or cannot be."""
    host, has_login = str(settings["api.http.host"]), settings["api.auth.type"] == "basic"
    if has_login and not (
        settings["api.auth.basic.username"] and settings["api.auth.basic.password"]
    ):
        raise wrong(
            "api.auth.type is basic, but the user or the password is missing",
            "set api.auth.basic.username and api.auth.basic.password",
        )
    if not (_is_loopback(host) or has_login or settings["penstock.api.open"]):
        raise wrong(
            f"the API would listen on {host} for everybody",
            "set api.auth.type to basic; or penstock.api.open to true, if a proxy protects it",
        )
    has_pair = _has_all(settings, "api.ssl.certificate", "api.ssl.key")
    if settings["api.ssl.enabled"] and not has_pair:
        raise wrong(
            "api.ssl.enabled needs a certificate",
            "set api.ssl.certificate and api.ssl.key to PEM files",
        )
    ports_of(str(settings["api.http.port"]))


def _has_all(settings: Mapping[str, Any], *keys: str) -> bool:
    return all(settings[key] for key in keys)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def ports_of(text: str) -> range:
    """The ports of a setting, one or a range; raises ConfigError."""
    first, _, last = text.partition("-")
    try:
        found = range(int(first), int(last or first) + 1)
    except ValueError:
        found = range(0)
    if not found or found[0] < 0 or found[-1] > 65535:
        raise wrong(
            f"api.http.port: `{text}` is not a port or a range of ports", "such as 9600-9700"
        )
    return found


def wrong(message: str, help: str) -> ConfigError:
    """A setting of the API that cannot be used."""
    return ConfigError([Diagnostic("E230", message, None, help)])
