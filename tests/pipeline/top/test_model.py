"""What two readings make: rates, shares of cost, lags; and what is not known."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.pipeline.top.model import frame

from .conftest import MIB, SHOP, delivery, pipeline, plugin, reading


def test_two_readings_make_rates() -> None:
    found = frame(SHOP[1], SHOP[2])
    access, orders = found.pipelines
    assert (access.name, access.into, access.out, access.workers, access.dead_letters) == ("access", 1200, 1200, 2, 12 * MIB)
    assert (orders.into, orders.queue_events, orders.reloads, orders.reload_failures) == (5, 40_500, 4, 1)
    assert found.cpu == 0.25
    assert (found.uptime, found.memory, found.children, found.children_memory) == (11_524, 45 * MIB, 3, 96 * MIB)


def test_inputs_tell_their_lags() -> None:
    files, kafka = frame(SHOP[0], SHOP[1]).inputs
    assert (files.title, files.out, files.lag_bytes, files.lag_events) == ("file access", 1200, 3 * MIB, None)
    assert (kafka.title, kafka.out, kafka.lag_bytes, kafka.lag_events) == ("kafka orders", 5, None, 81_000)


def test_filters_have_a_cost_an_event_and_a_share_of_their_pipeline() -> None:
    rows = {row.title: row for row in frame(SHOP[0], SHOP[1]).filters}
    parts = rows["grok parts"]
    assert (parts.into, parts.failures) == (1200, 3)
    assert parts.each == pytest.approx(10e-6)
    assert parts.cost == pytest.approx(0.012)
    assert sum(row.share or 0 for row in rows.values()) == pytest.approx(1)
    assert parts.share == pytest.approx(12 / 17)


def test_outputs_have_a_latency_what_waits_and_what_was_lost() -> None:
    search, http = frame(SHOP[0], SHOP[1]).outputs
    assert (search.delivered, search.retried, search.waiting, search.circuit) == (1180, 20, 2400, "closed")
    assert search.latency == pytest.approx(0.075)
    assert (http.title, http.lost, http.latency, http.circuit) == ("http shop", 2, None, "open")


@pytest.mark.parametrize(("place", "title"), [("/etc/penstock/shop.conf:12:3", "grok shop.conf:12:3"), ("(config):1:1", "grok (config):1:1")])
def test_a_plugin_without_an_id_is_known_by_its_place(place: str, title: str) -> None:
    grok = {**plugin("grok", f"grok@{place}"), "place": place}
    (row,) = frame(None, reading(1.0, {"main": pipeline(0, {"filters": [grok]})})).filters
    assert row.title == title


def test_the_first_reading_makes_no_rates() -> None:
    found = frame(None, SHOP[1])
    assert (found.pipelines[0].into, found.cpu, found.filters[0].share) == (None, None, None)
    assert found.pipelines[1].queue_events == 40_500


def one(count: int, cpu: float, at: float) -> Any:
    parts = plugin("grok", "parts", events={"in": count, "out": count, "seconds": count / 1000})
    out = plugin("null", "out", delivery=delivery(delivered=count, requests=count))
    return reading(at, {"main": pipeline(count, {"filters": [parts], "outputs": [out]})}, cpu)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        (one(500, 3, 1.0), one(20, 1, 3.0)),  # the process was restarted, or the pipeline reloaded
        (one(500, 1, 1.0), one(600, 2, 1.0)),  # no time has passed
        (reading(1.0, {}), one(600, 2, 3.0)),  # the pipeline is new
    ],
)
def test_what_cannot_be_compared_has_no_rate(before: Any, now: Any) -> None:
    found = frame(before, now)
    assert (found.pipelines[0].into, found.filters[0].into, found.filters[0].each, found.outputs[0].delivered) == (None,) * 4


def test_a_pipeline_that_is_gone_is_not_shown() -> None:
    assert [row.name for row in frame(SHOP[0], reading(9.0, {"orders": SHOP[0].stats["pipelines"]["orders"]})).pipelines] == ["orders"]
