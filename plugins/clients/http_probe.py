"""Whether the server of a URL can be reached, and is trusted, without asking it anything:
``penstock check --connect`` must not send a request that means something.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import Disconnected
from ..tls import TlsContext
from .http import HttpOptions, proxy_url
from .tcp import dial, encrypted
from .tls_failures import AUTHORITIES

_PORTS = {"http": 80, "https": 443}


def probe(url: str, options: HttpOptions, tls: TlsContext) -> None:
    """Connect to the server of a URL, or to the proxy before it, and shake hands where that is
    https. Raises Disconnected; Misconfigured where its certificate is not trusted.
    """
    parts = urlsplit(proxy_url(options.proxy) or url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 80)
    connection = dial(host, port, options.connect_timeout)
    if parts.scheme == "https":
        try:
            connection = encrypted(connection, tls.current(), host, AUTHORITIES)
        except Disconnected as error:
            raise Disconnected(f"{host} port {port}: {error}") from error
    connection.close()
