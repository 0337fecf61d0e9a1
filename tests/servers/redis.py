"""Redis on a port, on a port with TLS and on a UNIX socket; it appends what it is told to a file, so that a kill loses nothing."""
from __future__ import annotations

from pathlib import Path

from .certificates import Certificates
from .process import LOOPBACK, Server, accepts, free_ports

PASSWORD = "open sesame"
_CONFIG = """
bind {host}
port {port}
tls-port {tls_port}
tls-cert-file "{certificate}"
tls-key-file "{key}"
tls-ca-cert-file "{ca}"
tls-auth-clients optional
unixsocket "{home}/socket"
dir "{home}"
save ""
appendonly yes
appendfsync everysec
user alice on ">{password}" ~* &* +@all
user mallory on ">{password}" ~* &* +@all -@scripting -xadd -rpush
"""


def server(home: Path, *options: str) -> Server:
    """``port`` is open to all, and knows alice (``PASSWORD``), and mallory, who may run no scripts and write nothing;
    ``tls_port`` wants no certificate of a client, but looks at one. ``options``: more lines of its configuration.
    """
    certificates = Certificates(home)
    certificate, key = certificates.pair("server")
    port, tls_port = free_ports(2)
    config = home / "redis.conf"
    text = _CONFIG.format(
        host=LOOPBACK, port=port, tls_port=tls_port, certificate=certificate, key=key, ca=certificates.ca, home=home, password=PASSWORD
    )
    config.write_text("\n".join([text, *options, ""]))
    return Server(
        ["redis-server", config], accepts(port), home, port=port, tls_port=tls_port, socket=f"{home}/socket",
        certificates=str(home), password=PASSWORD,
    )
