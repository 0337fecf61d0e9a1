"""The filter aggregate: what is known of a task, gathered from its events. ``_tasks`` remembers,
``_scripting`` runs code.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..dsl.event import accept, add_tag
from ..dsl.reference import Event
from ..dsl.template import Template
from ..dsl.timestamp import Timestamp
from ..dsl.values import copy
from ..plugins.contract import complain
from ._aggregate_examples import EXAMPLES
from ._references import set_or_tag
from ._ruby_tasks import fields_of, functions, python_functions
from ._scripting import (
    ScriptEvent,
    event_of,
)
from ._tasks import Task, tasks_of
from ._tasks_by_key import TasksByKey

DEFAULT_TIMEOUT = 1800.0
_TIMEOUT_OPTIONS = (
    "timeout",
    "inactivity_timeout",
    "timeout_code",
    "push_map_as_event_on_timeout",
    "push_previous_map_as_event",
    "timeout_timestamp_field",
    "timeout_task_id_field",
    "timeout_tags",
)


class Aggregate(TasksByKey, name="aggregate"):
    """Gather what several events say of one task, and put it into the last of them, or into an
    event of its own.

    Events of one task give the same `task_id`, a string with templates; an event that fills none of
    it is skipped. The task has a map, and `code` is run on each of its events, as Ruby, with
    `event` (see the filter `ruby`), `map`, `map_meta` (`task_id`, `creation_timestamp`,
    `lastevent_timestamp`, and `timeout` and `inactivity_timeout`, which may be set for this task),
    and `new_event_block.call(event)`, which sends out a further event. With `language => "python"`
    the code is Python, its event that of the filter `python`, and `emit(event)` sends out a further
    event. An event on which the code raises is tagged `_aggregateexception`. `map_action` says
    whether the event may start a task, or must belong to one; `end_of_task` forgets the task after
    it.

    A task that does not end is forgotten after `timeout` seconds, or `inactivity_timeout` seconds
    after its last event. With `push_map_as_event_on_timeout` its map then becomes an event, with
    `timeout_tags`, the id in `timeout_task_id_field`, and `timeout_code` run on it. With
    `push_previous_map_as_event` that happens when the next task starts, as suits rows that come in
    order; at the end, the last map is sent out, too, tagged `_aggregatefinalflush`. Other tasks
    that are open at the end are lost, unless `aggregate_maps_path` names a file, where they are
    kept until the next start.

    Time goes by the clock, looked at every few seconds. With `timeout_timestamp_field`, it goes by
    that field of the events as well: a task that is too old when its next event comes is forgotten,
    and a new one started.

    Several filters with the same `task_id` share their tasks; one of them has the options for
    time-outs.

    On an engine (`--engine`) time goes by the events' own: by `timeout_timestamp_field`, or
    `@timestamp`. A task whose time is up before an event of any of its filters is over before that
    event, and the event of its map has the time at which that was. In a Kafka group that keeps
    state, tasks stay with the partitions, if the first of the filters that share them has an `id`.

    Differs from Logstash: Ruby runs only where it can be compiled, and the file of maps is JSON;
    `push_previous_map_as_event` sends out all maps at the end, not one; a filter that may only
    update still sends out the map whose time was up.
    """

    matches = True
    reshapes = True
    shares = True
    flushes = True

    examples = EXAMPLES

    def prepare(self) -> None:
        """Compile the code, and take a place among the filters that share tasks."""
        self.place = f"<aggregate at {self.context.where or 'nowhere'}>"
        self.timeout_place = f"<timeout_code of {self.place}>"
        self.clock: Callable[[], float] = self._time
        self.shared = tasks_of(self.context.settings)
        self.tasks = self.shared.group(self.task_id)
        self.id_of = Template(self.task_id).render
        self.tags_of = [Template(tag).render for tag in self.timeout_tags]
        self._compile()
        if not re.search(r"%\{.+\}", self.task_id):
            self.problem(
                "task_id",
                "without a template, all events are one task",
                "write %{field} where tasks differ",
            )
        self._lead()
        self._keep()
        self.divide_by_ids()

    def _compile(self) -> None:
        """Make functions of the code, in its language."""
        self.ruby_route = "compiled" if self.language == "ruby" else ""
        made = functions(self) if self.language == "ruby" else python_functions(self)
        self.call, self.finish, self.explain = made

    def _lead(self) -> None:
        """Become the filter whose options rule the time-outs of these tasks, if there are such
        options.
        """
        given = [name for name in _TIMEOUT_OPTIONS if getattr(self, name)]
        if given and self.task_id in self.shared.leaders:
            message = f"another filter with the task_id `{self.task_id}` has options for time-outs"
            self.problem(given[0], message, "give all of them in one filter")
        elif given:
            self.shared.leaders[self.task_id] = self
        known = self.shared.default_timeout
        if self.timeout is not None:
            known = self.shared.default_timeout = (
                self.timeout if known is None else min(known, self.timeout)
            )
        if (
            self.inactivity_timeout is not None
            and known is not None
            and self.inactivity_timeout > known
        ):
            message = f"a task is forgotten after {known:g} seconds in any case"
            self.problem("inactivity_timeout", message, "give less than `timeout`")

    def _keep(self) -> None:
        if self.aggregate_maps_path is None:
            return
        if self.shared.keeper is not None:
            self.problem(
                "aggregate_maps_path",
                "another filter already has a file for tasks",
                "one filter stores the tasks of all",
            )
        self.shared.keeper = self

    def _time(self) -> float:
        fixed = self.context.settings.get("penstock.now")
        return time.time() if fixed is None else fixed.nanos() / 1e9

    def run(self, events: list[Event]) -> list[Event]:
        """Gather what each event says, and give what goes on."""
        self._load()
        return super().run(events)

    def apply(self, event: Event) -> list[Event]:
        """The event, unless the code dropped it, and the events made of it and of maps."""
        task_id = self.id_of(event)
        if task_id == self.task_id:
            return [event]
        sent, clock = list[Event](), self.clock()
        now = self._time_of(event, clock)
        if self.timeout_timestamp_field is not None:
            sent += self.leader().expired(task_id, now)
        task = self.tasks.get(task_id)
        if self.map_action == ("update" if task is None else "create"):
            return [event, *sent]
        if task is None:
            if self.push_previous_map_as_event and self.tasks:
                sent.append(self.made_of(self.tasks.pop(next(iter(self.tasks)))))
            task = self.tasks[task_id] = Task(task_id, now, clock, now, clock)
            self._warn_of_many()
        task.seen, task.seen_at = now, clock
        return self._told(event, task, sent)

    def _told(self, event: Event, task: Task, sent: list[Event]) -> list[Event]:
        """Run the code on an event of a task."""
        handle, failed, made = ScriptEvent(event), False, list[Event]()
        try:
            self.call(
                handle, task.map, task, lambda other: made.append(self._emitted(other, event))
            )
        except Exception as error:
            failed = True
            add_tag(event, "_aggregateexception")
            complain(
                self.context.where,
                "%s: the code raised on an event: %s",
                self.context.where,
                self.explain(error, self.place),
            )
        if self.end_of_task:
            self.tasks.pop(task.task_id, None)
        if task.timeout == 0 or task.inactivity_timeout == 0:
            self.tasks.pop(task.task_id, None)
            if self.leader().push_map_as_event_on_timeout:
                sent.append(self.leader().made_of(task))
        if not failed and not handle.cancelled and self.decorate is not None:
            self.decorate(event)
        return [*([] if handle.cancelled and not failed else [event]), *made, *sent]

    def _emitted(self, other: Any, event: Event) -> Event:
        made = event_of(other, self.context.now())
        return copy(made) if made is event else made

    def timeouts(self) -> tuple[float, float]:
        default = (
            DEFAULT_TIMEOUT if self.shared.default_timeout is None else self.shared.default_timeout
        )
        timeout = default if self.timeout is None else self.timeout
        return timeout, timeout if self.inactivity_timeout is None else self.inactivity_timeout

    def _time_of(self, event: Event, clock: float) -> float:
        """The time of an event: of its field, if one is given and holds an instant, or of the
        clock, in place of which an engine has `@timestamp`.
        """
        field = self.timeout_timestamp_field
        at = None if field is None else field.get(event)
        if type(at) is not Timestamp and self.marks is not None:
            at = self.instant_of(event)
        return at.nanos() / 1e9 if type(at) is Timestamp else clock

    def expired(self, task_id: str, now: float) -> list[Event]:
        task = self.tasks.get(task_id)
        if task is None or not task.is_over(*self.timeouts(), now=now):
            return []
        del self.tasks[task_id]
        return [self.made_of(task)] if self.pushes() else []

    def pushes(self) -> bool:
        return self.push_map_as_event_on_timeout or self.push_previous_map_as_event

    def made_of(self, task: Task) -> Event:
        fields = fields_of(task.map, self.language == "ruby")
        event = accept(fields, self.context.now() if self.marks is None else self.end_of(task))
        if self.timeout_task_id_field is not None:
            set_or_tag(event, self.timeout_task_id_field, task.task_id, "_aggregateexception")
        for tag in self.tags_of:
            add_tag(event, tag(event))
        if self.timeout_code is not None:
            try:
                self.finish(ScriptEvent(event))
            except Exception as error:
                add_tag(event, "_aggregateexception")
                where = self.context.where
                complain(
                    where,
                    "%s: timeout_code raised on a map: %s",
                    where,
                    self.explain(error, self.timeout_place),
                )
        return event

    def _warn_of_many(self) -> None:
        if 0 < self.map_count_warning_threshold < len(self.tasks):
            where, many = self.context.where, len(self.tasks)
            complain(
                f"{where} many",
                "%s: %d tasks of `%s` are open; check that they end",
                where,
                many,
                self.task_id,
            )

    def flush(self, final: bool) -> list[Event]:
        """The events of maps whose time is up; at the end, tagged."""
        self._load()
        if self.leader() is not self:
            return []
        if final and self.holder.is_kept:
            return self.holder.leftovers()
        over = self.over()
        if final and self.push_previous_map_as_event:
            over = list(self.tasks.values())
        for task in over:
            del self.tasks[task.task_id]
        made = [self.made_of(task) for task in over] if self.pushes() else []
        for event in made if final else ():
            add_tag(event, "_aggregatefinalflush")
        return [*self.holder.leftovers(), *made]

    def _load(self) -> None:
        """Read the tasks that were kept, once, before the first event."""
        keeper = self.shared.keeper
        if keeper is None or keeper.is_loaded:
            return
        keeper.is_loaded = True
        path = Path(keeper.aggregate_maps_path or "")
        if path.exists():
            try:
                self.shared.load(path)
            except (OSError, ValueError) as error:
                complain(
                    self.context.where,
                    "%s: the tasks in `%s` cannot be read: %s",
                    self.context.where,
                    path,
                    error,
                )

    def close(self) -> None:
        """Keep open tasks, if this filter is to do it."""
        if self.shared.keeper is self and self.is_loaded:
            self.shared.save(Path(self.aggregate_maps_path or ""))
