"""RabbitMQ: one node with a name, a cookie, ports and data of its own, so that several live side by side.

The script in ``lib`` is started, since the one on the path changes the user. Erlang's port mapper is
started beside it, as a member of its group: RabbitMQ would leave one behind as a daemon. Users and
virtual hosts are read from a file of definitions at the start, which saves the command line's Erlang.
"""
from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from .certificates import Certificates
from .process import LOOPBACK, Server, accepts, free_ports

PASSWORD = "open sesame"
_PLACES = "/usr/lib/rabbitmq/bin:/usr/lib64/rabbitmq/bin:/opt/rabbitmq/sbin"
_CONFIG = """
listeners.tcp.1 = {host}:{port}
listeners.ssl.1 = {host}:{tls_port}
ssl_options.cacertfile = {ca}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = false
loopback_users = none
load_definitions = {home}/definitions.json
log.console = true
log.console.level = warning
log.file = false
vm_memory_high_watermark.absolute = 512MiB
disk_free_limit.absolute = 50MB
max_message_size = 16777216
"""


def server(home: Path) -> Server:
    """``port`` is open to guest and alice (``PASSWORD``), and knows mallory, who may use nothing;
    ``tls_port`` looks at a client's certificate, where it shows one. The virtual host ``other`` is
    alice's; ``closed`` is nobody's.
    """
    certificates = Certificates(home)
    certificate, key = certificates.pair("server")
    port, tls_port, distribution, mapper = free_ports(4)
    config = home / "rabbitmq.conf"
    config.write_text(
        _CONFIG.format(
            host=LOOPBACK, port=port, tls_port=tls_port, home=home,
            ca=certificates.ca, certificate=certificate, key=key,
        )
    )
    (home / "definitions.json").write_text(json.dumps(_definitions()))
    (home / "plugins").write_text("[].\n")
    environment = {
        "HOME": str(home),
        "RABBITMQ_NODENAME": f"r{port}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home),
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none -kernel inet_dist_use_interface {127,0,0,1}",
    }
    script = shutil.which("rabbitmq-server", path=_PLACES) or "rabbitmq-server"
    command = ["sh", "-c", f"epmd -address {LOOPBACK} -port {mapper} & exec {script}"]
    return Server(
        command, accepts(port), home, environment=environment, port=port, tls_port=tls_port,
        certificates=str(home), password=PASSWORD, node=environment["RABBITMQ_NODENAME"], mapper=mapper,
    )


def control(server: Server, *command: str) -> None:
    """Have the server's own command line do something; it takes a few seconds."""
    environment = {**os.environ, "HOME": str(server.home), "ERL_EPMD_PORT": str(server.mapper)}
    script = shutil.which("rabbitmqctl", path=_PLACES) or "rabbitmqctl"
    whole = [script, "--node", server.node, *command]
    subprocess.run(whole, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=60)


def _definitions() -> dict[str, object]:
    users = [("guest", "guest"), ("alice", PASSWORD), ("mallory", PASSWORD)]
    rights = {"guest": ["/", "other"], "alice": ["/", "other"]}
    permissions = [
        {"user": user, "vhost": vhost, "configure": ".*", "write": ".*", "read": ".*"}
        for user, vhosts in rights.items()
        for vhost in vhosts
    ]
    permissions.append({"user": "mallory", "vhost": "/", "configure": "^$", "write": "^$", "read": "^$"})
    return {
        "users": [
            {"name": name, "password_hash": _hash(password), "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}
            for name, password in users
        ],
        "vhosts": [{"name": name} for name in ("/", "other", "closed")],
        "permissions": permissions,
    }


def _hash(password: str) -> str:
    salt = b"salt"
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()
