"""The options of the filter aggregate."""

from __future__ import annotations

from ..dsl.reference import FieldRef
from ..plugins.declaration import option
from ._held_by_key import HeldByKey


class AggregateOptions(HeldByKey):
    """What aggregate is told: which events are a task, the code, and when a task is over."""

    place: str
    timeout_place: str
    """What errors call the code, and that of ``timeout_code``."""

    task_id: str = option("What the events of a task have in common, with templates.")
    code: str = option("Ruby, run on each event of a task.")
    language: str = option(
        "The language of `code` and `timeout_code`.",
        default="ruby",
        choices=("ruby", "python"),
    )
    map_action: str = option(
        "Whether the event may start a task, must belong to one, or must start it.",
        default="create_or_update",
        choices=("create", "update", "create_or_update"),
    )
    end_of_task: bool = option("Whether the task is forgotten after the event.", default=False)
    timeout: float | None = option(
        "The seconds after which a task is forgotten. Default: 1800.", default=None
    )
    inactivity_timeout: float | None = option(
        "The seconds without events after which a task is forgotten.", default=None
    )
    timeout_timestamp_field: FieldRef | None = option(
        "A field with the time of events.", default=None
    )
    timeout_code: str | None = option(
        "Ruby, run on an event made of a map, as `event`.", default=None
    )
    timeout_tags: list[str] = option(
        "Tags for an event made of a map; templates are filled in.", default=[]
    )
    timeout_task_id_field: FieldRef | None = option(
        "Where the id goes in an event made of a map.", default=None
    )
    push_map_as_event_on_timeout: bool = option(
        "Whether a map becomes an event when time is up.", default=False
    )
    push_previous_map_as_event: bool = option(
        "Whether the map of a task becomes an event when another task starts.", default=False
    )
    map_count_warning_threshold: int = option(
        "The number of tasks to warn of; 0 for none.", default=5000, at_least=0
    )
    aggregate_maps_path: str | None = option(
        "A file that keeps tasks from one run to the next.", default=None
    )
