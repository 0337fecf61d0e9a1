"""What Flink's connector for Kafka is told: a client of Java's, whose options have the names that
the plugins' have, with dots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....dsl.diagnostics import Diagnostic
from ....dsl.program import PluginUse

_PASSED_ON = (
    "acks",
    "batch_size",
    "buffer_memory",
    "client_dns_lookup",
    "client_id",
    "client_rack",
    "compression_type",
    "connections_max_idle_ms",
    "fetch_max_bytes",
    "fetch_max_wait_ms",
    "fetch_min_bytes",
    "linger_ms",
    "max_partition_fetch_bytes",
    "max_poll_records",
    "max_request_size",
    "metadata_max_age_ms",
    "receive_buffer_bytes",
    "reconnect_backoff_max_ms",
    "reconnect_backoff_ms",
    "request_timeout_ms",
    "retry_backoff_ms",
    "sasl_jaas_config",
    "sasl_kerberos_service_name",
    "sasl_mechanism",
    "sasl_oauthbearer_token_endpoint_url",
    "security_protocol",
    "send_buffer_bytes",
    "ssl_endpoint_identification_algorithm",
    "ssl_key_password",
    "ssl_keystore_location",
    "ssl_keystore_password",
    "ssl_keystore_type",
    "ssl_truststore_location",
    "ssl_truststore_password",
    "ssl_truststore_type",
)

_NOT_THERE = {
    "schema_registry_url": "let a Kafka group decode the records, and write JSON for Flink",
    "librdkafka_options": "remove it: Flink has a client of Java's",
    "jaas_path": "write `sasl_jaas_config`",
    "kerberos_config": "set `java.security.krb5.conf` in `env.java.opts.all` of the cluster",
    "ssl_certificate_authorities": "write `ssl_truststore_location`, and its `ssl_truststore_type`",
    "ssl_certificate": "write `ssl_keystore_location`, and its `ssl_keystore_type`",
    "ssl_key": "write `ssl_keystore_location`, and its `ssl_keystore_type`",
    "partition": "write `message_key`: messages of one key go to one partition",
}


def refused_options(use: PluginUse) -> Iterator[Diagnostic]:
    """The options of an input or output for Kafka that have no counterpart."""
    for name, help in _NOT_THERE.items():
        if name in use.settings:
            message = f"flink cannot use the option `{name}` of `{use.name}`"
            yield Diagnostic("E260", message, use.settings[name].span_of(), help)


def java_properties(plugin: Any) -> dict[str, str]:
    """The options that were given, for a table with the connector ``kafka``."""
    found = {"properties.bootstrap.servers": plugin.bootstrap_servers}
    for name in _PASSED_ON:
        if name in plugin.given and getattr(plugin, name) is not None:
            found[f"properties.{name.replace('_', '.')}"] = _text(getattr(plugin, name))
    return found


def _text(value: object) -> str:
    return str(value.resolve()) if isinstance(value, Path) else str(value)


def quoted(name: str) -> str:
    """A name of a column, which may be a word of SQL."""
    return f"`{name}`"


def sql_options(options: Mapping[str, object]) -> str:
    """Options of a table, as they stand between the brackets of WITH."""
    return ", ".join(f"{_literal(name)} = {_literal(value)}" for name, value in options.items())


def _literal(value: object) -> str:
    text = str(value).replace("'", "''")
    return f"'{text}'"
