"""What an event is asked whose name the code writes: ``event.get`` and ``event.set`` of a field
that is known when the code is compiled.
"""

from __future__ import annotations

from ..reference import ReferenceSyntaxError
from .blocks import Blocks
from .events import getter, setter
from .frames import Code
from .subset import Outdated
from .syntax import Node, named


class EventCalls(Blocks):
    """The part of the compiler that knows events."""

    reassigned: frozenset[str]

    def is_event(self, node: Node) -> bool:
        """Whether a node is the event that the code is given."""
        name = self.frame.event
        if node.type != "identifier" or name is None or self.text(node) != name:
            return False
        found = self.frame.find(name)
        return (
            found is not None
            and found[0].event == name
            and found[0].outer is None
            and name not in self.reassigned
        )

    def refuse_old_event(self, node: Node) -> None:
        owner = node.child_by_field_name("object")
        if owner is not None and self.is_event(owner):
            raise Outdated(*self.tree.span(node))

    def event_call(self, node: Node, name: str) -> Code | None:
        """A short way to get and set a field whose name is written."""
        given = node.child_by_field_name("arguments")
        arguments = named(given) if given is not None else []
        if name not in ("get", "set") or len(arguments) != (1 if name == "get" else 2):
            return None
        field = arguments[0]
        if field.type != "string" or any(
            n.type in ("splat_argument", "pair", "block_argument") for n in arguments
        ):
            return None
        parts = self.parts(field)
        if len(parts) != 1 or not isinstance(parts[0], str):
            return None
        try:
            return self._field(name, parts[0], arguments)
        except ReferenceSyntaxError:
            return None

    def _field(self, name: str, field: str, arguments: list[Node]) -> Code:
        event = f"v_{self.frame.event}"
        if name == "get":
            get, held = self.keep(field, getter(field), "g"), self.temporary()
            take = "deep_copy" if self.mutable else "copy"
            plain = "UNSHARED" if self.mutable else "PLAIN"
            return Code(
                f"({held} if type({held} := {get}({event}.data)) in {plain} else {take}({held}))"
            )
        put = self.keep(field, setter(field), "p")
        return Code(f"{put}({event}, {self.value(arguments[1])})")
