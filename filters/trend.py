"""The filter trend: numbers that leave what was usual for their key."""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldError, FieldRef
from ..plugins.contract import OptionProblem
from ..plugins.declaration import Example, option
from ._event_time import EventTime, Rows
from ._trend_operator import Judgement, TrendOperator, Usual
from .state import FOREVER
from .state.keyed import Keyed
from .state.keys import Key, Keys
from .state.outflow import Outflow
from .state.sums import finite_number

_MOST = 1e150
"""The greatest number that is compared: the squares of distances stay finite."""


def _minute(number: int, value: int) -> Event:
    return {"@timestamp": f"2025-09-04T08:{number:02d}:00.000Z", "errors": value}


class Trend(EventTime, name="trend"):
    """Compare a number with what was usual before: of the results of windows, or of any events.

    `field` has the number; with `per` it is divided by another one, so that a share is compared.
    Each value is judged first, against those of its key before, and then learned. With `half_life`
    these are a mean and a variance in which a value counts half after so many others; with `last`,
    the mean and standard deviation of so many values. Exactly one of the two is given. `season`
    compares with every so many-th value before, such as the same hour of the days before.

    Once `warm_up` values are known, `[trend]` has what was `expected`, the `score` (by how many
    standard deviations the value is off), and of how many `values` that is known. Where the score
    reaches `above`, in the `direction` that is asked for, the common options are applied. With
    `keep => false` only those events go on.

    Values are taken in the order of their time: one older than the last of its key goes on, tagged
    `_trendlate`. Events without a number pass by; so do those whose number is beyond ±1e150.
    """

    field: FieldRef = option("The field with the number.")
    per: FieldRef | None = option("The field that it is divided by.", default=None)
    target: FieldRef = option("The field for the result.", default=FieldRef("[trend]"))
    above: float = option("The score from which on a value deviates.", default=3)
    direction: str = option(
        "Which deviations count.", default="both", choices=("both", "up", "down")
    )
    warm_up: int = option("How many values are learned before one is judged.", default=10)
    season: int = option("Every how many-th value is compared.", default=1, at_least=1)
    learn: str = option(
        "Whether all values are learned, or only those that do not deviate.",
        default="all",
        choices=("all", "normal"),
    )
    least: float = option("The smallest standard deviation assumed.", default=0, at_least=0)
    half_life: float | None = option("After how many values one counts half.", default=None)
    last: int | None = option("With how many values before one is compared.", default=None)

    examples = (
        Example(
            "more errors than in the last values",
            'trend { id => "t" field => "errors" last => 4 warm_up => 4 direction => "up"'
            ' add_tag => ["deviation"] }',
            before=[_minute(n, v) for n, v in enumerate([9, 11, 10, 10, 10, 30])],
            after=[
                *[_minute(n, v) for n, v in enumerate([9, 11, 10, 10])],
                _minute(4, 10) | {"trend": {"expected": 10.0, "score": 0.0, "values": 4}},
                _minute(5, 30)
                | {
                    "trend": {"expected": 10.25, "score": 39.5, "values": 4},
                    "tags": ["deviation"],
                },
            ],
        ),
        Example(
            "a share of errors, with a half-life",
            'trend { id => "t" field => "errors" per => "all" half_life => 2 warm_up => 2'
            " least => 0.1 }",
            before=[_minute(n, v) | {"all": 10} for n, v in enumerate([1, 1, 6])],
            after=[
                *[_minute(n, 1) | {"all": 10} for n in range(2)],
                _minute(2, 6) | {"all": 10, "trend": {"expected": 0.1, "score": 5.0, "values": 2}},
            ],
        ),
    )

    keyed: Keyed[Any]
    neutral = frozenset({"target", "above", "direction", "warm_up", "learn", "least"})

    def prepare(self) -> None:
        if (self.half_life is None) == (self.last is None):
            given = self.last is not None
            raise OptionProblem(
                "last" if given else "half_life",
                "`trend` has both `half_life` and `last`"
                if given
                else "`trend` has neither `half_life` nor `last`",
                "give exactly one",
            )
        for name in ("half_life", "last", "above"):
            if (value := getattr(self, name)) is not None and value <= 0:
                raise OptionProblem(name, f"`{name}` must be greater than 0", "give a larger one")
        usual = Usual(
            self.half_life,
            self.last or 1,
            self.season,
            self.warm_up,
            self.above,
            self.direction,
            self.least,
            self.learn == "all",
        )
        self._operator = TrendOperator(usual)
        keys = Keys(self.by)
        self.slack = self.delay = FOREVER
        self.ready(Keyed(self._operator, keys.order, self.max_keys), keys)

    def rows(self, events: list[Event], base: int, out: Outflow) -> Rows:
        keys: list[Key] = self.keys.of_all(events)
        self._values = [self._value(event) for event in events]
        self._base = base
        pairs = zip(keys, self._values, strict=True)
        known = [None if value is None else key for key, value in pairs]
        return self.selected(events, self.times.of_all(events), known, base, out)

    def _value(self, event: Event) -> float | None:
        """The number of an event, or its share; None where there is none."""
        value = _number(self.field.get(event))
        if value is None or self.per is None:
            return value
        whole = _number(self.per.get(event))
        return _number(value / whole) if whole else None

    def take_segment(self, rows: Rows, start: int, stop: int, out: Outflow) -> None:
        keyed, judge = self.keyed, self._operator.judge
        for at in range(start, stop):
            when, key, index = rows.times[at], rows.keys[at], rows.index[at]
            state = keyed.states.get(key)
            if state is None:
                state, _ = keyed.open(key)
            if when < state.latest:
                self.too_late(rows.events[at], index, state.latest - when, out)
                continue
            value = self._values[index - self._base]
            judged = judge(state, when, value)  # type: ignore[arg-type]
            if judged is not None:
                self._say(rows.events[at], judged, index, out)
        if keyed.changed is not None:
            keyed.changed.update(rows.keys[start:stop])

    def _say(self, event: Event, judged: Judgement, index: int, out: Outflow) -> None:
        """Write a judgement into the event."""
        said: dict[str, Any] = {
            "expected": judged.expected,
            "score": judged.score,
            "values": judged.values,
        }
        try:
            self.target.set(event, said)
        except FieldError:
            add_tag(event, "_trendfailure")
        if judged.deviates:
            self.told([event])
            out.stays(index)


def _number(value: Any) -> float | None:
    """A value as a float, if it is a number that can be compared."""
    number = finite_number(value)
    return float(number) if number is not None and -_MOST <= number <= _MOST else None
