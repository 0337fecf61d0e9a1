"""YAML and JSON as nodes that know their place, so that an error in a test file can point at it.

YAML's scalars are read by the core schema of YAML 1.2, whatever the library holds of them: ``no``
and ``GB`` are texts, dates are texts, ``0777`` is 777. (PyYAML's own rules are those of 1.1, in
which the country code of Norway is false.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.source import Source, Span

_CORE = (
    (re.compile(r"(?:null|Null|NULL|~|)\Z"), lambda text: None),
    (re.compile(r"(?:true|True|TRUE)\Z"), lambda text: True),
    (re.compile(r"(?:false|False|FALSE)\Z"), lambda text: False),
    (re.compile(r"[-+]?[0-9]+\Z"), int),
    (re.compile(r"0o[0-7]+\Z"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+\Z"), lambda text: int(text[2:], 16)),
    (re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"), float),
    (re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z"), lambda text: float(text.replace(".", ""))),
    (re.compile(r"\.(?:nan|NaN|NAN)\Z"), lambda text: float("nan")),
)

_TAG = re.compile(r"(?:&\S+\s+)?(!\S*)")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, a number, a boolean or null; ``raw`` is how it is written, without quotes."""

    value: Any
    span: Span
    raw: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple[Node, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, in order, each with a value."""

    entries: tuple[tuple[Scalar, Node], ...]
    span: Span

    def get(self, key: str) -> Node | None:
        """The value of a key."""
        return next((node for name, node in self.entries if name.value == key), None)


Node = Scalar | Items | Mapping


def plain(node: Node) -> Any:
    """A node as plain data."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return {str(key.value): plain(value) for key, value in node.entries}


def load(source: Source) -> Node:
    """The document of a source, JSON where its name ends so, YAML otherwise; raises ConfigError
    with the first fault.
    """
    if source.name.endswith(".json"):
        return _Json(source).document()
    return _yaml(source)


def _fault(source: Source, message: str, at: int, help: str = "") -> ConfigError:
    at = max(0, min(at, len(source.text) - 1))
    return ConfigError([Diagnostic("E401", message, Span(source, at, at + 1), help)])


def _yaml(source: Source) -> Node:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(source.text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark.index if error.problem_mark else 0
        help = (
            "indent with spaces, not tabs"
            if source.text[at : at + 1] == "\t"
            else error.context or ""
        )
        raise _fault(source, f"not valid YAML: {error.problem}", at, help) from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", str(error))
        raise _fault(source, f"not valid YAML: {reason}", getattr(error, "position", 0)) from None
    if root is None:
        raise _fault(
            source, "the file is empty", 0, "a test file has the keys `pipeline` and `tests`"
        )
    return _Yaml(source).node(root)


class _Yaml:
    """Turns PyYAML's nodes into ours."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def node(self, node: Any) -> Node:
        span = Span(self.source, node.start_mark.index, node.end_mark.index)
        if node.id == "scalar":
            return Scalar(self.scalar(node), span, node.value)
        if node.id == "sequence":
            return Items(tuple(self.node(item) for item in node.value), span)
        return self.mapping(node, span)

    def scalar(self, node: Any) -> Any:
        text: str = node.value
        tag = _TAG.match(self.source.text, node.start_mark.index)
        if tag is not None and tag[1] not in ("!", "!!str"):
            raise _fault(
                self.source,
                f"the tag {tag[1]} is not supported",
                tag.start(1),
                "write the value without it",
            )
        if node.style or tag is not None:
            return text
        if text and text[0] not in "-+.~0123456789nNtTfF":
            return text
        return next((read(text) for pattern, read in _CORE if pattern.match(text)), text)

    def mapping(self, node: Any, span: Span) -> Mapping:
        entries: dict[Any, tuple[Scalar, Node]] = {}
        merged: list[tuple[Scalar, Node]] = []
        for key_node, value_node in node.value:
            key, value = self.node(key_node), self.node(value_node)
            if not isinstance(key, Scalar):
                raise _fault(
                    self.source,
                    "a key must be a string",
                    key.span.start,
                    'write a field as a string: "[a][b]"',
                )
            if key.value == "<<" and not key_node.style:
                merged += _merged(value)
                continue
            if key.value in entries:
                raise _twice(key, entries[key.value][0])
            entries[key.value] = key, value
        for key, value in merged:
            entries.setdefault(key.value, (key, value))
        return Mapping(tuple(entries.values()), span)


def _merged(node: Node) -> list[tuple[Scalar, Node]]:
    """The entries that ``<<`` brings in."""
    if isinstance(node, Mapping):
        return list(node.entries)
    return (
        [entry for item in node.nodes for entry in _merged(item)] if isinstance(node, Items) else []
    )


def _twice(key: Scalar, first: Scalar) -> ConfigError:
    return ConfigError(
        [
            Diagnostic(
                "E405", f"the key `{key.value}` is given twice", key.span, f"see {first.span.place}"
            )
        ]
    )


_SPACE = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|true|false|null")


class _Json:
    """A reader of JSON that keeps places, which the library's does not."""

    def __init__(self, source: Source) -> None:
        self.source, self.text, self.at = source, source.text, 0

    def document(self) -> Node:
        self.skip()
        node = self.value()
        if self.at < len(self.text):
            raise self.fault("not valid JSON: unexpected text after the value")
        return node

    def fault(self, message: str, help: str = "") -> ConfigError:
        return _fault(self.source, message, self.at, help)

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def found(self, mark: str) -> bool:
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        self.skip()
        return True

    def value(self) -> Node:
        start, head = self.at, self.text[self.at : self.at + 1]
        if head == '"':
            return self.string()
        if self.found("["):
            items = self.several("]", self.value)
            return Items(tuple(items), Span(self.source, start, self.at))
        if self.found("{"):
            return self.mapping(start)
        match = _LITERAL.match(self.text, self.at)
        if match is None:
            raise self.fault(
                "not valid JSON: expected a value",
                "put strings in double quotes; no comma after the last value",
            )
        self.at = match.end()
        node = Scalar(json.loads(match[0]), Span(self.source, start, self.at), match[0])
        self.skip()
        return node

    def string(self) -> Scalar:
        start = self.at
        if self.text[start : start + 1] != '"':
            raise self.fault(
                "not valid JSON: expected a key in double quotes", "no comma after the last entry"
            )
        try:
            value, self.at = json.JSONDecoder().raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            raise _fault(self.source, f"not valid JSON: {error.msg.lower()}", error.pos) from None
        span = Span(self.source, start, self.at)
        self.skip()
        return Scalar(value, span, value)

    def several(self, end: str, one: Callable[[], Any]) -> list[Any]:
        found: list[Any] = []
        if self.found(end):
            return found
        while True:
            found.append(one())
            if self.found(end):
                return found
            if not self.found(","):
                raise self.fault(f"not valid JSON: expected `,` or `{end}`")

    def mapping(self, start: int) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, value in self.several("}", self.entry):
            if key.value in entries:
                raise _twice(key, entries[key.value][0])
            entries[key.value] = key, value
        return Mapping(tuple(entries.values()), Span(self.source, start, self.at))

    def entry(self) -> tuple[Scalar, Node]:
        key = self.string()
        if not self.found(":"):
            raise self.fault("not valid JSON: expected `:`")
        return key, self.value()


def node_of(value: Any, source: Source) -> Node:
    """Plain data as a node, for what reads nodes; its place is the whole source."""
    span = Span(source, 0, len(source.text))
    if isinstance(value, dict):
        return Mapping(
            tuple(
                (Scalar(key, span, str(key)), node_of(inner, source))
                for key, inner in value.items()
            ),
            span,
        )
    if isinstance(value, list | tuple):
        return Items(tuple(node_of(item, source) for item in value), span)
    return Scalar(value, span, str(value))


def read_source(path: Path) -> Source:
    """The text of a test file; raises ConfigError where it cannot be read."""
    try:
        return Source(str(path), path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            [Diagnostic("E406", f"`{path}` cannot be read: {error.strerror or error}")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigError([Diagnostic("E401", f"`{path}` is not valid UTF-8")]) from None
