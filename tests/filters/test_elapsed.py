"""The filter elapsed."""
import socket
from typing import Any

import pytest

import penstock
from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp, parse_timestamp
from penstock.filters.elapsed import Elapsed
from penstock.plugins.contract import Context

OPTIONS = 'start_tag => "start" end_tag => "end" unique_id_field => "id"'


def event(tag: str, second: int, **fields: Any) -> dict[str, Any]:
    return {"tags": [tag], "@timestamp": f"2025-01-01T00:00:{second:02d}.000Z", **fields}


def run(options: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    stage = penstock.compile(f"filter {{ elapsed {{ {OPTIONS} {options} }} }}")
    return [*stage(events), *stage.flush()]


def test_the_end_tells_the_time_since_the_start() -> None:
    out = run('add_field => { "seen" => "yes" }', event("start", 1, id=1), event("end", 3, id=1))
    assert [o["seen"] for o in out] == ["yes", "yes"]
    assert out[1]["tags"] == ["end", "elapsed", "elapsed_match"]
    assert (out[1]["elapsed_time"], out[1]["elapsed_timestamp_start"]) == (2.0, "2025-01-01T00:00:01.000Z")


def test_an_event_of_its_own() -> None:
    out = run('new_event_on_match => true add_tag => ["t"]', event("start", 1, id="x"), event("end", 3, id="x"))
    assert out[1]["tags"] == ["end", "t"]
    own = out[2]
    assert (own["tags"], own["elapsed_time"], own["id"], own["host"]) == (
        ["elapsed", "elapsed_match", "t"],
        2.0,
        "x",
        socket.gethostname(),
    )


@pytest.mark.parametrize(("keep", "seconds"), [("first", 4.0), ("last", 2.0)])
def test_which_of_several_starts_counts(keep: str, seconds: float) -> None:
    out = run(f"keep_start_event => {keep}", event("start", 1, id=1), event("start", 3, id=1), event("end", 5, id=1))
    assert out[2]["elapsed_time"] == seconds


def test_an_end_without_a_start() -> None:
    (out,) = run("", event("end", 1, id=1))
    assert out["tags"] == ["end", "elapsed_end_without_start"]


def test_a_start_counts_once() -> None:
    out = run("", event("start", 1, id=1), event("end", 2, id=1), event("end", 3, id=1))
    assert out[2]["tags"] == ["end", "elapsed_end_without_start"]


@pytest.mark.parametrize(("started", "ended"), [(1, "1"), (1, True), ([1], "[1]")])
def test_ids_of_different_types_are_different(started: Any, ended: Any) -> None:
    out = run("", event("start", 1, id=started), event("end", 2, id=ended))
    assert "elapsed_end_without_start" in out[1]["tags"]


def test_ids_may_be_lists() -> None:
    assert "elapsed_match" in run("", event("start", 1, id=[1, {"a": 2}]), event("end", 2, id=[1, {"a": 2}]))[1]["tags"]


@pytest.mark.parametrize("other", [{}, {"tags": "x"}, {"tags": ["start"]}, {"id": 1}, {"id": 1, "tags": ["other"]}])
def test_other_events_pass(other: dict[str, Any]) -> None:
    (out,) = run("", other)
    assert {key: value for key, value in out.items() if key not in ("@timestamp", "@version")} == other


def instant(text: str) -> Timestamp:
    at = parse_timestamp(text)
    assert at is not None
    return at


def test_a_start_expires_by_the_clock() -> None:
    settings = {"penstock.now": instant("2025-01-01T00:00:00Z")}
    values = {"start_tag": "s", "end_tag": "e", "unique_id_field": FieldRef("id"), "timeout": 60}
    elapsed = Elapsed(values, Context(settings))
    elapsed.prepare()
    elapsed.apply({"tags": "s", "id": 7, "@timestamp": instant("2024-12-31T00:00:00Z")})
    settings["penstock.now"] = instant("2025-01-01T00:00:59Z")
    assert elapsed.flush(True) == []
    settings["penstock.now"] = instant("2025-01-01T00:01:05Z")
    (expired,) = elapsed.flush(False)
    assert expired["tags"] == ["elapsed", "elapsed_expired_error"]
    assert (expired["id"], expired["elapsed_time"]) == (7, 65)
    assert (expired["@timestamp"], expired["elapsed_timestamp_start"]) == (
        "2025-01-01T00:01:05.000Z",
        "2024-12-31T00:00:00.000Z",
    )
    assert elapsed.flush(False) == []
