"""What differs between the events that came and those that were expected, field by field, each with
a guess at why.

Where whole events are compared, what every event has on arrival and no filter touched need not be
written: ``@version``, the ``@timestamp`` of its arrival, ``[event][original]``; ``@metadata`` is
looked at only where it is named.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...dsl.reference import Event, lookup
from ...dsl.source import Span
from ...dsl.values import json_text, plain
from .cases import Expected
from .harness import Outcome, original_of
from .hints import guess
from .matchers import MISSING, Every, Fields, Matching, Same, Wanted, alike, same
from .test_file_schema import Wants, keys_of

Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected.

    ``event`` is its number from 0, None where it is about all; ``field`` a reference, or nothing;
    ``wanted`` and ``got`` are texts for people; ``value`` and ``target`` the values behind them,
    where there are any.
    """

    message: str
    event: int | None = None
    field: str = ""
    wanted: str = ""
    got: str = ""
    note: str = ""
    span: Span | None = None
    target: Any = dataclasses.field(default=MISSING, compare=False)
    value: Any = dataclasses.field(default=MISSING, compare=False)


def judge(expected: Expected, outcome: Outcome) -> list[Difference]:
    """All that is not as expected, in the order of the events; nothing when the case passes."""
    found: list[Difference] = []
    events, wants = outcome.events, expected.events
    if expected.count is not None and len(events) != expected.count:
        found.append(_number(expected.count, len(events)))
    if wants is not None and len(wants) != len(events):
        return [_number(len(wants), len(events)), *_unpaired(wants, expected, outcome)]
    for number in range(len(events)):
        for want in (wants[number] if wants is not None else None, expected.each):
            if want is not None:
                found += _Judge(want, expected, outcome, number).differences()
        if expected.outputs is not None:
            found += routing(expected.outputs, outcome.routes[number], number)
    return found


def order_by_fit(expected: Expected, outcome: Outcome) -> list[int]:
    """The numbers of the events in the order in which they were expected: each where it fits first,
    those that fit nowhere in the places that are left.
    """
    left = list(range(len(outcome.events)))
    places: list[int | None] = []
    for want in expected.events or ():
        fitting = (n for n in left if not _Judge(want, expected, outcome, n).differences())
        found = next(fitting, None)
        places.append(found)
        if found is not None:
            left.remove(found)
    rest = iter(left)
    return [next(rest) if place is None else place for place in places]


def _number(wanted: int, got: int) -> Difference:
    return Difference(f"expected {_events(wanted)}, got {got or 'none'}", target=wanted, value=got)


def _events(number: int) -> str:
    few = {0: "no event", 1: "1 event"}
    return few.get(number, f"{number} events")


def _unpaired(wants: Sequence[Wants], expected: Expected, outcome: Outcome) -> Iterator[Difference]:
    """Where the numbers differ: the events that were expected and did not come, and those that came
    unasked.
    """
    left = list(range(len(outcome.events)))
    for number, want in enumerate(wants, 1):
        fitting = (n for n in left if not _Judge(want, expected, outcome, n).differences())
        found = next(fitting, None)
        if found is None:
            yield Difference(
                f"expected event {number} did not come", wanted=_wants_text(want), span=want.span
            )
        else:
            left.remove(found)
    for number in left:
        yield Difference("this event was not expected", number, got=shown(outcome.events[number]))


def _wants_text(want: Wants) -> str:
    return (
        ", ".join(f"{name}: {said(one)}" for name, (one, _) in want.fields.items()) or "any event"
    )


def routing(wanted: Mapping[str, Span], got: tuple[str, ...], number: int) -> Iterator[Difference]:
    """What differs between the outputs that were expected and those that an event went to."""
    if sorted(set(got)) != sorted(wanted):
        span = next(iter(wanted.values()), None)
        yield Difference(
            "routed to other outputs",
            number,
            "outputs",
            labels(wanted),
            labels(got),
            span=span,
            target=set(wanted),
            value=set(got),
        )


def labels(outputs: Iterable[str]) -> str:
    """Outputs in words."""
    return ", ".join(sorted(set(outputs))) or "no output"


class _Judge:
    """Compares one event."""

    def __init__(self, want: Wants, expected: Expected, outcome: Outcome, number: int) -> None:
        self.want, self.expected, self.outcome, self.number = want, expected, outcome, number
        self.event = outcome.events[number]
        self.exact = expected.exact if want.exact is None else want.exact
        self.ignored = {keys_of(name) for name in expected.ignore}
        if original_of(self.event) in outcome.originals:
            self.ignored.add(("event", "original"))

    def differences(self) -> list[Difference]:
        found: list[Difference] = []
        for name, (want, span) in self.want.fields.items():
            keys = keys_of(name)
            got = lookup(self.event, keys, MISSING)
            found += (
                self.tags(want, got, span)
                if keys == ("tags",)
                else self.compared(keys, want, got, span)
            )
        for name, span in self.want.absent.items():
            got = lookup(self.event, keys_of(name), MISSING)
            if got is not MISSING:
                found.append(
                    self.difference(keys_of(name), "must not be there", "no such field", got, span)
                )
        if self.exact:
            found += self.surplus()
        if self.want.outputs is not None:
            found += routing(self.want.outputs, self.outcome.routes[self.number], self.number)
        return found

    def difference(
        self,
        keys: Keys,
        message: str,
        wanted: str,
        got: Any,
        span: Span | None,
        target: Any = MISSING,
    ) -> Difference:
        note = guess(keys, target, got, self.event)
        return Difference(
            message, self.number, _text(keys), wanted, shown(got), note, span, target, got
        )

    def compared(
        self, keys: Keys, want: Wanted, got: Any, span: Span | None
    ) -> Iterator[Difference]:
        if got is MISSING:
            if not (isinstance(want, Matching) and want.test(MISSING)):
                yield self.difference(keys, "is missing", said(want), got, span, target_of(want))
        elif isinstance(want, Fields) and type(got) is dict:
            for key, inner in want.fields.items():
                yield from self.compared((*keys, key), inner, got.get(key, MISSING), span)
            for key in got if self.exact else ():
                if key not in want.fields:
                    yield from self.uncovered(got[key], (*keys, key), self.ignored, span)
        elif (
            isinstance(want, Every)
            and type(got) is list
            and len(got) == len(want.items)
            and not _flat(want)
        ):
            for place, (inner, value) in enumerate(zip(want.items, got, strict=True)):
                yield from self.compared((*keys, str(place)), inner, value, span)
        elif not accepts(want, got):
            yield self.difference(
                keys, "is not as expected", said(want), got, span, target_of(want)
            )

    def tags(self, want: Wanted, got: Any, span: Span) -> Iterator[Difference]:
        """Tags have no order, and no tags is what an event without the field has."""
        if isinstance(want, Same) and isinstance(want.value, str):
            want = Every((want,))
        held = got if isinstance(got, list) else [got]
        if got is MISSING or got is None:
            held = []
        if not isinstance(want, Every):
            yield from self.compared(("tags",), want, got if got is MISSING else held, span)
            return
        target = [item.value for item in want.items if isinstance(item, Same)]
        if sorted(map(str, target)) != sorted(map(str, held)):
            yield self.difference(
                ("tags",), "are not as expected", json_text(target), held, span, target
            )

    def surplus(self) -> Iterator[Difference]:
        """Fields that nothing was said of."""
        yield from self.uncovered(
            self.event,
            (),
            self.ignored | {keys_of(name) for name in self.want.fields},
            self.want.span,
        )

    def uncovered(
        self, value: Any, path: Keys, covered: set[Keys], span: Span | None
    ) -> Iterator[Difference]:
        for keys, held in _uncovered(value, path, covered):
            if not self.on_arrival(keys, held):
                yield self.difference(keys, "is not expected", "no such field", held, span)

    def on_arrival(self, keys: Keys, value: Any) -> bool:
        """Whether a field is one that every event has, as it came."""
        if keys == ("tags",):
            return value in ([], None)
        if keys == ("@timestamp",):
            return value in self.outcome.stamps
        return keys[0] == "@metadata" or (keys == ("@version",) and value == "1")


def _uncovered(value: Any, path: Keys, named: set[Keys]) -> Iterator[tuple[Keys, Any]]:
    """The highest fields that are not named, nor hold one that is."""
    if path in named:
        return
    if path and not any(keys[: len(path)] == path for keys in named):
        yield path, value
    elif type(value) is dict:
        for key, inner in value.items():
            yield from _uncovered(inner, (*path, key), named)


def _flat(want: Every) -> bool:
    """Whether a list holds scalars only: it is then shown as a whole."""
    return all(isinstance(item, Same) for item in want.items)


def accepts(want: Wanted, got: Any) -> bool:
    """Whether a value is what is wanted."""
    if isinstance(want, Matching):
        return want.test(got)
    if isinstance(want, Same):
        return same(want.value, got)
    return alike(target_of(want), got)


def target_of(want: Wanted) -> Any:
    """The value that is wanted, as plain data; MISSING where a matcher decides."""
    if isinstance(want, Same):
        return want.value
    if isinstance(want, Every):
        return [target_of(item) for item in want.items]
    if isinstance(want, Fields):
        return {key: target_of(inner) for key, inner in want.fields.items()}
    return MISSING


def said(want: Wanted) -> str:
    """What is wanted, in words."""
    if isinstance(want, Matching):
        return want.said
    if isinstance(want, Same):
        return shown(want.value)
    if isinstance(want, Every):
        return "[" + ", ".join(map(said, want.items)) + "]"
    return (
        "{"
        + ", ".join(f"{json_text(key)}: {said(inner)}" for key, inner in want.fields.items())
        + "}"
    )


def shown(value: Any) -> str:
    """A value as JSON; what is missing, in words."""
    return "no such field" if value is MISSING else json_text(plain(value))


def _text(keys: Keys) -> str:
    return keys[0] if len(keys) == 1 else "".join(f"[{key}]" for key in keys)


def names_of(event: Event, path: Keys = ()) -> Iterator[tuple[str, Any]]:
    """All fields of an event that hold no others, by reference."""
    for key, value in event.items():
        if type(value) is dict and value:
            yield from names_of(value, (*path, key))
        else:
            yield _text((*path, key)), value
