"""Committed positions find their input again when a configuration was edited."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.state.input_names import NamedInputs
from penstock.plugins.batch import Position
from penstock.plugins.epoch import Offsets
from penstock.plugins.input import Input

ONE = 'file { path => "/var/log/one.log" }'
TWO = 'file { path => "/var/log/two.log" }'
NAMED = 'file { id => "the log" path => "/var/log/one.log" }'


class Kept:
    """A participant that remembers what was committed, across configurations."""

    overlaps = True

    def __init__(self) -> None:
        self.offsets: dict[int | str, Mapping[str, Position]] = {}

    def restored(self) -> Offsets:
        return self.offsets

    def begin(self) -> None: ...

    def snapshot(self) -> Any: ...

    def commit(self, offsets: Offsets, state: Any) -> None:
        self.offsets |= offsets

    def abort(self) -> None: ...


def named(kept: Kept, *inputs: str) -> NamedInputs:
    text = f"input {{ {' '.join(inputs)} }} output {{ null {{ }} }}"
    assembly = assemble([Source("test.conf", text)], settled({}))
    return NamedInputs(kept, [p for p in assembly.plugins(assembly.program.inputs) if isinstance(p, Input)])


def at(offset: int) -> dict[str, Position]:
    return {"p": Position("i", offset)}


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([ONE], [TWO, ONE], {1: at(0)}),
        ([ONE, TWO], [TWO, ONE], {0: at(1), 1: at(0)}),
        ([ONE, TWO], [TWO], {0: at(1)}),
        ([ONE], ['file { path => "/var/log/one.log" type => "log" tags => ["a"] codec => json }'], {0: at(0)}),
        ([NAMED], [TWO, 'file { id => "the log" path => "/var/log/moved.log" }'], {1: at(0)}),
        ([ONE], [TWO], {}),
        ([ONE, ONE], [TWO, ONE, ONE], {1: at(0), 2: at(1)}),
    ],
)
def test_an_input_has_its_own_positions_wherever_it_stands(before: list[str], after: list[str], found: Any) -> None:
    kept = Kept()
    named(kept, *before).commit({place: at(place) for place in range(len(before))}, None)
    assert named(kept, *after).restored() == found


def test_positions_of_the_queue_and_those_that_were_committed_by_place_stay_as_they_are() -> None:
    kept = Kept()
    kept.offsets = {0: at(7)}
    inputs = named(kept, ONE)
    inputs.commit({-1: at(3)}, None)
    assert inputs.restored() == {0: at(7), -1: at(3)}
