"""The layout of rubydebug."""
from __future__ import annotations

from typing import Any

from penstock.dsl.timestamp import Timestamp

EVENT = {
    "message": 'say "x"\n',
    "@timestamp": Timestamp("2015-12-07T11:37:00.123Z"),
    "n": 1,
    "f": 1e20,
    "ok": True,
    "none": None,
    "tags": ["a", "b"],
    "empty": [{}, []],
    "event": {"original": "x", "deeper": {"list": list(range(11))}},
    "@metadata": {"x": 1},
}
SHOWN = r"""{
       "message" => "say \"x\"\n",
    "@timestamp" => 2015-12-07T11:37:00.123Z,
             "n" => 1,
             "f" => 1.0e+20,
            "ok" => true,
          "none" => nil,
          "tags" => [
        [0] "a",
        [1] "b"
    ],
         "empty" => [
        [0] {},
        [1] []
    ],
         "event" => {
        "original" => "x",
          "deeper" => {
            "list" => [
                [ 0] 0,
                [ 1] 1,
                [ 2] 2,
                [ 3] 3,
                [ 4] 4,
                [ 5] 5,
                [ 6] 6,
                [ 7] 7,
                [ 8] 8,
                [ 9] 9,
                [10] 10
            ]
        }
    }
}
"""


def test_an_event_is_laid_out(codec: Any) -> None:
    assert codec("rubydebug").encode([EVENT, {}]).decode() == SHOWN + "{}\n"


def test_metadata_is_shown_on_demand(codec: Any) -> None:
    text = codec("rubydebug", metadata=True).encode([{"@metadata": {"x": 1}}, {"a": 1}]).decode()
    assert text == (
        '{\n    "@metadata" => {\n        "x" => 1\n    }\n}\n'
        '{\n            "a" => 1,\n    "@metadata" => {}\n}\n'
    )


def test_an_event_that_is_nested_deep_is_shown(codec: Any) -> None:
    event: dict[str, Any] = {}
    for _ in range(5000):
        event = {"a": event}
    assert "{…}" in codec("rubydebug").encode([event]).decode()
