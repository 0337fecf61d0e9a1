"""The tasks of aggregate: what is remembered of each, shared by all filters of a pipeline that
group events alike.

Time is told twice. Code and time-outs by a field of the events know a task by the times of its
events; a flush, which happens when no events come, can only go by the clock. So each task has both.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from ..dsl.timestamp import Timestamp
from .state.keys import Key
from .state.plain import plain, revive

M = TypeVar("M")
"""A filter that shares tasks with others."""

_BILLION = 1_000_000_000


@dataclass(slots=True)
class Task:
    """What is remembered of a task; code knows it as `map_meta`, and may set its two time-outs, in
    seconds.

    ``created`` and ``seen`` are the times of its first and latest event, in seconds since 1970,
    ``created_at`` and ``seen_at`` those of the clock then.
    """

    task_id: str
    created: float
    created_at: float
    seen: float
    seen_at: float
    map: dict[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    inactivity_timeout: float | None = None

    @property
    def creation_timestamp(self) -> Timestamp:
        """When the first event of the task was."""
        return Timestamp.of_nanos(round(self.created * _BILLION))

    @property
    def lastevent_timestamp(self) -> Timestamp:
        """When the latest event of the task was."""
        return Timestamp.of_nanos(round(self.seen * _BILLION))

    def ends(self, timeout: float, inactivity: float) -> int:
        """When its time is up, by the time of events, in nanoseconds since 1970."""
        timeout = timeout if self.timeout is None else self.timeout
        inactivity = inactivity if self.inactivity_timeout is None else self.inactivity_timeout
        return round(min(self.created + timeout, self.seen + inactivity) * _BILLION)

    def is_over(
        self,
        timeout: float,
        inactivity: float,
        now: float | None = None,
        clock: float | None = None,
    ) -> bool:
        """Whether its time is up, by the time of an event or by the clock."""
        timeout = timeout if self.timeout is None else self.timeout
        inactivity = inactivity if self.inactivity_timeout is None else self.inactivity_timeout
        if now is not None:
            return self.created < now - timeout or self.seen < now - inactivity
        assert clock is not None
        return self.created_at < clock - timeout or self.seen_at < clock - inactivity


@dataclass(eq=False)
class Tasks(Generic[M]):
    """The tasks of a pipeline, by the text that groups them. ``leaders`` are the filters whose
    options rule time-outs, ``members`` all that share them.
    """

    settings: Mapping[str, Any]
    groups: dict[str, dict[str, Task]] = field(default_factory=dict)
    leaders: dict[str, M] = field(default_factory=dict)
    members: dict[str, list[M]] = field(default_factory=dict)
    default_timeout: float | None = None
    keeper: M | None = None

    def group(self, text: str) -> dict[str, Task]:
        """The tasks that a text groups, oldest first."""
        return self.groups.setdefault(text, {})

    def save(self, path: Path) -> None:
        """Write all tasks to a file, if there are any."""
        groups = {
            text: [_written(task) for task in tasks.values()]
            for text, tasks in self.groups.items()
            if tasks
        }
        if groups:
            path.write_text(json.dumps(groups, ensure_ascii=False, default=str), encoding="utf-8")

    def load(self, path: Path) -> None:
        """Read tasks that were saved, and take their file away. Raises OSError or ValueError, and
        leaves it.
        """
        try:
            saved = json.loads(path.read_text(encoding="utf-8"))
            groups = {
                text: {task.task_id: task for task in map(_read, tasks)}
                for text, tasks in saved.items()
            }
        except (TypeError, AttributeError, KeyError) as error:
            raise ValueError(f"not a valid file of tasks: {error}") from None
        for text, tasks in groups.items():
            self.group(text).update(tasks)
        path.unlink()


_TASKS: WeakValueDictionary[int, Tasks[Any]] = WeakValueDictionary()


def tasks_of(settings: Mapping[str, Any]) -> Tasks[Any]:
    """The tasks of the pipeline that has these settings (this very object): its filters share them,
    and nobody else.
    """
    tasks = _TASKS.get(id(settings))
    if tasks is None or tasks.settings is not settings:
        tasks = _TASKS[id(settings)] = Tasks(settings)
    return tasks


_NUMBERS = ("created", "created_at", "seen", "seen_at", "timeout", "inactivity_timeout")


def _written(task: Task) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "map": _marked(task.map),
        **{name: getattr(task, name) for name in _NUMBERS},
    }


def _read(saved: Mapping[str, Any]) -> Task:
    return Task(
        saved["task_id"], map=_unmarked(saved["map"]), **{name: saved[name] for name in _NUMBERS}
    )


class TaskForm:
    """How tasks are written that are kept elsewhere, and end after the two times, in seconds."""

    def __init__(self, limits: tuple[float, float]) -> None:
        self._limits = limits

    def name_of(self, key: Key) -> Any:
        return key

    def dump(self, task: Task) -> Any:
        return plain({name: _marked(value) for name, value in _written(task).items()})

    def load(self, name: Any, data: Any) -> tuple[Key, Task]:
        return name, _read(revive(data))

    def due(self, task: Task) -> int:
        return task.ends(*self._limits) // 1_000_000 + 1


_INSTANT, _PAIRS, _SYMBOL, _SET, _TUPLE = "$instant", "$pairs", "$symbol", "$set", "$tuple"
_KNOWN = frozenset({str, int, float, bool, bytes, type(None)})


def _marked(value: Any) -> Any:
    """A value in which instants, symbols, sets and tuples can be told from texts and lists."""
    kind = type(value)
    if kind in _KNOWN:
        return value
    if kind is Timestamp:
        return {_INSTANT: str(value)}
    if kind.__name__ == "Symbol":
        return {_SYMBOL: value.name}
    if isinstance(value, dict):
        if all(type(key) is str for key in value):
            return {key: _marked(item) for key, item in value.items()}
        return {_PAIRS: [[_marked(key), _marked(item)] for key, item in value.items()]}
    if isinstance(value, list | tuple | set | Iterator):
        items = [_marked(item) for item in value]
        mark = _SET if kind is set else _TUPLE
        return {mark: items} if kind is set or kind is tuple else items
    return str(value)


def _key(value: Any) -> Any:
    """A key of a map, which Ruby's hashes may have of any kind."""
    if type(value) in (str, int):
        return value
    from ..dsl.ruby.objects import key_of

    return key_of(_unmarked(value))


def _unmarked(value: Any) -> Any:
    if type(value) is dict:
        mark = next(iter(value)) if len(value) == 1 else ""
        if mark == _INSTANT:
            return Timestamp(value[_INSTANT])
        if mark == _SYMBOL:
            from ..dsl.ruby.objects import symbol

            return symbol(value[_SYMBOL])
        if mark == _SET:
            return {_unmarked(item) for item in value[_SET]}
        if mark == _TUPLE:
            return tuple(_unmarked(item) for item in value[_TUPLE])
        if mark == _PAIRS:
            return {_key(key): _unmarked(item) for key, item in value[_PAIRS]}
        return {k: _unmarked(v) for k, v in value.items()}
    return [_unmarked(item) for item in value] if type(value) is list else value
