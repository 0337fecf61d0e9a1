"""The options of a correlation."""

from __future__ import annotations

from typing import Any

from ..dsl.reference import FieldRef
from ..plugins.contract import Ecs
from ..plugins.declaration import Duration, option
from ._event_time import EventTime

TYPES = (
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "temporal",
    "temporal_ordered",
    "absent",
)


class CorrelateOptions(EventTime, Ecs):
    """What a correlation is told: which events, how near each other, and what they make."""

    type: str = option("What is looked for.", choices=TYPES)
    events: list[str] = option("The tags of the events that count.")
    aliases: dict[str, Any] = option(
        "Tags, and the fields that stand for those of `by` in events with the tag.", default={}
    )
    within: Duration = option("The longest time from the first to the last event.")
    condition: dict[str, float] = option(
        "Comparisons (`gt`, `gte`, `lt`, `lte`, `eq`, `neq`) and the number to compare with.",
        default={},
    )
    field: list[FieldRef] = option("The fields of the value; several are one value.", default=[])
    percent: float = option("Which percentile `value_percentile` compares.", default=50)
    again: Duration | None = option(
        "How long a key is quiet after an alert. Default: `within`.", default=None
    )
    collect: list[FieldRef] = option(
        "Fields whose distinct values, 100 at most, an alert has.", default=[]
    )
