"""The input sqs: messages of a queue, deleted when every output has them.

The parts: ``clients.sqs`` (requests), ``_sqs_receiver`` (polls), ``_sqs_leases`` (what becomes of
messages under way), ``_sqs_messages`` (events of them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...dsl.reference import FieldRef
from ..batch import Batch, Position
from ..clients.aws import Aws, AwsOptions
from ..clients.sqs import LONGEST_POLL, Queue, QueueOptions, open_queue
from ..codec import Codec
from ..contract import ConnectorError, Input, Outcome
from ..declaration import Duration, option
from ._sqs_leases import Leases
from ._sqs_messages import Fields, batch_of
from ._sqs_receiver import Receiver

_LONGEST_VISIBILITY = 43_200
_SHORTEST_VISIBILITY = 10.0
_SHORTEST_PAUSE = 0.1
_ANSWER_WITHIN = 15
"""Seconds in which an answer comes beyond those that a request waits for messages."""


class Sqs(QueueOptions, AwsOptions, Input, name="sqs"):
    """Read messages from a queue of SQS.

    A message is deleted when every output has its events, ten at a time. While they are under way
    it stays invisible to others, however long that takes; where they failed, and at a stop, it is
    visible again at once. After a kill it comes again when its visibility timeout is over. What
    comes again too often goes to the queue's own dead letters, if it has a redrive policy.

    Of a FIFO queue the messages of a group are given in their order, and no more of a group before
    those are deleted; when one fails, it is given again with those behind it.

    `[@metadata][sqs]` has `queue`, `message_id`, `receive_count`, `sent_timestamp` (milliseconds),
    `attributes`, and of a FIFO queue `message_group_id`, `message_deduplication_id` and
    `sequence_number`.

    Differs from Logstash: `visibility_timeout` is an addition, `queue` may be a URL, and messages
    are never deleted before their events were delivered. An event that has the field already which
    `id_field`, `md5_field` or `sent_timestamp_field` names keeps its own.
    """

    replays = True
    default_codec = "json"

    polling_frequency: Duration = option(
        "Seconds that a request waits for messages, up to 20. Under 1 a request does not wait, and"
        " the next one comes after so many seconds where it brought none, 0.1 at least.",
        default=Duration(LONGEST_POLL),
        at_least=0,
    )
    threads: int = option("How many requests are under way at once.", default=1, at_least=1)
    id_field: FieldRef | None = option("The field for the id of the message.", default=None)
    md5_field: FieldRef | None = option("The field for the MD5 sum of its body.", default=None)
    sent_timestamp_field: FieldRef | None = option(
        "The field for the time when it was sent.", default=None
    )
    visibility_timeout: Duration | None = option(
        "Seconds after which messages that a process had come again when that was killed; default:"
        " as the queue says, but 10 at least.",
        default=None,
        at_least=1,
    )

    _queue: Queue | None = None

    def prepare(self) -> None:
        self._aws = Aws(self, self)
        self._codec = self.new_codec()
        self._fields = Fields(self.id_field, self.md5_field, self.sent_timestamp_field)
        self._leases = Leases(self.context.log, self.threads)
        self._wait = min(LONGEST_POLL, int(self.polling_frequency))
        pause = 0.0 if self._wait else max(_SHORTEST_PAUSE, self.polling_frequency)
        self._receiver = Receiver(
            self._leases,
            self.threads,
            self._wait,
            pause,
            self.context.stopping.is_set,
            lambda lag: self.context.metrics.gauge("lag").set(lag),
        )
        if not self.queue:
            self.problem("queue", "the name is empty", 'write queue => "name"')
        if (self.visibility_timeout or 0) > _LONGEST_VISIBILITY:
            message = f"SQS takes {_LONGEST_VISIBILITY} seconds at most"
            self.problem("visibility_timeout", message, "give a shorter time")

    def decoder(self) -> Codec | None:
        return self._codec

    def connect(self) -> None:
        self._leave()
        queue = open_queue(
            self._aws,
            self.queue,
            self.queue_owner_aws_account_id,
            max_pool_connections=2 * self.threads + 1,
            read_timeout=self._wait + _ANSWER_WITHIN,
            connect_timeout=10,
        )
        self._queue = self._leases.queue = queue
        visibility = self.visibility_timeout or max(queue.visibility, _SHORTEST_VISIBILITY)
        self._leases.visibility = float(visibility)
        self._receiver.start(queue)

    def _leave(self) -> None:
        self._receiver.stop()
        queue, self._queue = self._queue, None
        if queue is not None:
            queue.close()

    def read(self, timeout: float) -> Batch | None:
        self._see_to_messages()
        leases = self._receiver.take(timeout)
        return batch_of(leases, self._fields, self.queue) if leases else None

    def _see_to_messages(self) -> None:
        self._leases.renew()
        try:
            self._leases.flush()
        except ConnectorError as error:
            self._cannot(error)

    def _cannot(self, error: ConnectorError) -> None:
        self.context.log.warning("messages cannot be deleted yet: %s", error, about="delete")

    def wake(self) -> None:
        self._receiver.wake()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        for leases, error in outcomes:
            self._leases.end(leases, is_delivered=error is None)
        self._leases.flush()

    def tend(self, timeout: float) -> None:
        self._see_to_messages()

    def close(self) -> None:
        self._receiver.stop()
        if self._queue is not None:
            self._leases.close()
        self._leave()
