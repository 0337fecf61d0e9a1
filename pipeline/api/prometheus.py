"""The figures in Prometheus' form."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from ..observe.metric_table import METRICS, MetricSpec
from .documents import Node
from .samples import Sample, samples


def exposition(node: Node, accept: str) -> tuple[str, bytes]:
    """The content type that was asked for, and the figures in it."""
    registry = CollectorRegistry()
    registry.register(_Collector(node))
    ProcessCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return content_type, encode(registry)


class _Collector:
    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """All figures of this moment, each metric that there is one of."""
        found: dict[str, list[Sample]] = {}
        for sample in samples(self._node):
            found.setdefault(sample.name, []).append(sample)
        for name, spec in METRICS.items():
            if name in found:
                yield _family(spec, found[name])


def _family(spec: MetricSpec, found: list[Sample]) -> Metric:
    if spec.kind == "histogram":
        histogram = HistogramMetricFamily(spec.name, spec.help, labels=spec.labels)
        for sample in found:
            buckets = list((sample.buckets or {}).items())
            histogram.add_metric(sample.labels, buckets, sample.value)
        return histogram
    of_kind = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
    family = of_kind(spec.name, spec.help, labels=spec.labels)
    for sample in found:
        family.add_metric(sample.labels, sample.value)
    return family
