"""Who is in a consumer group."""

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


class GroupLook:
    """Looks at a group as the brokers know it. ``config``: of any client; ``own``: the static name
    of who asks, whose members are not counted.
    """

    def __init__(self, config: Mapping[str, Any], group: str, own: str | None) -> None:
        self._admin = AdminClient({**config, **QUIET})
        self._group, self._own = group, own

    def members(self) -> set[str]:
        """The ids of its members; none where the brokers do not say."""
        asked = self._admin.describe_consumer_groups([self._group], request_timeout=_PATIENCE)
        (future,) = asked.values()
        try:
            members = future.result().members
        except KafkaException as error:
            log.debug("the group %s cannot be described: %s", self._group, error)
            return set()
        own = self._own
        return {m.member_id for m in members if own is None or m.group_instance_id != own}


def others_in_group(look: GroupLook, wait: float, stopping: threading.Event) -> bool:
    """Whether a group has members, still after so many seconds: one that was killed is a member
    until its session is over.
    """
    end = time.monotonic() + wait
    while look.members():
        if time.monotonic() >= end or stopping.wait(_LOOKS):
            return not stopping.is_set()
    return False
