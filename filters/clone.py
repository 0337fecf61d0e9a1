"""The filter clone: copies of an event, marked."""

from __future__ import annotations

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, option


class Clone(Ecs, Filter, name="clone"):
    """Copy an event, once for each name in `clones`.

    The event itself goes on first, unchanged, then its copies, in order. A copy is marked with its
    name: in `tags`, or in the field `type` where names of the Elastic Common Schema are off. The
    common options apply to the copies alone.
    """

    reshapes = True

    clones: list[str] = option("The names of the copies to make.")

    examples = (
        Example(
            "a copy for the archive",
            'clone { clones => ["archive"] remove_field => ["debug"] }',
            before={"message": "hello", "debug": 1},
            after=[{"message": "hello", "debug": 1}, {"message": "hello", "tags": ["archive"]}],
        ),
        Example(
            "marked by type",
            'clone { clones => ["a", "b"] ecs_compatibility => "disabled" }',
            before={"n": 1},
            after=[{"n": 1}, {"n": 1, "type": "a"}, {"n": 1, "type": "b"}],
        ),
    )

    def prepare(self) -> None:
        """Warn where no copy will be made."""
        if not self.clones:
            self.problem(
                "clones",
                "no copies are made: `clones` is empty",
                "remove the filter",
                code="W305",
            )

    def apply(self, event: Event) -> list[Event]:
        """The event and its copies."""
        return [event, *[self._copy(event, name) for name in self.clones]]

    def _copy(self, event: Event, name: str) -> Event:
        made: Event = copy(event)
        if self.ecs:
            add_tag(made, name)
        else:
            made["type"] = name
        if self.decorate is not None:
            self.decorate(made)
        return made
