"""Prometheus, which scrapes what a test names."""
from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .process import LOOPBACK, Server, free_ports


def server(home: Path, target: str, interval: str = "200ms") -> Server:
    """Scrapes ``host:port``; its own address is ``url``."""
    (port,) = free_ports()
    config = home / "prometheus.yml"
    config.write_text(
        f"global: {{scrape_interval: {interval}}}\nscrape_configs:\n"
        f"- job_name: penstock\n  static_configs: [{{targets: ['{target}']}}]\n"
    )
    url = f"http://{LOOPBACK}:{port}"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={home}/data", f"--web.listen-address={LOOPBACK}:{port}"]
    return Server(command, lambda: urllib.request.urlopen(f"{url}/-/ready", timeout=1).status == 200, home, url=url)


def query(url: str, expression: str) -> list[dict[str, Any]]:
    """The series that an expression has now."""
    with urllib.request.urlopen(f"{url}/api/v1/query?query={quote(expression)}", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found
