"""What a filter counts as failures: events that it tagged because it could not handle them."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.plugins.filter import Filter

DATABASE = Path(__file__).parents[1] / "data" / "geoip" / "GeoLite2-City-Test.mmdb"


@pytest.mark.parametrize(
    ("config", "bad", "good"),
    [
        ('grok { match => { "message" => "%{INT:n}" } }', "one", "1"),
        ('dissect { mapping => { "message" => "%{a}:%{b}" } }', "one", "1:2"),
        ('date { match => ["message", "ISO8601"] }', "one", "2025-09-04T20:51:05Z"),
        ('json { source => "message" }', "{", "{}"),
        ('bytes { source => "message" target => "n" }', "one", "1kB"),
        (f'geoip {{ source => "message" target => "geo" database => "{DATABASE}" }}', "::9", "2.125.160.216"),
        ("python { code => 'event[\"n\"] = 1 / int(event[\"message\"])' }", "0", "1"),
        ("ruby { code => 'event.set(\"n\", 1 / event.get(\"message\").to_i)' }", "0", "1"),
        ('truncate { fields => ["message"] length_bytes => 3 }', None, "whole"),
    ],
)
def test_an_event_that_a_filter_could_not_handle_counts_as_a_failure(config: str, bad: str | None, good: str) -> None:
    stage = penstock.compile(f"filter {{ {config} }}")
    (plugin,) = stage.assembly.made.values()
    assert isinstance(plugin, Filter)
    counted: list[Any] = []
    for text in (good, bad, bad, good):
        stage.run([{"message": good if text is None else text}])
        counted.append(plugin.failures)
    assert counted == ([0, 0, 0, 0] if bad is None else [0, 1, 2, 2])
