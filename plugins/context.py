"""What a plugin is told of its surroundings, and how it says that an option cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from ..dsl.reference import Event
from ..dsl.settings import DEFAULTS
from ..dsl.source import Span
from ..dsl.timestamp import Timestamp
from .json_bounds import Bounds

if TYPE_CHECKING:
    from .contract import Codec, Plugin


class OptionProblem(Exception):
    """An option that cannot be used; raised in ``prepare``, shown at the option's place.

    ``path`` leads to the item to blame, through hash keys and list indices; ``part`` is the stretch
    of a text's value that is to blame, in characters.
    """

    def __init__(
        self,
        option: str,
        message: str,
        remedy: str = "",
        path: Sequence[str | int] = (),
        code: str = "E220",
        part: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.option, self.message, self.remedy, self.path, self.code = (
            option,
            message,
            remedy,
            tuple(path),
            code,
        )
        self.part = part


class Context(msgspec.Struct):
    """What a plugin is told of its surroundings.

    ``settings`` has the Logstash keys; ``where`` is ``file:line:column``; ``problems`` collects
    OptionProblems; ``make_codec`` makes a codec of an option's value, for a stream of bytes if its
    second argument is true; ``bury`` writes events that could not be handled to the dead letters,
    with a reason; None where there are none. For an output it raises OSError where they cannot be
    written.
    """

    settings: Mapping[str, Any] = msgspec.field(default_factory=dict)
    where: str = ""
    id: str = ""
    problems: list[OptionProblem] = msgspec.field(default_factory=list)
    make_codec: Callable[[Any, bool], Codec] | None = None
    bury: Callable[[Plugin, list[Event], str], None] | None = None
    spans: Mapping[str, Span] = msgspec.field(default_factory=dict)
    """Where the value of each option stands that was given."""

    @property
    def ecs(self) -> str:
        """disabled, v1 or v8, as the pipeline sets it."""
        return str(self.settings.get("pipeline.ecs_compatibility", "v8"))

    def limit(self, name: str) -> int:
        """The setting ``penstock.limits.NAME``; to be asked for when a plugin prepares itself, not
        for each event.
        """
        return int(
            self.settings.get(f"penstock.limits.{name}", DEFAULTS[f"penstock.limits.{name}"])
        )

    def json_bounds(self) -> Bounds:
        """How deep and how large a JSON text may be."""
        return Bounds(self.limit("depth"), self.limit("fields"))

    def now(self) -> Timestamp:
        """The present, or the instant that ``penstock.now`` fixes."""
        fixed = self.settings.get("penstock.now")
        return fixed if fixed is not None else Timestamp.now()
