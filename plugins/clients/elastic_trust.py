"""An authority that is trusted by its fingerprint alone, as Elasticsearch prints it at its first
start.

The fingerprint is looked for in the chain that the server shows, over a connection that carries
nothing; the certificate found becomes an authority, and every connection after that is verified as
ever, names and signatures included. So a chain into which somebody else has put the right
certificate beside a wrong one is refused.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ..tls import TlsContext
from .http import HttpClient, HttpOptions, Request
from .http_failures import HttpFailure


class Authorities:
    """The authorities of one fingerprint, as far as they are known. ``fingerprint``: None where
    none is to be looked for.
    """

    def __init__(self, fingerprint: str | None) -> None:
        self.fingerprint = (fingerprint or "").replace(":", "").lower()
        self._found: list[bytes] = []

    def trusted_by(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The context, which also trusts the authorities that are known."""
        for certificate in self._found:
            context.load_verify_locations(cadata=certificate)
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        return context

    def look_for(self, url: str, http: HttpOptions, tls: TlsContext) -> bool:
        """Look for the fingerprint in the chain that a server shows; where it is found, ``tls``
        trusts that authority from now on.
        """
        found = [each for each in _chain_of(url, http) if self._is_meant(each)]
        self._found += [each for each in found if each not in self._found]
        self.trusted_by(tls.current())
        return bool(found)

    def _is_meant(self, certificate: bytes) -> bool:
        return hashlib.sha256(certificate).hexdigest() == self.fingerprint


class _NotingContext(ssl.SSLContext):
    """Believes every server, and notes the certificates that it shows."""

    chain: Sequence[bytes] = ()

    def wrap_socket(self, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        """Wrap a socket, and note the chain."""
        wrapped = super().wrap_socket(*arguments, **named)
        self.chain = _shown_chain(wrapped)
        return wrapped


class _Noting(TlsContext):
    def __init__(self) -> None:
        self.context = _NotingContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def current(self) -> ssl.SSLContext:
        return self.context


def _chain_of(url: str, http: HttpOptions) -> Sequence[bytes]:
    """The certificates that a server shows, in DER; none where it does not answer."""
    noting = _Noting()
    client = HttpClient(http, noting)
    with suppress(HttpFailure):
        client.send(Request("HEAD", f"{url}/", {}))
    client.close()
    return noting.context.chain


def _shown_chain(wrapped: ssl.SSLSocket) -> Sequence[bytes]:
    public = getattr(wrapped, "get_unverified_chain", None)  # from Python 3.13 on
    if public is not None:
        return list(public())
    inner: Any = wrapped._sslobj  # type: ignore[attr-defined]
    encoding_der = 2
    return [each.public_bytes(encoding_der) for each in inner.get_unverified_chain() or ()]
