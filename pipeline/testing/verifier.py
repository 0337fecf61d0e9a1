"""Test files of logstash-filter-verifier, run as that program runs them.

A file is one run: what filters hold goes from one test case to the next. In its standalone mode
lines go through a codec and the fields are added as by ``add_field``; in daemon mode
(``input_plugin`` is given) lines go through the codec of that input one by one, and an event comes
out once for each output it reached. Whole events are compared, without ``ignore``d fields. What a
Logstash of some version would add by itself (``@version``, ``[event][original]``) need not be in
the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...dsl.diagnostics import ConfigError, Diagnostic
from ...dsl.reference import Event, place
from ...dsl.source import Span
from ...dsl.values import to_text
from . import schema
from .cases import Case, Expected, Extra, Given, Mock, Setup, Suite, VerifierOptions
from .document import Items, Node, Scalar, load, plain, read_source
from .document import Mapping as MappingNode
from .matchers import Every, Fields, Matching, Same, Wanted
from .schema import FLAG, TEXT, UNREAD, Anything, Faults, Key, Record, Several
from .test_file_schema import Wants

_LINES = Several(TEXT, "a list of lines", or_one=True)
_EVENTS = Several(Anything("an event"), "a list of events")
_FIELDS = schema.OneOf((schema.NOTHING, schema.Named(Anything(), "fields")), "fields")
_TESTCASE = Record(
    (
        Key("input", _LINES, "Lines."),
        Key("expected", _EVENTS, "Events."),
        Key("description", TEXT, "What the case shows."),
        Key("fields", _FIELDS, "Fields of this case."),
    ),
    "a test case",
)
_FILE = Record(
    (
        Key("fields", _FIELDS, "Fields of all events."),
        Key("ignore", Several(TEXT, "a list of fields"), "Fields that are not compared."),
        Key("codec", TEXT, "The codec."),
        Key("input_plugin", TEXT, "The id of an input."),
        Key("export_metadata", FLAG, "Whether @metadata is compared."),
        Key("export_outputs", FLAG, "Whether outputs are compared."),
        Key("input", _LINES, "Lines."),
        Key("expected", _EVENTS, "Events."),
        Key("testcases", Several(_TESTCASE, "a list of test cases"), "Test cases."),
    ),
    "a test file",
)
_MOCKS = Several(
    Record(
        (
            Key("id", TEXT, "The id.", required=True),
            Key("mock", schema.OneOf((schema.NOTHING, TEXT), "text"), ""),
        ),
        "a mock",
    ),
    "a list of mocks",
)


def looks_foreign(root: Node) -> bool:
    """Whether a document is such a test file."""
    if not isinstance(root, MappingNode) or root.get("tests") is not None:
        return False
    keys = {key.value for key, _ in root.entries}
    return "testcases" in keys or {"input", "expected"} <= keys


def suite(path: Path, root: Node, extra: Extra) -> Suite:
    """The suite of a file; raises ConfigError."""
    faults, warnings = Faults(), list[Diagnostic]()
    read = _FILE.read(_known(root, _FILE, warnings), faults)
    if faults.found:
        raise ConfigError(faults.found)
    out_name = "_lfv_out_passed" if _SINGLE.search(root.span.text) else "__lfv_out_passed"
    given = {
        name: read.get(name)
        for name in ("codec", "input_plugin", "export_metadata", "export_outputs")
        if name in read.values
    }
    options = VerifierOptions(**given, out_name=out_name)
    file = _File(
        _setup(path, extra, root.span),
        expanded(_plain(read.get("fields"))),
        tuple(read.get("ignore", ())),
        options,
    )
    cases = [file.case(case, number) for number, case in enumerate(read.get("testcases", []), 1)]
    if read.get("input") or read.get("expected"):
        cases.insert(0, file.case(read, 0))
    return Suite(path, tuple(cases), tuple(warnings), options)


_SINGLE = re.compile(r"(?<!_)_lfv_out_passed")


def mocks_of(path: Path) -> dict[str, Mock]:
    """The mocks of a file of logstash-filter-verifier: a list of ``{id, mock}``; raises
    ConfigError.
    """
    faults = Faults()
    read = _MOCKS.read(load(read_source(path)), faults)
    if faults.found:
        raise ConfigError(faults.found)
    return {mock.get("id"): mock.get("mock") for mock in read if mock is not UNREAD}


def _known(root: Node, record: Record, warnings: list[Diagnostic]) -> Node:
    """A map without the keys that mean nothing, which logstash-filter-verifier passes over; the
    misspelt are warned of.
    """
    if not isinstance(root, MappingNode):
        return root
    known = {key.name: key.shape for key in record.keys}
    kept: list[tuple[Scalar, Node]] = []
    for key, value in root.entries:
        if key.value not in known:
            near = get_close_matches(str(key.value), known, n=1, cutoff=0.7)
            if near:
                message = (
                    f"`{key.value}` is not a key of logstash-filter-verifier and has no effect"
                )
                warnings.append(Diagnostic("W401", message, key.span, f"did you mean `{near[0]}`?"))
        elif key.value == "testcases" and isinstance(value, Items):
            kept.append(
                (
                    key,
                    Items(
                        tuple(_known(node, _TESTCASE, warnings) for node in value.nodes), value.span
                    ),
                )
            )
        elif not (isinstance(value, Scalar) and value.value is None):
            kept.append((key, value))
    return MappingNode(tuple(kept), root.span)


def _setup(path: Path, extra: Extra, span: Span) -> Setup:
    """The pipeline: as the command line says, or the one that stands beside the file."""
    settings = {"penstock.timezone": "UTC", **extra.settings}
    if extra.pipeline:
        return Setup(extra.pipeline, "", settings, {}, extra.mocks, frozenset(extra.mocks), span)
    stem = path.name.partition(".")[0]
    near = [
        *path.parent.glob(f"{stem}.conf"),
        *path.parent.glob("*.conf"),
        *path.parent.parent.glob("*.conf"),
    ]
    if not near:
        help = (
            "name the configuration that the file tests: penstock test -f PIPELINE.conf "
        ) + str(path)
        raise ConfigError(
            [Diagnostic("E406", "no configuration beside this file", span.part(0, 1), help)]
        )
    found = (
        near[:1]
        if near[0].stem == stem
        else [p for p in sorted(set(near)) if p.parent == near[0].parent]
    )
    return Setup(
        tuple(p.name for p in found),
        str(found[0].parent),
        settings,
        {},
        extra.mocks,
        frozenset(extra.mocks),
        span,
    )


def _plain(fields: Mapping[str, Any] | None) -> Event:
    return {name: plain(node) for name, node in (fields or {}).items()}


def expanded(fields: Mapping[str, Any]) -> Event:
    """Fields with ``[a][b]`` in their names opened up, at every depth."""
    made: Event = {}
    for name, value in fields.items():
        value = expanded(value) if isinstance(value, dict) else value
        keys = name[1:-1].split("][") if _BRACKETED.fullmatch(name) else [name]
        if len(keys) == 1:
            made[keys[0]] = value
        else:
            place(made, tuple(keys), value)
    return made


_BRACKETED = re.compile(r"(?:\[[^\[\],]+\])+")


@dataclass(frozen=True, slots=True)
class _File:
    """What holds for all cases of a file."""

    setup: Setup
    fields: Event
    ignore: tuple[str, ...]
    options: VerifierOptions

    def case(self, read: Any, number: int) -> Case:
        """A test case; number 0 is the old form, at the top of the file."""
        own = expanded(_plain(read.get("fields"))) if number else {}
        given = Given(tuple(read.get("input", ())), fields={**self.fields, **own})
        events = tuple(self.wants(given, node) for node in read.get("expected", ()))
        expected = Expected(events, exact=True, ignore=("@version", *map(reference, self.ignore)))
        name = str(
            read.get("description") or (f"testcase {number}" if number else "input and expected")
        )
        return Case(name, read.span, self.setup, given, expected)

    def wants(self, given: Given, node: Node) -> Wants:
        span = schema.head(node) if isinstance(node, MappingNode) else node.span
        data = plain(node)
        fields = expanded(data) if isinstance(data, dict) else {}
        absent = (
            {"@metadata": span}
            if self.options.export_metadata and "@metadata" not in fields
            else {}
        )
        wanted = {
            reference(name): (_wanted(value, given.fields.get(name)), span)
            for name, value in fields.items()
        }
        return Wants(wanted, absent, None, True, span)


def reference(name: str) -> str:
    """The name of a field as a reference."""
    return f"[{name}]" if "[" not in name and "]" not in name else name


def _wanted(value: Any, field: Any) -> Wanted:
    """A value; a number that comes from ``fields`` may have become a text, as ``add_field`` makes
    it.
    """
    if isinstance(value, list):
        return Every(tuple(_wanted(item, None) for item in value))
    if isinstance(value, dict):
        return Fields({key: _wanted(inner, None) for key, inner in value.items()})
    if value == field and not isinstance(value, str) and value is not None:
        return Matching(lambda got: to_text(got) == to_text(value), to_text(value))
    return Same(value)
