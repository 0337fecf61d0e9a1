"""The options of the input kinesis, and what those mean that Amazon's client library for Java has.

``additional_settings`` are, in Logstash, settings of that library. The ones that make sense here
have their effect, by the same names; the others of that library are accepted without one; what is
left is of AWS' client, as with the other plugins of AWS.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..clients.aws import AwsOptions
from ..contract import Plugin
from ..declaration import Secret, Uri, option
from ..option_groups import option_group
from ._kinesis_balance import Bounds
from ._kinesis_places import LATEST, TRIM_HORIZON
from ._kinesis_worker import Manner

_NUMBERS = {
    "failover_time_millis": 10_000,
    "idle_time_between_reads_in_millis": 1000,
    "shard_sync_interval_millis": 60_000,
    "max_records": 0,
    "max_leases_for_worker": 1 << 31,
    "max_leases_to_steal_at_one_time": 1 << 31,
    "initial_lease_table_read_capacity": 0,
    "initial_lease_table_write_capacity": 0,
}
"""Settings that are numbers, with their defaults; 0: not set."""

_TEXTS = ("table_name", "kinesis_endpoint", "dynamo_db_endpoint")
_IN_VAIN = """billing_mode call_process_records_even_for_empty_record_list
    cleanup_leases_upon_shard_completion common_client_config data_fetching_strategy
    ignore_unexpected_child_shards initial_position_in_stream kinesis_client_config
    list_shards_backoff_time_in_millis log_warning_for_task_after_millis
    max_get_records_thread_pool max_lease_renewal_threads max_list_shards_retry_attempts
    max_pending_process_records_input metrics_buffer_time_millis metrics_enabled_dimensions
    metrics_level metrics_max_queue_size parent_shard_poll_interval_millis region_name
    retry_get_records_in_seconds shard_prioritization_strategy shutdown_grace_millis
    skip_shard_sync_at_startup_if_leases_exist task_backoff_time_millis timeout_in_seconds
    user_agent validate_sequence_number_before_checkpointing"""
_NO_EFFECT = frozenset(_IN_VAIN.split())
_BUSY = 0.2
_SHORTEST_IDLE, _SHORTEST_SYNC = 0.05, 1.0
"""Seconds; with less a shard, or the service, would be asked without pause."""
_SHORTEST_FAILOVER = 300


@option_group
class KinesisOptions(AwsOptions):
    """The options of the input."""

    kinesis_stream_name: str = option("The stream.")
    application_name: str = option(
        "The table of DynamoDB in which the processes that share the stream note who reads which"
        " shard, and how far; made where it is missing. Each stream needs one of its own.",
        default="logstash",
    )
    initial_position_in_stream: str = option(
        "Where to begin with a stream that is not in the table yet: with the oldest record"
        " (`TRIM_HORIZON`) or with what comes from now on (`LATEST`).",
        default=TRIM_HORIZON,
        choices=(TRIM_HORIZON, LATEST),
    )
    checkpoint_interval_seconds: float = option(
        "How often is noted what the outputs have, which is also done at a stop: what was not is"
        " read again after a crash. 0: as soon as they have it.",
        default=60,
        at_least=0,
    )
    profile: str | None = option("A profile of `~/.aws`, for its credentials.", default=None)
    dynamodb_endpoint: Uri | None = option(
        "The URL of DynamoDB, where it is not the region's; `endpoint` is that of Kinesis.",
        default=None,
    )
    http_proxy: Secret | None = option("A proxy for Kinesis and DynamoDB.", default=None)
    non_proxy_hosts: str | None = option(
        "Hosts that are reached without it, separated by `|`; `*` stands for any characters.",
        default=None,
    )
    metrics: str | None = option(
        "Has no effect: nothing is sent to CloudWatch; see the metrics of the input.",
        default=None,
        choices=("cloudwatch",),
    )
    additional_settings: dict[str, Any] = option(
        "Settings of Amazon's client library for Java: `failover_time_millis` (10000; a lease that"
        " was not renewed for so long is another's), `idle_time_between_reads_in_millis` (1000),"
        " `max_records`, `shard_sync_interval_millis` (60000), `max_leases_for_worker`,"
        " `max_leases_to_steal_at_one_time`, `table_name`, `initial_lease_table_read_capacity` and"
        " `…_write_capacity` (without them each request is paid for); and those that the other"
        " plugins of AWS have.",
        default={},
    )


class Settings(NamedTuple):
    """What ``additional_settings`` says: numbers and texts of Amazon's library, and what is left
    for AWS' client.
    """

    numbers: dict[str, int]
    texts: dict[str, str]
    client: dict[str, Any]

    @property
    def capacity(self) -> tuple[int, int] | None:
        """Units of the table for reading and writing; None to pay for each request."""
        read = self.numbers["initial_lease_table_read_capacity"]
        write = self.numbers["initial_lease_table_write_capacity"]
        return (read or write, write or read) if read or write else None

    @property
    def idle(self) -> float:
        """Seconds between two questions to a shard."""
        return max(_SHORTEST_IDLE, self.numbers["idle_time_between_reads_in_millis"] / 1000)

    @property
    def busy(self) -> float:
        """The same for one that has more."""
        return min(_BUSY, self.idle)


def settings_of(plugin: Plugin, options: KinesisOptions) -> Settings:
    """What ``additional_settings`` says; what is wrong with it is reported."""
    settings = Settings(dict(_NUMBERS), {}, {})
    for name, value in options.additional_settings.items():
        if name in _NUMBERS:
            number = _number(plugin, name, value)
            settings.numbers[name] = _NUMBERS[name] if number is None else number
        elif name in _TEXTS:
            settings.texts[name] = str(value)
        elif name not in _NO_EFFECT:
            settings.client[name] = value
    return settings


def _number(plugin: Plugin, name: str, value: Any) -> int | None:
    least = _SHORTEST_FAILOVER if name == "failover_time_millis" else 0
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = None
    if number is not None and number >= least:
        return number
    message = f"`{value}` is not a valid {name}"
    help = f"give an integer of at least {least}"
    plugin.problem("additional_settings", message, help, path=(name,))
    return None


def manner_of(options: KinesisOptions, settings: Settings) -> Manner:
    """How the input behaves."""
    numbers = settings.numbers
    most = max(1, numbers["max_leases_for_worker"])
    at_once = max(1, numbers["max_leases_to_steal_at_one_time"])
    return Manner(
        failover=numbers["failover_time_millis"] / 1000,
        checkpoint=options.checkpoint_interval_seconds,
        sync=max(_SHORTEST_SYNC, numbers["shard_sync_interval_millis"] / 1000),
        initial=options.initial_position_in_stream,
        bounds=Bounds(most, at_once),
    )
