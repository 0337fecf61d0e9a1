"""What a plugin is told of its environment, and how it says that an option cannot be used."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..dsl.diagnostics import PenstockError
from ..dsl.reference import Event
from ..dsl.settings import DEFAULTS
from ..dsl.source import Span
from ..dsl.timestamp import Timestamp
from .data_paths import data_directory
from .json_bounds import Bounds
from .metrics import Metrics
from .rate_limit import PluginLog

Reasons = str | Sequence[str]
"""Why events could not be handled: one reason for all of them, or one for each."""


def with_reasons(events: Sequence[Event], reasons: Reasons) -> Iterable[tuple[Event, str]]:
    """Each event with why it could not be handled."""
    each = [reasons] * len(events) if isinstance(reasons, str) else reasons
    return zip(events, each, strict=True)


class OptionProblem(PenstockError):
    """An option that cannot be used; raised in ``prepare``, shown at the option's place.

    ``path`` leads to the item to blame, through hash keys and list indices; ``part`` is the stretch
    of a text's value that is to blame, in characters.
    """

    def __init__(
        self,
        option: str,
        message: str,
        help: str = "",
        path: Sequence[str | int] = (),
        code: str = "E220",
        part: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.option, self.message, self.help, self.path, self.code = (
            option,
            message,
            help,
            tuple(path),
            code,
        )
        self.part = part


class Shared:
    """Things that the plugins of one pipeline share, such as a client or a cache, by key."""

    def __init__(self) -> None:
        self._made: dict[Hashable, Any] = {}
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """The thing of that key, made by whoever asks first."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]


@dataclass(slots=True)
class Context:
    """What a plugin is told of its environment.

    ``settings`` has the Logstash keys; ``where`` is ``file:line:column``; ``problems`` collects
    OptionProblems; ``make_codec`` makes a codec of an option's value, for a stream of bytes if its
    second argument is true, and notes it in ``codecs``, which the runtime opens with the plugin
    (``codec.made_codec`` calls it). ``dead_letter(events, reasons)`` writes events that could not
    be handled; None where there are no dead letters; for an output it raises OSError where they
    cannot be written. ``stopping`` is set when the pipeline is to end; ``shared`` belongs to the
    pipeline.

    ``revoked(partitions, timeout)`` is for inputs, from inside ``read``: these partitions go to
    another process; it returns when nothing of them is under way any more, and what could not be
    delivered in time is no longer counted. ``connected()`` is called by the runtime when an input
    is; it raises Misconfigured where the input does not fit what stands behind it.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    where: str = ""
    id: str = ""
    name: str = ""
    problems: list[OptionProblem] = field(default_factory=list)
    make_codec: Callable[[Any, bool], Any] | None = None
    codecs: list[Any] = field(default_factory=list)
    dead_letter: Callable[[list[Event], Reasons], None] | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    shared_things: Shared = field(default_factory=Shared)
    revoked: Callable[[Sequence[str], float], None] = lambda partitions, timeout: None
    connected: Callable[[], None] = lambda: None
    metrics: Metrics = field(default_factory=Metrics)
    spans: Mapping[str, Span] = field(default_factory=dict)
    """Where the value of each option stands that was given."""
    rejected: Set[str] = frozenset()
    """The options that were given with a value that cannot be used."""

    @property
    def log(self) -> PluginLog:
        """The program's log, for lines that name this plugin and do not repeat each second."""
        return PluginLog(self.where, self.name)

    @property
    def ecs(self) -> str:
        """disabled, v1 or v8, as the pipeline sets it."""
        return str(self.settings.get("pipeline.ecs_compatibility", "v8"))

    @property
    def data_directory(self) -> Path:
        """Where this pipeline keeps what outlives a run."""
        return data_directory(self.settings)

    def shared(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """A thing that plugins of this pipeline share, made by whoever asks first."""
        return self.shared_things.get(key, make)

    def limit(self, name: str) -> int:
        """The setting ``penstock.limits.NAME``; to be asked for when a plugin prepares itself, not
        for each event.
        """
        key = f"penstock.limits.{name}"
        return int(self.settings.get(key, DEFAULTS[key]))

    def json_bounds(self) -> Bounds:
        """How deep and how large a JSON text may be."""
        return Bounds(self.limit("depth"), self.limit("fields"))

    def clock(self) -> float:
        """Seconds that never go back, for measuring and for waiting."""
        return time.monotonic()

    def now(self) -> Timestamp:
        """The present, or the instant that ``penstock.now`` fixes."""
        fixed = self.settings.get("penstock.now")
        return fixed if fixed is not None else Timestamp.now()
