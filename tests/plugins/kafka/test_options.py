"""The options of the input and the output kafka: what is refused, at which place, and what the client library is told."""
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect
from penstock.plugins.clients.kafka import client_config
from penstock.plugins.clients.kafka_login import parse_jaas
from penstock.plugins.clients.kafka_tls import CertificateFiles
from penstock.plugins.inputs._kafka_options import consumer_config
from penstock.plugins.inputs.kafka import Kafka as KafkaInput
from penstock.plugins.outputs._kafka_options import producer_config

PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule"
OAUTH = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule"
KERBEROS = "com.sun.security.auth.module.Krb5LoginModule"

JAAS = [
    (f'{PLAIN} required username="alice" password="a b";', "PlainLoginModule", {"username": "alice", "password": "a b"}),
    (f"{SCRAM} required\n  username='bob'\n  password='it\\'s' ;", "ScramLoginModule", {"username": "bob", "password": "it's"}),
    (f'{PLAIN} required username="a;b=c" password="say \\"x\\"";', "PlainLoginModule", {"username": "a;b=c", "password": 'say "x"'}),
    (f'// who\n{KERBEROS} required useKeyTab=true /* here */ keyTab="/k";', "Krb5LoginModule", {"useKeyTab": "true", "keyTab": "/k"}),
    (f"{OAUTH} required ;", "OAuthBearerLoginModule", {}),
]


@pytest.mark.parametrize(("text", "module", "values"), JAAS)
def test_a_login_of_java_is_read(text: str, module: str, values: Mapping[str, str]) -> None:
    assert parse_jaas(text) == (module, values)


def test_a_login_is_found_in_its_section_of_a_file() -> None:
    text = f'Client {{ {PLAIN} required username="x"; }};\nKafkaClient {{\n  {PLAIN} required username="y" password="z";\n}};'
    assert parse_jaas(text, "KafkaClient") == ("PlainLoginModule", {"username": "y", "password": "z"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f'{PLAIN} required username="a"', "does not end with `;`"),
        (f'{PLAIN} required username="a;', "a quotation mark is not closed"),
        (f"{PLAIN} required username;", '`username` is not followed by ="…"'),
        (";", "no module and flag"),
    ],
)
def test_a_login_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_jaas(text)


LOGIN = f"sasl_jaas_config => '{PLAIN} required username=\"a\" password=\"b\";'"
REFUSED = [
    ("input", "topics => []", "topics => []", "`topics` is empty"),
    ("input", 'topics => ["a"] topics_pattern => "b"', 'topics => ["a"]', "has no effect beside `topics_pattern`"),
    ("input", 'auto_offset_reset => "earlier"', '"earlier"', "earlier"),
    ("input", 'partition_assignment_strategy => "sticky"', '"sticky"', "is not an assignment strategy"),
    ("input", "heartbeat_interval_ms => 10000", "10000", "heartbeats must come more often"),
    ("input", 'group_protocol => "consumer" session_timeout_ms => 1000', "1000", "has no effect with the protocol `consumer`"),
    ("input", 'value_deserializer_class => "io.confluent.X"', '"io.confluent.X"', "io.confluent.X"),
    ("input", 'bootstrap_servers => "a:1,,b:2"', '"a:1,,b:2"', "a broker has no name"),
    ("input", 'security_protocol => "SASL_SSL"', '"SASL_SSL"', "a SASL protocol needs a login"),
    ("input", 'security_protocol => "SASL_SSL" sasl_jaas_config => "x y z"', '"x y z"', "the login cannot be read"),
    ("input", 'security_protocol => "SASL_SSL" sasl_jaas_config => "a.b.C required;"', '"a.b.C required;"', "`C` is not a known login module"),
    ("input", f"security_protocol => SASL_SSL sasl_jaas_config => '{PLAIN} required username=\"a\";'", None, "the login has no password"),
    ("input", f'security_protocol => "SASL_SSL" {LOGIN} sasl_iam_jar_paths => ["/a.jar"]', None, "classes of Java cannot be used"),
    ("input", 'security_protocol => "SASL_SSL" jaas_path => "/nowhere/jaas"', '"/nowhere/jaas"', "file `/nowhere/jaas` does not exist"),
    ("input", 'security_protocol => "SSL" ssl_certificate => "DIRECTORY/client.pem"', None, "`ssl_certificate` requires `ssl_key`"),
    ("input", 'security_protocol => "SSL" ssl_truststore_location => "DIRECTORY/store.jks"', None, "cannot be read for authorities"),
    ("input", 'security_protocol => "SSL" ssl_keystore_location => "DIRECTORY/store.jks"', None, "a store of the kind JKS"),
    ("input", 'security_protocol => "SSL" ssl_certificate_authorities => ["DIRECTORY/client.key", "DIRECTORY/none"]', None, "DIRECTORY/none"),
    ("output", 'topic_id => ""', '""', "the topic is empty"),
    ("output", "", "kafka", "topic_id"),
    ("output", 'topic_id => "a" acks => "2"', '"2"', "2"),
    ("output", 'topic_id => "a" key_serializer => "IntegerSerializer"', '"IntegerSerializer"', "IntegerSerializer"),
]


@pytest.mark.parametrize(("section", "options", "place", "message"), REFUSED)
def test_what_is_wrong_with_an_option_is_said_at_its_place(tmp_path: Path, section: str, options: str, place: str | None, message: str) -> None:
    Certificates(tmp_path)
    (tmp_path / "store.jks").write_bytes(b"\xfe\xed\xfe\xed\x00\x00\x00\x02")
    options = options.replace("DIRECTORY", str(tmp_path))
    other = "output { stdout { } }" if section == "input" else "input { stdin { } }"
    _, found = inspect([Source("a.conf", f"{other} {section} {{ kafka {{ {options} }} }}")], settled({}))
    said = [finding for finding in found if message.replace("DIRECTORY", str(tmp_path)) in finding.message]
    assert said, [finding.message for finding in found]
    assert said[0].span is not None
    if place is not None:
        assert said[0].span.text in place


def an_input(**options: Any) -> KafkaInput:
    return KafkaInput(options)


TOLD = [
    ({}, {"auto.offset.reset": "latest", "isolation.level": "read_uncommitted", "partition.assignment.strategy": "cooperative-sticky"}),
    ({"auto_offset_reset": "none"}, {"auto.offset.reset": "error"}),
    ({"exactly_once": True}, {"isolation.level": "read_committed", "enable.auto.commit": False}),
    ({"group_protocol": "consumer"}, {"group.protocol": "consumer"}),
    ({"partition_assignment_strategy": "org.apache.kafka.clients.consumer.RangeAssignor"}, {"partition.assignment.strategy": "range"}),
    ({"client_dns_lookup": "default", "bootstrap_servers": "a:1, [::1]:2"}, {"client.dns.lookup": "use_all_dns_ips", "bootstrap.servers": "a:1,[::1]:2"}),
    ({"reconnect_backoff_ms": 5000}, {"reconnect.backoff.max.ms": 5000}),
    ({"fetch_min_bytes": 5, "group_instance_id": "i"}, {"fetch.min.bytes": 5, "group.instance.id": "i"}),
]


@pytest.mark.parametrize(("options", "told"), TOLD)
def test_a_consumer_is_told_what_the_options_mean(options: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    plugin = an_input(**options)
    common, more = consumer_config(plugin, plugin)
    config = common | more
    assert {key: config.get(key) for key in told} == told
    assert plugin.context.problems == []


def test_sizes_that_only_tune_are_left_to_the_client_library_unless_they_are_given() -> None:
    assert not {"socket.receive.buffer.bytes", "connections.max.idle.ms"} & client_config(an_input(), an_input()).keys()
    plugin = an_input(receive_buffer_bytes=1000)
    assert client_config(plugin, plugin)["socket.receive.buffer.bytes"] == 1000


LOGINS = [
    ({"sasl_jaas_config": f'{PLAIN} required username="a" password="b";'}, {"sasl.mechanism": "PLAIN", "sasl.username": "a", "sasl.password": "b"}),
    (
        {"sasl_mechanism": "SCRAM-SHA-256", "sasl_jaas_config": f'{SCRAM} required username="a" password="b";'},
        {"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "a"},
    ),
    (
        {
            "sasl_mechanism": "OAUTHBEARER",
            "sasl_jaas_config": f'{OAUTH} required clientId="a" clientSecret="b" scope="c";',
            "sasl_oauthbearer_token_endpoint_url": "https://example.test/token",
        },
        {"sasl.oauthbearer.method": "oidc", "sasl.oauthbearer.client.id": "a", "sasl.oauthbearer.scope": "c"},
    ),
    (
        {"sasl_jaas_config": f'{KERBEROS} required principal="p@R" keyTab="/k";', "sasl_kerberos_service_name": "kafka"},
        {"sasl.mechanism": "GSSAPI", "sasl.kerberos.principal": "p@R", "sasl.kerberos.keytab": "/k", "sasl.kerberos.service.name": "kafka"},
    ),
]


@pytest.mark.parametrize(("options", "told"), LOGINS)
def test_a_client_logs_in_as_the_login_of_java_says(options: Mapping[str, Any], told: Mapping[str, Any]) -> None:
    plugin = an_input(security_protocol="SASL_PLAINTEXT", **options)
    config = client_config(plugin, plugin)
    assert {key: config.get(key) for key in told} == told
    assert plugin.context.problems == []


def test_certificates_may_be_files_of_their_own_or_one_that_holds_all(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificate, key = certificates.pair("client")
    store = tmp_path / "store.pem"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    apart = an_input(security_protocol="SSL", ssl_certificate_authorities=[certificates.ca], ssl_certificate=certificate, ssl_key=key)
    config = CertificateFiles(apart).config(apart)
    assert config["ssl.ca.pem"] == certificates.ca.read_text()
    assert (config["ssl.certificate.location"], config["ssl.key.location"]) == (str(certificate), str(key))
    together = an_input(security_protocol="SSL", ssl_truststore_location=certificates.ca, ssl_keystore_location=store)
    config = CertificateFiles(together).config(together)
    assert config["ssl.ca.pem"] == certificates.ca.read_text()
    assert (config["ssl.certificate.location"], config["ssl.key.location"]) == (str(store), str(store))


@pytest.mark.parametrize(
    ("acks", "told"),
    [
        ("all", {"enable.idempotence": True, "max.in.flight": 5}),
        ("1", {"enable.idempotence": False, "max.in.flight": 1}),
        ("0", {"enable.idempotence": False, "max.in.flight": 1}),
    ],
)
def test_order_is_kept_whatever_acks_are_asked_for(acks: str, told: Mapping[str, Any]) -> None:
    config = f'output {{ kafka {{ topic_id => "a" acks => "{acks}" }} }} input {{ stdin {{ }} }}'
    assembly, _ = inspect([Source("a.conf", config)], settled({}))
    assert assembly is not None
    (plugin,) = assembly.plugins(assembly.program.outputs)
    _, config_of = producer_config(plugin, plugin)  # type: ignore[arg-type]
    assert {key: config_of[key] for key in told} == told
