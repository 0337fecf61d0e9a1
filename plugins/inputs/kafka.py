"""The input kafka: a member of a consumer group, whose offsets are committed when the outputs have
the events.

The parts: ``_kafka_options`` (what is asked of the client), ``_kafka_member`` (the group),
``_kafka_messages`` (from messages to batches), and the modules ``kafka*`` in ``clients``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from ..batch import Batch, Position
from ..clients.kafka_client import Watch, make_client, refusal_of, topic_ids
from ..clients.kafka_link import link_of
from ..clients.kafka_tls import CertificateFiles
from ..codec import Codec
from ..contract import Disconnected, Input, Misconfigured, Outcome
from ._kafka_alone import Alone
from ._kafka_member import GroupMember, MemberSettings
from ._kafka_messages import (
    Decoration,
    Run,
    batch_of,
    decoded_batch_of,
    has_tombstones,
    runs_of,
)
from ._kafka_options import ConsumerOptions, consumer_config, is_cooperative

if TYPE_CHECKING:
    from ..clients.schema_registry import SchemaRegistry

_BYTES_KEYS = "ByteArrayDeserializer"
_SCATTERING = (
    "partition_assignment_strategy",
    "group_protocol",
    "topics",
    "topics_pattern",
)
_SMALLEST, _USUAL = 16, 500
_PROBE = 5.0


class Kafka(ConsumerOptions, Input, name="kafka"):
    """Read messages from topics of Kafka, as a member of a consumer group.

    Each message goes through the codec. With `decorate_events => "basic"` an event has
    `[@metadata][kafka]` with `topic`, `partition`, `offset`, `key`, `timestamp` (milliseconds) and
    `consumer_group`; with `"extended"` also `headers`. A message without a value (a tombstone) is
    then an event of its own, with `[@metadata][kafka][tombstone]`.

    With `schema_registry_url` values are Avro records framed as Confluent's serializers do it (a
    zero, the number of the schema, the record), decoded by the schema that the registry has for
    their number. A value that is not such a record is an event with the tag `_avroparsefailure`;
    while the registry is away, nothing is read.

    Offsets are committed for what every output has, and no further: an event that is not delivered
    yet holds back those behind it in its partition. After a crash what was not committed is read
    again. While outputs hang, nothing more is read, and the member stays in its group. When a
    partition goes to another member, what was read of it is first delivered and committed.

    `exactly_once => true`, here and at the output `kafka`, reads, writes and commits in one
    transaction. Filters of event time then keep what they hold with the partitions, in the topic
    `GROUP-state`, and processes of a group share their work (`docs/scaling-kafka.md`); without it
    such a pipeline refuses to be one of several members.

    The figures `lag` (messages that are not delivered yet) and `partitions` are metrics of the
    input.

    Differs from Logstash: the default strategy is `cooperative_sticky`; stores of Java are PEM or
    PKCS12 files here; options that name Java classes cannot be used.
    """

    replays = True

    _member: GroupMember | None = None

    def prepare(self) -> None:
        self._client_config, asked = consumer_config(self, self)
        self._config = self._client_config | asked
        has_text_keys = not self.key_deserializer_class.endswith(_BYTES_KEYS)
        self._decoration = Decoration(self.decorate_events, self.group_id, has_text_keys)
        self._files = CertificateFiles(self)
        self._codec = self.new_codec()
        self._registry = self._of_registry()
        self._is_woken = False
        self._size = 0.0
        self._was_probed = self._is_to_look = False
        own, session = self.group_instance_id, self.session_timeout_ms / 1000
        self._alone = Alone(self, self.options_of_client, self.group_id, own, session)
        if self.exactly_once:
            self.transactional = "exactly_once"
            self.grouped = True
            self.scattered = self._scattering_option()
            link = link_of(self.context)
            link.group, link.instance = self.group_id, self.group_instance_id

    def _of_registry(self) -> SchemaRegistry | None:
        """The registry, whose schemas then decode values in the place of the codec."""
        if self.schema_registry_url is None:
            return None
        from ..clients.schema_registry import SchemaRegistry  # few pipelines need it
        from ..codecs._registry_avro import RegistryAvro

        if "codec" in self.given:
            message = "`codec` has no effect beside `schema_registry_url`: values are Avro"
            self.problem("codec", message, "remove one of the two", code="W305")
        registry = SchemaRegistry(self, self)
        self._codec = RegistryAvro(self._codec, registry, self.context.log)
        return registry

    @property
    def decoration(self) -> Decoration:
        """What events show of their messages."""
        return self._decoration

    def decoder(self) -> Codec | None:
        return self._codec if self._registry is None else None

    def connect(self) -> None:
        self._leave()
        config = {**self._config, **self._files.config(self)}
        watch = Watch(self, config)
        config |= watch.config()
        config["on_commit"] = self._on_commit
        self._check_registry()
        consumer = make_client(self, Consumer, config)
        try:
            self._check(consumer, watch)
        except BaseException:
            consumer.close()
            raise
        settings = self._member_settings(config)
        identify = partial(topic_ids, {**self._client_config, **self._files.config(self)})
        self._member = GroupMember(self, consumer, watch, settings, self._take_wake, identify)
        if self.exactly_once:
            link_of(self.context).member = self._member
        self._member.subscribe(self._subscription())
        self._is_to_look = self.alone

    def _member_settings(self, config: dict[str, object]) -> MemberSettings:
        drain = min(10.0, self.max_poll_interval_ms / 2000)
        return MemberSettings(
            is_cooperative=is_cooperative({**config, **self.librdkafka_options}),
            slice=self.poll_timeout_ms / 1000,
            interval=self.auto_commit_interval_ms / 1000 if self.enable_auto_commit else 0.0,
            drain=drain,
            commits=not self.exactly_once,
            keeps_start=self.auto_offset_reset != "earliest",
        )

    def _scattering_option(self) -> str | None:
        """The option because of which members may have different partitions of two topics."""
        strategy = str(self._config.get("partition.assignment.strategy", ""))
        if strategy == "range" or (self.topics_pattern is None and len(self.topics) == 1):
            return None
        given = [name for name in _SCATTERING if name in self.given]
        return given[0] if given else None

    def partition_counts(self) -> Mapping[str, int]:
        """How many partitions each topic has, of those that there are."""
        if self._member is None or self.topics_pattern is not None:
            return {}
        return self._member.partition_counts(self.topics)

    def _subscription(self) -> list[str]:
        if self.topics_pattern is None:
            return self.topics
        return [f"^{self.topics_pattern.removeprefix('^')}"]

    def _check(self, consumer: Consumer, watch: Watch) -> None:
        """Ask a broker for the topics: a login, a topic or a group that is refused is heard now."""
        found = watch.await_broker(consumer)
        if self.exactly_once:
            link_of(self.context).meet(found.cluster_id)
        for name in self.topics if self.topics_pattern is None else ():
            error = watch.await_broker(consumer, name).topics[name].error
            if error is not None:
                self._check_topic(error, name)
        if not self._was_probed:
            self._probe_group(consumer)
            self._was_probed = True
        if self.alone:
            self._alone.check()

    def _check_registry(self) -> None:
        """See whether the registry answers, and has what the topics need."""
        if self._registry is None or self.schema_registry_validation == "skip":
            return
        wanted = [] if self.topics_pattern is not None else self.topics
        known = self._registry.subjects()
        lacking = ", ".join(name for name in wanted if f"{name}-value" not in known)
        if lacking:
            text = "the schema registry has no schema for the values of these topics yet: %s"
            self.context.log.warning(text, lacking)

    def _check_topic(self, error: KafkaError, name: str) -> None:
        refusal = refusal_of(error, self)
        if refusal is not None:
            raise Misconfigured("topics", f"`{name}`: {error.str()}", refusal.help)
        if error.code() == KafkaError.TOPIC_EXCEPTION:
            raise Misconfigured("topics", f"`{name}` is not a valid name of a topic")
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART and not self.auto_create_topics:
            raise Misconfigured(
                "topics", f"topic `{name}` does not exist", "make it, or set auto_create_topics"
            )

    def _probe_group(self, consumer: Consumer) -> None:
        """Ask for an offset of the group, to hear whether the login may use it."""
        topic = self.topics[0] if self.topics else "none"
        try:
            places = consumer.committed([TopicPartition(topic, 0)], timeout=_PROBE)
            errors = [place.error for place in places if place.error is not None]
        except KafkaException as failure:  # no answer in time: that says nothing of the login
            errors = [failure.args[0]]
        for error in errors:
            if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                raise Misconfigured("group_id", error.str(), "ask for an ACL for the group")

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        if self._member is not None:
            self._member.commits.failed(error, places)

    def resume(self, positions: Mapping[str, Position]) -> None:
        assert self._member is not None
        self._member.resume = dict(positions)

    def read(self, timeout: float) -> Batch | None:
        member = self._member
        if member is None:
            raise Disconnected("the consumer is closed")
        if self._files.changed():
            member.give_up()
            raise Disconnected("the certificates have changed", after=0.0)
        if self._is_to_look:
            self._look_alone(member)
        messages = member.fetch(self._most(), timeout)
        return self._batch(member, messages) if messages else None

    def _look_alone(self, member: GroupMember) -> None:
        """See whether another one has joined the group at the same moment; not before it is known
        where to go on, so not when it is connected.
        """
        try:
            self._alone.check_joined(member)
        except Misconfigured:
            self._leave()
            raise
        self._is_to_look = False

    def _most(self) -> int:
        """How many messages make a batch of about the size that suits the runtime."""
        if not self._size:
            return min(self.max_poll_records, _USUAL)
        fitting = int(4 * self.chunk_bytes / self._size)
        return max(min(_SMALLEST, self.max_poll_records), min(self.max_poll_records, fitting))

    def _batch(self, member: GroupMember, messages: list[Message]) -> Batch:
        runs = runs_of(messages)
        return self._batch_of(runs, messages, member.token_of(runs))

    def _batch_of(self, runs: list[Run], messages: list[Message], token: Any) -> Batch:
        is_decoded_here = self._registry is not None
        if is_decoded_here or (self._decoration.is_on and has_tombstones(messages)):
            now = self.context.now()
            batch = decoded_batch_of(runs, token, self._decoration, self._codec, now)
        else:
            batch = batch_of(runs, token, self._decoration)
        self._size = max(1.0, batch.bytes / len(messages))
        return batch

    def batch_of(self, messages: list[Message]) -> Batch:
        """A batch of messages that were read without this input."""
        return self._batch_of(runs_of(messages), messages, None)

    def options_of_client(self) -> dict[str, object]:
        """What any client of the same brokers is asked for."""
        return {**self._client_config, **self._files.config(self)}

    def options_of_consumer(self) -> dict[str, object]:
        """What a consumer is asked for, for whoever reads the topics without this input."""
        return {**self._config, **self._files.config(self)}

    def reads(self, topic: str) -> bool:
        """Whether a topic is one of those that are read."""
        if self.topics_pattern is None:
            return topic in self.topics
        return re.match(self.topics_pattern, topic) is not None

    def _take_wake(self) -> bool:
        woken, self._is_woken = self._is_woken, False
        return woken

    def wake(self) -> None:
        self._is_woken = True

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        if self._member is not None:
            self._member.settle(outcomes, behind)

    def tend(self, timeout: float) -> None:
        if self._member is not None:
            self._member.tend()

    def _leave(self) -> None:
        member, self._member = self._member, None
        if member is not None:
            member.close()

    def close(self) -> None:
        self._leave()
        if self._registry is not None:
            self._registry.close()
