"""The output kafka: messages to topics, many requests under way, in order.

The parts: ``_kafka_options`` (what is asked of the client), ``_kafka_rows`` (from events to
messages), ``_kafka_delivery`` (handing over and reports), ``_kafka_transaction``, and the modules
``kafka*`` in ``clients``.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, Producer

from ...dsl.reference import Event
from ..batch import Payload
from ..clients.kafka_client import Watch, make_client, refusal_of
from ..clients.kafka_link import link_of
from ..clients.kafka_tls import CertificateFiles
from ..clients.schema_registry_options import check_registry_options
from ..codec import Codec
from ..contract import Batching, Disconnected, Misconfigured, Output
from ..declaration import option
from ._kafka_changelog import StateTopic
from ._kafka_delivery import Delivering
from ._kafka_options import ProducerOptions, producer_config
from ._kafka_rows import Rows
from ._kafka_transaction import Transactions, init_transactions, slot_of

if TYPE_CHECKING:
    from ._kafka_framing import Framing


class Kafka(ProducerOptions, Output, name="kafka"):
    """Write messages to topics of Kafka.

    The codec makes the value; `topic_id`, `message_key`, `partition` and `message_headers` take
    fields of the event. A message counts as delivered when the brokers report it, which with
    `acks => "all"`, the default, is when all replicas in sync have it; the producer is idempotent
    then, so that what it sends again does not come twice, and keeps the order of each partition.

    With `schema_registry_url` and `codec => avro { schema_uri => … encoding => binary }` the schema
    is registered for the subject `TOPIC-value`, and values are framed as Confluent's serializers do
    it. An event that does not fit the schema goes to the dead letters, as one does whose topic has
    a schema that it is not compatible with.

    Messages that are too large, that name a topic or partition that is not there, or that the
    brokers refuse for what they are go to the dead letters. For a topic that is the same for all
    events that is an outage instead.

    Differs from Logstash: `acks` is `all` by default, not `1`; `batch_size` counts only where it is
    given; messages that fail are tried for ever, whatever `retries` says. The default codec is
    `plain`, as in Logstash: give `codec => json` to write whole events.
    """

    batching = Batching(bytes=1 << 20, events=2000)
    pipelined = True

    max_in_flight: int = option(
        "How many requests may be under way at once; their order is kept.",
        default=32,
        at_least=1,
        common=True,
    )

    changelog: StateTopic | None = None
    _delivering: Delivering | None = None
    _transactions: Transactions | None = None

    def prepare(self) -> None:
        self._common, asked = producer_config(self, self)
        self._config = self._common | asked
        self._files = CertificateFiles(self)
        codec = self.new_codec()
        self._rows = Rows(
            codec,
            self.topic_id,
            self.message_key,
            self.partition,
            self.message_headers,
            self.tombstone_field,
        )
        if not self.topic_id.text:
            self.problem("topic_id", "the topic is empty", 'write topic_id => "name"')
        self._connecting = threading.RLock()
        check_registry_options(self, self)
        self._framing = self._of_registry(codec)
        if self.exactly_once:
            self.transactional = "exactly_once"

    def _of_registry(self, codec: Codec) -> Framing | None:
        """What frames values, where a registry is to have their schema."""
        if self.schema_registry_url is None:
            return None
        from ..clients.schema_registry import SchemaRegistry  # few pipelines need it
        from ..codecs.avro import Avro
        from ._kafka_framing import Framing

        if not isinstance(codec, Avro) or codec.encoding != "binary":
            message = "`schema_registry_url` requires the codec avro, with binary records"
            help = 'write codec => avro { schema_uri => "…" encoding => binary }'
            self.problem("codec" if "codec" in self.given else "schema_registry_url", message, help)
            return None
        return Framing(SchemaRegistry(self, self), codec, self._rows.topic)

    def open(self) -> None:
        if self.exactly_once:
            link = link_of(self.context)
            self.changelog = StateTopic(self, link, self._client_config)
            self._transactions = Transactions(self, link, self._renew, self.changelog)
            self.participant = self._transactions
            slot = slot_of(self.transactional_slot, link, self.context.settings)
            self._config["transactional.id"] = f"{link.group}-{slot}"

    def pack(self, events: list[Event]) -> list[Payload]:
        return [Payload(self._rows.of(events), events)]

    def connect(self) -> None:
        with self._connecting:  # a transaction that cannot be aborted connects, too
            self._disconnect()
            config = {**self._config, **self._files.config(self)}
            watch = Watch(self, config)
            config |= watch.config()
            if self._framing is not None:
                self._framing.register()
            producer = make_client(self, Producer, config)
            self._check(producer, watch)
            if self._transactions is not None:
                init_transactions(self, producer)
            topic, limit = self._rows.topic, self.buffer_memory
            self._delivering = Delivering(self, producer, watch, topic, limit)
            if self._transactions is not None:
                self._transactions.adopt(self._delivering)

    def _renew(self) -> None:
        """Connect, unless another thread has done so meanwhile."""
        with self._connecting:
            if self._transactions is None or not self._transactions.has_producer:
                self.connect()

    def tend(self, timeout: float) -> None:
        if self._transactions is not None:
            self._transactions.mend()

    @property
    def tending_is_due(self) -> bool:
        return self._transactions is not None

    def _client_config(self) -> dict[str, Any]:
        """The configuration of any client, from the files of certificates as they are now."""
        return {**self._common, **CertificateFiles(self).config(self)}

    def _check(self, producer: Producer, watch: Watch) -> None:
        """Ask a broker for the topic: a login or a topic that is refused is heard now."""
        topic = self._rows.topic
        found = watch.await_broker(producer, topic)
        if self.exactly_once:
            link_of(self.context).meet(found.cluster_id)
        error = None if topic is None else found.topics[topic].error
        if error is None:
            return
        refusal = refusal_of(error, self)
        if refusal is not None:
            raise Misconfigured("topic_id", f"`{topic}`: {error.str()}", refusal.help)
        if error.code() == KafkaError.TOPIC_EXCEPTION:
            raise Misconfigured("topic_id", f"`{topic}` is not a valid name of a topic")
        self._await_topic(producer, watch, str(topic))

    def _await_topic(self, producer: Producer, watch: Watch, topic: str) -> None:
        """Brokers that make topics have been asked for this one; a moment later it is there."""
        for _ in range(10):
            error = watch.await_broker(producer, topic).topics[topic].error
            if error is None:
                return
            if self.context.stopping.wait(0.2):
                raise Disconnected(error.str())
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            help = "make the topic; the brokers do not make it by themselves"
            raise Misconfigured("topic_id", f"topic `{topic}` does not exist", help)

    def deliver(self, payload: Payload) -> Future[None] | None:
        if self._framing is not None:
            data = self._framing.framed(payload.data)
            payload = Payload(data, payload.events, payload.lane, payload.count)
        if self._transactions is not None:
            if self._files.changed():
                self._transactions.expire("the certificates have changed")
            return self._transactions.deliver(payload, self._rows.topic)
        delivering = self._delivering
        if delivering is None:
            raise Disconnected("the producer is closed")
        if delivering.watch.fatal is not None:
            raise Disconnected(f"the producer cannot go on: {delivering.watch.fatal.str()}")
        if self._files.changed():
            raise Disconnected("the certificates have changed", after=0.0)
        request = delivering.begin(payload.data)
        delivering.send(request)
        return request.future

    def _disconnect(self) -> None:
        delivering, self._delivering = self._delivering, None
        if self._transactions is not None:
            self._transactions.adopt(None)
        if delivering is not None:
            delivering.close()

    def close(self) -> None:
        self._disconnect()
        if self.changelog is not None:
            self.changelog.close()
        if self._framing is not None:
            self._framing.close()
