"""The examples of the filter window."""

from __future__ import annotations

from typing import Any

from ..plugins.declaration import Example


def _at(second: int, **fields: Any) -> dict[str, Any]:
    stamp = f"2025-09-04T08:{second // 60:02d}:{second % 60:02d}.000Z"
    return {"@timestamp": stamp, **fields}


_REQUESTS = [
    _at(1, service="shop", ms=10),
    _at(59, service="shop", ms=30),
    _at(75, service="mail", ms=5),
]


def _minute(second: int, service: str, count: int, **results: Any) -> dict[str, Any]:
    window = {"name": "latency", "count": count, "reason": "end", "revision": 0}
    if second == 0:
        window["reason"] = "watermark"
    return {**_at(second), "service": service, **results, "window": window}


EXAMPLES = (
    Example(
        "the latency of each service, every minute",
        """window {
  id => "latency"
  size => "1m"
  by => ["service"]
  percentiles => { "took" => "ms" }
  percents => [50, 95]
  max => { "[took][max]" => "ms" }
  remove_field => ["event"]
}""",
        before=_REQUESTS,
        after=[
            *_REQUESTS,
            _minute(0, "shop", 2, took={"p50": 10, "p95": 30, "max": 30}),
            _minute(60, "mail", 1, took={"p50": 5, "p95": 5, "max": 5}),
        ],
    ),
    Example(
        "visits: what a user did until a pause of half an hour",
        """window {
  id => "visits"
  gap => "30m"
  by => ["user"]
  first => { "entry" => "page" }
  last => { "exit" => "page" }
  distinct => { "pages" => "page" }
  keep => false
  remove_field => ["window", "[event][id]"]
}""",
        before=[
            _at(0, user="ann", page="/"),
            _at(60, user="ann", page="/cart"),
            _at(1500, user="ann", page="/"),
        ],
        after=[
            {
                **_at(0, user="ann", entry="/", exit="/", pages=2),
                "event": {
                    "kind": "metric",
                    "start": "2025-09-04T08:00:00.000Z",
                    "end": "2025-09-04T08:25:00.000Z",
                    "duration": 1_500_000_000_000,
                },
            }
        ],
    ),
    Example(
        "words counted: map, shuffle and reduce",
        """mutate { split => { "message" => " " } }
split { field => "message" target => "word" }
window { id => "words" whole => true by => ["word"] keep => false remove_field => ["event"] }""",
        before=_at(0, message="to be or not to be"),
        after=[
            {
                **_at(0),
                "word": word,
                "window": {"name": "words", "count": count, "reason": "end", "revision": 0},
            }
            for word, count in (("be", 2), ("not", 1), ("or", 1), ("to", 2))
        ],
    ),
)
