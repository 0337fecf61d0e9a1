"""Cases: what goes in, what must come out, and the pipeline that they are about. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ...dsl.diagnostics import Diagnostic
from ...dsl.options import read
from ...dsl.source import Span
from ...dsl.spec import Kind
from .test_file_schema import Wants

Mock = None | str | dict[str, Any]

AT = "at"
"""The key of an event that says its time, as a duration behind the start of the test."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The pipeline of a case and what it is run with; cases of equal setups share one that is
    compiled.
    """

    pipeline: tuple[str, ...]
    directory: str
    settings: Mapping[str, Any]
    environment: Mapping[str, str]
    mocks: Mapping[str, Mock]
    tolerated: frozenset[str] = frozenset()
    place: Span | None = None
    mock_places: Mapping[str, Span] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A text that is the same for equal setups."""
        parts = [self.pipeline, self.directory, self.settings, self.environment, self.mocks]
        return repr(parts)


@dataclass(frozen=True, slots=True)
class Given:
    """What goes in: texts and events, or a file; ``through`` names an input, ``codec`` a codec with
    its options.
    """

    items: tuple[str | dict[str, Any], ...] = ()
    file: str = ""
    through: str = ""
    codec: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out: events in order, or only their number, or what the snapshot says;
    ``each`` holds for all.
    """

    events: tuple[Wants, ...] | None = None
    count: int | None = None
    each: Wants | None = None
    outputs: Mapping[str, Span] | None = None
    snapshot: bool = False
    exact: bool = False
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step: exactly one of ``given``, ``advance`` (milliseconds), ``restart`` and ``end``."""

    span: Span
    expected: Expected
    given: Given | None = None
    advance: int | None = None
    restart: Literal["stop", "kill"] | None = None
    end: bool = False

    @property
    def said(self) -> str:
        """What it does, in a word."""
        if self.given is not None:
            return "input"
        if self.advance is not None:
            return "advance"
        return f"restart: {self.restart}" if self.restart else "end"


def milliseconds(text: str) -> int:
    """A duration, perhaps with a sign; raises Misfit."""
    sign = -1 if text.startswith("-") else 1
    return sign * round(float(read(Kind("duration"), text.removeprefix("-"))) * 1000)


@dataclass(frozen=True, slots=True)
class Case:
    """One test, or one row of it. One with ``steps`` has neither input nor expectations of its
    own.
    """

    name: str
    span: Span
    setup: Setup
    given: Given
    expected: Expected
    skip: str = ""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifierOptions:
    """What a test file of logstash-filter-verifier says of its run. ``input_plugin`` is given in
    daemon mode; ``out_name`` is the field that tells outputs apart.
    """

    codec: str = "line"
    input_plugin: str = ""
    export_metadata: bool = False
    export_outputs: bool = False
    out_name: str = "__lfv_out_passed"

    @property
    def daemon(self) -> bool:
        """Whether the file is for the daemon mode."""
        return bool(self.input_plugin)


@dataclass(frozen=True, slots=True)
class Suite:
    """A test file. ``verifier`` has what a file of logstash-filter-verifier says of its run, None
    for a file of our own.
    """

    path: Path
    cases: tuple[Case, ...]
    warnings: tuple[Diagnostic, ...] = ()
    verifier: VerifierOptions | None = None


@dataclass(frozen=True, slots=True)
class Extra:
    """What the command line adds: a pipeline that goes before the file's, settings and mocks that
    go under the file's.
    """

    pipeline: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    mocks: Mapping[str, Mock] = field(default_factory=dict)
