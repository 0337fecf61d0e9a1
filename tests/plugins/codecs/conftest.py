"""Codecs for the tests: made as a pipeline makes them, without one."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from penstock.dsl.timestamp import Timestamp
from penstock.plugins.contract import Codec, Context, OptionProblem
from penstock.plugins.registry import plugin_class

MakeCodec = Callable[..., Codec]


Problems = Callable[..., list[OptionProblem]]


def prepared(name: str, ecs: bool, options: dict[str, Any]) -> Codec:
    settings = {
        "pipeline.ecs_compatibility": "v8" if ecs else "disabled",
        "penstock.now": Timestamp("2024-05-06T07:08:09.000Z"),
        "penstock.timezone": "UTC",
    }
    found = plugin_class("codec", name)
    assert found is not None
    made = found(options, Context(settings))
    assert isinstance(made, Codec)
    try:
        made.prepare()
    except OptionProblem as problem:
        made.context.problems.append(problem)
    return made


@pytest.fixture(scope="session")
def codec() -> MakeCodec:
    """``codec("line", delimiter="|")``: a codec at the start of a stream. ``ecs`` is on unless it says otherwise."""

    def make(name: str, /, ecs: bool = True, **options: Any) -> Codec:
        made = prepared(name, ecs, options)
        assert not made.context.problems, made.context.problems
        return made.stream()

    return make


@pytest.fixture(scope="session")
def problems() -> Problems:
    """``problems("line", charset="klingon")``: what is wrong with the options."""
    return lambda name, /, ecs=True, **options: prepared(name, ecs, options).context.problems
