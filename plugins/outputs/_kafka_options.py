"""The options of a producer, and what librdkafka calls them."""

from __future__ import annotations

from typing import Any

from ...dsl.reference import FieldRef
from ...dsl.template import Template
from ..clients.kafka import KafkaOptions, client_config, given
from ..clients.schema_registry_options import RegistryOptions
from ..contract import Plugin
from ..declaration import option
from ..former import FormerOption, renamed
from ..option_groups import option_group

_STRING = "org.apache.kafka.common.serialization.StringSerializer"
_BYTES = "org.apache.kafka.common.serialization.ByteArraySerializer"
_ASKED = {"batch_size": "batch.size", "retries": "retries"}
_DELIVERY_TIMEOUT = 120_000
_UNBOUNDED_KB = (1 << 31) - 1
_UNBOUNDED = 10_000_000
_PARTITIONERS: dict[str, dict[str, Any]] = {
    "default": {"partitioner": "murmur2_random"},
    "uniform_sticky": {"partitioner": "murmur2_random"},
    "round_robin": {"partitioner": "random", "sticky.partitioning.linger.ms": 0},
}


@option_group
class ProducerOptions(KafkaOptions, RegistryOptions):
    """The options of a producer."""

    former = renamed(
        {
            "broker_list": "bootstrap_servers",
            "compression_codec": "compression_type",
            "request_required_acks": FormerOption("acks", {"-1": "all", "0": "0", "1": "1"}),
            "queue_buffering_max_ms": "linger_ms",
            "message_send_max_retries": "retries",
            "topic_metadata_refresh_interval_ms": "metadata_max_age_ms",
            "message_max_bytes": "max_request_size",
        },
        unused=(
            "batch_num_messages",
            "block_on_buffer_full",
            "key_serializer_class",
            "partitioner_class",
            "producer_type",
            "serializer_class",
            "timeout_ms",
        ),
    )
    """Options that the output had before version 5 of Logstash."""

    topic_id: Template = option("The topic, with fields of the event.")
    message_key: Template | None = option(
        "The key, with fields of the event: messages of one key go to one partition, in order.",
        default=None,
    )
    message_headers: dict[str, Template] = option(
        "Headers by name, with fields of the event.", default={}
    )
    partition: Template | None = option(
        "The number of the partition, with fields of the event; else the key decides, or chance.",
        default=None,
    )
    tombstone_field: FieldRef | None = option(
        "Events in which this field is true are written without a value: in a compacted topic they"
        " delete their key.",
        default=None,
    )
    acks: str = option(
        "Who has a message before it counts as delivered: all replicas that are in sync, their"
        " leader, or nobody. With less than `all` a message may be lost, or come twice.",
        default="all",
        choices=("0", "1", "all"),
    )
    exactly_once: bool = option(
        "Write in transactions, in which the input `kafka`, with the same option, commits its"
        " offsets: what is read is written exactly once.",
        default=False,
    )
    transactional_slot: str | None = option(
        "The transactional id is the input's group and this; two processes of one group need two."
        " By default it is made of the host and of where `path.data` is.",
        default=None,
    )
    transaction_timeout_ms: int = option(
        "After how long the brokers end a transaction of a process that has died.",
        default=60_000,
        at_least=1000,
    )
    linger_ms: int = option(
        "How long a message waits for others to go with it.", default=5, at_least=0
    )
    batch_size: int = option(
        "The most bytes of messages that go together to a partition; default: a megabyte.",
        default=16_384,
        at_least=1,
    )
    buffer_memory: int = option(
        "How many bytes may wait in the client; then no more are handed to it.",
        default=33_554_432,
        at_least=1,
    )
    compression_type: str = option(
        "How messages are compressed.",
        default="none",
        choices=("none", "gzip", "snappy", "lz4", "zstd"),
    )
    max_request_size: int = option(
        "The largest message; a larger one goes to the dead letters.",
        default=1_048_576,
        at_least=1000,
    )
    metadata_fetch_timeout_ms: int = option("Has no effect.", default=60_000)
    partitioner: str = option(
        "Which partition a message without a number goes to: by its key, as the Java client does"
        " it, or any (`round_robin`: any, whatever the key).",
        default="default",
        choices=tuple(_PARTITIONERS),
    )
    retries: int | None = option(
        "How often the client library sends a message again before the pipeline does.",
        default=None,
        at_least=1,
    )
    key_serializer: str = option("Has no effect.", default=_STRING, choices=(_STRING, _BYTES))
    value_serializer: str = option("Has no effect.", default=_STRING, choices=(_STRING, _BYTES))


def producer_config(
    plugin: Plugin, options: ProducerOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration of any client, and what a producer has more; what is wrong with the options
    is reported.
    """
    common, config = client_config(plugin, options), given(plugin, _ASKED)
    is_idempotent = options.acks == "all"
    config |= {
        "acks": options.acks,
        "enable.idempotence": is_idempotent,
        "max.in.flight": 5 if is_idempotent else 1,  # one keeps the order without idempotence
        "linger.ms": options.linger_ms,
        "compression.type": options.compression_type,
        "message.max.bytes": options.max_request_size,
        "message.timeout.ms": _DELIVERY_TIMEOUT,
        "request.timeout.ms": options.request_timeout_ms,
        "retry.backoff.ms": options.retry_backoff_ms,
        "retry.backoff.max.ms": max(1000, options.retry_backoff_ms),
        # What waits is bounded by `buffer_memory`, and counted here: a full queue of the client
        # library would refuse one message and take the next.
        "queue.buffering.max.messages": _UNBOUNDED,
        "queue.buffering.max.kbytes": _UNBOUNDED_KB,
        **_PARTITIONERS[options.partitioner],
    }
    if options.exactly_once:
        config |= _transaction_config(plugin, options)
    return common, config


def _transaction_config(plugin: Plugin, options: ProducerOptions) -> dict[str, Any]:
    if options.acks != "all":
        plugin.problem("acks", '`exactly_once` requires acks => "all"', "remove the option")
    if options.when_full != "block":  # type: ignore[attr-defined]
        plugin.problem(
            "when_full",
            "`exactly_once` cannot hold where events wait elsewhere, or are dropped",
            'remove it: `when_full => "block"` is the default',
        )
    return {
        "transaction.timeout.ms": options.transaction_timeout_ms,
        "message.timeout.ms": min(_DELIVERY_TIMEOUT, options.transaction_timeout_ms),
    }
