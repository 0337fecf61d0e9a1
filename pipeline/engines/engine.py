"""What an engine is: something that runs a plan elsewhere, found by its name.

Penstock's own stand in ``ENGINES``; others are entry points of the group ``penstock.engines``, each
of which names a class with the shape of ``Engine``. No engine is imported before it is asked for,
since each brings a large package.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

from ...dsl.diagnostics import Diagnostic, PenstockError, did_you_mean
from .abilities import Abilities
from .plan import Plan

GROUP = "penstock.engines"

ENGINES = {
    "local": ".local:LocalEngine",
    "spark": ".spark.engine:SparkEngine",
    "flink": ".flink.job:FlinkEngine",
}
"""The engines that come with Penstock: name, module below this package, class."""


class UnknownEngine(PenstockError, LookupError):
    """An engine that cannot be had."""


class Job(Protocol):
    """A plan that runs on an engine."""

    def wait(self) -> None:
        """Return when the job has ended; raises what it failed with, an OSError, Undelivered or
        ConfigError among others.
        """
        ...

    def stop(self) -> None:
        """Let the job end in order: what was read is delivered, positions and state are saved. From
        any thread; returns at once.
        """
        ...

    def figures(self) -> Mapping[str, int | float]:
        """How far the job has come, by name: ``events_in``, ``events_out``, as far as the engine
        knows them those of ``observe.metric_table.ENGINE``, and its own. From any thread.
        """
        ...


class Engine(Protocol):
    """Runs plans. ``abilities`` is what it can do, as plain data."""

    name: str
    abilities: Abilities

    def check(self, plan: Plan) -> list[Diagnostic]:
        """What it refuses of a plan besides what the plan says itself."""
        ...

    def start(self, plan: Plan, options: Mapping[str, str], checkpoint: str | None = None) -> Job:
        """Begin to run a plan. ``options`` are the engine's own, as ``--engine-option`` gave them;
        ``checkpoint``: the directory of positions and state. Raises ConfigError for options that
        it does not know.
        """
        ...


def engine_named(name: str) -> Engine:
    """The engine of a name. Raises UnknownEngine where it is not known, or its package is not
    installed.
    """
    target = ENGINES.get(name)
    try:
        if target is not None:
            module, _, cls = target.partition(":")
            found: Any = getattr(importlib.import_module(module, __package__), cls)
        else:
            found = _foreign(name)
    except ModuleNotFoundError as error:
        raise missing(name, error) from error
    made: Engine = found()
    return made


def missing(name: str, error: ModuleNotFoundError) -> UnknownEngine:
    """An engine whose package is not installed."""
    message = f"the engine `{name}` needs the package `{error.name}`"
    return UnknownEngine(f"{message}: pip install 'penstock[{name}]'")


def _foreign(name: str) -> Any:
    from importlib.metadata import entry_points

    for entry in entry_points(group=GROUP):
        if entry.name == name:
            return entry.load()
    if name == "kafka":
        help = "Kafka groups run by plain `penstock run`: leave out --engine"
        raise UnknownEngine(f"`kafka` is the name of a plan alone: {help}")
    help = did_you_mean(name, ENGINES) or "known ones: " + ", ".join(ENGINES)
    raise UnknownEngine(f"unknown engine `{name}`: {help}")
