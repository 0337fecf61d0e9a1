"""The filter sleep, with a sleep that only notes how long."""
from typing import Any

import pytest

import penstock
from penstock.filters.sleep import Sleep


def slept(options: str, *events: dict[str, Any]) -> list[float]:
    stage = penstock.compile(f"filter {{ sleep {{ {options} }} }}")
    (sleep,) = [made for made in stage.assembly.made.values() if isinstance(made, Sleep)]
    naps: list[float] = []
    sleep._sleep = naps.append
    stage(events)
    return naps


@pytest.mark.parametrize(
    ("options", "naps"),
    [
        ('time => "0.5"', [0.5, 0.5, 0.5, 0.5]),
        ("time => 2 every => 2", [2.0, 2.0]),
        ('time => 1 every => "3"', [1.0]),
        ('time => "%{t}"', [0.25, 0.25, 0.25, 0.25]),
        ('time => "%{none}"', []),
        ("time => -1", []),
    ],
)
def test_it_pauses_for_every_so_many_events(options: str, naps: list[float]) -> None:
    assert slept(options, *[{"t": 0.25}] * 4) == naps


def test_a_replay_pauses_as_long_as_lies_between() -> None:
    events = [{"@timestamp": f"2025-01-01T00:00:{second:02d}.000Z"} for second in (0, 10, 5, 15)]
    assert slept("replay => true", *events) == [10.0, 10.0]
    assert slept("replay => true time => 4", *events) == [2.5, 2.5]


@pytest.mark.parametrize("options", ["", 'time => 1 every => "x"'])
def test_a_configuration_that_cannot_work_is_refused(options: str) -> None:
    with pytest.raises(penstock.ConfigError):
        slept(options)
