"""A pipeline on the bench: compiled once, given the events of one case after the other, its outputs
replaced by recorders.

Filters that keep something from event to event are made anew after each case, so that no case sees
what another left behind.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ...dsl.check import UnusablePlugin
from ...dsl.diagnostics import ConfigError, Diagnostic, did_you_mean
from ...dsl.event import accept
from ...dsl.program import PluginUse
from ...dsl.reference import Event, parse_keys, place
from ...dsl.settings import settled
from ...dsl.source import Source, Span
from ...dsl.values import copy
from ...plugins import registry
from ...plugins.contract import Codec, Filter, Input
from ..compile.generate import Observer, generate
from ..compile.instantiate import Assembly, Environment, assemble, make_codec, remake, uses
from ..compile.sources import load_sources
from .cases import Given, Setup
from .labels import labels
from .mocks import Mocks, Recorder

_INLINE = re.compile(r"\b(?:input|filter|output)\s*\{")


@dataclass(slots=True)
class Outcome:
    """What came out: events, in order, and the labels of the outputs that each went to."""

    events: list[Event]
    routes: list[tuple[str, ...]]
    originals: frozenset[str] = frozenset()
    stamps: frozenset[str] = frozenset()


@dataclass(slots=True)
class Compiled:
    """The sections as functions, perhaps with an observer."""

    filters: Any
    outputs: Any
    observer: Observer | None = None


def sources_of(setup: Setup) -> list[Source]:
    """The sources of a pipeline; raises ConfigError where there are none."""
    found: list[Source] = []
    for number, text in enumerate(setup.pipeline, 1):
        if _INLINE.search(text):
            found.append(
                Source("(pipeline)" if len(setup.pipeline) == 1 else f"(pipeline {number})", text)
            )
            continue
        try:
            found += load_sources(str(Path(setup.directory, Path(text).expanduser())))
        except ConfigError as error:
            first = error.diagnostics[0]
            if first.span is not None:
                raise
            raise ConfigError(
                [Diagnostic("E406", first.message, setup.place, first.help)]
            ) from None
    return found


class Harness:
    """A compiled pipeline that runs cases; ``sources`` are its texts. Raises ConfigError where it
    does not compile.
    """

    def __init__(self, setup: Setup, sources: list[Source] | None = None) -> None:
        self.setup = setup
        self.sources = sources_of(setup) if sources is None else sources
        mocks = Mocks(setup.mocks, setup.tolerated, setup.place, setup.mock_places)
        variables = {**os.environ, **setup.environment}
        environment = Environment(mocks.catalogue, variables, mocks.rewritten, mocks.override)
        self.assembly: Assembly = assemble(self.sources, settled(setup.settings), environment)
        mocks.refuse()
        program = self.assembly.program
        sections = (program.inputs, program.filters, program.outputs)
        self.inputs, self.filters, self.outputs = (_labels(list(uses(one))) for one in sections)
        self.recorders = self._recorders()
        self._codecs: dict[tuple[str, str, bool], Codec] = {}
        plugins = {use: self.assembly.made[use] for use in uses(program.filters)}
        self.stateful = [
            use for use, plugin in plugins.items() if isinstance(plugin, Filter) and plugin.stateful
        ]
        self.flushes = any(
            isinstance(plugin, Filter) and plugin.flushes for plugin in plugins.values()
        )
        self.plain = self.compiled(None)

    def _recorders(self) -> list[Recorder]:
        found = []
        for label, use in self.outputs.items():
            recorder = self.assembly.made[use]
            assert isinstance(recorder, Recorder)
            recorder.label = label
            found.append(recorder)
        return found

    def files(self) -> list[Path]:
        """The files that the pipeline is made of, and those that its filters name."""
        names: list[Any] = [source.name for source in self.sources]
        for use in uses(self.assembly.program.filters):
            for setting in use.settings.values():
                names += setting.value if isinstance(setting.value, list) else [setting.value]
        # os.path.isfile never raises, whatever the text is.
        is_file = os.path.isfile
        return [Path(name) for name in names if isinstance(name, str | Path) and is_file(name)]

    def compiled(self, observer: Observer | None) -> Compiled:
        """The sections compiled, so that an observer sees what happens."""
        program, made = self.assembly.program, self.assembly.made
        filters = generate(program.filters, made, "filters", observer)
        outputs = generate(program.outputs, made, "outputs", observer)
        return Compiled(filters, outputs, observer)

    def run(self, given: Given, compiled: Compiled | None = None) -> Outcome:
        """Run a case."""
        outcome = self.push(self.arrivals(given), compiled, final=True)
        self.reset(compiled)
        return outcome

    def push(
        self, events: list[Event], compiled: Compiled | None = None, final: bool = False
    ) -> Outcome:
        """Run events through filters and outputs; with ``final``, what filters hold comes out as
        well.
        """
        sections = compiled or self.plain
        originals = frozenset(
            text for event in events if isinstance(text := original_of(event), str)
        )
        stamps = frozenset(event["@timestamp"] for event in events)
        out = sections.filters.run(events)
        if final and self.flushes:
            out = [*out, *sections.filters.run([], True)]
        return Outcome(out, self.routes(out, sections), originals, stamps)

    def routes(self, events: list[Event], sections: Compiled) -> list[tuple[str, ...]]:
        self.forget_outputs()
        if events:
            sections.outputs.run(events)
        taken: dict[int, list[str]] = {id(event): [] for event in events}
        for recorder in self.recorders:
            for event in recorder.seen:
                taken[id(event)].append(recorder.label)
        return [tuple(taken[id(event)]) for event in events]

    def forget_outputs(self) -> None:
        """Let go of the events that outputs were given."""
        for recorder in self.recorders:
            recorder.seen.clear()

    def reset(self, compiled: Compiled | None = None) -> None:
        """Forget what filters keep; ``compiled`` has its functions replaced in place."""
        if not self.stateful:
            return
        program = self.assembly.program
        # Filters that share state (aggregate) find it by the settings object.
        self.assembly.program = replace(program, settings=dict(program.settings))
        for use in self.stateful:
            remake(self.assembly, use)
        sections = compiled or self.plain
        fresh = self.compiled(sections.observer)
        sections.filters, sections.outputs = fresh.filters, fresh.outputs

    def arrivals(self, given: Given) -> list[Event]:
        """The events of a case as they leave the input."""
        events = self.decoded(given)
        source = self.input(given)
        for event in events:
            set_fields(event, given.fields)
            if source is not None and source.decorate is not None:
                source.decorate(event)
        now = self.assembly.now()
        return [accept(event, now) for event in events]

    def decoded(self, given: Given) -> list[Event]:
        codec = self.codec(given)
        if given.file:
            try:
                data = Path(given.file).read_bytes()
            except OSError as error:
                message = f"`{given.file}` cannot be read: {error.strerror or error}"
                raise self.fault(
                    message, given.spans.get("file"), "paths are relative to the test file"
                ) from None
            return [*codec.decode(data), *codec.flush()]
        events: list[Event] = []
        for item in given.items:
            if isinstance(item, dict):
                events.append(set_fields({}, item))
            else:
                events += codec.decode(framed(item, codec).encode())
        return [*events, *codec.flush()]

    def input(self, given: Given) -> Input | None:
        """The input that a case goes through."""
        if not given.through:
            return None
        use = self.inputs.get(given.through)
        if use is None:
            help = did_you_mean(given.through, self.inputs) or "the inputs are " + ", ".join(
                self.inputs
            )
            raise self.fault(
                f"unknown input with the id `{given.through}`", given.spans.get("from"), help
            )
        plugin = self.assembly.made[use]
        assert isinstance(plugin, Input)
        return plugin

    def fault(self, message: str, span: Span | None, help: str = "") -> ConfigError:
        return ConfigError([Diagnostic("E406", message, span, help)])

    def codec(self, given: Given) -> Codec:
        """A codec with nothing held: the case's own, its input's, or for texts plain and for files
        line.
        """
        key = (given.through, given.codec, bool(given.file))
        if key not in self._codecs:
            self._codecs[key] = self.new_codec(given)
        return self._codecs[key].stream()

    def codec_of_input(self, source: Input, given: Given) -> Codec:
        try:
            known = source.codec is None or registry.spec("codec", source.codec.name) is not None
        except UnusablePlugin as unusable:
            raise self.fault(str(unusable), given.spans.get("from"), unusable.help) from None
        if not known:
            raise self.fault(
                f"unknown codec `{source.codec.name}`",
                given.spans.get("from"),
                "name another one with `codec`",
            )
        return source.new_codec()

    def new_codec(self, given: Given) -> Codec:
        source = self.input(given)
        if source is not None and not given.codec:
            return self.codec_of_input(source, given)
        return codec_of(
            given.codec or "plain", self.assembly.program.settings, streaming=bool(given.file)
        )


def codec_of(text: str, settings: Mapping[str, Any], streaming: bool = False) -> Codec:
    """The codec that a text names, with its options, for messages or for a stream of bytes; raises
    ConfigError.
    """
    source = Source("(codec)", f"input {{ generator {{ codec => {text}\n}} }}")
    assembly = assemble([source], settings)
    (use,) = assembly.program.inputs
    assert isinstance(use, PluginUse)
    return make_codec(use.settings["codec"].value, use, settings, streaming=streaming)


_BY_LINES = frozenset({"line", "json_lines", "edn_lines", "multiline", "es_bulk", "graphite"})


def framed(text: str, codec: Codec) -> str:
    """A text as a codec wants it: with an end of line, where it reads a stream of lines."""
    text = text.removesuffix("\n")
    return text + "\n" if codec.name in _BY_LINES or codec.boundary() == b"\n" else text


def set_fields(event: Event, fields: Mapping[str, Any]) -> Event:
    """Set fields by reference, as a source of events would have them: whatever their type."""
    for name, value in fields.items():
        keys = parse_keys(name)
        if len(keys) == 1:
            event[keys[0]] = copy(value)
        else:
            place(event, keys, copy(value))
    return event


def original_of(event: Event) -> Any:
    """What an input kept of the text that an event was made of."""
    held = event.get("event")
    return held.get("original") if isinstance(held, dict) else None


def _labels(found: list[PluginUse]) -> dict[str, PluginUse]:
    """Plugins by the names under which tests know them."""
    ids = [use.id if "id" in use.settings else None for use in found]
    return dict(zip(labels(found, ids), found, strict=True))


@dataclass(slots=True)
class Harnesses:
    """The harnesses of a run, one for each setup."""

    made: dict[str, Harness | ConfigError] = field(default_factory=dict)

    def compiled(self) -> list[Harness]:
        """The harnesses that could be made."""
        return [harness for harness in self.made.values() if isinstance(harness, Harness)]

    def of(self, setup: Setup) -> Harness:
        """The harness of a setup; raises the same ConfigError each time if it does not compile."""
        key = setup.key
        if key not in self.made:
            try:
                self.made[key] = Harness(setup)
            except ConfigError as error:
                self.made[key] = error
        harness = self.made[key]
        if isinstance(harness, ConfigError):
            raise harness
        return harness
