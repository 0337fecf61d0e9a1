"""The API of a run, where the settings ask for one."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..api.documents import Member, Node
    from ..api.server import Api

log = logging.getLogger("penstock")


def started_api(members: Sequence[Member], settings: Mapping[str, Any]) -> Api | None:
    """The API of pipelines, as many as there are when it is asked; None where none is wanted.
    Raises ConfigError where it cannot be had as the settings say.
    """
    if not settings["api.enabled"]:
        return None
    from ..api.server import Api
    from ..api.settings import check_settings

    check_settings(settings)
    api = Api(lambda address: node_of(members, address), settings)
    log.info("the API listens on %s", api.start())
    return api


def node_of(members: Sequence[Member], address: str = "") -> Node:
    """The process, as it is told to others."""
    from ... import __version__
    from ..api.documents import Node

    return Node(members, address, __version__)
