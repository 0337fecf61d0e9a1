"""The options of the output kinesis: those of the plugin for Logstash, whose producer library has
many, and what they mean here.
"""

from __future__ import annotations

from ...dsl.reference import FieldRef
from ...dsl.template import Template
from ..clients.aws import AwsOptions
from ..declaration import Secret, Uri, option
from ..option_groups import option_group

_LIBRARY = "Has no effect: it is for Amazon's producer library, which is not used."
_METRICS = "Has no effect: nothing is sent to CloudWatch."
_UNPACKED = "Has no effect: each event is a record."


@option_group
class ProducerOptions(AwsOptions):
    """The options of the output."""

    stream_name: str = option("The stream.")
    partition_key: Template | None = option(
        "The partition key; takes fields of the event. Events of one key go to one shard.",
        default=None,
    )
    event_partition_keys: list[FieldRef] = option(
        "Fields of the event: the partition key is `-` and the first of them that is not empty.",
        default=[],
    )
    randomized_partition_key: bool = option(
        "Whether each event has a random key, so that all shards get the same.", default=False
    )
    ordered: bool | None = option(
        "Whether the events of one partition key keep their order. Kinesis promises it for no two"
        " records of a request, so a request then has one record of a key at most: with few keys"
        " requests are small. Default: `true` where `partition_key` or `event_partition_keys` is"
        " given.",
        default=None,
    )
    access_key: str | None = option("Another name of `access_key_id`.", default=None)
    secret_key: Secret | None = option("Another name of `secret_access_key`.", default=None)
    kinesis_endpoint: str | None = option(
        "The host of the service, where it is not the region's; see also `endpoint`.", default=None
    )
    kinesis_port: int = option("Its port.", default=443, at_least=1)
    verify_certificate: bool = option(
        "Whether the certificate of the service is verified.", default=True
    )
    connect_timeout: int = option(
        "How many milliseconds connecting may take.", default=6000, at_least=1
    )
    request_timeout: int = option(
        "How many milliseconds an answer may take.", default=6000, at_least=1
    )
    collection_max_count: int = option("The most records of a request.", default=500, at_least=1)
    collection_max_size: int = option("The most bytes of a request.", default=5_242_880, at_least=1)
    max_connections: int = option(
        "How many requests may be under way at once, unless `max_in_flight` is given.",
        default=4,
        at_least=1,
    )
    record_max_buffered_time: int = option(
        "How many milliseconds an event may wait for others to fill a request, where that is"
        " given.",
        default=100,
        at_least=0,
    )
    fail_if_throttled: bool = option(
        "Has no effect: an event that is throttled is tried until the stream takes it.",
        default=False,
    )
    record_ttl: int = option(
        "Has no effect: events do not expire; they wait until the stream takes them.",
        default=30_000,
    )
    rate_limit: int = option("Has no effect: the stream says when it has enough.", default=150)
    max_pending_records: int = option("Has no effect: see `buffer_size`.", default=1000)
    sts_proxy_host: str | None = option("Has no effect: see `proxy_uri`.", default=None)
    sts_proxy_port: int | None = option("Has no effect: see `proxy_uri`.", default=None)
    credentials_refresh_delay: int = option(
        "Has no effect: credentials are renewed before they expire.", default=5000
    )
    aggregation_enabled: bool = option(_UNPACKED, default=True)
    aggregation_max_count: int = option(_UNPACKED, default=4_294_967_295)
    aggregation_max_size: int = option(_UNPACKED, default=51_200)
    min_connections: int = option(_LIBRARY, default=1)
    enable_core_dumps: bool = option(_LIBRARY, default=False)
    log_level: str = option(_LIBRARY, default="info", choices=("info", "warning", "error"))
    native_executable: str | None = option(_LIBRARY, default=None)
    temp_directory: str | None = option(_LIBRARY, default=None)
    cloudwatch_endpoint: str | None = option(_METRICS, default=None)
    cloudwatch_port: int = option(_METRICS, default=443)
    metrics_access_key: str | None = option(_METRICS, default=None)
    metrics_secret_key: Secret | None = option(_METRICS, default=None)
    metrics_role_arn: str | None = option(_METRICS, default=None)
    metrics_granularity: str = option(
        _METRICS, default="shard", choices=("global", "stream", "shard")
    )
    metrics_level: str = option(
        _METRICS, default="detailed", choices=("none", "summary", "detailed")
    )
    metrics_namespace: str = option(_METRICS, default="KinesisProducerLibrary")
    metrics_upload_delay: int = option(_METRICS, default=60_000)


def endpoint_of(options: ProducerOptions) -> str | None:
    """The URL of the service, where one is given."""
    given: Uri | None = options.endpoint
    if given is not None or options.kinesis_endpoint is None:
        return given and str(given)
    host = options.kinesis_endpoint
    if "://" in host:
        return host
    return f"https://{host}:{options.kinesis_port}"
