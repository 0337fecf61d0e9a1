"""Samples of the declared metrics as the data that OpenTelemetry's exporters send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from ..api.samples import Sample
from ..observe.metric_table import METRICS, MetricSpec


def metrics_data(
    found: Iterable[Sample], resource: Resource, version: str, since: int, now: int
) -> MetricsData:
    """All samples. Times are nanoseconds since 1970: ``since`` counters have counted, and now."""
    by_name: dict[str, list[Sample]] = {}
    for sample in found:
        by_name.setdefault(sample.name, []).append(sample)
    metrics = [_metric(METRICS[name], of, since, now) for name, of in by_name.items()]
    scope = ScopeMetrics(InstrumentationScope("penstock", version), metrics, "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])


def _metric(spec: MetricSpec, found: Sequence[Sample], since: int, now: int) -> Metric:
    temporality = AggregationTemporality.CUMULATIVE
    data: Sum | Gauge | Histogram
    if spec.kind == "histogram":
        data = Histogram([_histogram(spec, each, since, now) for each in found], temporality)
    else:
        start = since if spec.kind == "counter" else None
        points = [
            NumberDataPoint(
                _attributes(spec, each),
                start,  # type: ignore[arg-type]
                now,
                each.value,
            )
            for each in found
        ]
        data = Sum(points, temporality, True) if spec.kind == "counter" else Gauge(points)
    return Metric(spec.name, spec.help, spec.unit, data)


def _histogram(spec: MetricSpec, sample: Sample, since: int, now: int) -> HistogramDataPoint:
    """OTLP has a count for each bucket, and not of all that is no larger."""
    cumulative = list((sample.buckets or {}).items())
    counts = [count for _, count in cumulative]
    single = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
    return HistogramDataPoint(
        attributes=_attributes(spec, sample),
        start_time_unix_nano=since,
        time_unix_nano=now,
        count=counts[-1] if counts else 0,
        sum=sample.value,
        bucket_counts=single,
        explicit_bounds=[float(bound) for bound, _ in cumulative[:-1]],
        min=0,
        max=0,
    )


def _attributes(spec: MetricSpec, sample: Sample) -> dict[str, str]:
    return dict(zip(spec.labels, sample.labels, strict=True))
