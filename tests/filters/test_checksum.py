"""The filter checksum."""
import hashlib
from typing import Any

import pytest

import penstock


@pytest.mark.parametrize(
    ("options", "event", "algorithm", "text"),
    [
        ('keys => ["b", "a", "none"]', {"a": "1", "b": "2"}, "sha256", "12"),
        ('keys => ["[x][y]"] algorithm => "md5"', {"x": {"y": 5}}, "md5", "5"),
        ('keys => "m" algorithm => "sha"', {"m": ["a", 1]}, "sha1", '["a", 1]'),
        ("", {"message": "m", "type": "t", "@timestamp": "2020-01-01T00:00:00.000Z"}, "sha256", "2020-01-01T00:00:00.000Zmt"),
    ],
)
def test_values_are_digested_in_the_order_of_names(options: str, event: dict[str, Any], algorithm: str, text: str) -> None:
    (out,) = penstock.compile(f"filter {{ checksum {{ {options} }} }}")([event])
    assert out["logstash_checksum"] == hashlib.new(algorithm, text.encode()).hexdigest()
