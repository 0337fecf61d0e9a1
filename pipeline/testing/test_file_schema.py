"""The form of a test file, declared once: the reader, the JSON schema and the reference are made of
it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from ...dsl import settings_table
from ...dsl.diagnostics import did_you_mean
from ...dsl.reference import ReferenceSyntaxError, parse_keys
from ...dsl.source import Span
from . import matchers
from .document import Mapping, Node, Scalar
from .schema import (
    COUNT,
    FLAG,
    NOTHING,
    TEXT,
    UNREAD,
    Anything,
    Faults,
    Key,
    Named,
    OneOf,
    Placed,
    Read,
    Record,
    Schema,
    Several,
    Simple,
    head,
)

SHORT_SETTINGS = {
    "ecs_compatibility": "pipeline.ecs_compatibility",
    "timezone": "penstock.timezone",
    "now": "penstock.now",
}
KEYWORDS = ("absent", "exact", "outputs")
SNAPSHOT = "snapshot"


@lru_cache(maxsize=4096)
def keys_of(name: str) -> tuple[str, ...]:
    """The keys of a field reference; raises ReferenceSyntaxError."""
    return parse_keys(name)


def is_field(name: Scalar, faults: Faults) -> None:
    """Note a name that is not a valid field reference."""
    try:
        keys_of(str(name.value))
    except ReferenceSyntaxError as error:
        faults.add("E207", str(error), name.span, "write a field as name, [name] or [outer][inner]")


@dataclass(frozen=True, slots=True)
class Wants:
    """An event that is expected, as it was read: fields with what they must hold, and the keywords
    beside them.
    """

    fields: dict[str, tuple[matchers.Wanted, Span]]
    absent: dict[str, Span]
    outputs: dict[str, Span] | None
    exact: bool | None
    span: Span


@dataclass(frozen=True, slots=True)
class Expectation:
    """The shape of an expected event: field references as keys, and the keywords."""

    said: str = "an expected event"

    def fits(self, node: Node) -> bool:
        return isinstance(node, Mapping)

    def read(self, node: Node, faults: Faults) -> Any:
        if not isinstance(node, Mapping):
            help = "write each field with its expected value, as in message: hello"
            return faults.add("E403", "expected a map: the fields of an event", node.span, help)
        keywords = _KEYWORDS.read(_only(node, KEYWORDS), faults)
        fields = self.fields(node, faults)
        exact = keywords.get("exact")
        if isinstance(exact, Mapping):
            fields |= self.fields(exact, faults)
            exact = True
        outputs = keywords.get("outputs")
        return Wants(
            fields,
            dict(keywords.get("absent", [])),
            None if outputs is None else dict(outputs),
            exact,
            head(node),
        )

    def fields(self, node: Mapping, faults: Faults) -> dict[str, tuple[matchers.Wanted, Span]]:
        found = {}
        for key, value in node.entries:
            if key.value in KEYWORDS:
                continue
            if not misspelt(key, faults):
                is_field(key, faults)
            want = matchers.wanted(value, faults)
            if want is not UNREAD:
                found[str(key.value)] = want, key.span
        return found

    def schema(self) -> Schema:
        properties = {
            key.name: {"description": key.doc, **key.shape.schema()} for key in _KEYWORDS.keys
        }
        properties["tags"] = {
            "description": "The tags, in any order; [] for none.",
            "$ref": "#/$defs/value",
        }
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": {"$ref": "#/$defs/value"},
        }


def _only(node: Mapping, names: tuple[str, ...]) -> Mapping:
    return Mapping(tuple(entry for entry in node.entries if entry[0].value in names), node.span)


def misspelt(key: Scalar, faults: Faults, keywords: Sequence[str] = KEYWORDS) -> bool:
    """Note a bare name that looks like a keyword: it would silently be taken for a field."""
    name = str(key.value)
    if not re.fullmatch(r"[A-Za-z_]+", name) or name == "tags":
        return False
    near = get_close_matches(name.lower(), [*keywords, "tags"], n=1, cutoff=0.8)
    if not near:
        return False
    help = f"did you mean `{near[0]}`? a field of this name is written [{name}]"
    faults.add("E402", f"`{name}` looks like `{near[0]}`", key.span, help)
    return True


def _setting_name(name: Scalar, faults: Faults) -> None:
    known = {*SHORT_SETTINGS, *settings_table.SETTINGS}
    if name.value not in known and not settings_table.is_inert(str(name.value)):
        help = (
            did_you_mean(str(name.value), known)
            or "the settings are ecs_compatibility, timezone, now, and Logstash's keys"
        )
        faults.add("E402", f"unknown setting `{name.value}`", name.span, help)


FIELD = Placed(Simple("a field", (str,), "string"), is_field)
FIELD_LIST = Several(FIELD, "a list of fields", or_one=True)
TEXTS = Several(TEXT, "a list of strings", or_one=True)
OUTPUTS = Several(Placed(TEXT), "a list of outputs", or_one=True)
KEYWORD_KEYS = (
    Key("absent", FIELD_LIST, "Fields that the event must not have."),
    Key(
        "exact",
        OneOf((FLAG, Anything("fields", {"type": "object"})), "true, or fields"),
        "Whether the event may have no other fields; or the fields of the whole event.",
    ),
    Key(
        "outputs",
        OUTPUTS,
        "The outputs that the event is routed to, by id (or name, where it is the only one).",
    ),
)
_KEYWORDS = Record(KEYWORD_KEYS, "an expected event")
EVENT = Named(Anything(), "an event", is_field)
VALUES = Named(Anything(), "a map of fields", is_field)
SETTINGS = Named(Anything(), "a map of settings", _setting_name)
ENVIRONMENT = Named(TEXT, "a map of variables")
ROW = OneOf((NOTHING, VALUES), "a map of fields")
LONG_TABLE = Record(
    (
        Key(
            "field",
            TEXT,
            "The field that is looked up, instead of the one that the filter's options name.",
        ),
        Key(
            "table",
            Named(ROW, "a table"),
            "Values of that field, each with the fields that are set.",
        ),
        Key("otherwise", VALUES, "Fields that are set for any other value."),
    ),
    "a mock",
    mark="table",
)
MOCK = OneOf(
    (NOTHING, TEXT, LONG_TABLE, Named(ROW, "a table")),
    "a table of results, a piece of configuration, or nothing",
)
MOCKS = Named(MOCK, "a map of mocks, by the id of what they replace")
INPUT = Several(
    OneOf((EVENT, TEXT), "a line or an event"), "a line, an event, or a list of them", or_one=True
)
EXPECTATION = Expectation()
EXPECT = OneOf(
    (
        COUNT,
        Several(EXPECTATION, "a list of expected events", or_one=True),
        Simple("a word", (str,), "string", (SNAPSHOT,)),
    ),
    "a list of expected events, a number of events, or `snapshot`",
)

EXPECT_STEP = OneOf(
    (COUNT, Several(EXPECTATION, "a list of expected events", or_one=True)),
    "a list of expected events, or a number of events",
)

SHARED = (
    Key(
        "settings",
        SETTINGS,
        "Settings: ecs_compatibility, timezone (default: UTC), now (a fixed present),"
        " Logstash's keys.",
    ),
    Key("environment", ENVIRONMENT, "Environment variables that the configuration names."),
    Key(
        "mocks",
        MOCKS,
        "Mocks for filters, by id: a table from values to fields, a piece of configuration,"
        " nothing.",
    ),
    Key(
        "from",
        TEXT,
        "The id (or name) of the input through whose codec, type, tags and add_field the lines"
        " come.",
    ),
    Key(
        "codec",
        TEXT,
        "The codec that reads lines and files, with its options: json, or multiline { … }.",
    ),
    Key("fields", VALUES, "Fields that every event has on arrival."),
    Key("ignore", FIELD_LIST, "Fields that are not looked at where the whole event is compared."),
    Key("exact", FLAG, "Whether whole events are compared, not only the fields that are named."),
)
STEP = Record(
    (
        Key(
            "input",
            INPUT,
            "A line, an event (a map), or a list of them; the `at` of an event, such as 90s, is its"
            " time behind the start of the test.",
        ),
        Key("file", TEXT, "A file to read instead, beside the test file."),
        Key("advance", TEXT, "By how much the clock goes on: 2m."),
        Key(
            "restart",
            Simple("stop or kill", (str,), "string", ("stop", "kill")),
            "Whether the pipeline is stopped in good order, or killed, and started again.",
        ),
        Key("end", FLAG, "Whether the input ends."),
        Key("expect", EXPECT_STEP, "The events that come out in this step; a number of them."),
        Key("each", EXPECTATION, "What every event of this step must have."),
        Key("outputs", OUTPUTS, "The outputs that every event of this step is routed to."),
    ),
    "a step",
)
TEST = Record(
    (
        Key("name", TEXT, "What the test shows, in a sentence.", required=True),
        Key("description", TEXT, "More about it."),
        Key("skip", TEXT, "Why the test is not run for now."),
        Key("input", INPUT, "A line, an event (a map), or a list of them."),
        Key(
            "file",
            TEXT,
            "A file to read instead, beside the test file; its lines, unless a codec says"
            " otherwise.",
        ),
        Key(
            "expect",
            EXPECT,
            "The events that come out, in order; [] for none; a number; or `snapshot`.",
        ),
        Key("each", EXPECTATION, "What every event that comes out must have."),
        Key("outputs", OUTPUTS, "The outputs that every event is routed to."),
        Key(
            "steps",
            Several(STEP, "a list of steps"),
            "Steps that are run in order on one pipeline whose clock stands still, instead of"
            " `input` and `expect`.",
        ),
        Key(
            "columns", TEXTS, "Titles for rows that are lists: input, name, a keyword, or a field."
        ),
        Key(
            "rows",
            Several(Anything("a row", {"type": ["array", "object"]}), "a list of rows"),
            "A table: the test is run once for each row, which overrides `input`, `name` and"
            " expected fields.",
        ),
        *SHARED,
    ),
    "a test",
)
SUITE = Record(
    (
        Key(
            "pipeline",
            TEXTS,
            "The configuration: a file, a directory, a glob (beside the test file), or its text.",
            required=True,
        ),
        *SHARED,
        Key(
            "tests",
            Several(Anything("a test", TEST.schema()), "a list of tests"),
            "The tests.",
            required=True,
        ),
    ),
    "a test file",
)


def schema() -> Schema:
    """The JSON schema of a test file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Test file of a Penstock pipeline",
        "description": "Unit tests of a pipeline: NAME.test.yml or NAME.test.json",
        **SUITE.schema(),
        "$defs": {"value": matchers.json_schema()},
    }


__all__ = ["EXPECTATION", "SUITE", "TEST", "Read", "Wants", "schema"]
