"""The filter collate."""
from typing import Any

import pytest

import penstock
from penstock.dsl.timestamp import Timestamp

NOW = "2025-01-01T00:00:00.000Z"


def at(second: float, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": f"2025-01-01T00:00:{second:06.3f}Z", **fields}


def order(events: list[dict[str, Any]]) -> list[Any]:
    return [event["n"] for event in events]


@pytest.mark.parametrize(("way", "wanted"), [("ascending", [2, 1, 3, 4]), ("descending", [4, 1, 3, 2])])
def test_a_count_of_events_goes_on_in_order(way: str, wanted: list[int]) -> None:
    stage = penstock.compile(f"filter {{ collate {{ count => 4 order => {way} }} }}")
    given = [at(5.5, n=1), at(5.25, n=2), at(5.5, n=3)]
    assert stage(given) == []
    found = stage([at(9, n=4), at(1, n=5)])
    assert order(found) == wanted
    assert all(event["tags"] == ["collated"] for event in found)
    assert order(stage.flush()) == [5]
    assert stage.flush() == []


def test_what_is_tagged_passes_at_once_and_common_options_apply() -> None:
    stage = penstock.compile('filter { collate { count => 1 add_field => { "a" => "b" } } collate { count => 9 } }')
    (event,) = stage([at(1, n=1, tags=["x"])])
    assert (event["tags"], event["a"]) == (["x", "collated"], "b")


def test_an_event_without_a_time_comes_first() -> None:
    stage = penstock.compile('filter { mutate { remove_field => ["%{gone}"] } collate { count => 2 } }')
    assert order(stage([at(1, n=1), at(2, n=2, gone="@timestamp")])) == [2, 1]


def test_the_interval_lets_go_what_is_held() -> None:
    from penstock.filters.collate import Collate
    from penstock.plugins.contract import Context

    made = Collate({"interval": 60.0}, Context({"penstock.now": Timestamp(NOW)}))
    made.prepare()
    assert made.run([{"n": 1}]) == []
    assert made.flush(False) == []
    made.context.settings["penstock.now"] = Timestamp("2025-01-01T00:01:00.000Z")
    assert order(made.flush(False)) == [1]


@pytest.mark.parametrize("options", ["count => 0", "order => up", "interval => soon"])
def test_bad_options_are_refused(options: str) -> None:
    with pytest.raises(penstock.ConfigError):
        penstock.compile(f"filter {{ collate {{ {options} }} }}")
