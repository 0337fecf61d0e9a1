"""An OpenTelemetry collector, which prints what it gets.

The program is the Go module beside this file; ``packages.py`` builds it.
"""
from __future__ import annotations

from pathlib import Path

from .packages import built
from .process import LOOPBACK, Server, accepts, free_ports

CONFIG = """
receivers: {{otlp: {{protocols: {{http: {{endpoint: "{host}:{port}"}}}}}}}}
exporters: {{debug: {{verbosity: detailed}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines:
    metrics: {{receivers: [otlp], exporters: [debug]}}
    traces: {{receivers: [otlp], exporters: [debug]}}
"""


def server(home: Path) -> Server:
    """Takes OTLP over HTTP at ``url``; ``log`` tells what came."""
    (port,) = free_ports()
    config = home / "config.yaml"
    config.write_text(CONFIG.format(host=LOOPBACK, port=port))
    return Server([built("otelcol"), f"--config={config}"], accepts(port), home, url=f"http://{LOOPBACK}:{port}")
