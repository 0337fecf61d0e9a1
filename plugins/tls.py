"""TLS, as far as clients and servers share it: identities, cipher suites, versions, and files that
are read again when they change.

Keys and certificates are PEM files. Cipher suites may have IANA's names, as Java has them, or
OpenSSL's.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from .certificates import warning_of
from .contract import Plugin
from .declaration import Secret, option
from .former import STORES, FormerNames
from .identity import in_words, load_identity
from .option_groups import option_group

_PEM = (
    "give PEM files: `ssl_certificate` and `ssl_key`, `ssl_certificate_authorities`; openssl pkcs12"
    " and keytool convert to them"
)
VERSIONS = {
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
_LOOKS = 1.0
"""Seconds between looks at the files."""

_DAY = 86_400.0
_EXPIRES = "W309"

_IDENTITY = {
    "certificate": "ssl_certificate",
    "key": "ssl_key",
    "passphrase": "ssl_key_passphrase",
}
_STORES = ("ssl_keystore_path", "ssl_truststore_path")


@option_group
class JavaStores:
    """The options for Java's stores of keys, which are known so that they can be refused with what
    to write instead.
    """

    former: ClassVar[FormerNames] = STORES

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


class TlsOptions(Protocol):
    """What the options of clients and servers have in common."""

    ssl_certificate: Path | None
    ssl_key: Path | None
    ssl_key_passphrase: Secret | None
    ssl_certificate_authorities: list[Path]
    ssl_cipher_suites: list[str]
    ssl_supported_protocols: list[str]


def refuse_stores(plugin: Plugin, options: object) -> None:
    """Report Java's stores of keys where they are given."""
    for store in _STORES:
        if getattr(options, store, None) is not None:
            plugin.problem(store, "Java's stores of keys and certificates cannot be used", _PEM)


def refuse_without_tls(plugin: Plugin, is_enabled: bool) -> None:
    """Report options of TLS that are given where TLS is off."""
    if is_enabled:
        return
    for name in sorted(plugin.given):
        if name.startswith("ssl_") and name != "ssl_enabled":
            message = f"`{name}` has no effect with ssl_enabled => false"
            plugin.problem(name, message, "remove one of the two")


def trust(context: ssl.SSLContext, plugin: Plugin, authorities: Sequence[Path]) -> None:
    """Load the authorities that are trusted."""
    for place, path in enumerate(authorities):
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            message = f"`{path}` holds no certificates: {in_words(error)}"
            plugin.problem("ssl_certificate_authorities", message, "give PEM files", path=(place,))


def identify(context: ssl.SSLContext, plugin: Plugin, options: TlsOptions) -> None:
    """Load the certificate that is shown, and its key."""
    if options.ssl_certificate is None and options.ssl_key is None:
        return
    if options.ssl_certificate is None or options.ssl_key is None:
        lacking = "ssl_key" if options.ssl_key is None else "ssl_certificate"
        given = "ssl_certificate" if options.ssl_key is None else "ssl_key"
        if lacking in plugin.context.rejected:
            return  # said at that option
        plugin.problem(given, f"`{given}` requires `{lacking}`", f"add {lacking} => …")
        return
    files = options.ssl_certificate, options.ssl_key, options.ssl_key_passphrase
    found = load_identity(context, *files, "ssl_key_passphrase")
    if found is not None:
        plugin.problem(_IDENTITY[found.part], found.message, found.help)
        return
    warning = warning_of(options.ssl_certificate)
    if warning is not None:
        plugin.problem("ssl_certificate", *warning, code=_EXPIRES)


def limit(context: ssl.SSLContext, plugin: Plugin, options: TlsOptions) -> None:
    """Keep to the cipher suites and versions that the options name."""
    names = [openssl_name(suite) for suite in options.ssl_cipher_suites if not _is_of_1_3(suite)]
    try:
        if names:
            context.set_ciphers(":".join(names))
    except ssl.SSLError:
        plugin.problem(
            "ssl_cipher_suites",
            "none of these cipher suites is known",
            "such as ECDHE-RSA-AES128-GCM-SHA256",
        )
    versions = [VERSIONS[name] for name in options.ssl_supported_protocols]
    if versions:
        context.minimum_version, context.maximum_version = min(versions), max(versions)


class TlsContext:
    """A context that is made again when one of its files has changed.

    ``make`` may report problems through ``plugin.problem`` while the plugin is prepared; later,
    where a file cannot be used (it is just being written), the context before stays, and the log
    says so. ``current`` may be called for each connection: it looks at the files once a second, and
    reads them anew once a day, so that the log hears of a certificate that will expire.
    """

    def __init__(
        self, plugin: Plugin, options: TlsOptions, make: Callable[[], ssl.SSLContext]
    ) -> None:
        self._plugin, self._make = plugin, make
        own = [options.ssl_certificate, options.ssl_key]
        self._files = [path for path in own if path is not None]
        self._files += options.ssl_certificate_authorities
        self._seen = self._stamps()
        self._looked = self._read = time.monotonic()
        self._context = make()

    def current(self) -> ssl.SSLContext:
        """The context, from the files as they are now."""
        now = time.monotonic()
        if now - self._looked < _LOOKS:
            return self._context
        self._looked = now
        stamps = self._stamps()
        has_changed = stamps != self._seen
        if has_changed or now - self._read >= _DAY:
            self._seen, self._read = stamps, now
            self._renew(has_changed)
        return self._context

    def _renew(self, has_changed: bool) -> None:
        # `problem` only notes; what it notes after `prepare` nobody reads, so it is taken back.
        problems, log = self._plugin.context.problems, self._plugin.context.log
        known = len(problems)
        context = self._make()
        found = problems[known:]
        del problems[known:]
        wrong = next((problem for problem in found if problem.code != _EXPIRES), None)
        if wrong is not None:
            text = "the certificates have changed, and cannot be used: %s; those before are kept"
            log.warning(text, wrong.message)
            return
        self._context = context
        if has_changed:
            log.info("the certificates were read again, since they have changed")
        for problem in found:
            log.warning("%s; %s", problem.message, problem.help)

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [stamp_of(path) for path in self._files]


def stamp_of(path: Path) -> tuple[int, int] | None:
    """What tells a file from one that has changed; None where it cannot be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _is_of_1_3(suite: str) -> bool:
    return suite.startswith("TLS_") and "_WITH_" not in suite


def openssl_name(suite: str) -> str:
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
