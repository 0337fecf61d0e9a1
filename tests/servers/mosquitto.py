"""Mosquitto on a port, on a port with TLS and on one that asks for a certificate; it saves its sessions when it is stopped, and once a
second: what it acknowledged in the second before a kill is lost.
"""
from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .certificates import Certificates
from .process import LOOPBACK, Server, accepts, free_ports

PASSWORD = "open sesame"
_CONFIG = """
user root
persistence {persistence}
persistence_location {home}/
autosave_interval 1
max_queued_messages 0
max_inflight_messages {window}
allow_anonymous true
password_file {home}/passwords
acl_file {home}/acl

listener {port} {host}

listener {tls_port} {host}
cafile {ca}
certfile {certificate}
keyfile {key}

listener {mutual_port} {host}
cafile {ca}
certfile {certificate}
keyfile {key}
require_certificate true
"""
_ACL = """
topic readwrite #
topic deny closed/#

user alice
topic readwrite #
"""


def server(home: Path, *options: str, persistence: bool = True, certificate: str = "server", window: int = 1000) -> Server:
    """``port``, ``tls_port`` and ``mutual_port`` are open to all, but for topics below ``closed/``; alice (``PASSWORD``) may use those
    too. ``options``: more lines at the head of its configuration; ``certificate``: the name of the pair that it shows;
    ``window``: how many messages may be under way, by default 20 where Mosquitto is left alone.
    """
    certificates = Certificates(home)
    path, key = certificates.pair(certificate)
    port, tls_port, mutual_port = free_ports(3)
    passwords = home / "passwords"
    passwords.touch()
    subprocess.run(["mosquitto_passwd", "-b", passwords, "alice", PASSWORD], check=True, capture_output=True)
    (home / "acl").write_text(_ACL)
    text = _CONFIG.format(
        host=LOOPBACK, port=port, tls_port=tls_port, mutual_port=mutual_port, certificate=path, key=key, ca=certificates.ca, home=home,
        persistence=str(persistence).lower(), window=window,
    )
    config = home / "mosquitto.conf"
    config.write_text("\n".join([*options, text]))
    return Server(
        [shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", config], accepts(port), home, port=port, tls_port=tls_port,
        mutual_port=mutual_port, certificates=str(home), password=PASSWORD,
    )
