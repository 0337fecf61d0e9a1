"""What each engine can do, as plain data: a plan needs no engine installed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

_IN_RANGES = "ranges"
_ITSELF = "input"
_ENGINE = "engine"
_DRIVER = "driver"


class Abilities(msgspec.Struct, frozen=True):
    """``reads``: how it reads an input: in ``ranges`` of files, as messages of the ``engine``'s own
    source, or by the ``input`` itself in one task. ``writes``: outputs that are not delivered in
    the tasks, and where they are: by the ``engine``'s own sink, or at the ``driver``.

    ``tails``: whether it follows files that grow. ``guarantees``: by output, and ``*`` for others.
    """

    reads: Mapping[str, str]
    writes: Mapping[str, str]
    bounded: bool = True
    unbounded: bool = True
    keyed: bool = True
    tails: bool = False
    exchanges: bool = True
    """Whether events are brought to where their key is; else the source must be keyed so."""

    position: str = ""
    guarantees: Mapping[str, str] = {}


AT_LEAST_ONCE = "at least once"

ABILITIES = {
    "local": Abilities(
        {"file": _IN_RANGES, "generator": _ITSELF},
        {"stdout": _DRIVER},
        unbounded=False,
        position="none: a run begins anew",
        guarantees={"*": AT_LEAST_ONCE},
    ),
    "spark": Abilities(
        {"file": _IN_RANGES, "generator": _ITSELF, "kafka": _IN_RANGES},
        {"stdout": _DRIVER},
        tails=True,
        position="the checkpoint directory: positions and state of each batch",
        guarantees={"file": "exactly once", "*": AT_LEAST_ONCE},
    ),
    "flink": Abilities(
        {"file": _IN_RANGES, "generator": _ITSELF, "kafka": _ENGINE},
        {"file": _ENGINE, "kafka": _ENGINE, "stdout": _DRIVER},
        position="the checkpoint directory",
        guarantees={
            "file": "exactly once",
            "kafka": "exactly once, for readers of committed records",
            "*": AT_LEAST_ONCE,
        },
    ),
    "kafka": Abilities(
        {"kafka": _ENGINE},
        {},
        bounded=False,
        exchanges=False,
        position="the group's offsets, and a changelog topic for state",
        guarantees={"kafka": "exactly once, with `exactly_once`", "*": AT_LEAST_ONCE},
    ),
}
"""Kafka groups run by plain ``penstock run``: there is a plan for them and no engine."""
