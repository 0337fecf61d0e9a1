"""The compiled pipeline: a batch goes in, a batch comes out, order kept."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from ...dsl.check import UnusablePlugin
from ...dsl.diagnostics import ConfigError, Diagnostic, did_you_mean
from ...dsl.event import accept, receive, release
from ...dsl.program import PluginUse
from ...dsl.reference import Event
from ...dsl.settings import settled, without_effect
from ...dsl.source import Source
from ...plugins import registry
from ...plugins.contract import Codec, Context
from .generate import generate
from .instantiate import Assembly, assemble, make_codec
from .sources import load_sources


class Stage:
    """The filters of a configuration as one function over a batch.

    Called with a list of plain dicts it gives a list of plain dicts: ``@timestamp`` is ISO-8601
    text, ``@metadata`` is kept when it is not empty. The dicts given are not changed; a datetime in
    them is a timestamp. ``run`` does the same on events of the inside, without copies.

    A stage may be compiled in one thread and called in others, and several threads may share it:
    their calls (and ``flush``) take turns, since its filters remember things from one batch to the
    next. ``run`` does not take turns: one thread at a time. Threads run faster with a stage each,
    and the main thread is faster than others, where matches are limited in a slower way.
    """

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.warnings: Sequence[Diagnostic] = assembly.warnings
        self.filters = generate(assembly.program.filters, assembly.made, "filters")
        self.run = self.filters.run
        self._context = Context(assembly.program.settings)
        self._turn = threading.Lock()

    def __call__(self, events: Sequence[Event]) -> list[Event]:
        _must_be_events(events)
        now = self._context.now()
        batch = [receive(event, now) for event in events]
        with self._turn:
            return [release(event) for event in self.run(batch)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self.close()

    def flush(self) -> list[Event]:
        """What stateful filters still hold, after the filters that follow them."""
        with self._turn:
            return [release(event) for event in self.run([], True)]

    def close(self) -> None:
        """Close the plugins."""
        self.assembly.close()


def sources_given(config: object) -> list[Source]:
    """The sources that a text or a Path from Python means; raises ConfigError or TypeError."""
    if isinstance(config, str):
        return [Source("(config)", config)]
    if isinstance(config, Path):
        return load_sources(str(config))
    raise TypeError(f"a configuration must be a str or a pathlib.Path, not {_kind(config)}")


def compile_stage(sources: Sequence[Source], settings: Mapping[str, Any] | None = None) -> Stage:
    """Compile a configuration; raises ConfigError."""
    stage = Stage(assemble(sources, settled(_settings(settings))))
    stage.warnings = [*without_effect(settings or ()), *stage.warnings]
    return stage


def _settings(given: object) -> Mapping[str, Any] | None:
    if given is None or isinstance(given, Mapping):
        return given
    raise TypeError(f"settings must be a dict, not {_kind(given)}")


def _must_be_events(events: object) -> None:
    """Raise TypeError where a batch is not a list of dicts."""
    if isinstance(events, str | bytes | Mapping) or not isinstance(events, Iterable):
        raise TypeError(f"events must be a list of dicts, not {_kind(events)}")
    for number, event in enumerate(events) if isinstance(events, Sequence) else ():
        if not isinstance(event, Mapping):
            raise TypeError(f"events must be a list of dicts; item {number} is {_kind(event)}")


def _kind(value: object) -> str:
    """The type of a value with its article."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


class BareCodec:
    """A codec outside a pipeline: plain dicts out, plain dicts in."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def decode(self, data: bytes) -> list[Event]:
        """The events that are complete with these bytes."""
        if not isinstance(data, bytes):
            raise TypeError(f"decode needs bytes, not {_kind(data)}")
        return self._finished(self._codec.decode(data))

    def flush(self) -> list[Event]:
        """What is held when the stream ends."""
        return self._finished(self._codec.flush())

    def encode(self, events: Sequence[Event]) -> bytes:
        """Events as bytes."""
        _must_be_events(events)
        now = self._codec.context.now()
        return self._codec.encode([receive(event, now) for event in events])

    def _finished(self, events: list[Event]) -> list[Event]:
        now = self._codec.context.now()
        return [release(accept(event, now)) for event in events]


def compile_codec(
    name: str, options: str = "", settings: Mapping[str, Any] | None = None
) -> BareCodec:
    """A codec by name, with options in the configuration language; raises ConfigError."""
    if not isinstance(name, str) or not isinstance(options, str):
        wrong = options if isinstance(name, str) else name
        raise TypeError(f"a codec's name and options are each a str, not {_kind(wrong)}")
    if registry.spec("codec", name) is None:
        known = registry.names("codec")
        help = did_you_mean(name, known) or "the codecs are " + ", ".join(known)
        raise ConfigError([Diagnostic("E201", f"unknown codec `{name}`", None, help)])
    owner = "output { stdout" if _only_writes(name) else "input { generator"
    source = Source(f"(codec {name})", f"{owner} {{ codec => {name} {{ {options}\n}} }} }}")
    assembly = assemble([source], settled(_settings(settings)))
    (use,) = [*assembly.program.inputs, *assembly.program.outputs]
    assert isinstance(use, PluginUse)
    return BareCodec(make_codec(use.settings["codec"].value, use, assembly.program.settings))


def _only_writes(name: str) -> bool:
    try:
        cls = registry.plugin_class("codec", name)
    except UnusablePlugin:
        return False
    return cls is not None and issubclass(cls, Codec) and not cls.decodes
