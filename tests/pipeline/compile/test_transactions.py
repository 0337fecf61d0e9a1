"""Filters in a pipeline that is exactly once: their state goes along with the partitions, or it is told beforehand."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect

WINDOW = 'window { id => "w" size => "1m" by => ["k"] }'
NO_ID = 'window { size => "1m" by => ["k"] }'
ONE = 'topics => ["a"]'
TWO = 'topics => ["a", "b"]'
RANGE = 'partition_assignment_strategy => "range"'
MEMORY = {"penstock.state": "memory"}

ROWS = [
    ("a window over one topic", WINDOW, ONE, {}, []),
    ("a window without an id", NO_ID, ONE, {}, [("W320", "window"), ("E247", "window")]),
    ("state in memory needs no id", NO_ID, ONE, MEMORY, [("W320", "window")]),
    ("two topics", WINDOW, TWO, {}, [("E247", '["a", "b"]')]),
    ("two topics, given out by another strategy", WINDOW, f'{TWO} partition_assignment_strategy => "round_robin"', {}, [("E247", '"round_robin"')]),
    ("two topics, given out by range", WINDOW, f"{TWO} {RANGE}", {}, []),
    ("topics of a pattern", WINDOW, 'topics_pattern => "a.*"', {}, [("E247", '"a.*"')]),
    ("two topics and a filter that holds nothing", "mutate { }", TWO, {}, []),
    ("a filter that counts in its process", 'throttle { key => "%{k}" before_count => 3 }', ONE, {}, [("W325", "throttle")]),
    ("filters that share tasks", 'aggregate { task_id => "%{k}" code => "1" }', ONE, {}, [("W325", "aggregate")]),
]


@pytest.mark.parametrize(("filters", "more", "settings", "wanted"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_does_not_go_along_with_a_partition_is_told(
    filters: str, more: str, settings: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    config = f"""input {{ kafka {{ {more} exactly_once => true }} }} filter {{ {filters} }}
        output {{ kafka {{ topic_id => "c" exactly_once => true }} }}"""
    found = inspect([Source("a.conf", config)], settled(settings))[1]
    assert [(each.code, each.span.text if each.span else "") for each in found] == wanted


def test_a_pipeline_that_is_not_exactly_once_keeps_state_as_always() -> None:
    config = f"""input {{ kafka {{ {TWO} }} }} filter {{ {WINDOW} throttle {{ key => "a" before_count => 3 }} }}
        output {{ stdout {{ }} }}"""
    assert inspect([Source("a.conf", config)], settled({}))[1] == []
