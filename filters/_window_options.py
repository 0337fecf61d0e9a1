"""The options of a window."""

from __future__ import annotations

from ..dsl.reference import FieldRef
from ..plugins.contract import Ecs
from ..plugins.declaration import Duration, option
from ._event_time import EventTime


class WindowOptions(EventTime, Ecs):
    """What a window is told: how long it is, what it computes, and when it tells."""

    size: str | None = option(
        "The length of a window: a duration, or `1d`, `1w`, `1M` by the calendar.", default=None
    )
    every: str | None = option("How often a window begins. Default: `size`.", default=None)
    offset: Duration = option("By how much windows begin later.", default=Duration(0))
    timezone: str | None = option(
        "A zone by whose wall clock days, weeks, months and hours begin.", default=None
    )
    gap: Duration | None = option(
        "The longest time between two events of one session.", default=None
    )
    longest: Duration | None = option(
        "The longest session; the next event begins another one.", default=None
    )
    whole: bool = option("Whether all events of the input are one window.", default=False)
    count: dict[str, FieldRef] = option(
        "Results and their source: how many events have it.", default={}
    )
    sum: dict[str, FieldRef] = option("Results and their source: the sum.", default={})
    avg: dict[str, FieldRef] = option("Results and their source: the mean.", default={})
    min: dict[str, FieldRef] = option("Results and their source: the least value.", default={})
    max: dict[str, FieldRef] = option("Results and their source: the greatest value.", default={})
    first: dict[str, FieldRef] = option(
        "Results and their source: the value of the earliest event.", default={}
    )
    last: dict[str, FieldRef] = option(
        "Results and their source: the value of the latest event.", default={}
    )
    distinct: dict[str, FieldRef] = option(
        "Results and their source: how many different values there are.", default={}
    )
    percentiles: dict[str, FieldRef] = option(
        "Results and their source: maps of percentiles, such as `[p95]`.", default={}
    )
    collect: dict[str, FieldRef] = option(
        "Results and their source: lists of the values, in the order of time.", default={}
    )
    frequent: dict[str, FieldRef] = option(
        "Results and their source: the most frequent values, as maps of `value` and `count`.",
        default={},
    )
    top: dict[str, FieldRef] = option(
        "Results and their source: the events with the greatest values.", default={}
    )
    percents: list[float] = option("Which percentiles.", default=[50, 95, 99])
    collect_max: int = option("How many values are collected.", default=100, at_least=1)
    frequent_max: int = option("How many frequent values are emitted.", default=10, at_least=1)
    top_max: int = option("How many events `top` emits.", default=10, at_least=1)
    top_fields: list[FieldRef] = option("The fields of them. Default: all.", default=[])
    reduce: dict[str, FieldRef] = option(
        "Results and their source: what `reduce_code` makes of the values.", default={}
    )
    reduce_code: str | None = option(
        "Python that makes one value of two, `a` and `b`; the order must not matter.", default=None
    )
    early: Duration | None = option(
        "How often an interim result of an open window is emitted.", default=None
    )
    retain: Duration = option(
        "How long after its end a window takes late events, each of which gives a corrected"
        " result.",
        default=Duration(0),
    )
    empty: int = option(
        "For how many windows after its last event a key is emitted with a count of 0.",
        default=0,
        at_least=0,
    )
    timestamp: str = option(
        "Whether the time of a result is the start of its window, or its end less 1 ms.",
        default="start",
        choices=("start", "end"),
    )
