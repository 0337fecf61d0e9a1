"""Reads the steps of a test: each does one thing, and may say what comes out of it."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from ...dsl.options import Misfit
from .cases import AT, Expected, Given, Step, milliseconds
from .schema import Faults, Read

_DOES = ("input", "file", "advance", "restart", "end")
_OF_A_TEST = ("input", "file", "expect", "each", "outputs")
_SHARED = ("from", "codec", "fields", "ignore", "exact")


class Reads(Protocol):
    """What reads the tests of a file."""

    def given(self, read: Read) -> Given: ...

    def expected(self, read: Read) -> Expected: ...


class StepReader:
    """Reads the steps of one test."""

    def __init__(self, reader: Reads, test: Read, faults: Faults) -> None:
        self._reader, self._test, self._faults = reader, test, faults

    def steps(self) -> tuple[Step, ...]:
        """The steps; what is wrong with them is noted."""
        for name in _OF_A_TEST:
            if name in self._test.spans:
                message = f"`steps` and `{name}` exclude each other"
                help = f"give `{name}` to one of the steps"
                self._faults.add("E404", message, self._test.spans[name], help)
        found = [self._step(read) for read in self._test.get("steps", ()) if isinstance(read, Read)]
        steps = tuple(step for step in found if step is not None)
        if steps and not any(_says(step.expected) for step in steps):
            message = "a test needs a step with the key `expect`: the events that come out"
            self._faults.add("E404", message, self._test.place("steps"), "or `each`, or `outputs`")
        return steps

    def _step(self, read: Read) -> Step | None:
        does = [name for name in _DOES if name in read.spans]
        if len(does) != 1:
            if not read.strange:
                said = "a step does one thing: `input`, `file`, `advance`, `restart` or `end`"
                self._faults.add("E404", said, read.span)
            return None
        whole = self._with_shared(read)
        expected = self._reader.expected(whole)
        if does[0] in ("input", "file"):
            given = self._reader.given(whole)
            self._check_times(given, read)
            return Step(read.span, expected, given=given)
        if does[0] == "advance":
            millis = self._millis(str(read.get("advance", "0s")), read.place("advance"))
            return Step(read.span, expected, advance=millis)
        restart: Literal["stop", "kill"] | None = read.get("restart")
        return Step(read.span, expected, restart=restart, end="end" in read.spans)

    def _with_shared(self, read: Read) -> Read:
        """A step with what holds for the whole test; nothing need be expected of it."""
        test, spans = self._test, dict(read.spans)
        shared = {name: test.values[name] for name in _SHARED if name in test.values}
        if not {"expect", "each", "outputs"} & spans.keys():
            spans["expect"] = read.span
        return Read({**shared, **read.values}, spans, read.span, read.strange)

    def _check_times(self, given: Given, read: Read) -> None:
        for item in given.items:
            if isinstance(item, dict) and AT in item:
                self._millis(str(item[AT]), read.place("input"))

    def _millis(self, text: str, place: Any) -> int:
        try:
            return milliseconds(text)
        except Misfit:
            message = f"`{text}` is not a valid duration"
            self._faults.add("E403", message, place, "write a number with a unit, such as 90s")
            return 0


def _says(expected: Expected) -> bool:
    """Whether something is expected."""
    said = (expected.events, expected.count, expected.each, expected.outputs)
    return any(one is not None for one in said)
