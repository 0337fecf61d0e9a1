"""TLS for clients: the options that Logstash's plugins have for it, and the context that they make.

A plugin makes a ``TlsContext`` of it (``client_tls``) while it prepares itself, and asks that for
the context whenever it connects, so that certificates that were renewed are used.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from ..contract import Disconnected, Misconfigured, Plugin
from ..declaration import Secret, option
from ..former import CLIENT_TLS
from ..option_groups import option_group
from ..tls import VERSIONS, JavaStores, TlsContext, identify, limit, refuse_stores, trust
from .tls_failures import (
    AUTHORITIES,
    ENDED,
    NO_TLS,
    NOT_TLS,
    distrusted,
    has_ended,
    refused,
    refuses_certificate,
    said,
)


@option_group
class ClientTls(JavaStores):
    """The options of TLS that clients have."""

    former = CLIENT_TLS

    ssl_enabled: bool = option(
        ("Whether TLS is used; without it the other TLS options have no effect."), default=True
    )
    ssl_certificate: Path | None = option(
        "The certificate to show to the server, a PEM file.", default=None
    )
    ssl_key: Path | None = option("The key of that certificate, a PEM file.", default=None)
    ssl_key_passphrase: Secret | None = option("The passphrase of that key.", default=None)
    ssl_certificate_authorities: list[Path] = option(
        "The trusted certificate authorities, PEM files. Default: those of the system.", default=[]
    )
    ssl_verification_mode: str = option(
        "Whether the server's certificate and name are verified.",
        default="full",
        choices=("full", "none"),
    )
    ssl_cipher_suites: list[str] = option(
        "The cipher suites for TLS up to version 1.2.", default=[]
    )
    ssl_supported_protocols: list[str] = option(
        "The versions of TLS; a range of them.", default=[], choices=tuple(VERSIONS)
    )


def client_tls(plugin: Plugin, options: ClientTls) -> TlsContext:
    """The context that the options make, kept up to date with its files."""
    return TlsContext(plugin, options, lambda: client_context(plugin, options))


def client_context(plugin: Plugin, options: ClientTls) -> ssl.SSLContext:
    """The context that the options make; what is wrong with them is reported."""
    if not options.ssl_enabled:
        return ssl.create_default_context()
    refuse_stores(plugin, options)
    context = _trusting(plugin, options)
    if options.ssl_verification_mode == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    identify(context, plugin, options)
    limit(context, plugin, options)
    return context


def _trusting(plugin: Plugin, options: ClientTls) -> ssl.SSLContext:
    """A context that trusts these authorities, the system's if there are none."""
    if not options.ssl_certificate_authorities:
        return ssl.create_default_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trust(context, plugin, options.ssl_certificate_authorities)
    return context


def tls_failure(error: BaseException | None) -> ssl.SSLError | None:
    """The failure of TLS that is behind an error of a client library, if there is one."""
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return error
        inner = [part for part in error.args if isinstance(part, BaseException)]
        error = error.__cause__ or error.__context__ or next(iter(inner), None)
    return None


def tls_refusal(error: ssl.SSLError) -> Misconfigured | Disconnected:
    """The error to raise for a handshake that failed: at the option that is to blame."""
    reason = error.reason or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Misconfigured(AUTHORITIES, *distrusted(error))
    if refuses_certificate(reason):
        return Misconfigured("ssl_certificate", *refused(reason))
    if reason in NOT_TLS:
        return Misconfigured("ssl_enabled", NO_TLS, "name the port that it speaks TLS on")
    return Disconnected(ENDED if has_ended(error) else f"TLS failed: {said(error)}")
