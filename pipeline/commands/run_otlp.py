"""OpenTelemetry for a run, where the settings ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...dsl.options import read
from ...dsl.secrets import without_login
from ...dsl.spec import Kind

if TYPE_CHECKING:
    from ..otlp.exporter import OtlpExporter


def otlp_exporter(settings: Mapping[str, Any]) -> OtlpExporter | None:
    """What sends figures and spans; None where none is wanted. Raises ConfigError where it cannot
    be had.
    """
    endpoint = str(settings["penstock.otlp.endpoint"])
    if not endpoint:
        return None
    from ..api.settings import wrong  # most runs need neither the API nor a collector

    if not _is_valid(endpoint):
        raise wrong(
            f"penstock.otlp.endpoint: `{without_login(endpoint)}` is not a valid URL",
            "write the address of a collector, such as http://localhost:4318",
        )
    try:
        from ..otlp.exporter import OtlpExporter
    except ModuleNotFoundError as error:
        raise wrong(
            f"penstock.otlp.endpoint needs a package that is not installed: {error.name}",
            "pip install 'penstock[otlp]'",
        ) from None
    from ... import __version__

    interval = float(read(Kind("duration"), settings["penstock.otlp.interval"]))
    return OtlpExporter(endpoint, max(interval, 0.1), __version__)


def _is_valid(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of its port, or of brackets
        return False
