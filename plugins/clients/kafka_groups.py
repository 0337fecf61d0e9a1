"""Who else is in a consumer group."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from .kafka_client import QUIET

log = logging.getLogger("penstock")

_PATIENCE = 5.0
_LOOKS = 0.5


def others_in_group(
    config: Mapping[str, Any],
    group: str,
    own: str | None,
    wait: float,
    stopping: threading.Event,
) -> bool:
    """Whether a group has members, still after so many seconds: one that was killed is a member
    until its session is over. ``config``: of any client; ``own``: the static name of who asks.
    False where the brokers do not say.
    """
    admin = AdminClient({**config, **QUIET})
    end = time.monotonic() + wait
    while _has_others(admin, group, own):
        if time.monotonic() >= end or stopping.wait(_LOOKS):
            return not stopping.is_set()
    return False


def _has_others(admin: AdminClient, group: str, own: str | None) -> bool:
    (future,) = admin.describe_consumer_groups([group], request_timeout=_PATIENCE).values()
    try:
        members = future.result().members
    except KafkaException as error:
        log.debug("the group %s cannot be described: %s", group, error)
        return False
    return any(own is None or each.group_instance_id != own for each in members)
