"""What may stand where in a test file, declared once: a shape reads a node, says what is wrong with
it, and is a JSON schema.

Reading goes on after a fault: all faults of a file are found. What cannot be read is ``UNREAD``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from ...dsl.diagnostics import Diagnostic, did_you_mean
from ...dsl.source import Span
from .document import Items, Mapping, Node, Scalar

Schema = dict[str, Any]


class _Unread:
    def __repr__(self) -> str:
        return "UNREAD"


UNREAD: Final = _Unread()


@dataclass(slots=True)
class Faults:
    """Collects what is wrong with a file."""

    found: list[Diagnostic] = field(default_factory=list)

    def add(self, code: str, message: str, span: Span | None, help: str = "") -> Any:
        """Note a fault; gives UNREAD, for the value that there is not."""
        self.found.append(Diagnostic(code, message, span, help))
        return UNREAD


class Shape(Protocol):
    """A kind of value. ``said`` names it to a user, with its article."""

    @property
    def said(self) -> str: ...

    def fits(self, node: Node) -> bool:
        """Whether a node is of this kind, as far as can be seen from outside."""
        ...

    def read(self, node: Node, faults: Faults) -> Any:
        """The value of a node."""
        ...

    def schema(self) -> Schema:
        """The shape as JSON schema."""
        ...


@dataclass(frozen=True, slots=True)
class Simple:
    """A scalar of some types; ``text`` takes other scalars too, as they are written."""

    said: str
    types: tuple[type, ...]
    type_name: str
    choices: tuple[str, ...] = ()

    def fits(self, node: Node) -> bool:
        if not isinstance(node, Scalar) or node.value is None:
            return False
        return type(node.value) in self.types or self.type_name == "string"

    def read(self, node: Node, faults: Faults) -> Any:
        if not self.fits(node):
            return faults.add("E403", f"expected {self.said}", node.span)
        assert isinstance(node, Scalar)
        if self.choices and node.value not in self.choices:
            help = did_you_mean(str(node.value), self.choices) or "one of " + ", ".join(
                self.choices
            )
            return faults.add(
                "E403", f"`{node.value}` is not one of the allowed values", node.span, help
            )
        return node.value if type(node.value) in self.types else node.raw

    def schema(self) -> Schema:
        return {"enum": list(self.choices)} if self.choices else {"type": self.type_name}


TEXT = Simple("a string", (str,), "string")
FLAG = Simple("a boolean", (bool,), "boolean")
COUNT = Simple("an integer", (int,), "integer")
NUMBER = Simple("a number", (int, float), "number")


@dataclass(frozen=True, slots=True)
class Placed:
    """A scalar that is read with its place."""

    shape: Simple
    judge: Callable[[Scalar, Faults], None] | None = None

    @property
    def said(self) -> str:
        return self.shape.said

    def fits(self, node: Node) -> bool:
        return self.shape.fits(node)

    def read(self, node: Node, faults: Faults) -> Any:
        value = self.shape.read(node, faults)
        if self.judge is not None and isinstance(node, Scalar) and value is not UNREAD:
            self.judge(node, faults)
        return value if value is UNREAD else (value, node.span)

    def schema(self) -> Schema:
        return self.shape.schema()


@dataclass(frozen=True, slots=True)
class Anything:
    """Any value, kept as a node for who knows what to make of it."""

    said: str = "a value"
    like: Schema = field(default_factory=dict)

    def fits(self, node: Node) -> bool:
        return True

    def read(self, node: Node, faults: Faults) -> Any:
        return node

    def schema(self) -> Schema:
        return self.like


@dataclass(frozen=True, slots=True)
class Several:
    """A list; where ``or_one``, a single item stands for a list of one."""

    item: Shape
    said: str
    or_one: bool = False

    def fits(self, node: Node) -> bool:
        return isinstance(node, Items) or (self.or_one and self.item.fits(node))

    def read(self, node: Node, faults: Faults) -> Any:
        if isinstance(node, Items):
            read = [self.item.read(item, faults) for item in node.nodes]
            return [value for value in read if value is not UNREAD]
        if not self.or_one:
            return faults.add("E403", f"expected {self.said}", node.span, "write a list: [ … ]")
        value = self.item.read(node, faults)
        return value if value is UNREAD else [value]

    def schema(self) -> Schema:
        many: Schema = {"type": "array", "items": self.item.schema()}
        return {"anyOf": [self.item.schema(), many]} if self.or_one else many


class NamedValues(dict[str, Any]):
    """What a map with the user's own keys holds, and where each key is written."""

    def __init__(self, values: dict[str, Any], spans: dict[str, Span]) -> None:
        super().__init__(values)
        self.spans = spans


@dataclass(frozen=True, slots=True)
class Named:
    """A map whose keys are the user's own; ``name`` may judge them."""

    value: Shape
    said: str
    name: Callable[[Scalar, Faults], None] | None = None

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, node: Node, faults: Faults) -> Any:
        if not isinstance(node, Mapping):
            return faults.add("E403", f"expected {self.said}", node.span, "write a map: key: value")
        read = {}
        for key, value in node.entries:
            if self.name is not None:
                self.name(key, faults)
            read[str(key.value)] = self.value.read(value, faults)
        kept = {key: value for key, value in read.items() if value is not UNREAD}
        return NamedValues(kept, {str(key.value): key.span for key, _ in node.entries})

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": self.value.schema()}


@dataclass(frozen=True, slots=True)
class OneOf:
    """The first of several shapes that a node fits."""

    shapes: tuple[Shape, ...]
    said: str

    def fits(self, node: Node) -> bool:
        return any(shape.fits(node) for shape in self.shapes)

    def read(self, node: Node, faults: Faults) -> Any:
        shape = next((shape for shape in self.shapes if shape.fits(node)), None)
        if shape is None:
            return faults.add("E403", f"expected {self.said}", node.span)
        return shape.read(node, faults)

    def schema(self) -> Schema:
        return {"anyOf": [shape.schema() for shape in self.shapes]}


class _Nothing:
    """Nothing at all: null, or an empty value."""

    said = "nothing"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Scalar) and node.value is None

    def read(self, node: Node, faults: Faults) -> Any:
        return None

    def schema(self) -> Schema:
        return {"type": "null"}


NOTHING: Final = _Nothing()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a record."""

    name: str
    shape: Shape
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """A record that was read: values and places by key, where the whole stands, and whether it has
    keys that mean nothing.
    """

    values: dict[str, Any]
    spans: dict[str, Span]
    span: Span
    strange: bool = False

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key."""
        return self.values.get(key, default)

    def place(self, key: str) -> Span:
        """Where a key is written; the whole, where it is not."""
        return self.spans.get(key, self.span)


@dataclass(frozen=True, slots=True)
class Record:
    """A map with known keys; another one is a fault. ``mark`` is a key by which it is told from
    other maps.
    """

    keys: tuple[Key, ...]
    said: str
    mark: str = ""

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping) and (not self.mark or node.get(self.mark) is not None)

    def read(self, node: Node, faults: Faults) -> Any:
        if not isinstance(node, Mapping):
            return faults.add("E403", f"expected {self.said}", node.span, "write a map: key: value")
        known = {key.name: key for key in self.keys}
        values, spans, strange = {}, {}, False
        for name, value in node.entries:
            key = known.get(name.value)
            if key is None:
                strange = unknown(name, known, self.said, faults)
                continue
            spans[key.name] = name.span
            read = key.shape.read(value, faults)
            if read is not UNREAD:
                values[key.name] = read
        for key in self.keys:
            if key.required and key.name not in spans and not strange:
                doc = key.doc[0].lower() + key.doc[1:].rstrip(".")
                faults.add("E404", f"{self.said} needs the key `{key.name}`: {doc}", head(node))
        return Read(values, spans, head(node), strange)

    def schema(self) -> Schema:
        properties = {key.name: {"description": key.doc, **key.shape.schema()} for key in self.keys}
        required = [key.name for key in self.keys if key.required]
        made: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
        return {**made, "required": required} if required else made


def head(node: Mapping) -> Span:
    """A place that stands for a whole map: its first key."""
    return node.entries[0][0].span if node.entries else node.span


def unknown(name: Scalar, known: Iterable[str], said: str, faults: Faults) -> bool:
    """Note a key that means nothing, with what was probably meant; it may stand for one that is
    missing, so true.
    """
    names: Sequence[str] = list(known)
    help = did_you_mean(str(name.value), names) or "the keys are " + ", ".join(names)
    faults.add("E402", f"{said} has no key `{name.value}`", name.span, help)
    return True
