"""Being the only member of a group: where filters hold what another member would lack.

Who finds members there does not join. Two that begin at one moment find nobody, and both join; so
each looks once more when it is a member itself, before it reads. Whoever came second sees the
first one then. Where both see each other, the one whose member id sorts later leaves at once, and
the other one waits for that; a member that has looked before, and reads, does not leave, so that
who waits in vain leaves, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..clients.kafka_groups import GroupLook, others_in_group
from ..contract import Misconfigured, Plugin
from ._kafka_member import GroupMember

_PATIENCE = 5.0
_JOINING = 30.0
_LOOKS = 0.5


class Alone:
    """Sees to it that a plugin's process is alone in a group. ``config`` gives that of any client;
    ``own``: the static name of this member; ``session``: seconds until a member that was killed is
    no longer counted. Both methods raise Misconfigured where it is not alone.
    """

    def __init__(
        self,
        plugin: Plugin,
        config: Callable[[], Mapping[str, Any]],
        group: str,
        own: str | None,
        session: float,
    ) -> None:
        self._plugin, self._config = plugin, config
        self._group, self._own = group, own
        self._wait = session + _PATIENCE

    def check(self) -> None:
        """Before it joins."""
        if others_in_group(self._look(), self._wait, self._plugin.context.stopping):
            raise self._refusal()

    def check_joined(self, member: GroupMember) -> None:
        """When it has joined, before it reads."""
        stopping, look = self._plugin.context.stopping, self._look()
        member.await_group(_JOINING, stopping)
        end = time.monotonic() + self._wait
        while not stopping.is_set():
            own = member.id
            others = look.members() - {own}
            if not others:
                return
            if time.monotonic() >= end or own > min(others):
                raise self._refusal()
            member.await_news(_LOOKS)

    def _look(self) -> GroupLook:
        return GroupLook(self._config(), self._group, self._own)

    def _refusal(self) -> Misconfigured:
        return Misconfigured(
            "group_id",
            f"another process of the group `{self._group}` reads, and what filters of event"
            " time hold is with one process",
            "set `exactly_once => true` here and at one output `kafka`: then state is kept with"
            " the partitions (docs/scaling-kafka.md), or take another `group_id`",
        )
