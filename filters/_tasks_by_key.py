"""The tasks of aggregate kept elsewhere: with an engine, task by task, or with the partitions that
events come from.

Filters with the same ``task_id`` share their tasks. The first of them stands for all, and tells the
others when it is turned to other tasks. An engine has no clock: there tasks end as if each filter
had the option ``timeout_timestamp_field``. Events of maps come out of the filter that has the
options for time-outs, whichever of them the next event goes to.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.template import Template
from ..dsl.timestamp import Timestamp
from ..plugins.filter import Undivided
from ._aggregate_options import AggregateOptions
from ._held_by_key import rendered
from ._tasks import Task, TaskForm, Tasks
from .state.keys import Key

_UNDIVIDED = (
    Undivided(
        "push_previous_map_as_event",
        "`push_previous_map_as_event`: the task that begins next may be in another place",
        "use push_map_as_event_on_timeout => true with an inactivity_timeout",
    ),
    Undivided(
        "aggregate_maps_path",
        "`aggregate_maps_path`: one file holds the tasks of all places",
        "leave it out: tasks are kept with the other state",
    ),
)
_NO_FIELD = Undivided(
    "task_id",
    "`task_id` names no field: all events are one task at a time, in one place",
    "write %{field} where tasks differ",
)


class TasksByKey(AggregateOptions):
    """What of aggregate is about where its tasks are kept."""

    shared: Tasks[TasksByKey]
    tasks: dict[str, Task]
    clock: Callable[[], float]
    id_of: Callable[[Event], str]
    is_loaded = False
    """Whether this filter has read the file of tasks, if it is the one that keeps it."""

    @abstractmethod
    def timeouts(self) -> tuple[float, float]:
        """The seconds after which a task is over: since its first event, since its latest."""

    @abstractmethod
    def pushes(self) -> bool:
        """Whether a map becomes an event when its task is over."""

    @abstractmethod
    def made_of(self, task: Task) -> Event:
        """The event that a map becomes."""

    @abstractmethod
    def expired(self, task_id: str, now: float) -> list[Event]:
        """What is sent out of a task that is too old for its next event."""

    def leader(self) -> TasksByKey:
        """The filter whose options rule the time-outs of these tasks."""
        return self.shared.leaders.setdefault(self.task_id, self)

    def divide_by_ids(self) -> None:
        """Take a place among the filters with the same tasks, and say whether these may be divided
        by their ids.
        """
        self.group = self.task_id
        members = self.shared.members.setdefault(self.task_id, [])
        if self not in members:
            members.append(self)
        given = (each for each in _UNDIVIDED if getattr(self, each.option))
        self.undivided = next(given, None) if Template(self.task_id).fields else _NO_FIELD
        self.by_key = self.undivided is None

    @property
    def reckons_by_clock(self) -> str:
        rules = self.shared.leaders.get(self.task_id, self.holder) is self
        return "timeout" if rules and self.timeout_timestamp_field is None else ""

    @property
    def holder(self) -> TasksByKey:
        """The first of the filters that share these tasks."""
        return self.shared.members[self.task_id][0]

    @property
    def is_shared(self) -> bool:
        return len(self.shared.members[self.task_id]) > 1

    @property
    def keeps_elsewhere(self) -> bool:
        members = self.shared.members[self.task_id]
        is_divided = all(each.by_key for each in members)
        return is_divided and members[0] is self and self.id is not None

    def pass_time(self, event: Event) -> None:
        (key,), at = self.keys_of([event]), self.instant_of(event)
        if key in self.tasks and at is not None:
            over = self.leader().expired(key, at.nanos() / 1e9)
            self.leftover = [*self.leftover, *over]

    def hold(self, held: Any) -> None:
        for each in self.shared.members[self.task_id]:
            each.tasks, each.marks = held, self.marks
            if self.marks is not None:
                each.keyed, each.timeout_timestamp_field = held, self.time_field()

    def time_field(self) -> FieldRef:
        return self.leader().timeout_timestamp_field or super().time_field()

    def form(self) -> TaskForm:
        return TaskForm(self.leader().timeouts())

    def key_texts(self) -> list[str]:
        return [self.task_id]

    def keys_of(self, events: list[Event]) -> list[Key]:
        return [None if key == self.task_id else key for key in rendered(self.id_of, events)]

    def meaning_options(self) -> Sequence[str]:
        return "task_id", "language"

    def over(self) -> list[Task]:
        """The tasks whose time is up, by the clock, or on an engine by the time of events."""
        limits = self.leader().timeouts()
        if self.marks is None:
            clock = self.clock()
            return [task for task in self.tasks.values() if task.is_over(*limits, clock=clock)]
        mark = self.marks.watermark
        tasks = [self.tasks[key] for key in self.keyed.due(mark)]
        return [task for task in tasks if task.is_over(*limits, now=mark / 1000)]

    def end_of(self, task: Task) -> Timestamp:
        """On an engine: when the time of a task was up."""
        return self.moment(task.ends(*self.leader().timeouts()))

    def maps_left(self) -> list[Event]:
        leader = self.leader()
        made = [leader.made_of(task) for task in self.tasks.values()] if leader.pushes() else []
        for event in made:
            add_tag(event, "_aggregatefinalflush")
        return made
