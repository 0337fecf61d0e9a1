"""Exchanges, queues and bindings, declared with each connection.

Declaring what is there already, in the same way, changes nothing; in another way it is refused, and
the option that differs is to blame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .rabbitmq_link import Link


class Exchange(NamedTuple):
    """An exchange. ``kind``: None where it is only used; ``passive``: it must be there."""

    name: str
    kind: str | None
    durable: bool
    passive: bool = False
    arguments: Mapping[str, Any] = {}


class Queue(NamedTuple):
    """A queue; one without a name gets one of the server. ``passive``: it must be there."""

    name: str
    durable: bool
    auto_delete: bool
    exclusive: bool
    passive: bool
    arguments: Mapping[str, Any]


def arguments_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as the server wants them: what is written as `true` and `false` is a boolean."""
    booleans = {"true": True, "false": False}
    return {
        name: booleans.get(value, value) if isinstance(value, str) else value
        for name, value in given.items()
    }


def declare_exchange(link: Link, exchange: Exchange) -> None:
    """Declare an exchange. The default exchange, whose name is empty, is always there. Raises
    Disconnected, Misconfigured.
    """
    if not exchange.name or exchange.kind is None:
        return
    channel, kind = link.channel, exchange.kind
    assert channel is not None
    link.ask(
        lambda answer: channel.exchange_declare(
            exchange.name,
            kind,
            passive=exchange.passive,
            durable=exchange.durable,
            arguments=dict(exchange.arguments),
            callback=answer,
        ),
        "exchange",
    )


def declare_queue(link: Link, queue: Queue) -> str:
    """Declare a queue; its name. Raises Disconnected, Misconfigured."""
    channel = link.channel
    assert channel is not None
    answer = link.ask(
        lambda answer: channel.queue_declare(
            queue.name,
            passive=queue.passive,
            durable=queue.durable,
            exclusive=queue.exclusive,
            auto_delete=queue.auto_delete,
            arguments=dict(queue.arguments),
            callback=answer,
        ),
        "queue",
    )
    return str(answer.queue)


def bind(link: Link, queue: str, exchange: str, key: str) -> None:
    """Have what an exchange routes by a key go to a queue. Raises Disconnected, Misconfigured."""
    channel = link.channel
    assert channel is not None
    link.ask(lambda answer: channel.queue_bind(queue, exchange, key, callback=answer), "exchange")


def count_of(link: Link, queue: str) -> int:
    """How many messages a queue has. Raises Disconnected, Misconfigured."""
    channel = link.channel
    assert channel is not None
    answer = link.ask(
        lambda answer: channel.queue_declare(queue, passive=True, callback=answer), "queue"
    )
    return int(answer.message_count)
