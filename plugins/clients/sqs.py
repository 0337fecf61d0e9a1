"""SQS: the options that name a queue, and a queue as its input, its output and whoever is notified
by one use it.

Up to ten messages go into one request, and each of them is answered by itself: what failed, and
whether the sender is to blame, is known message by message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from ..contract import Misconfigured
from ..declaration import option
from ..option_groups import option_group
from .aws import Aws
from .aws_errors import is_temporary

T = TypeVar("T")

MOST = 10
"""How many messages a request may have."""

LONGEST_POLL = 20
"""Seconds that a request for messages may wait for some."""

_DEFAULT_VISIBILITY = 30.0
_COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


@option_group
class QueueOptions:
    """The options that name a queue."""

    queue: str = option("The name of the queue, or its URL.")
    queue_owner_aws_account_id: str | None = option(
        "The account that owns the queue, where it is another.", default=None
    )


class Failure(NamedTuple):
    """Why a message of a request was not taken. ``is_temporary``: it may be, later."""

    code: str
    reason: str
    is_temporary: bool


class Queue:
    """A queue that exists. ``attributes``: what is known of it; nothing, where that may not be
    asked. Its methods may be called from any thread, and raise as ``Aws.asked`` does.
    """

    def __init__(
        self, aws: Aws, client: Any, url: str, attributes: Mapping[str, str], option: str
    ) -> None:
        self.url, self.attributes = url, attributes
        self._aws, self._client, self._option = aws, client, option

    @property
    def name(self) -> str:
        """The name of the queue."""
        return self.url.rpartition("/")[2]

    @property
    def is_fifo(self) -> bool:
        """Whether it keeps order."""
        return self.url.endswith(".fifo")

    @property
    def visibility(self) -> float:
        """Seconds for which a message that was received is not given to others."""
        return float(self.attributes.get("VisibilityTimeout", _DEFAULT_VISIBILITY))

    def receive(self, wait: int, visibility: float) -> list[dict[str, Any]]:
        """Up to ten messages, waiting for some so many seconds."""
        answer = self.asked(
            self._client.receive_message,
            MaxNumberOfMessages=MOST,
            WaitTimeSeconds=wait,
            VisibilityTimeout=int(visibility),
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return list(answer.get("Messages") or ())

    def lag(self) -> int | None:
        """About how many messages are not deleted yet; None where that may not be asked."""
        if not self.attributes:
            return None
        answer = self.asked(self._client.get_queue_attributes, AttributeNames=list(_COUNTS))
        found = answer.get("Attributes") or {}
        return sum(int(found.get(name, 0)) for name in _COUNTS)

    def send(self, entries: Sequence[Mapping[str, Any]]) -> dict[int, Failure]:
        """Send up to ten messages; which of them failed, by index."""
        return self._batch(self._client.send_message_batch, entries)

    def delete(self, receipts: Sequence[str]) -> dict[int, Failure]:
        """Delete up to ten messages; which of them failed, by index."""
        entries = [{"ReceiptHandle": receipt} for receipt in receipts]
        return self._batch(self._client.delete_message_batch, entries)

    def hide(self, receipts: Sequence[str], seconds: float) -> dict[int, Failure]:
        """Give up to ten messages to nobody for so many seconds from now on; which failed."""
        hidden = {"VisibilityTimeout": int(seconds)}
        entries = [{"ReceiptHandle": receipt, **hidden} for receipt in receipts]
        return self._batch(self._client.change_message_visibility_batch, entries)

    def _batch(
        self, command: Callable[..., Any], entries: Sequence[Mapping[str, Any]]
    ) -> dict[int, Failure]:
        return failures_of(self.asked(command, Entries=numbered(entries)))

    def asked(self, command: Callable[..., Any], **parameters: Any) -> Any:
        """What a command of this queue answers."""
        return self._aws.asked(self._option, command, QueueUrl=self.url, **parameters)

    def close(self) -> None:
        """Let go of its connections."""
        self._client.close()


def numbered(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Entries of a request, each with its index as its id."""
    return [{"Id": str(index), **entry} for index, entry in enumerate(entries)]


def failures_of(answer: Mapping[str, Any]) -> dict[int, Failure]:
    """Which entries of a request failed, by index."""
    return {int(each["Id"]): _failure(each) for each in answer.get("Failed") or ()}


def _failure(entry: Mapping[str, Any]) -> Failure:
    code, message = str(entry.get("Code", "")), entry.get("Message")
    temporary = is_temporary(code) or not entry.get("SenderFault", True)
    return Failure(code, f"{code} ({message})" if message else code, temporary)


def open_queue(
    aws: Aws, queue: str, owner: str | None = None, option: str = "queue", **settings: Any
) -> Queue:
    """A queue by its name or URL, with a client of its own. ``option``: the option that names it;
    ``settings``: see ``Aws.client``. Raises Misconfigured, Disconnected, Retry.
    """
    client = aws.client("sqs", **settings)
    try:
        url = queue
        if "://" not in queue:
            wanted = {"QueueName": queue}
            if owner:
                wanted["QueueOwnerAWSAccountId"] = owner
            url = aws.asked(option, client.get_queue_url, **wanted)["QueueUrl"]
        attributes = _attributes(aws, client, url, option)
    except BaseException:
        client.close()
        raise
    return Queue(aws, client, url, attributes, option)


def _attributes(aws: Aws, client: Any, url: str, option: str) -> Mapping[str, str]:
    """What is known of a queue; nothing where that may not be asked."""
    try:
        answer = aws.asked(
            option, client.get_queue_attributes, QueueUrl=url, AttributeNames=["All"]
        )
    except Misconfigured as error:
        if not error.reason.startswith("access denied"):
            raise
        return {}
    found: Mapping[str, str] = answer.get("Attributes") or {}
    return found


def pieces(items: Iterable[T], size: int = MOST) -> Iterable[list[T]]:
    """Items in lists of so many."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
