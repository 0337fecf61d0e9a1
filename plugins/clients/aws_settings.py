"""The option ``additional_settings``: settings of AWS' client, which Logstash takes by the names of
the Ruby library, in those of the Python library.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import botocore
import botocore.exceptions
from botocore.config import Config

from ...dsl.diagnostics import did_you_mean
from ..contract import Plugin

_PLAIN: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "http_open_timeout": ("connect_timeout", float),
    "http_read_timeout": ("read_timeout", float),
    "connect_timeout": ("connect_timeout", float),
    "read_timeout": ("read_timeout", float),
    "max_pool_connections": ("max_pool_connections", int),
    "use_dualstack_endpoint": ("use_dualstack_endpoint", bool),
    "use_fips_endpoint": ("use_fips_endpoint", bool),
    "tcp_keepalive": ("tcp_keepalive", bool),
    "user_agent_suffix": ("user_agent_extra", str),
    "signature_version": ("signature_version", str),
}
_S3: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "force_path_style": ("addressing_style", lambda value: "path" if value else "auto"),
    "use_accelerate_endpoint": ("use_accelerate_endpoint", bool),
    "s3_use_arn_region": ("use_arn_region", bool),
}
_TRUST = ("ssl_ca_bundle", "ssl_verify_peer")
_SIGNATURES = {"v2": "s3", "v4": "s3v4"}
_NO_EFFECT = ("follow_redirects", "logger", "log_level", "retry_limit", "max_attempts")
"""Accepted: each failure is waited for and tried again by the pipeline."""


class Settings(NamedTuple):
    """``config``: for ``botocore.config.Config``; ``verify``: whether to verify certificates, or
    the file of the authorities to trust; None where nothing was said.
    """

    config: dict[str, Any]
    verify: bool | str | None


def client_settings(plugin: Plugin, given: Mapping[str, Any]) -> Settings:
    """What the option says; what is wrong with it is reported."""
    config: dict[str, Any] = {}
    verify: bool | str | None = None
    for name, value in given.items():
        if name == "ssl_ca_bundle":
            verify = _file(plugin, name, str(value)) if verify is not False else False
        elif name == "ssl_verify_peer":
            verify = verify if value not in (False, "false") else False
        elif name in _PLAIN or name in _S3:
            _put(plugin, config, name, value)
        elif name not in _NO_EFFECT:
            _unknown(plugin, name)
    return Settings(config, verify)


def _put(plugin: Plugin, config: dict[str, Any], name: str, value: Any) -> None:
    target, convert = (_PLAIN | _S3)[name]
    try:
        made = convert(False if value == "false" else value)
        if target == "signature_version":
            made = _SIGNATURES.get(made, made)
        Config(**({"s3": {target: made}} if name in _S3 else {target: made}))
    except (TypeError, ValueError, botocore.exceptions.BotoCoreError) as error:
        message = f"`{value}` is not a valid {name}: {error}"
        plugin.problem("additional_settings", message, path=(name,))
        return
    if name in _S3:
        config.setdefault("s3", {})[target] = made
    else:
        config[target] = made


def _file(plugin: Plugin, name: str, path: str) -> str:
    if not Path(path).exists():
        message = f"`{path}` does not exist"
        plugin.problem("additional_settings", message, "name a PEM file", path=(name,))
    return path


def _unknown(plugin: Plugin, name: str) -> None:
    known = [*_PLAIN, *_S3, *_TRUST]
    help = did_you_mean(name, known) or f"known are {', '.join(known)}"
    plugin.problem("additional_settings", f"unknown setting `{name}`", help, path=(name,))


def trusted(verify: bool | str | None, bundled: bool) -> bool | str | None:
    """Which authorities are trusted: those that were named, those of the client library, or of the
    system. None leaves it to the environment (``AWS_CA_BUNDLE``) and the library.
    """
    if verify is not None or os.environ.get("AWS_CA_BUNDLE"):
        return verify
    if bundled:
        return str(Path(botocore.__file__).with_name("cacert.pem"))
    return ssl.get_default_verify_paths().cafile
