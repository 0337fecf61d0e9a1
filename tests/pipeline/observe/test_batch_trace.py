"""What belongs to the trace of a batch."""
from __future__ import annotations

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.observe.batch_trace import BatchTrace, Tracer
from penstock.pipeline.runtime.pipeline import Pipeline

CONFIG = """
input { generator { id => "in" count => 1 } }
filter {
  aggregate { task_id => "%{message}" code => "map['n'] = 1" push_previous_map_as_event => true timeout => 3600 }
  mutate { add_field => { "a" => "b" } }
}
output { null { } }
"""


def test_events_that_filters_give_by_themselves_are_not_part_of_the_batch_before() -> None:
    traces: list[BatchTrace] = []
    settings = settled({"penstock.otlp.endpoint": "http://localhost:4318"})
    pipeline = Pipeline(assemble([Source("a.conf", CONFIG)], settings))
    pipeline.measure()
    pipeline.tracer = Tracer(1, traces.append)
    pipeline.run()
    assert pipeline.counts.events_out == 2, "the map comes at the end"
    (trace,) = [trace for trace in traces if trace.marks]
    assert [mark.use.name for mark in trace.marks] == ["aggregate", "mutate", "null"]
