"""TLS for clients: the options that Logstash's plugins have for it, and the context that they make.

Keys and certificates are PEM files. Cipher suites may have IANA's names, as Java has them, or
OpenSSL's.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path

from ..contract import Plugin
from ..declaration import Secret, option
from ..option_groups import option_group

_PEM = (
    "give PEM files: `ssl_certificate` and `ssl_key`, `ssl_certificate_authorities`; openssl pkcs12"
    " and keytool convert to them"
)
_VERSIONS = {
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_STORES = ("ssl_keystore_path", "ssl_truststore_path")


@option_group
class ClientTls:
    """The options of TLS that clients have."""

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
        "The versions of TLS; a range of them.", default=[], choices=tuple(_VERSIONS)
    )
    ssl_keystore_path: str | None = option(
        "Java's stores of keys cannot be used: give PEM files.", default=None
    )
    ssl_keystore_password: Secret | None = option("The password of such a store.", default=None)
    ssl_keystore_type: str | None = option(
        "The kind of such a store.", default=None, choices=("pkcs12", "jks")
    )
    ssl_truststore_path: str | None = option(
        "Java's stores of certificates cannot be used: give PEM files.", default=None
    )
    ssl_truststore_password: Secret | None = option("The password of such a store.", default=None)
    ssl_truststore_type: str | None = option(
        "The kind of such a store.", default=None, choices=("pkcs12", "jks")
    )


def client_context(plugin: Plugin, options: ClientTls) -> ssl.SSLContext:
    """The context that the options make; what is wrong with them is reported."""
    if not options.ssl_enabled:
        return ssl.create_default_context()
    for store in _STORES:
        if getattr(options, store) is not None:
            plugin.problem(store, "Java's stores of keys and certificates cannot be used", _PEM)
    context = _trusting(plugin, options.ssl_certificate_authorities)
    if options.ssl_verification_mode == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    _identify(context, plugin, options)
    _limit_ciphers(context, plugin, options.ssl_cipher_suites)
    versions = [_VERSIONS[name] for name in options.ssl_supported_protocols]
    if versions:
        context.minimum_version, context.maximum_version = min(versions), max(versions)
    return context


def _trusting(plugin: Plugin, authorities: Sequence[Path]) -> ssl.SSLContext:
    """A context that trusts these authorities, the system's if there are none."""
    context = (
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if authorities else ssl.create_default_context()
    )
    for place, path in enumerate(authorities):
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            message = f"`{path}` holds no certificates: {error}"
            plugin.problem("ssl_certificate_authorities", message, "give PEM files", path=(place,))
    return context


def _identify(context: ssl.SSLContext, plugin: Plugin, options: ClientTls) -> None:
    if options.ssl_certificate is None and options.ssl_key is None:
        return
    if options.ssl_certificate is None or options.ssl_key is None:
        lacking = "ssl_key" if options.ssl_key is None else "ssl_certificate"
        given = "ssl_certificate" if options.ssl_key is None else "ssl_key"
        plugin.problem(given, f"`{given}` requires `{lacking}`", f"add {lacking} => …")
        return
    try:
        context.load_cert_chain(
            options.ssl_certificate, options.ssl_key, options.ssl_key_passphrase or ""
        )
    except (OSError, ssl.SSLError) as error:
        plugin.problem(
            "ssl_certificate",
            f"the certificate and its key cannot be used: {error}",
            "give PEM files that match",
        )


def _limit_ciphers(context: ssl.SSLContext, plugin: Plugin, suites: Sequence[str]) -> None:
    names = [_openssl_name(suite) for suite in suites if not _is_of_1_3(suite)]
    try:
        if names:
            context.set_ciphers(":".join(names))
    except ssl.SSLError:
        plugin.problem(
            "ssl_cipher_suites",
            "none of these cipher suites is known",
            "such as ECDHE-RSA-AES128-GCM-SHA256",
        )


def _is_of_1_3(suite: str) -> bool:
    return suite.startswith("TLS_") and "_WITH_" not in suite


def _openssl_name(suite: str) -> str:
    """OpenSSL's name of a suite: TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 is
    ECDHE-RSA-AES128-GCM-SHA256.
    """
    if not suite.startswith("TLS_"):
        return suite
    exchange, _, cipher = suite[4:].partition("_WITH_")
    exchange = "" if exchange == "RSA" else exchange.replace("_", "-") + "-"
    cipher = (
        cipher.replace("AES_", "AES")
        .replace("CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305")
        .replace("_CBC", "")
    )
    return exchange + cipher.replace("_", "-")
