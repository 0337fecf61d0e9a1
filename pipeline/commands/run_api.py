"""The API of a run, where the settings ask for one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..runtime.supervisor import Supervisor

if TYPE_CHECKING:
    from ..api.documents import Node
    from ..api.server import Api

log = logging.getLogger("penstock")


def started_api(supervisor: Supervisor, settings: Mapping[str, Any]) -> Api | None:
    """The API of all pipelines of a supervisor; None where none is wanted. Raises ConfigError where
    it cannot be had as the settings say.
    """
    if not settings["api.enabled"]:
        return None
    from ..api.server import Api
    from ..api.settings import check_settings

    check_settings(settings)
    api = Api(lambda address: node_of(supervisor, address), settings)
    log.info("the API listens on %s", api.start())
    return api


def node_of(supervisor: Supervisor, address: str = "") -> Node:
    """The process, as it is told to others."""
    from ... import __version__
    from ..api.documents import Node

    return Node(supervisor.members, address, __version__)
