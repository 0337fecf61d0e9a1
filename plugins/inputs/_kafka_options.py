"""The options of a consumer, and what librdkafka calls them."""

from __future__ import annotations

from typing import Any

from ..clients.kafka import KafkaOptions, client_config, given
from ..clients.schema_registry_options import RegistryOptions, check_registry_options
from ..contract import Plugin
from ..declaration import option
from ..former import FormerOption, renamed
from ..option_groups import option_group

_STRING = "org.apache.kafka.common.serialization.StringDeserializer"
_BYTES = "org.apache.kafka.common.serialization.ByteArrayDeserializer"
_STRATEGIES = {
    "range": "range",
    "RangeAssignor": "range",
    "round_robin": "roundrobin",
    "RoundRobinAssignor": "roundrobin",
    "cooperative_sticky": "cooperative-sticky",
    "CooperativeStickyAssignor": "cooperative-sticky",
}
_ASKED = {
    "fetch_max_bytes": "fetch.max.bytes",
    "fetch_max_wait_ms": "fetch.wait.max.ms",
    "fetch_min_bytes": "fetch.min.bytes",
    "max_partition_fetch_bytes": "max.partition.fetch.bytes",
    "client_rack": "client.rack",
    "group_instance_id": "group.instance.id",
    "check_crcs": "check.crcs",
}
_RESETS = {"earliest": "earliest", "latest": "latest", "none": "error"}
_PREFETCH_KB = 16_384  # what the client library reads ahead, all partitions together
_BROKERS_SAY = ("session_timeout_ms", "heartbeat_interval_ms", "partition_assignment_strategy")


@option_group
class ConsumerOptions(KafkaOptions, RegistryOptions):
    """The options of a consumer."""

    former = renamed(
        {
            "topic_id": "topics",
            "white_list": "topics_pattern",
            "reset_beginning": FormerOption(
                "auto_offset_reset", {"true": "earliest", "false": "latest"}
            ),
            "fetch_message_max_bytes": "max_partition_fetch_bytes",
            "zk_connect": FormerOption(
                values={"\0": ""}, help="write bootstrap_servers: the brokers themselves are asked"
            ),
        },
        unused=(
            "consumer_id",
            "consumer_restart_on_error",
            "consumer_restart_sleep_ms",
            "consumer_timeout_ms",
            "decoder_class",
            "key_decoder_class",
            "queue_size",
            "rebalance_backoff_ms",
            "rebalance_max_retries",
        ),
    )
    """Options that the input had before version 5 of Logstash."""

    topics: list[str] = option("The topics to read.", default=["logstash"])
    topics_pattern: str | None = option(
        "A regular expression (POSIX, extended) for the topics to read, in the place of `topics`.",
        default=None,
    )
    group_id: str = option("The consumer group.", default="logstash")
    group_instance_id: str | None = option(
        "A name for this member that outlives restarts (static membership): for"
        " `session_timeout_ms` its partitions wait for it.",
        default=None,
    )
    group_protocol: str = option(
        "How the group shares partitions: `consumer` is the protocol of Kafka 4, in which the"
        " brokers decide.",
        default="classic",
        choices=("classic", "consumer"),
    )
    partition_assignment_strategy: str = option(
        "Who gets which partition, with the classic protocol: `cooperative_sticky`, in which"
        " partitions that stay are read on meanwhile, `range` or `round_robin`.",
        default="cooperative_sticky",
    )
    auto_offset_reset: str = option(
        "Where to begin without a committed offset: `earliest`, `latest` or `none`, which is an"
        " error.",
        default="latest",
        choices=tuple(_RESETS),
    )
    auto_create_topics: bool = option(
        "Whether a topic that does not exist is made, where the brokers do that.", default=True
    )
    enable_auto_commit: bool = option(
        "Whether offsets are committed every `auto_commit_interval_ms`, and not as soon as the"
        " outputs have their events. Either way nothing is committed before.",
        default=True,
    )
    auto_commit_interval_ms: int = option(
        "How often offsets are committed.", default=5000, at_least=0
    )
    isolation_level: str = option(
        "Whether messages of transactions that were not committed are read.",
        default="read_uncommitted",
        choices=("read_uncommitted", "read_committed"),
    )
    exactly_once: bool = option(
        "Commit offsets in the transaction in which the output `kafka`, with the same option,"
        " writes: what is read is written exactly once.",
        default=False,
    )
    decorate_events: str = option(
        "What `[@metadata][kafka]` has of a message: nothing (`none`), topic, partition, offset,"
        " key, timestamp and consumer group (`basic`), or its headers too (`extended`).",
        default="none",
        choices=("none", "basic", "extended", "false", "true"),
    )
    max_poll_records: int = option("The most messages of a batch.", default=500, at_least=1)
    max_poll_interval_ms: int = option(
        "How long the pipeline may not ask for messages before the group takes its partitions away;"
        " it is asked for while outputs hang, too.",
        default=300_000,
        at_least=1,
    )
    poll_timeout_ms: int = option(
        "How long one wait for messages takes at most.", default=100, at_least=1
    )
    session_timeout_ms: int = option(
        "How long the group waits for a member that is not heard of.", default=10_000, at_least=1
    )
    heartbeat_interval_ms: int = option("How often a member is heard of.", default=3000, at_least=1)
    fetch_max_bytes: int = option("The most bytes of one answer.", default=52_428_800, at_least=1)
    fetch_max_wait_ms: int = option(
        "How long a broker waits for `fetch_min_bytes`.", default=500, at_least=0
    )
    fetch_min_bytes: int | None = option(
        "How many bytes a broker waits for.", default=None, at_least=1
    )
    max_partition_fetch_bytes: int = option(
        "The most bytes of one partition in an answer.", default=1_048_576, at_least=1
    )
    client_rack: str | None = option(
        "Where this consumer is, to read from a replica that is near.", default=None
    )
    check_crcs: bool = option("Whether checksums of messages are compared.", default=True)
    exclude_internal_topics: str | None = option(
        "Has no effect: a pattern finds what it matches, which internal topics need not.",
        default=None,
    )
    consumer_threads: int = option(
        "Has no effect: one consumer reads as fast as many, and workers (`-w`) decode.",
        default=1,
    )
    key_deserializer_class: str = option(
        "What keys are: strings, or bytes.", default=_STRING, choices=(_STRING, _BYTES)
    )
    value_deserializer_class: str = option(
        "What values are: the codec decodes them, whichever it is.",
        default=_STRING,
        choices=(_STRING, _BYTES),
    )
    schema_registry_validation: str = option(
        "Whether the registry is asked, with each connection, for the subjects of `topics`, and"
        " those that it lacks are named in the log.",
        default="auto",
        choices=("auto", "skip"),
    )


def consumer_config(
    plugin: Plugin, options: ConsumerOptions
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration of any client, and what a consumer has more; what is wrong with the options
    is reported.
    """
    _check_topics(plugin, options)
    _check_exactly_once(plugin, options)
    check_registry_options(plugin, options)
    common = client_config(plugin, options)
    config = given(plugin, _ASKED)
    config |= {
        "group.id": options.group_id,
        "group.protocol": options.group_protocol,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": _RESETS[options.auto_offset_reset],
        "allow.auto.create.topics": options.auto_create_topics,
        "isolation.level": "read_committed" if options.exactly_once else options.isolation_level,
        "max.poll.interval.ms": options.max_poll_interval_ms,
        "fetch.error.backoff.ms": options.retry_backoff_ms,
        "queued.max.messages.kbytes": _PREFETCH_KB,
    }
    if options.group_protocol == "consumer":
        _check_new_protocol(plugin)
        return common, config
    if options.heartbeat_interval_ms >= options.session_timeout_ms:
        plugin.problem(
            "heartbeat_interval_ms",
            "heartbeats must come more often than the session ends",
            "make it a third of `session_timeout_ms`",
        )
    return common, config | {
        "session.timeout.ms": options.session_timeout_ms,
        "heartbeat.interval.ms": options.heartbeat_interval_ms,
        "partition.assignment.strategy": _strategy(plugin, options),
    }


def is_cooperative(config: dict[str, Any]) -> bool:
    """Whether partitions come and go one by one."""
    strategy: str = config.get("partition.assignment.strategy", "")
    protocol: str = config["group.protocol"]
    return protocol == "consumer" or strategy == "cooperative-sticky"


def _strategy(plugin: Plugin, options: ConsumerOptions) -> str:
    name = options.partition_assignment_strategy.rpartition(".")[2]
    strategy = _STRATEGIES.get(name)
    if strategy is None:
        known = "cooperative_sticky, range or round_robin"
        message = f"`{name}` is not an assignment strategy that the client library has"
        plugin.problem("partition_assignment_strategy", message, f"use {known}")
        return "range"
    return strategy


def _check_topics(plugin: Plugin, options: ConsumerOptions) -> None:
    if options.topics_pattern is not None and "topics" in plugin.given:
        plugin.problem(
            "topics",
            "`topics` has no effect beside `topics_pattern`",
            "remove one of them",
            code="W305",
        )
    elif not options.topics:
        plugin.problem("topics", "`topics` is empty", 'write topics => ["name"]')


def _check_exactly_once(plugin: Plugin, options: ConsumerOptions) -> None:
    if not options.exactly_once:
        return
    if "isolation_level" in plugin.given and options.isolation_level == "read_uncommitted":
        plugin.problem(
            "isolation_level",
            "`exactly_once` reads what is committed only",
            "remove the option",
        )


def _check_new_protocol(plugin: Plugin) -> None:
    for name in _BROKERS_SAY:
        if name in plugin.given:
            message = f"`{name}` has no effect with the protocol `consumer`: the brokers say it"
            plugin.problem(name, message, "remove the option", code="W305")
