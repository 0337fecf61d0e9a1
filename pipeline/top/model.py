"""Two readings of the API make rates: what each pipeline and plugin did between them.

A counter that has fallen was counted anew, after a restart or a reload: its rate is not known then,
and is None. Nothing here knows how it is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .client import Reading

Document = Mapping[str, Any]
Rate = float | None


@dataclass(frozen=True, slots=True)
class PipelineRow:
    """A pipeline: events a second, and how many or how much is kept."""

    name: str
    running: bool
    into: Rate
    filtered: Rate
    out: Rate
    queue_events: int
    dead_letters: int | None
    """Bytes; None where none are kept."""
    workers: int
    reloads: int
    reload_failures: int


@dataclass(frozen=True, slots=True)
class InputRow:
    """An input: events a second, what it has not delivered yet, as far as it tells."""

    pipeline: str
    title: str
    out: Rate
    lag_events: float | None
    lag_bytes: float | None


@dataclass(frozen=True, slots=True)
class FilterRow:
    """A filter: ``cost`` is seconds of work a second, ``each`` seconds an event."""

    pipeline: str
    title: str
    into: Rate
    out: Rate
    cost: Rate
    each: float | None
    failures: Rate
    share: float | None = None
    """Of the time of all filters of its pipeline."""


@dataclass(frozen=True, slots=True)
class OutputRow:
    """An output: events a second, and ``latency`` in seconds of a request between the readings."""

    pipeline: str
    title: str
    delivered: Rate
    retried: Rate
    waiting: int
    lost: int
    """Dropped, rejected and dead-lettered since the start."""
    latency: float | None
    circuit: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What is to be shown at one moment. ``cpu``: processors in use, those of workers included;
    ``memory``: bytes; ``reasons``: why events do not go through.
    """

    host: str
    version: str
    uptime: float
    cpu: Rate
    memory: int
    children: int
    children_memory: int
    reasons: tuple[str, ...]
    pipelines: list[PipelineRow] = field(default_factory=list)
    inputs: list[InputRow] = field(default_factory=list)
    filters: list[FilterRow] = field(default_factory=list)
    outputs: list[OutputRow] = field(default_factory=list)


def frame(before: Reading | None, now: Reading) -> Frame:
    """What happened between two readings of one process; without a first one there are no rates."""
    change = _Change(before, now)
    stats, process = now.stats, now.stats["process"]
    children = process.get("children", {})
    found = Frame(
        host=stats["host"],
        version=stats["version"],
        uptime=process["uptime_in_millis"] / 1000,
        cpu=change.cpu(),
        memory=process["mem"]["resident_in_bytes"],
        children=children.get("count", 0),
        children_memory=children.get("resident_in_bytes", 0),
        reasons=now.reasons,
    )
    for name, told in stats["pipelines"].items():
        found.pipelines.append(_pipeline(change, name, told))
        plugins = told["plugins"]
        found.inputs.extend(_input(change, name, each) for each in plugins["inputs"])
        found.filters.extend(_with_shares([_filter(change, name, e) for e in plugins["filters"]]))
        found.outputs.extend(_output(change, name, each) for each in plugins["outputs"])
    return found


class _Change:
    """Rates of counters, each named by its way through the document."""

    def __init__(self, before: Reading | None, now: Reading) -> None:
        self._seconds = 0.0 if before is None else now.at - before.at
        self._before = {} if before is None else dict(_counters(before.stats))
        self._now = dict(_counters(now.stats))

    def rate(self, *way: str) -> Rate:
        """By how much a second a counter grew; None where that is not known."""
        grown = self.grown(*way)
        return None if grown is None else grown / self._seconds

    def grown(self, *way: str) -> float | None:
        """By how much a counter grew; None where that is not known."""
        if way not in self._before or way not in self._now or self._seconds <= 0:
            return None
        grown = self._now[way] - self._before[way]
        return grown if grown >= 0 else None

    def cpu(self) -> Rate:
        """Processors in use. Children come and go: what a change of them hides is left out."""
        own = self.rate("process", "cpu")
        children = self.rate("process", "children")
        return None if own is None else own + (children or 0.0)


def _counters(stats: Document) -> Iterator[tuple[tuple[str, ...], float]]:
    process = stats["process"]
    yield ("process", "cpu"), process["cpu"]["total_in_millis"] / 1000
    yield ("process", "children"), process.get("children", {}).get("cpu_in_millis", 0) / 1000
    for name, told in stats["pipelines"].items():
        for key in ("in", "filtered", "out"):
            yield (name, key), told["events"][key]
        for section in ("inputs", "filters", "outputs"):
            for plugin in told["plugins"][section]:
                for key, value in _of_plugin(plugin):
                    yield (name, plugin["id"], key), value


def _of_plugin(plugin: Document) -> Iterator[tuple[str, float]]:
    delivery = plugin.get("delivery", {})
    yield from plugin["events"].items()
    yield "failures", plugin.get("failures", 0)
    for key in ("delivered", "retried", "requests"):
        if key in delivery:
            yield key, delivery[key]
    if "latency_in_seconds" in delivery:
        yield "latency", delivery["latency_in_seconds"]["sum"]


def _pipeline(change: _Change, name: str, told: Document) -> PipelineRow:
    letters = told.get("dead_letter_queue")
    return PipelineRow(
        name=name,
        running=told.get("running", True),
        into=change.rate(name, "in"),
        filtered=change.rate(name, "filtered"),
        out=change.rate(name, "out"),
        queue_events=told["queue"]["events_count"],
        dead_letters=None if letters is None else letters["queue_size_in_bytes"],
        workers=told.get("workers", {}).get("count", 0),
        reloads=told["reloads"]["successes"],
        reload_failures=told["reloads"]["failures"],
    )


def _title(plugin: Document) -> str:
    """The name and the id; where none was given, the place without its directory."""
    name, place = plugin["name"], plugin["place"]
    is_given = plugin["id"] not in (place, f"{name}@{place}")
    return f"{name} {plugin['id'] if is_given else place.rpartition('/')[2]}"


def _input(change: _Change, pipeline: str, plugin: Document) -> InputRow:
    own = plugin.get("metrics", {})
    out = change.rate(pipeline, plugin["id"], "out")
    return InputRow(pipeline, _title(plugin), out, own.get("lag"), own.get("lag_bytes"))


def _filter(change: _Change, pipeline: str, plugin: Document) -> FilterRow:
    key = pipeline, plugin["id"]
    seconds, events = change.grown(*key, "seconds"), change.grown(*key, "in")
    return FilterRow(
        pipeline=pipeline,
        title=_title(plugin),
        into=change.rate(*key, "in"),
        out=change.rate(*key, "out"),
        cost=change.rate(*key, "seconds"),
        each=seconds / events if seconds is not None and events else None,
        failures=change.rate(*key, "failures"),
    )


def _with_shares(rows: list[FilterRow]) -> list[FilterRow]:
    total = sum(row.cost or 0.0 for row in rows)
    if not total:
        return rows
    return [replace(row, share=(row.cost or 0.0) / total) for row in rows]


def _output(change: _Change, pipeline: str, plugin: Document) -> OutputRow:
    key, delivery = (pipeline, plugin["id"]), plugin.get("delivery", {})
    seconds, requests = change.grown(*key, "latency"), change.grown(*key, "requests")
    return OutputRow(
        pipeline=pipeline,
        title=_title(plugin),
        delivered=change.rate(*key, "delivered"),
        retried=change.rate(*key, "retried"),
        waiting=delivery.get("waiting", 0),
        lost=sum(delivery.get(name, 0) for name in ("dropped", "rejected", "dead_lettered")),
        latency=seconds / requests if seconds is not None and requests else None,
        circuit=delivery.get("circuit", "closed"),
    )
