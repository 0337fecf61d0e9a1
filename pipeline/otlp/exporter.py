"""Sends figures every few seconds, and traced batches as spans, to a collector, over HTTP with the
SDK of OpenTelemetry. A collector that is away costs nothing but the figures of that time.

Headers, certificates and attributes of the resource come from the SDK's own variables, such as
``OTEL_EXPORTER_OTLP_HEADERS`` and ``OTEL_RESOURCE_ATTRIBUTES``.
"""

from __future__ import annotations

import logging
import os
import platform
import threading
import time

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from ...dsl.secrets import masked, without_login
from ...plugins.rate_limit import complain
from ..api.documents import Node
from ..api.samples import samples
from ..observe.batch_trace import BatchTrace, Mark
from .metrics import metrics_data

log = logging.getLogger("penstock.otlp")

_SECONDS = 5.0


class OtlpExporter:
    """Sends to an endpoint, such as ``http://localhost:4318``. ``emit`` takes spans from any
    thread; ``start`` begins to send figures, and ``close`` sends what is left.
    """

    def __init__(self, endpoint: str, interval: float, version: str) -> None:
        root = endpoint.rstrip("/")
        _take_over_log(root)
        own = {"service.name": "penstock", "service.version": version}
        own |= {"host.name": platform.node(), "process.pid": str(os.getpid())}
        self._resource = Resource.create({**own, "service.instance.id": _instance()})
        self._interval, self._version, self._since = interval, version, time.time_ns()
        self._metrics = OTLPMetricExporter(f"{root}/v1/metrics", timeout=_SECONDS)
        self._spans = TracerProvider(resource=self._resource)
        exporter = OTLPSpanExporter(f"{root}/v1/traces", timeout=_SECONDS)
        self._spans.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._spans.get_tracer("penstock", version)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, node: Node) -> None:
        """Send the figures of a process from now on."""
        self._thread = threading.Thread(target=self._run, args=(node,), name="otlp", daemon=True)
        self._thread.start()

    def _run(self, node: Node) -> None:
        is_last = False
        while not is_last:
            is_last = self._stop.wait(self._interval)
            try:
                self._send(node)
            except Exception as error:
                why = _shown(str(error))
                complain("otlp figures", "OTLP: figures cannot be made or sent: %s", why)
                log.debug("figures could not be sent", exc_info=True)

    def _send(self, node: Node) -> None:
        found = samples(node)
        now = time.time_ns()
        self._metrics.export(metrics_data(found, self._resource, self._version, self._since, now))

    def emit(self, trace: BatchTrace) -> None:
        """A batch as a span, with one for each plugin that worked on it."""
        attributes = {"penstock.pipeline": trace.pipeline, "penstock.input": trace.source}
        whole = self._tracer.start_span(
            f"pipeline {trace.pipeline}",
            kind=SpanKind.CONSUMER,
            attributes=attributes,
            start_time=trace.started,
        )
        for mark in list(trace.marks):
            self._emit_mark(mark, trace, set_span_in_context(whole))
        if trace.error:
            whole.set_status(Status(StatusCode.ERROR, masked(trace.error)))
        whole.end(trace.ended)

    def _emit_mark(self, mark: Mark, trace: BatchTrace, context: object) -> None:
        use = mark.use
        span = self._tracer.start_span(
            f"{use.spec.section} {use.name}",
            context=context,  # type: ignore[arg-type]
            attributes={
                "penstock.pipeline": trace.pipeline,
                "penstock.plugin.id": use.id or "",
                "penstock.plugin.place": use.span.place,
                "penstock.events.in": mark.events_in,
                "penstock.events.out": mark.events_out,
            },
            start_time=mark.started,
        )
        span.end(mark.ended)

    def close(self) -> None:
        """Send what is left, for some seconds at most."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(2 * _SECONDS)
        self._spans.shutdown()
        self._metrics.shutdown()


def _instance() -> str:
    return f"{platform.node()}:{os.getpid()}"


class _Forward(logging.Handler):
    """What the SDK says goes to our log, once a minute, and not to stderr as it is."""

    def __init__(self, root: str) -> None:
        super().__init__(logging.WARNING)
        self._root = root

    def emit(self, record: logging.LogRecord) -> None:
        """One line of the SDK."""
        text = _shown(record.getMessage().partition("\n")[0])
        complain(f"otlp {record.name}", "OTLP: `%s`: %s", self._root, text)


def _shown(text: str) -> str:
    """A text without secrets, also without a user and a password in a URL."""
    return without_login(masked(text))


def _take_over_log(root: str) -> None:
    logger = logging.getLogger("opentelemetry")
    logger.handlers, logger.propagate = [_Forward(_shown(root))], False
