"""A job on an engine: what its figures are called in the documents and in the metrics."""
from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock.pipeline.api.documents import Node
from penstock.pipeline.api.engine_jobs import EngineJob
from penstock.pipeline.api.samples import Sample, samples
from penstock.pipeline.observe.metric_table import ENGINE, METRICS
from penstock.pipeline.top.client import Reading
from penstock.pipeline.top.model import frame

from .conftest import Running, Start

WINDOW = 'window { id => "w" size => "1m" by => ["message"] keep => false }'
UNFIT = 'mutate { add_field => { "a" => "text" } } grok { match => { "message" => "%{WORD:[a][b]}" } }'
LOCAL = ("--engine", "local")


def value(running: Running, name: str) -> float:
    families = text_string_to_metric_families(running.ask("/metrics").text)
    (found,) = [sample for family in families for sample in family.samples if sample.name == name]
    assert found.labels == {"pipeline": "main", "engine": "local"}
    return found.value


def test_a_job_that_runs_tells_its_events_and_the_state_of_its_filters(start: Start) -> None:
    source = 'input { generator { count => 1000000000 lines => ["a", "b", "c"] } }'
    running = start(f"{source} filter {{ {WINDOW} }} output {{ null {{ }} }}", more=LOCAL)
    running.until("/_node/stats", lambda answer: bool(answer.data["events"]["in"] >= 1000))
    told = running.ask("/_node/stats/pipelines/main").data["pipelines"]["main"]
    assert (told["running"], told["engine"]["name"]) == (True, "local")
    assert told["engine"]["figures"]["state_shards"] == 3
    assert value(running, "penstock_engine_state_bytes") > 0
    assert running.ask("/health/ready").data["status"] == "ready"


def test_a_job_that_runs_tells_its_dead_letters_and_bytes(start: Start) -> None:
    source = 'input { generator { count => 1000000000 message => "one" } }'
    settings = {"dead_letter_queue.enable": "true", "dead_letter_queue.max_bytes": "1mb"}
    running = start(f"{source} filter {{ {UNFIT} }} output {{ file {{ path => \"/dev/null\" }} }}", settings, more=LOCAL)
    running.until("/health/live", lambda _: value(running, "penstock_engine_dead_letters_total") > 0)
    assert value(running, "penstock_engine_out_bytes_total") > 0


class Told:
    """A job that knows these figures."""

    def __init__(self, **figures: int | float) -> None:
        self._figures = figures

    def figures(self) -> dict[str, int | float]:
        return dict(self._figures)

    def wait(self) -> None:
        """It has ended."""

    def stop(self) -> None:
        """It has ended."""


def node(**figures: int | float) -> tuple[Node, EngineJob]:
    settings = {"pipeline.workers": 1, "config.reload.automatic": False, "config.reload.interval": 3, "dead_letter_queue.enable": False, "queue.type": "memory"}
    member = EngineJob("orders", settings, "spark", Told(**figures))
    return Node([member], "", ""), member


@pytest.mark.parametrize("name", ENGINE)
def test_each_figure_that_is_known_has_a_metric(name: str) -> None:
    assert set(METRICS[ENGINE[name]].labels) == {"pipeline", "engine"}
    wanted = 1757.0 if name == "watermark_ms" else 1757000
    assert Sample(ENGINE[name], ("orders", "spark"), wanted) in list(samples(node(**{name: 1757000})[0]))


def test_other_figures_are_told_by_their_name() -> None:
    found = list(samples(node(tasks=7, events_in=3, events_out=2)[0]))
    assert Sample("penstock_engine_figure", ("orders", "spark", "tasks"), 7) in found
    assert Sample("penstock_events_in", ("orders",), 3) in found
    assert Sample("penstock_events_filtered", ("orders",), 2) in found


def test_top_shows_how_fast_a_job_is() -> None:
    before, now = (Reading(at, node(events_in=count, events_out=2 * count)[0].stats()) for at, count in ((10.0, 5), (12.0, 9)))
    (row,) = frame(before, now).pipelines
    assert (row.name, row.running, row.into, row.filtered) == ("orders", True, 2.0, 4.0)


def test_a_job_is_ready_when_it_has_started_and_not_failed() -> None:
    whole, member = node()
    assert whole.ready()["status"] == "ready"
    member.error = OSError("no space left")
    assert whole.ready()["reasons"] == ["pipeline orders has failed: no space left"]
    member.error = member.job = None
    assert whole.ready()["reasons"] == ["pipeline orders has not started"]
