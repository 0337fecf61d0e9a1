"""The filter metrics, and the meters that it counts with."""
import socket
from typing import Any

import pytest

import penstock
from penstock.dsl.timestamp import Timestamp
from penstock.filters._meters import Meter, Timer
from penstock.filters.metrics import Metrics


def at(seconds: float) -> Timestamp:
    return Timestamp.of_millis(int(seconds * 1000))


class Clocked:
    """A pipeline with one filter metrics, whose clock is set by hand."""

    def __init__(self, options: str) -> None:
        self.stage = penstock.compile(f"filter {{ metrics {{ {options} }} }}", settings={"penstock.now": "1970-01-01T00:00:00Z"})
        (self.metrics,) = [made for made in self.stage.assembly.made.values() if isinstance(made, Metrics)]

    def count(self, now: float, *events: dict[str, Any]) -> None:
        self.metrics.context.settings = {"penstock.now": at(now)}
        self.metrics.run(list(events))

    def told(self, now: float, final: bool = False) -> list[dict[str, Any]]:
        self.metrics.context.settings = {"penstock.now": at(now)}
        return self.metrics.flush(final)


def test_meters_by_a_field() -> None:
    clocked = Clocked('meter => ["http.%{status}"] add_tag => ["metric"]')
    clocked.count(0, *[{"status": 200}] * 10, {"status": 404})
    (event,) = clocked.told(5)
    assert event["http.200"] == {"count": 10, "rate_1m": 2.0, "rate_5m": 2.0, "rate_15m": 2.0}
    assert event["http.404"]["count"] == 1
    assert (event["message"], event["tags"], event["@timestamp"]) == (socket.gethostname(), ["metric"], at(5))


def test_told_when_the_interval_is_over_and_at_the_end() -> None:
    clocked = Clocked('meter => "m" flush_interval => 30')
    assert clocked.told(60, final=True) == []
    clocked.count(60, {})
    assert clocked.told(60, final=True)[0]["m"]["count"] == 1
    assert clocked.told(80) == []
    assert clocked.told(90)[0]["m"]["count"] == 1
    assert clocked.told(91, final=True) == []


def test_cleared_when_asked_to() -> None:
    clocked = Clocked('meter => "m" clear_interval => 10')
    clocked.count(0, {})
    assert clocked.told(5)[0]["m"]["count"] == 1
    clocked.count(6, {})
    assert clocked.told(10)[0]["m"]["count"] == 2
    assert clocked.told(15) == []
    clocked.count(16, {})
    assert clocked.told(20)[0]["m"]["count"] == 1


def test_old_events_are_passed_over() -> None:
    clocked = Clocked('meter => "m" ignore_older_than => 10')
    clocked.count(100, {"@timestamp": at(80)}, {"@timestamp": at(95)}, {})
    assert clocked.told(105)[0]["m"]["count"] == 2


def test_a_timer_gives_rates_and_percentiles() -> None:
    clocked = Clocked('timer => { "t.%{k}" => "%{ms}" } rates => [1] percentiles => [50, 100]')
    clocked.count(0, *[{"k": "a", "ms": str(n)} for n in range(1, 100)], {"k": "a", "ms": -5})
    (event,) = clocked.told(5)
    figures = event["t.a"]
    assert figures.pop("stddev") == pytest.approx(28.723, abs=0.001)
    assert figures == {"count": 99, "rate_1m": 19.8, "min": 1.0, "max": 99.0, "mean": 50.0, "p50": 50.0, "p100": 99.0}


def test_rates_approach_what_comes_in_and_fade() -> None:
    meter = Meter([1], 0)
    for second in range(600):
        for _ in range(7):
            meter.mark(second)
    assert meter.rates[1].at(600) == pytest.approx(7, rel=1e-3)
    assert meter.rates[1].at(660) == pytest.approx(7 / 2.718281828, rel=0.01)
    assert meter.rates[1].at(36_000) == pytest.approx(0, abs=1e-6)


def test_a_timer_remembers_the_values_of_late() -> None:
    timer = Timer([], 0)
    for second in range(20_000):
        timer.update(second, second)
    assert len(timer._sample) == 1028
    assert timer.quantiles([0.5])[0] > 15_000
    assert (timer.count, timer.least, timer.greatest) == (20_000, 0, 19_999)


@pytest.mark.parametrize("options", ["rates => [2]", "percentiles => [101]"])
def test_a_configuration_that_cannot_work_is_refused(options: str) -> None:
    with pytest.raises(penstock.ConfigError):
        Clocked(options)
