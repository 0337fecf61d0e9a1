"""What filters with a cache tell of it: the metrics of hits, misses and entries come from that."""
from __future__ import annotations

from pathlib import Path

import pytest

import penstock

DATABASE = Path(__file__).parents[1] / "data" / "geoip" / "GeoLite2-City-Test.mmdb"


@pytest.mark.parametrize(
    ("config", "texts"),
    [
        (f'geoip {{ source => "message" target => "geo" database => "{DATABASE}" }}', ("2.125.160.216", "::9")),
        ('useragent { source => "message" target => "agent" }', ("curl/7.88.1", "curl/8.0")),
        ('tld { source => "message" }', ("www.example.com", "example.org")),
        ('cidr { address => ["%{message}"] network => ["10.0.0.0/8"] }', ("10.1.1.1", "192.0.2.1")),
    ],
)
def test_hits_and_misses_of_a_cache_are_told(config: str, texts: tuple[str, str]) -> None:
    stage = penstock.compile(f"filter {{ {config} }}")
    (plugin,) = stage.assembly.made.values()
    for text in (*texts, texts[0], texts[0]):
        stage.run([{"message": text}])
    assert plugin.stats() == {"cache_hits": 2, "cache_misses": 2, "cache_entries": 2}
