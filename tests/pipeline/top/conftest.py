"""Readings of an imagined process, as the API would tell them."""
from __future__ import annotations

from typing import Any

from penstock.pipeline.top.client import Reading

MIB = 1 << 20


def plugin(name: str, known: str, **more: Any) -> dict[str, Any]:
    return {"id": known, "name": name, "place": "shop.conf:1:1", "events": {"in": 0, "out": 0, "seconds": 0.0}, **more}


def delivery(**more: Any) -> dict[str, Any]:
    told = {"delivered": 0, "retried": 0, "dropped": 0, "rejected": 0, "dead_lettered": 0, "waiting": 0, "requests": 0, "circuit": "closed"}
    return {**told, "latency_in_seconds": {"buckets": {}, "sum": 0.0}, **more}


def pipeline(into: int, plugins: dict[str, Any], **more: Any) -> dict[str, Any]:
    told = {
        "events": {"in": into, "filtered": into, "out": into},
        "plugins": {"inputs": [], "filters": [], "outputs": [], **plugins},
        "queue": {"events_count": 0},
        "reloads": {"successes": 0, "failures": 0},
        "running": True,
        "workers": {"count": 1},
    }
    return {**told, **more}


def reading(at: float, pipelines: dict[str, Any], cpu: float = 0.0, reasons: tuple[str, ...] = ()) -> Reading:
    process = {
        "uptime_in_millis": 11_520_000 + 1000 * at,
        "cpu": {"total_in_millis": 1000 * cpu},
        "mem": {"resident_in_bytes": 45 * MIB},
        "children": {"count": 3, "resident_in_bytes": 96 * MIB, "cpu_in_millis": 0},
    }
    return Reading(at, {"host": "web-1", "version": "0.1.0", "process": process, "pipelines": pipelines}, reasons)


def shop(second: int) -> dict[str, Any]:
    """Two pipelines that run for so many seconds: one busy, one whose output fails."""
    parts = plugin("grok", "parts", events={"in": 1200 * second, "out": 1200 * second, "seconds": 0.012 * second}, failures=3 * second)
    where = plugin("geoip", "where", events={"in": 600 * second, "out": 600 * second, "seconds": 0.004 * second})
    old = plugin("drop", "old", events={"in": 1200 * second, "out": 1180 * second, "seconds": 0.001 * second})
    search = delivery(delivered=1180 * second, retried=20 * second, requests=4 * second, waiting=2400, latency_in_seconds={"sum": 0.3 * second})
    access = {
        "inputs": [plugin("file", "access", events={"out": 1200 * second}, metrics={"lag_bytes": 3 * MIB})],
        "filters": [old, where, parts],
        "outputs": [plugin("opensearch", "search", delivery=search)],
    }
    orders = {
        "inputs": [plugin("kafka", "orders", events={"out": 5 * second}, metrics={"lag": 81_000})],
        "outputs": [plugin("http", "shop", delivery=delivery(waiting=500, rejected=2, circuit="open"))],
    }
    letters = {"queue_size_in_bytes": 12 * MIB}
    return {
        "access": pipeline(1200 * second, access, workers={"count": 2}, dead_letter_queue=letters),
        "orders": pipeline(5 * second, orders, queue={"events_count": 40_500}, reloads={"successes": 4, "failures": 1}),
    }


FAILING = "pipeline orders: output http is failing, 500 events wait"
SHOP = [reading(2.0 * n, shop(2 * n), 0.5 * n, (FAILING,)) for n in range(4)]
"""Readings two seconds apart."""
