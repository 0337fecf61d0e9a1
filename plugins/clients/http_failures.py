"""Why a request over HTTP has no answer, told apart by what can be done about it: connect again,
give the request up, or change an option.
"""

from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected

from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from ...dsl.diagnostics import PenstockError
from .tls_failures import ENDED, NO_TLS, distrusted, has_ended, refused, said


class HttpFailure(PenstockError):
    """A request without an answer; ``reason`` says why without the place, which the message has
    before it.
    """

    def __init__(self, reason: str = "", place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason


class Unsendable(HttpFailure):
    """A request that never can be sent: its URL or one of its headers is not valid."""


class TlsFailure(HttpFailure):
    """The two sides do not trust or understand each other; ``option`` is to blame, and ``help``
    says what to do.
    """

    def __init__(self, message: str, option: str, help: str = "") -> None:
        super().__init__(message)
        self.option, self.help = option, help


def failure_of(error: Exception) -> HttpFailure:
    """What a failure of urllib3 means."""
    cause = error.reason if isinstance(error, MaxRetryError) and error.reason else error
    place, reason = _place(cause), _said(cause)
    of_tls = _tls_error(cause)
    if of_tls is not None:
        option = _blamed(of_tls)
        if option is None:
            return HttpFailure(ENDED if has_ended(of_tls) else f"TLS failed: {said(of_tls)}")
        return _of_tls(of_tls, option)
    return Unsendable(reason) if isinstance(cause, ValueError) else HttpFailure(reason, place)


def _place(error: Exception) -> str:
    """Where a connection was tried in vain; empty for other failures."""
    if isinstance(error, NewConnectionError) and not isinstance(error.__cause__, socket.gaierror):
        return f"{error.conn.host} port {error.conn.port}"
    return ""


def _said(error: BaseException) -> str:
    """What a failure is, in words; urllib3 names its own objects."""
    if isinstance(error, ProxyError):
        place = _place(error.original_error)
        said = _said(error.original_error)
        return f"the proxy: {place}: {said}" if place else f"the proxy: {said}"
    if isinstance(error, NewConnectionError):
        if isinstance(error.__cause__, socket.gaierror):
            return f"`{error.conn.host}` cannot be resolved: {error.__cause__.strerror}"
        return _reason(error.__cause__ or error)
    if isinstance(error, ReadTimeoutError):
        return f"{error.pool.host} port {error.pool.port}: no answer in time"
    if isinstance(error, ConnectTimeoutError) and len(error.args) > 1:
        return str(error.args[1]).partition(" (")[0].rstrip(".")
    if isinstance(error, ProtocolError) and len(error.args) > 1:
        if _is_garbage(error.args[1]):
            return f"the server does not speak HTTP; it says: {error.args[1].line.strip()[:100]}"
        return f"the connection ended before the answer: {_reason(error.args[1])}"
    return str(error) or type(error).__name__


def _is_garbage(error: BaseException) -> bool:
    return isinstance(error, BadStatusLine) and not isinstance(error, RemoteDisconnected)


def _reason(error: BaseException) -> str:
    """What an error of the system says, without its number."""
    return str(getattr(error, "strerror", None) or error)


def _tls_error(error: Exception) -> ssl.SSLError | None:
    if isinstance(error, SSLError) and error.args:
        error = error.args[0]
    return error if isinstance(error, ssl.SSLError) else None


def _of_tls(error: ssl.SSLError, option: str) -> TlsFailure:
    if isinstance(error, ssl.SSLCertVerificationError):
        text, help = distrusted(error)
    elif option == "ssl_certificate":
        text, help = refused(error.reason or "")
    elif option == "url":
        text, help = NO_TLS, "check the port"
    else:
        text, help = f"TLS failed: {said(error)}", ""
    return TlsFailure(text, option, help)


def _blamed(error: ssl.SSLError) -> str | None:
    """The option that is to blame; None for what may pass, such as a connection that ended."""
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "ssl_certificate_authorities"
    if "HANDSHAKE_FAILURE" in reason:  # most often a server that wants a certificate
        return "ssl_certificate"
    if "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason):
        return "ssl_certificate"
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST"):
        return "url"
    of_versions = "VERSION" in reason or reason == "NO_PROTOCOLS_AVAILABLE"
    return "ssl_supported_protocols" if of_versions else None
