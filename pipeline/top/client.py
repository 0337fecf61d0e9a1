"""Asking the API of a running process, with its TLS and its password."""

from __future__ import annotations

import json
import re
import ssl
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from ...dsl.diagnostics import PenstockError
from ...dsl.secrets import without_login

_SECONDS = 5.0
_NAME = re.compile(r"[\w.:%-]+")


class Unreachable(PenstockError):
    """The API does not answer, or not with figures; says why and what to do."""


class Reading(NamedTuple):
    """The answer of ``/_node/stats`` and when it came, in seconds of the monotonic clock; and why
    events do not go through, where they do not.
    """

    at: float
    stats: dict[str, Any]
    reasons: tuple[str, ...] = ()


class ApiClient:
    """The API at a URL. ``login``: user and password, joined by a colon; ``ca``: a PEM file of the
    authority that signed the certificate. From one thread at a time; raises ValueError where the
    URL or the authority cannot be used.
    """

    def __init__(self, url: str, login: str = "", ca: Path | None = None) -> None:
        parts = _parts(url)
        name = parts.hostname or ""
        host = f"[{name}]" if ":" in name else name
        self.url = f"{parts.scheme}://{host}:{parts.port or 9600}"
        if not login and parts.username:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        self._login = b64encode(login.encode()).decode() if login else ""
        self._tls = _context(ca) if parts.scheme == "https" else None

    def read(self) -> Reading:
        """The figures of this moment. Raises Unreachable."""
        stats = self._ask("/_node/stats")
        ready = self._ask("/health/ready")
        if not _is_ours(stats):
            raise Unreachable(f"{self.url} is not the API of Penstock")
        return Reading(time.monotonic(), stats, tuple(ready.get("reasons", ())))

    def _ask(self, path: str) -> dict[str, Any]:
        request = urllib.request.Request(self.url + path)
        if self._login:
            request.add_header("Authorization", f"Basic {self._login}")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS, context=self._tls) as answer:
                return _document(self.url, answer.read())
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise Unreachable(f"{self.url} {self._refused()}") from None
            return _document(self.url, error.read())
        except HTTPException:
            raise Unreachable(f"{self.url} is not the API of Penstock") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            help = "; is api.enabled true there?" if isinstance(reason, ConnectionError) else ""
            raise Unreachable(f"{self.url} cannot be reached: {reason}{help}") from None

    def _refused(self) -> str:
        if self._login:
            return "refuses this user and password: check --user and PENSTOCK_API_PASSWORD"
        return "requires a user and a password: set --user and PENSTOCK_API_PASSWORD"


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        has_name = _NAME.fullmatch(parts.hostname or "") is not None
        is_valid = parts.scheme in ("http", "https") and has_name and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid:
        shown = without_login(url)
        raise ValueError(f"`{shown}` is not a valid address: write http://HOST:9600")
    return parts


def _document(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Unreachable(f"{url} is not the API of Penstock")
    return found


def _is_ours(stats: Mapping[str, Any]) -> bool:
    """Whether figures are Penstock's: Logstash's have the same paths, and less of the process."""
    process = stats.get("process")
    return isinstance(process, dict) and "children" in process and "pipelines" in stats


def _context(ca: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = error.strerror or error
        raise ValueError(f"the authority `{ca}` cannot be used: {why}") from None
