"""What a test file means: cases, each with what goes in, what must come out, and the pipeline that
it is about.

Rows of a table are opened up here, as maps of the file's own form, so that what holds for a test
holds for a row.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import ConfigError, in_order
from ...dsl.source import Span
from ...dsl.values import json_text
from . import test_file_schema, verifier
from .cases import Case, Expected, Extra, Given, Mock, Setup, Suite
from .document import Items, Node, Scalar, load, plain, read_source
from .document import Mapping as MappingNode
from .schema import Faults, NamedValues
from .step_reader import StepReader
from .test_file_schema import Read


def read_suite(path: Path, extra: Extra | None = None) -> Suite:
    """The suite of a file; raises ConfigError with all that is wrong with it."""
    source = read_source(path)
    root = load(source)
    extra = extra or Extra()
    if verifier.looks_foreign(root):
        return verifier.suite(path, root, extra)
    faults = Faults()
    if isinstance(root, MappingNode) and extra.pipeline:
        root = _with(root, {"pipeline": _texts(extra.pipeline, root.span)})
    read = test_file_schema.SUITE.read(root, faults)
    if isinstance(read, Read):
        cases = _Reader(path, read, faults, extra).cases()
    if faults.found:
        raise ConfigError(in_order(faults.found))
    return Suite(path, tuple(cases))


def _texts(texts: Iterable[str], span: Span) -> Items:
    return Items(tuple(Scalar(text, span, text) for text in texts), span)


def _with(node: MappingNode, changed: Mapping[str, Node]) -> MappingNode:
    """A map with some keys set anew."""
    kept = [(key, value) for key, value in node.entries if key.value not in changed]
    added = [(Scalar(name, value.span, name), value) for name, value in changed.items()]
    return MappingNode((*kept, *added), node.span)


class _Reader:
    """Reads the tests of one file."""

    def __init__(self, path: Path, suite: Read, faults: Faults, extra: Extra) -> None:
        self.path, self.suite, self.faults, self.extra = path, suite, faults, extra

    def cases(self) -> list[Case]:
        found: list[Case] = []
        taken: dict[str, int] = {}
        for case in (case for node in self.suite.get("tests", ()) for case in self.opened(node)):
            taken[case.name] = number = taken.get(case.name, 0) + 1
            found.append(
                case if number == 1 else dataclasses.replace(case, name=f"{case.name} ({number})")
            )
        return found

    def opened(self, node: Node) -> list[Case]:
        """A test, or a case for each of its rows."""
        rows = node.get("rows") if isinstance(node, MappingNode) else None
        if not isinstance(node, MappingNode) or not isinstance(rows, Items):
            read = test_file_schema.TEST.read(node, self.faults)
            return [self.case(read, str(read.get("name", "")))] if isinstance(read, Read) else []
        titles = self.titles(node.get("columns"))
        if titles is None:
            return []
        base = MappingNode(
            tuple(e for e in node.entries if e[0].value not in ("rows", "columns")), node.span
        )
        return [case for row in rows.nodes for case in self.row(base, titles, row)]

    def titles(self, node: Node | None) -> list[Scalar] | None:
        """The titles of columns, None where one is misspelt."""
        nodes = node.nodes if isinstance(node, Items) else [node]
        found = [title for title in nodes if isinstance(title, Scalar)]
        wrong = [
            title.value not in _TITLES and test_file_schema.misspelt(title, self.faults, _TITLES)
            for title in found
        ]
        return None if any(wrong) else found

    def row(self, base: MappingNode, titles: list[Scalar], row: Node) -> list[Case]:
        cells = self.cells(titles, row)
        if not cells:
            return []
        opened = _Row(base, cells, self.faults).opened()
        read = test_file_schema.TEST.read(opened, self.faults)
        if not isinstance(read, Read):
            return []
        named = next((str(plain(value)) for title, value in cells if title.value == "name"), "")
        label = named or " · ".join(_short(plain(value)) for title, value in cells[:1])
        return [
            self.case(
                Read(read.values, read.spans, row.span),
                f"{plain(base.get('name') or row_name(row))}: {label}",
            )
        ]

    def cells(self, titles: list[Scalar], row: Node) -> list[tuple[Scalar, Node]]:
        if isinstance(row, MappingNode):
            return list(row.entries)
        if not isinstance(row, Items):
            self.faults.add(
                "E403",
                "expected a row",
                row.span,
                "write a list of cells, or a map from titles to cells",
            )
        elif not titles:
            self.faults.add(
                "E404", "rows that are lists need `columns`", row.span, "add columns: [input, …]"
            )
        elif len(row.nodes) != len(titles):
            self.faults.add(
                "E403",
                f"this row has {len(row.nodes)} cells, there are {len(titles)} columns",
                row.span,
            )
        else:
            return list(zip(titles, row.nodes, strict=True))
        return []

    def case(self, read: Read, name: str) -> Case:
        setup, skip = self.setup(read), str(read.get("skip", ""))
        if "steps" in read.spans:
            steps = StepReader(self, read, self.faults).steps()
            return Case(name, read.span, setup, Given(), Expected(), skip, steps)
        return Case(name, read.span, setup, self.given(read), self.expected(read), skip)

    def setup(self, read: Read) -> Setup:
        def merged(key: str) -> dict[str, Any]:
            return {**self.suite.get(key, {}), **read.get(key, {})}

        settings = {
            test_file_schema.SHORT_SETTINGS.get(name, name): plain(node)
            for name, node in merged("settings").items()
        }
        settings = {"penstock.timezone": "UTC", **self.extra.settings, **settings}
        mocks = {
            **self.extra.mocks,
            **{name: _mock(mock) for name, mock in merged("mocks").items()},
        }
        pipeline = tuple(self.suite.get("pipeline", ()))
        directory = "" if self.extra.pipeline else str(self.path.parent)
        tolerated = (
            frozenset(self.extra.mocks)
            - read.get("mocks", {}).keys()
            - self.suite.get("mocks", {}).keys()
        )
        return Setup(
            pipeline,
            directory,
            settings,
            merged("environment"),
            mocks,
            tolerated,
            self.suite.place("pipeline"),
            {**_spans(self.suite.get("mocks")), **_spans(read.get("mocks"))},
        )

    def given(self, read: Read) -> Given:
        def own(key: str) -> Any:
            return read.get(key, self.suite.get(key))

        items = tuple(
            item if isinstance(item, str) else _values(item) for item in read.get("input", ())
        )
        if ("input" in read.spans) is ("file" in read.spans) and not read.strange:
            message = (
                "`input` and `file` cannot both be given"
                if "file" in read.spans
                else "a test needs the key `input` or `file`"
            )
            self.faults.add("E404", message, read.span)
        fields = {**self.suite.get("fields", {}), **read.get("fields", {})}
        file = str(self.path.parent / read.get("file")) if read.get("file") else ""
        spans = {**self.suite.spans, **read.spans}
        return Given(items, file, own("from") or "", own("codec") or "", _values(fields), spans)

    def expected(self, read: Read) -> Expected:
        wanted = read.get("expect")
        each, outputs = read.get("each"), read.get("outputs")
        if not {"expect", "each", "outputs"} & read.spans.keys() and not read.strange:
            self.faults.add(
                "E404",
                "a test needs the key `expect`: the events that come out",
                read.span,
                "or `each`, or `outputs`",
            )
        ignore = [name for name, _ in (*self.suite.get("ignore", ()), *read.get("ignore", ()))]
        return Expected(
            events=tuple(wanted) if isinstance(wanted, list) else None,
            count=wanted if isinstance(wanted, int) else None,
            each=each,
            outputs=None if outputs is None else dict(outputs),
            snapshot=wanted == test_file_schema.SNAPSHOT,
            exact=bool(read.get("exact", self.suite.get("exact", False))),
            ignore=tuple(ignore),
        )


def _spans(read: Any) -> Mapping[str, Span]:
    """Where the keys of a map are written."""
    return read.spans if isinstance(read, NamedValues) else {}


def row_name(row: Node) -> Scalar:
    """A name for rows of a test that has none."""
    return Scalar("row", row.span, "row")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _values(nodes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(node) for name, node in nodes.items()}


def _mock(mock: Any) -> Mock:
    if isinstance(mock, Read):
        return {
            key: _mock(value) if key == "table" else _plain(value)
            for key, value in mock.values.items()
        }
    if not isinstance(mock, dict):
        return None if mock is None else str(mock)
    return {key: None if fields is None else _values(fields) for key, fields in mock.items()}


def _plain(value: Any) -> Any:
    return _values(value) if isinstance(value, dict) else value


_TITLES = (*(key.name for key in test_file_schema.TEST.keys), *test_file_schema.KEYWORDS)


class _Row:
    """A row of a table, laid over its test."""

    def __init__(self, base: MappingNode, cells: list[tuple[Scalar, Node]], faults: Faults) -> None:
        self.base, self.cells, self.faults = base, cells, faults

    def opened(self) -> MappingNode:
        """The test that the row stands for."""
        own = {key.name for key in test_file_schema.TEST.keys}
        changed: dict[str, Node] = {}
        expected: list[tuple[Scalar, Node]] = []
        for title, cell in self.cells:
            name = str(title.value)
            if name.startswith("input "):
                changed["input"] = self.input(
                    changed, name.removeprefix("input ").strip(), title, cell
                )
            elif name in own and name not in ("exact", "outputs"):
                changed[name] = cell
            else:
                expected.append((title, cell))
        if expected:
            changed["expect"] = self.expectation(changed, expected)
        return _with(self.base, changed)

    def input(self, changed: Mapping[str, Node], name: str, title: Scalar, cell: Node) -> Node:
        node = changed.get("input", self.base.get("input"))
        if node is None:
            node = MappingNode((), cell.span)
        if not isinstance(node, MappingNode):
            self.faults.add(
                "E403",
                f"`{title.value}` sets a field of an event, but `input` is not an event",
                node.span,
            )
            return node
        return _with(node, {name: cell})

    def expectation(self, changed: Mapping[str, Node], expected: list[tuple[Scalar, Node]]) -> Node:
        node = changed.get("expect", self.base.get("expect"))
        if isinstance(node, Items) and len(node.nodes) == 1:
            node = node.nodes[0]
        if node is not None and not isinstance(node, MappingNode):
            self.faults.add(
                "E403", "rows add to one expected event, but `expect` is not one event", node.span
            )
            return node
        names = {title.value for title, _ in expected}
        entries = node.entries if node else ()
        kept = [entry for entry in entries if entry[0].value not in names]
        return MappingNode((*kept, *expected), expected[0][0].span)
