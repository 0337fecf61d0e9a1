"""What the input and the output for Kafka share: the options of a client, and what librdkafka calls
them.

The options are Logstash's, which are those of the Java client. librdkafka has most of them under
the same names with dots; where its default differs and it matters, Java's is passed on. Buffers and
sizes that only tune are passed on where they are given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contract import Plugin
from ..declaration import Secret, Uri, option
from ..former import FormerOption, renamed
from ..option_groups import option_group
from .kafka_login import login_config
from .kafka_tls import tls_config

_SCHEME = re.compile(r"[A-Za-z][\w+.-]*://")
_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]+\]|[\w.-]+)(?::\d+)?")
_JAVA = "Names a Java class, and cannot be used."
_TUNING = {
    "connections_max_idle_ms": "connections.max.idle.ms",
    "receive_buffer_bytes": "socket.receive.buffer.bytes",
    "send_buffer_bytes": "socket.send.buffer.bytes",
}
"""Passed on only where they are given: the operating system, or the client, knows better."""


@option_group
class KafkaOptions:
    """The options of a client. Times are in milliseconds, as in Logstash."""

    former = renamed(
        {"ssl": FormerOption("security_protocol", {"true": "SSL", "false": "PLAINTEXT"})}
    )

    bootstrap_servers: str = option(
        "The brokers to begin with, as `host:port,host:port`.", default="localhost:9092"
    )
    client_dns_lookup: str = option(
        "How names of brokers are resolved.",
        default="use_all_dns_ips",
        choices=("default", "use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"),
    )
    client_id: str = option("The name that the brokers log.", default="logstash")
    connections_max_idle_ms: int = option(
        "Close connections that were idle for so long.", default=540_000, at_least=0
    )
    metadata_max_age_ms: int = option(
        "How often the client asks for topics and partitions, so also how soon it sees new ones.",
        default=300_000,
        at_least=1,
    )
    receive_buffer_bytes: int = option(
        "The size of a socket's receive buffer; default: the system's.",
        default=32_768,
        at_least=0,
    )
    send_buffer_bytes: int = option(
        "The size of a socket's send buffer; default: the system's.",
        default=131_072,
        at_least=0,
    )
    reconnect_backoff_ms: int = option(
        "How long to wait before a broker is connected to again.", default=50, at_least=0
    )
    reconnect_backoff_max_ms: int = option(
        "How long to wait at most, where it goes on failing.", default=1000, at_least=0
    )
    request_timeout_ms: int = option(
        "How long to wait for the answer to a request.", default=40_000, at_least=10
    )
    retry_backoff_ms: int = option(
        "How long to wait before a request is sent again.", default=100, at_least=1
    )
    librdkafka_options: dict[str, str] = option(
        "Options of the client library by their own names, which go before all others.", default={}
    )

    security_protocol: str = option(
        "How to connect: with TLS (SSL), with a login (SASL), or both.",
        default="PLAINTEXT",
        choices=("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
    )
    sasl_mechanism: str = option(
        "How to log in: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI (Kerberos,"
        " which needs a librdkafka that was built with it).",
        default="GSSAPI",
    )
    sasl_jaas_config: Secret | None = option(
        "The login, as Java writes it: `org.apache.kafka.common.security.plain.PlainLoginModule"
        ' required username="…" password="…";`',
        default=None,
    )
    jaas_path: Path | None = option(
        "A file with a section `KafkaClient { … };` that holds such a login.", default=None
    )
    kerberos_config: Path | None = option("The file krb5.conf to use.", default=None)
    sasl_kerberos_service_name: str | None = option(
        "The name of the brokers' principal in Kerberos.", default=None
    )
    sasl_oauthbearer_token_endpoint_url: Uri | None = option(
        "Where to get tokens for OAUTHBEARER.", default=None
    )
    sasl_oauthbearer_scope_claim_name: str = option(
        "Has no effect: the client library reads the claim `scope`.", default="scope"
    )
    sasl_login_connect_timeout_ms: int | None = option("Has no effect.", default=None)
    sasl_login_read_timeout_ms: int | None = option("Has no effect.", default=None)
    sasl_login_retry_backoff_ms: int = option("Has no effect.", default=100)
    sasl_login_retry_backoff_max_ms: int = option("Has no effect.", default=10_000)
    sasl_client_callback_handler_class: str | None = option(_JAVA, default=None)
    sasl_login_callback_handler_class: str | None = option(_JAVA, default=None)
    sasl_iam_jar_paths: list[str] = option(_JAVA, default=[])

    ssl_certificate_authorities: list[Path] = option(
        "The authorities that are trusted, PEM files; default: the system's.", default=[]
    )
    ssl_certificate: Path | None = option(
        "The certificate to show to the brokers, a PEM file.", default=None
    )
    ssl_key: Path | None = option("The key of that certificate, a PEM file.", default=None)
    ssl_key_password: Secret | None = option("The passphrase of the key.", default=None)
    ssl_truststore_location: Path | None = option(
        "The authorities that are trusted, as one PEM file; stores of Java cannot be read.",
        default=None,
    )
    ssl_truststore_password: Secret | None = option("Has no effect on a PEM file.", default=None)
    ssl_truststore_type: str | None = option(
        "The kind of that file, where its content should not decide.",
        default=None,
        choices=("jks", "PKCS12", "PEM"),
    )
    ssl_keystore_location: Path | None = option(
        "The certificate to show and its key, in one PEM file, or PKCS12.", default=None
    )
    ssl_keystore_password: Secret | None = option("The password of a PKCS12 file.", default=None)
    ssl_keystore_type: str | None = option(
        "The kind of that file, where its content should not decide.",
        default=None,
        choices=("jks", "PKCS12", "PEM"),
    )
    ssl_endpoint_identification_algorithm: str = option(
        "Whether the broker's name must be that of its certificate; empty for no.",
        default="https",
        choices=("https", ""),
    )


def client_config(plugin: Plugin, options: KafkaOptions) -> dict[str, Any]:
    """The configuration of a client of librdkafka; what is wrong with the options is reported.
    The files of TLS are not in it: see ``kafka_tls``.
    """
    servers = _servers(plugin, options.bootstrap_servers)
    lookup = options.client_dns_lookup
    config: dict[str, Any] = {
        "bootstrap.servers": ",".join(servers),
        "client.dns.lookup": "use_all_dns_ips" if lookup == "default" else lookup,
        "client.id": options.client_id,
        "topic.metadata.refresh.interval.ms": options.metadata_max_age_ms,
        "metadata.max.age.ms": 3 * options.metadata_max_age_ms,
        "reconnect.backoff.ms": options.reconnect_backoff_ms,
        "reconnect.backoff.max.ms": max(
            options.reconnect_backoff_max_ms, options.reconnect_backoff_ms
        ),
        "socket.timeout.ms": options.request_timeout_ms,
        "security.protocol": options.security_protocol,
    }
    config |= given(plugin, _TUNING)
    if options.security_protocol.startswith("SASL"):
        config |= login_config(plugin, options)
    if options.security_protocol.endswith("SSL"):
        tls_config(plugin, options)  # looked at now, and read when a client is made
    return config


def _servers(plugin: Plugin, text: str) -> list[str]:
    """The brokers, as `HOST:PORT`; a protocol before one says nothing, as in Java's client."""
    servers = [_SCHEME.sub("", server.strip()) for server in text.split(",")]
    wrong = next((server for server in servers if not _SERVER.fullmatch(server)), None)
    if wrong is not None:
        message = f"`{wrong}` is not HOST:PORT" if wrong else "a broker has no name"
        plugin.problem("bootstrap_servers", message, 'write "host:9092,other:9092"')
    return servers


def given(plugin: Plugin, names: Mapping[str, str]) -> dict[str, Any]:
    """The options that were given, by the names that librdkafka has for them."""
    return {theirs: getattr(plugin, ours) for ours, theirs in names.items() if ours in plugin.given}
