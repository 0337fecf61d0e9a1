"""The input lumberjack: as beats, for configurations that have the older name."""

from __future__ import annotations

from ..declaration import option
from ._beats_listener import ENRICHMENTS, BeatsListener


class Lumberjack(BeatsListener, name="lumberjack"):
    """Listen for Logstash-Forwarder, the output `lumberjack` of Logstash and Penstock, and Beats.

    It is the input `beats` with the defaults that Logstash's plugin `lumberjack` had: connections
    have TLS, so that `ssl_certificate` and `ssl_key` are required where `ssl_enabled` is not
    false, and nothing is added to events. What is said there of acknowledgements holds here too.

    Differs from Logstash: Beats are understood as well; `congestion_threshold` has no effect, since
    a client is told to wait and not disconnected.
    """

    ssl_enabled: bool = option("Whether connections are encrypted with TLS.", default=True)
    enrich: list[str] = option(
        "What is added to events; see the input `beats`.",
        default=["none"],
        choices=ENRICHMENTS,
    )
    congestion_threshold: float = option(
        "Has no effect.", default=5, deprecated="remove it: it has no effect"
    )
