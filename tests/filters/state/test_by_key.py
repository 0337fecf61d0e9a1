"""What is held by key where it is kept elsewhere: a dict that knows what has changed, and when to look again."""

from typing import Any

from penstock.filters.state import FOREVER
from penstock.filters.state.by_key import ByKey


class Form:
    """A list of numbers, the first of which is when its time is up."""

    def name_of(self, key: str) -> str:
        return key

    def dump(self, state: list[int]) -> list[int]:
        return [*state]

    def load(self, name: str, data: list[int]) -> tuple[str, list[int]]:
        return name, [*data]

    def due(self, state: list[int]) -> int:
        return state[0]


def held(**states: list[int]) -> ByKey[Any]:
    made: ByKey[Any] = ByKey(Form())
    made.update(states)
    assert sorted(made.snapshot()) == sorted([key, state] for key, state in states.items())
    return made


def test_what_was_looked_up_has_changed_and_what_was_not_there_has_not() -> None:
    store = held(a=[5], b=[6])
    store.get("a").append(1)
    assert store.get("c") is None
    assert store.get("c", 0) == 0
    assert store.snapshot() == [["a", [5, 1]]]
    assert store.snapshot() == []


def test_what_is_gone_is_null_once() -> None:
    store = held(a=[5], b=[6], c=[7])
    del store["a"]
    assert store.pop("b") == [6]
    assert store.pop("b", "no") == "no"
    assert sorted(store.snapshot()) == [["a", None], ["b", None]]
    assert (store.snapshot(), dict(store)) == ([], {"c": [7]})


def test_keys_are_due_once_in_the_order_of_their_times() -> None:
    store = held(a=[5], b=[3], c=[9], d=[FOREVER])
    assert store.timers.first == 3
    assert store.due(6) == ["b", "a"]
    assert store.due(6) == []
    assert store.due(20) == ["c"]


def test_a_key_that_is_still_there_is_looked_at_again_later() -> None:
    store = held(a=[5])
    assert store.due(5) == ["a"]
    store.snapshot()
    assert store.timers.first == 6


def test_what_was_written_is_read_with_its_timers() -> None:
    store: ByKey[Any] = ByKey(Form())
    store.restore([["a", [5]], ["b", [3]]])
    assert (dict(store), store.timers.first) == ({"a": [5], "b": [3]}, 3)


def test_timers_of_keys_that_are_gone_do_not_pile_up() -> None:
    store = held(a=[10**9])
    for number in range(5000):
        store[f"{number}"] = [number]
        store.snapshot()
        del store[f"{number}"]
        store.snapshot()
    assert store.timers.first > 3000
    assert store.due(10**9) == ["a"]
