"""TLS to Kafka: files of certificates, as librdkafka wants them.

librdkafka reads the files when a client is made, and never again. So a plugin makes its client anew
when a file has changed: ``CertificateFiles.changed`` says so.
"""

from __future__ import annotations

import ssl
import time
from pathlib import Path
from typing import Any, Protocol

from ..contract import Misconfigured, Plugin
from ..declaration import Secret
from ..identity import load_identity
from ..tls import stamp_of

_PEM = b"-----BEGIN "
_JKS = b"\xfe\xed\xfe\xed"
_LOOKS = 5.0
_IDENTITY = {"certificate": "ssl_certificate", "key": "ssl_key", "passphrase": "ssl_key_password"}
_TRUST_HELP = (
    "give PEM: keytool -exportcert -rfc -keystore STORE -alias NAME > ca.pem, or"
    " openssl pkcs12 -in STORE -nokeys -out ca.pem"
)
_KEY_HELP = (
    "give PEM or PKCS12: keytool -importkeystore -srckeystore STORE -destkeystore new.p12"
    " -deststoretype PKCS12"
)


class TlsFiles(Protocol):
    """The options that name files."""

    security_protocol: str
    ssl_certificate_authorities: list[Path]
    ssl_certificate: Path | None
    ssl_key: Path | None
    ssl_key_password: Secret | None
    ssl_truststore_location: Path | None
    ssl_truststore_type: str | None
    ssl_keystore_location: Path | None
    ssl_keystore_password: Secret | None
    ssl_keystore_type: str | None
    ssl_endpoint_identification_algorithm: str


def tls_config(plugin: Plugin, options: TlsFiles) -> dict[str, Any]:
    """What librdkafka is to be told of TLS, from the files as they are now; what is wrong with them
    is reported.
    """
    config: dict[str, Any] = {
        "ssl.endpoint.identification.algorithm": (
            options.ssl_endpoint_identification_algorithm or "none"
        )
    }
    if options.ssl_key_password is not None:
        config["ssl.key.password"] = str(options.ssl_key_password)
    return config | _trusted(plugin, options) | _shown(plugin, options)


def _trusted(plugin: Plugin, options: TlsFiles) -> dict[str, Any]:
    texts = []
    for place, path in enumerate(options.ssl_certificate_authorities):
        texts.append(_read(plugin, "ssl_certificate_authorities", path, (place,)))
        if texts[-1] and _PEM not in texts[-1]:
            message = f"`{path}` holds no certificates in PEM"
            plugin.problem("ssl_certificate_authorities", message, _TRUST_HELP, (place,))
    store = options.ssl_truststore_location
    if store is not None:
        content = _read(plugin, "ssl_truststore_location", store)
        if content and _kind(content, options.ssl_truststore_type) != "PEM":
            message = "a store of Java's kinds cannot be read for authorities"
            plugin.problem("ssl_truststore_location", message, _TRUST_HELP)
        texts.append(content)
    return {"ssl.ca.pem": b"\n".join(texts).decode("utf-8", "replace")} if texts else {}


def _shown(plugin: Plugin, options: TlsFiles) -> dict[str, Any]:
    """The certificate that is shown to the brokers, and its key."""
    store = options.ssl_keystore_location
    if store is not None:
        content = _read(plugin, "ssl_keystore_location", store)
        kind = _kind(content, options.ssl_keystore_type)
        if kind == "jks":
            plugin.problem("ssl_keystore_location", "a store of the kind JKS", _KEY_HELP)
        if kind != "PEM":
            password = str(options.ssl_keystore_password or "")
            return {"ssl.keystore.location": str(store), "ssl.keystore.password": password}
        return {"ssl.certificate.location": str(store), "ssl.key.location": str(store)}
    if options.ssl_certificate is None and options.ssl_key is None:
        return {}
    if options.ssl_certificate is None or options.ssl_key is None:
        given = "ssl_certificate" if options.ssl_key is None else "ssl_key"
        lacking = "ssl_key" if options.ssl_key is None else "ssl_certificate"
        if lacking not in plugin.context.rejected:
            plugin.problem(given, f"`{given}` requires `{lacking}`", f"add {lacking} => …")
        return {}
    found = load_identity(
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        options.ssl_certificate,
        options.ssl_key,
        options.ssl_key_password,
        "ssl_key_password",
    )
    if found is not None:
        plugin.problem(_IDENTITY[found.part], found.message, found.help)
        return {}
    return {
        "ssl.certificate.location": str(options.ssl_certificate),
        "ssl.key.location": str(options.ssl_key),
    }


def _read(plugin: Plugin, option: str, path: Path, place: tuple[int, ...] = ()) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"`{path}` cannot be read: {error.strerror or error}"
        plugin.problem(option, message, "check the path and its permissions", place)
        return b""


def _kind(content: bytes, said: str | None) -> str:
    if said is not None:
        return said
    if _PEM in content:
        return "PEM"
    return "jks" if content.startswith(_JKS) else "PKCS12"


class CertificateFiles:
    """The files that options name, and whether they have changed. Not thread-safe."""

    def __init__(self, options: TlsFiles) -> None:
        uses_tls = options.security_protocol.endswith("SSL")
        single = [
            options.ssl_certificate,
            options.ssl_key,
            options.ssl_truststore_location,
            options.ssl_keystore_location,
        ]
        found = [path for path in single if path is not None]
        self._files = [*found, *options.ssl_certificate_authorities] if uses_tls else []
        self._options = options
        self._seen = self._stamps()
        self._looked = time.monotonic()

    def config(self, plugin: Plugin) -> dict[str, Any]:
        """What a new client is to be told, from the files as they are now. Raises Misconfigured."""
        self._seen = self._stamps()
        if not self._options.security_protocol.endswith("SSL"):
            return {}
        problems = plugin.context.problems
        known = len(problems)
        config = tls_config(plugin, self._options)
        if len(problems) > known:
            first = problems[known]
            del problems[known:]  # nobody reads them after `prepare`
            raise Misconfigured(first.option, first.message, first.help)
        return config

    def changed(self) -> bool:
        """Whether a file is another than when the client was made; looked at now and then."""
        now = time.monotonic()
        if not self._files or now - self._looked < _LOOKS:
            return False
        self._looked = now
        stamps = self._stamps()
        return stamps != self._seen and None not in stamps

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [stamp_of(path) for path in self._files]
