"""The options of the input and the output kinesis: what is refused, and what those of Amazon's libraries mean."""
from __future__ import annotations

from typing import Any

import pytest
from servers.kinesis_plugins import an_input, output

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect
from penstock.plugins.contract import Misconfigured
from penstock.plugins.outputs._kinesis_options import endpoint_of

IN, OUT = "input { kinesis { %s } }", "output { kinesis { %s } }"
STREAM, OTHER = 'kinesis_stream_name => "s"', 'stream_name => "s"'
REFUSED = [
    (IN, "", "kinesis_stream_name"),
    (IN, 'kinesis_stream_name => "a b"', "`a b` is not a valid name"),
    (IN, f'{STREAM} application_name => "ab"', "`ab` is not a valid name"),
    (IN, f'{STREAM} initial_position_in_stream => "NOW"', "NOW"),
    (IN, f'{STREAM} metrics => "prometheus"', "prometheus"),
    (IN, f"{STREAM} additional_settings => {{ failover_time_millis => 5 }}", "`5` is not a valid failover_time_millis"),
    (IN, f'{STREAM} additional_settings => {{ max_records => "many" }}', "`many` is not a valid max_records"),
    (IN, f"{STREAM} additional_settings => {{ failover_time_milis => 5 }}", "unknown setting `failover_time_milis`"),
    (IN, f'{STREAM} access_key_id => "a"', "`access_key_id` requires `secret_access_key`"),
    (OUT, "", "stream_name"),
    (OUT, 'stream_name => ""', "`stream_name` is empty"),
    (OUT, f'{OTHER} access_key => "a"', "`access_key` and `secret_key` require each other"),
    (OUT, f'{OTHER} partition_key => "a" event_partition_keys => ["b"]', "exclude each other"),
    (OUT, f'{OTHER} partition_key => "a" randomized_partition_key => true', "exclude each other"),
    (OUT, f'{OTHER} metrics_level => "all"', "all"),
]


@pytest.mark.parametrize(("form", "options", "message"), REFUSED)
def test_a_check_refuses(form: str, options: str, message: str) -> None:
    whole = (form % options) + (" output { null { } }" if form is IN else " input { stdin { } }")
    _, found = inspect([Source("test.conf", whole)], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


LOGSTASH = """kinesis { kinesis_stream_name => "s" application_name => "app" region => "eu-central-1" checkpoint_interval_seconds => 5
    metrics => "cloudwatch" profile => "p" role_arn => "arn:aws:iam::1:role/r" role_session_name => "x" initial_position_in_stream => "LATEST"
    additional_settings => { "initial_lease_table_read_capacity" => 2 "initial_lease_table_write_capacity" => 7 "metrics_level" => "NONE"
        "max_leases_for_worker" => "3" "call_process_records_even_for_empty_record_list" => true }
    http_proxy => "http://proxy:3128" non_proxy_hosts => "*.internal|localhost" }"""
PRODUCER = """kinesis { stream_name => "s" region => "eu-central-1" event_partition_keys => ["[a]"] aggregation_enabled => false
    collection_max_count => 50 collection_max_size => 1000 max_connections => 9 record_max_buffered_time => 250 rate_limit => 80
    record_ttl => 1000 access_key => "a" secret_key => "b" kinesis_endpoint => "k.example" kinesis_port => 4443 log_level => "error"
    metrics_granularity => "stream" metrics_namespace => "n" fail_if_throttled => true verify_certificate => false }"""


@pytest.mark.parametrize("text", [f"input {{ {LOGSTASH} }} output {{ null {{ }} }}", f"input {{ stdin {{ }} }} output {{ {PRODUCER} }}"])
def test_configurations_of_logstash_are_taken(text: str) -> None:
    assert inspect([Source("test.conf", text)], settled({}))[1] == []


def test_options_of_the_producer_library_have_their_effect() -> None:
    made = output(PRODUCER)
    assert (made.max_in_flight, made.batch_age, made.access_key_id, str(made.secret_access_key)) == (9, 0.25, "a", "b")
    assert endpoint_of(made) == "https://k.example:4443"
    sizes = [payload.count for payload in made.pack([{"a": "k", "n": number} for number in range(60)])]
    assert max(sizes) <= 50, "no request is larger than was asked for"
    assert sum(sizes) == 60


ENDPOINTS = [
    ("", None),
    ('endpoint => "http://a:1"', "http://a:1"),
    ('kinesis_endpoint => "http://b:2"', "http://b:2"),
    ('kinesis_endpoint => "b"', "https://b:443"),
    ('kinesis_endpoint => "b" endpoint => "http://a:1"', "http://a:1"),
]


@pytest.mark.parametrize(("options", "wanted"), ENDPOINTS)
def test_the_service_is_found_at(options: str, wanted: str | None) -> None:
    assert endpoint_of(output(f"kinesis {{ {OTHER} {options} }}")) == wanted


LANES = [
    ("", {None}),
    ('partition_key => "%{n}"', {0, 1, 2, 3}),
    ('partition_key => "%{n}" ordered => false', {None}),
    ('event_partition_keys => ["n"] max_in_flight => 1', {0}),
    ("randomized_partition_key => true", {None}),
    ("ordered => true max_in_flight => 2", {0}),
]


@pytest.mark.parametrize(("options", "lanes"), LANES)
def test_keys_whose_order_is_kept_have_a_lane_each_of_those_there_are(options: str, lanes: set[Any]) -> None:
    payloads = output(f"kinesis {{ {OTHER} {options} }}").pack([{"n": number} for number in range(100)])
    assert {payload.lane for payload in payloads} == lanes
    by_key: dict[str, set[Any]] = {}
    for payload in payloads:
        for key, _ in payload.data:
            by_key.setdefault(key, set()).add(payload.lane)
    assert all(len(found) == 1 for found in by_key.values())


HOSTS = [
    ("", "kinesis", None),
    ('http_proxy => "http://p:1"', "kinesis", "http://p:1"),
    ('http_proxy => "http://p:1" non_proxy_hosts => "localhost|*.amazonaws.com"', "kinesis", None),
    ('http_proxy => "http://p:1" non_proxy_hosts => "dynamodb.*"', "kinesis", "http://p:1"),
    ('http_proxy => "http://p:1" non_proxy_hosts => "dynamodb.*"', "dynamodb", None),
    ('http_proxy => "http://p:1" non_proxy_hosts => "*.internal" endpoint => "https://k.internal:1"', "kinesis", None),
    ('proxy_uri => "http://q:1"', "kinesis", "http://q:1"),
]


@pytest.mark.parametrize(("options", "service", "proxy"), HOSTS)
def test_a_proxy_is_used_where_no_host_is_excepted(options: str, service: str, proxy: str | None) -> None:
    source = an_input(f'kinesis {{ {STREAM} access_key_id => "a" secret_access_key => "b" {options} }}')
    assert (source.client(service).meta.config.proxies or {}).get("https") == proxy


def test_a_profile_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(Misconfigured) as caught:
        an_input(f'kinesis {{ {STREAM} profile => "nobody" }}').client("kinesis")
    assert caught.value.option == "profile"
