"""RabbitMQ: the options that its input and output share, and the connections that they make.

A connection goes to one of several hosts, chosen anew when it fails. Everything that a plugin needs
on the server is declared again with each connection, since a queue or an exchange may be gone by
then; see ``rabbitmq_topology``.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path
from typing import Any

import pika

from ..contract import Disconnected, Misconfigured, Plugin
from ..declaration import Duration, Secret, option
from ..former import renamed
from ..option_groups import option_group
from ..tls import VERSIONS
from .rabbitmq_link import Link
from .tls import ClientTls, client_tls

_USUAL_TIMEOUT = 10.0
_PEM_HELP = "give a PEM file with the certificate and its key: openssl pkcs12 -in STORE -out PEM"


@option_group
class RabbitOptions(ClientTls):
    """The options of whatever talks to RabbitMQ."""

    former = renamed(
        {
            "tls_certificate_path": "ssl_certificate_path",
            "tls_certificate_password": "ssl_certificate_password",
        },
        unused=("debug", "name"),
    )

    host: list[str] = option(
        "The hosts, as `host` or `host:port`; one of them is used, any of them at first, and"
        " another when that fails."
    )
    port: int = option("The port of hosts that are given without one.", default=5672, at_least=1)
    vhost: str = option("The virtual host.", default="/")
    user: str = option("The user.", default="guest")
    password: Secret = option("The password.", default=Secret("guest"))
    ssl: bool = option("As `ssl_enabled`.", default=False)
    ssl_enabled: bool = option(
        "Whether the connection uses TLS; the port for it is usually 5671.", default=False
    )
    ssl_version: str | None = option(
        "As `ssl_supported_protocols`, with one version.", default=None, choices=tuple(VERSIONS)
    )
    ssl_certificate_path: str | None = option(
        "A PEM file with a certificate to show to the server, and its key; PKCS12 stores cannot be"
        " used.",
        default=None,
    )
    ssl_certificate_password: Secret | None = option(
        "The passphrase of the key in that file.", default=None
    )
    heartbeat: int | None = option(
        "Seconds between heartbeats, 0 for none; by default those that the server proposes.",
        default=None,
        at_least=0,
    )
    connection_timeout: int | None = option(
        "Milliseconds that connecting may take; by default 10 seconds.", default=None, at_least=1
    )
    connect_retry_interval: Duration = option(
        "Seconds before the next attempt to connect; default: ever longer.",
        default=Duration(1.0),
        at_least=0,
    )
    automatic_recovery: bool = option(
        "Accepted, and without effect: a connection that broke is always made again.", default=True
    )
    arguments: dict[str, Any] = option(
        "Arguments that the queue is declared with, or, by the output, the exchange, such as"
        " `x-queue-type`; `true` and `false` are booleans.",
        default={},
    )
    passive: bool = option(
        "Whether the queue and the exchange must be there already: they are looked for, and not"
        " made.",
        default=False,
    )


class RabbitClient:
    """Makes connections, as the options of a plugin say. Made in ``prepare``."""

    def __init__(self, plugin: Plugin, options: RabbitOptions) -> None:
        self._plugin, self._options = plugin, options
        options.ssl_enabled = options.ssl_enabled or options.ssl
        if options.ssl_version is not None:
            options.ssl_supported_protocols = [options.ssl_version]
        self._adopt_certificate()
        self._tls = client_tls(plugin, options) if options.ssl_enabled else None
        self._hosts = [self._address(place, text) for place, text in enumerate(options.host)]
        random.shuffle(self._hosts)
        if not options.host:
            plugin.problem("host", "`host` is empty", 'write host => ["name"]')
        if options.port > 65535:
            plugin.problem("port", f"`{options.port}` is not a valid port", "write 1 to 65535")

    def _adopt_certificate(self) -> None:
        options = self._options
        path = options.ssl_certificate_path
        if path is None:
            return
        try:
            is_pem = b"-----BEGIN " in Path(path).read_bytes()
        except OSError as error:
            message = f"`{path}` cannot be read: {error.strerror or error}"
            self._plugin.problem("ssl_certificate_path", message, "check the path")
            return
        if not is_pem:
            message = f"`{path}` is not a PEM file"
            self._plugin.problem("ssl_certificate_path", message, _PEM_HELP)
            return
        options.ssl_certificate = options.ssl_key = Path(path)
        options.ssl_key_passphrase = options.ssl_certificate_password

    def _address(self, place: int, text: str) -> tuple[str, int]:
        name, colon, port = text.strip().rpartition(":")
        if not text.strip():
            help = 'write host => ["name"]'
            self._plugin.problem("host", "the host is empty", help, path=(place,))
        if not colon or (":" in name and not name.endswith("]")) or text.endswith("]"):
            return text.strip("[] "), self._options.port
        if not port.isdecimal() or not 0 < int(port) < 65536:
            message = f"`{port}` is not a valid port"
            self._plugin.problem("host", message, "write host:5672", path=(place,))
            return name, self._options.port
        return name.strip("[]"), int(port)

    def connect(self) -> Link:
        """A connection with a channel, to the first host that has one. Raises Disconnected,
        Misconfigured.
        """
        failure: Exception = Disconnected("`host` is empty")
        stopping = self._plugin.context.stopping
        for _ in range(len(self._hosts)):
            try:
                return self._connected(*self._hosts[0], stopping)
            except (Disconnected, Misconfigured, OSError) as error:
                self._hosts.append(self._hosts.pop(0))
                if not isinstance(failure, Misconfigured):
                    failure = error
        given = self._plugin.given
        if isinstance(failure, Disconnected) and "connect_retry_interval" in given:
            failure.after = float(self._options.connect_retry_interval)
        is_of_tls = isinstance(failure, Misconfigured) and failure.option == "ssl_enabled"
        if is_of_tls and self._options.ssl:
            failure.option = "ssl"  # type: ignore[attr-defined]
        raise failure

    def _connected(self, host: str, port: int, stopping: threading.Event) -> Link:
        link = Link(self._parameters(host, port))
        try:
            link.open(stopping)
        except Disconnected as error:
            link.close()
            raise Disconnected(f"{host} port {port}: {error}", error.after) from error
        except BaseException:
            link.close()
            raise
        return link

    def _parameters(self, host: str, port: int) -> pika.ConnectionParameters:
        options = self._options
        timeout = _USUAL_TIMEOUT
        if options.connection_timeout is not None:
            timeout = options.connection_timeout / 1000
        tls = None if self._tls is None else pika.SSLOptions(self._tls.current(), host)
        credentials = pika.PlainCredentials(options.user, str(options.password))
        return pika.ConnectionParameters(
            host=host,
            port=port,
            virtual_host=options.vhost,
            credentials=credentials,
            heartbeat=options.heartbeat,
            ssl_options=tls,
            connection_attempts=1,
            socket_timeout=timeout,
            stack_timeout=2 * timeout,
            client_properties={"connection_name": f"penstock {self._plugin.context.id}".strip()},
        )
