"""Batches of events as bytes: whatever a field may hold comes back equal, and of the same type."""
from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.timestamp import Timestamp
from penstock.plugins.records.events import Unreadable, pack, unpack

NOW = Timestamp("2025-09-04T20:51:05.000Z")
LATER = Timestamp("+12025-09-04T20:51:05.123456789Z")


def types(value: Any) -> Any:
    """The value with the types of all that is in it; floats by their bits, so that NaN equals itself."""
    if isinstance(value, dict):
        return [dict, [(types(key), types(item)) for key, item in value.items()]]
    if isinstance(value, list):
        return [list, [types(item) for item in value]]
    return [type(value), value.hex() if isinstance(value, float) else value]


texts = st.text(st.characters(codec=None), max_size=12)  # half surrogates too
instants = st.integers(-(10**20), 10**20).map(Timestamp.of_nanos)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts | instants | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
events = st.dictionaries(st.sampled_from(["@timestamp", "@metadata", "message", "a"]) | texts, values, max_size=5)


@given(st.lists(events, max_size=5))
def test_every_batch_comes_back(batch: list[dict[str, Any]]) -> None:
    assert types(unpack(pack(batch))) == types(batch)


@given(st.lists(instants, min_size=1, max_size=4), st.booleans())
def test_batches_of_ordinary_events_come_back(stamps: list[Timestamp], same: bool) -> None:
    batch = [{"message": "m", "@timestamp": stamps[0] if same else stamp, "host": {"name": "h"}} for stamp in stamps]
    assert types(unpack(pack(batch))) == types(batch)


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param([], id="an empty batch"),
        pytest.param([{}], id="an event without fields"),
        pytest.param([{"@timestamp": NOW}, {"@timestamp": NOW}], id="one instant"),
        pytest.param([{"@timestamp": NOW}, {"@timestamp": LATER}], id="two instants"),
        pytest.param([{"@timestamp": NOW, "a": None}, {"@timestamp": None, "a": NOW}], id="an instant in another field instead"),
        pytest.param([{"a": {"@timestamp": NOW}, "@timestamp": "text"}], id="an instant under that name, deeper"),
        pytest.param([{"@timestamp": NOW, "seen": [NOW, {"at": LATER}]}], id="instants in lists and maps"),
        pytest.param([{"@timestamp": str(NOW)}], id="text that looks like an instant stays text"),
        pytest.param([{"@timestamp": NOW, "n": 2**64}, {"@timestamp": NOW, "n": -(2**63) - 1}], id="numbers beyond 64 bits"),
        pytest.param([{"\ud800": "\udfff", "@timestamp": NOW}], id="half surrogates"),
        pytest.param([{"n": float("nan")}, {"n": -0.0}, {"n": float("-inf")}], id="numbers that are none"),
        pytest.param([{"a": 1, "b": 2}, {"b": 2, "a": 1}], id="the order of fields"),
    ],
)
def test_what_comes_back(batch: list[dict[str, Any]]) -> None:
    before = types(batch)
    assert types(unpack(pack(batch))) == before
    assert types(batch) == before, "the events given are left as they are"


def nested(depth: int) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for _ in range(depth):
        event = {"a": [event]}
    return event


def depth_of(event: dict[str, Any]) -> int:
    depth = 0
    while event:
        event, depth = event["a"][0], depth + 1
    return depth


def test_an_event_nested_deeper_than_the_stack_comes_back() -> None:
    assert depth_of(unpack(pack([nested(20_000)]))[0]) == 20_000


def test_an_event_packed_on_an_empty_stack_is_unpacked_on_a_full_one() -> None:
    packed: list[bytes] = []
    thread = threading.Thread(target=lambda: packed.append(pack([nested(470)])))
    thread.start()
    thread.join()

    def unpack_below(frames: int) -> list[dict[str, Any]]:
        return unpack_below(frames - 1) if frames else unpack(packed[0])

    assert depth_of(unpack_below(600)[0]) == 470


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x07\x90", b"\x00\xc1", b"\x00\x05", b"\x00\xd4\x09\x00", b"\x01\x92\x90\x91\x80", b"\x00\xc7\x02\x02\x91\xa1"])
def test_bytes_that_are_no_batch(data: bytes) -> None:
    with pytest.raises(Unreadable):
        unpack(data)
