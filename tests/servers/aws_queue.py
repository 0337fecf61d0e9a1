"""A queue of SQS, as tests fill it and look into it."""
from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

from . import aws


class Queue:
    """A new queue. ``options``: its attributes; ``is_fifo``: it keeps order."""

    def __init__(self, port: int, is_fifo: bool = False, **options: str) -> None:
        self.client = aws.client("sqs", port)
        self.name = aws.fresh("q") + (".fifo" if is_fifo else "")
        attributes = {**({"FifoQueue": "true"} if is_fifo else {}), **options}
        self.url = self.client.create_queue(QueueName=self.name, Attributes=attributes)["QueueUrl"]
        self._is_fifo, self._count = is_fifo, 0

    @property
    def arn(self) -> str:
        return str(self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])

    def put(self, messages: Sequence[str], groups: Sequence[str] = ("one",)) -> None:
        """Have messages, of groups in turn where it is a FIFO queue."""
        entries: list[dict[str, Any]] = []
        for message in messages:
            entry = {"Id": str(len(entries)), "MessageBody": message}
            if self._is_fifo:
                entry |= {"MessageGroupId": groups[self._count % len(groups)], "MessageDeduplicationId": str(self._count)}
            self._count += 1
            entries.append(entry)
            if len(entries) == 10 or sum(len(each["MessageBody"]) for each in entries) > 128_000:
                self._send(entries)
                entries = []
        self._send(entries)

    def _send(self, entries: list[dict[str, Any]]) -> None:
        if entries:
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed"), answer

    def take(self) -> list[dict[str, Any]]:
        """All messages that are visible, in order, taken out."""
        taken: list[dict[str, Any]] = []
        while True:
            answer = self.client.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"])
            messages = answer.get("Messages") or []
            if not messages:
                return taken
            taken += messages
            entries = [{"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]} for number, each in enumerate(messages)]
            self.client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def counts(self) -> tuple[int, int]:
        """How many messages are visible, and how many are not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=list(names))["Attributes"]
        return int(found[names[0]]), int(found[names[1]])

    def close(self) -> None:
        with contextlib.suppress(Exception):
            self.client.close()
