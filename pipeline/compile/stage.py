"""The compiled pipeline: a batch goes in, a batch comes out, order kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...dsl.diagnostics import Diagnostic
from ...dsl.event import accept, receive, release
from ...dsl.program import PluginUse
from ...dsl.reference import Event
from ...dsl.settings import settled
from ...dsl.source import Source
from ...plugins.contract import Codec, Context
from .generate import generate
from .instantiate import Assembly, assemble, make_codec


class Stage:
    """The filters of a configuration as one function over a batch.

    Called with a list of plain dicts it gives a list of plain dicts: ``@timestamp`` is ISO-8601
    text, ``@metadata`` is kept when it is not empty. The dicts given are not changed; a datetime in
    them is a timestamp. ``run`` does the same on events of the inside, without copies.
    """

    def __init__(self, assembly: Assembly) -> None:
        self.assembly = assembly
        self.warnings: Sequence[Diagnostic] = assembly.warnings
        self.filters = generate(assembly.program.filters, assembly.made, "filters")
        self.run = self.filters.run
        self._context = Context(assembly.program.settings)

    def __call__(self, events: Sequence[Event]) -> list[Event]:
        now = self._context.now()
        batch = [receive(event, now) for event in events]
        return [release(event) for event in self.run(batch)]

    def flush(self) -> list[Event]:
        """What stateful filters still hold, after the filters that follow them."""
        return [release(event) for event in self.run([], True)]

    def close(self) -> None:
        """Close the plugins."""
        self.assembly.close()


def compile_stage(sources: Sequence[Source], settings: Mapping[str, Any] | None = None) -> Stage:
    """Compile a configuration; raises ConfigError."""
    return Stage(assemble(sources, settled(settings)))


class BareCodec:
    """A codec outside a pipeline: plain dicts out, plain dicts in."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def decode(self, data: bytes) -> list[Event]:
        """The events that are complete with these bytes."""
        return self._finished(self._codec.decode(data))

    def flush(self) -> list[Event]:
        """What is held when the stream ends."""
        return self._finished(self._codec.flush())

    def encode(self, events: Sequence[Event]) -> bytes:
        """Events as bytes."""
        now = self._codec.context.now()
        return self._codec.encode([receive(event, now) for event in events])

    def _finished(self, events: list[Event]) -> list[Event]:
        now = self._codec.context.now()
        return [release(accept(event, now)) for event in events]


def compile_codec(
    name: str, options: str = "", settings: Mapping[str, Any] | None = None
) -> BareCodec:
    """A codec by name, with options in the configuration language; raises ConfigError."""
    source = Source("(codec)", f"input {{ generator {{ codec => {name} {{ {options}\n}} }} }}")
    assembly = assemble([source], settled(settings))
    (use,) = assembly.program.inputs
    assert isinstance(use, PluginUse)
    return BareCodec(make_codec(use.settings["codec"].value, use, assembly.program.settings))
