"""Whatever an event holds, a filter gives events: it raises nothing, and what it gives can be written as JSON.

Each filter is built as its examples build it, and is given events with the fields that the examples have, holding anything.
"""
import contextlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import penstock
from penstock.filters.sleep import Sleep
from penstock.pipeline.compile.stage import Stage
from penstock.plugins.contract import Filter
from penstock.plugins.registry import plugin_class

ROOT = Path(__file__).parents[2]

FILTERS = [
    "aggregate", "alter", "anonymize", "bytes", "checksum", "cidr", "cipher", "clone", "csv", "date", "de_dot", "dissect", "dns",
    "drop", "elapsed", "environment", "extractnumbers", "fingerprint", "geoip", "grok", "i18n", "json", "json_encode", "kv",
    "metrics", "mutate", "prune", "python", "range", "sleep", "split", "syslog_pri", "throttle", "tld", "translate", "truncate",
    "urldecode", "useragent", "uuid", "xml",
]  # fmt: skip

EXPECTED = ("FieldError:", "PassedOverError:", "ReferenceSyntaxError:", "ValueError:")
"""What a filter may raise inside, where the contract tags the event: all else is a fault of the filter."""

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["", " ", "1.2.3.4", "a.b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@cache
def stages(name: str) -> list[Stage]:
    cls = plugin_class("filter", name)
    assert cls is not None
    assert len(cls.examples) >= 2
    with contextlib.chdir(ROOT):
        made = [penstock.compile(f"filter {{ {example.config} }}", settings=example.settings) for example in cls.examples]
    for plugin in [plugin for stage in made for plugin in stage.assembly.made.values()]:
        if isinstance(plugin, Sleep):
            plugin._sleep = lambda seconds: None
    return made


@cache
def events(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Events with the fields that the examples have, among others; some values are those of the examples."""
    cls = plugin_class("filter", name)
    assert cls is not None
    befores = [b for example in cls.examples for b in (example.before if isinstance(example.before, list) else [example.before])]
    names = sorted({key for before in befores for key in before} | {"tags", "@timestamp", "@metadata", "host"})
    known = [value for before in befores for value in before.values()]
    value = VALUES | st.sampled_from(known) if known else VALUES
    return st.dictionaries(st.sampled_from(names) | st.text(max_size=5), value, max_size=5)


@pytest.mark.parametrize("name", FILTERS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_any_event(name: str, data: st.DataObject) -> None:
    batch = data.draw(st.lists(events(name), min_size=1, max_size=3))
    for stage in stages(name):
        outs = [*stage(batch), *stage.flush()]
        for out in outs:
            json.dumps(out)
            fault = out.get("@metadata")
            reason = fault.get("exception", {}).get("reason", "") if isinstance(fault, dict) and f"_{name}_exception" in tags(out) else ""
            assert not reason or reason.startswith(EXPECTED), reason


def tags(event: dict[str, Any]) -> list[Any]:
    held = event.get("tags")
    return held if isinstance(held, list) else [held]


def test_every_filter_is_a_filter() -> None:
    for name in FILTERS:
        assert issubclass(plugin_class("filter", name) or object, Filter)
