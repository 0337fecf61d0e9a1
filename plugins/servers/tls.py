"""TLS for servers: the options that Logstash's plugins have for it, and the context that they
make.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from ..contract import Plugin
from ..declaration import Secret, option
from ..former import SERVER_TLS
from ..option_groups import option_group
from ..tls import VERSIONS, JavaStores, TlsContext, identify, limit, refuse_stores, trust

_AUTHENTICATION = "ssl_client_authentication"
_ASKS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


@option_group
class ServerTls(JavaStores):
    """The options of TLS that servers have."""

    former = SERVER_TLS

    ssl_enabled: bool = option("Whether connections are encrypted with TLS.", default=False)
    ssl_certificate: Path | None = option(
        "The server's certificate, with those between it and its authority, a PEM file.",
        default=None,
    )
    ssl_key: Path | None = option("The key of that certificate, a PEM file.", default=None)
    ssl_key_passphrase: Secret | None = option("The passphrase of that key.", default=None)
    ssl_certificate_authorities: list[Path] = option(
        "The authorities of the clients' certificates, PEM files.", default=[]
    )
    ssl_client_authentication: str = option(
        "Whether clients must show a certificate.",
        default="none",
        choices=tuple(_ASKS),
    )
    ssl_handshake_timeout: int = option(
        "How long a handshake may take, in milliseconds.", default=10_000, at_least=1
    )
    ssl_cipher_suites: list[str] = option(
        "The cipher suites for TLS up to version 1.2.", default=[]
    )
    ssl_supported_protocols: list[str] = option(
        "The versions of TLS; a range of them.", default=[], choices=tuple(VERSIONS)
    )


def server_tls(plugin: Plugin, options: ServerTls) -> TlsContext | None:
    """The context that the options make, kept up to date with its files; None without TLS. What is
    wrong with the options is reported: to be called in ``prepare``.
    """
    if not options.ssl_enabled:
        return None
    _check(plugin, options)
    return TlsContext(plugin, options, lambda: _server_context(plugin, options))


def _check(plugin: Plugin, options: ServerTls) -> None:
    refuse_stores(plugin, options)
    is_refused = "ssl_certificate" in plugin.context.rejected  # said at the option itself
    if options.ssl_certificate is None and options.ssl_key is None and not is_refused:
        plugin.problem(
            "ssl_enabled",
            "a server with TLS needs a certificate",
            "add ssl_certificate => … and ssl_key => …",
        )
    asks = options.ssl_client_authentication != "none"
    if asks and not options.ssl_certificate_authorities and _AUTHENTICATION in plugin.given:
        plugin.problem(
            _AUTHENTICATION,
            "clients' certificates cannot be verified without an authority",
            "add ssl_certificate_authorities => …",
        )


def _server_context(plugin: Plugin, options: ServerTls) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    trust(context, plugin, options.ssl_certificate_authorities)
    context.verify_mode = _ASKS[options.ssl_client_authentication]
    if context.verify_mode != ssl.CERT_NONE and not options.ssl_certificate_authorities:
        context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
    identify(context, plugin, options)
    limit(context, plugin, options)
    return context
