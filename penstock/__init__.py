"""Penstock: a log pipeline that speaks Logstash's configuration language.

stage = penstock.compile("filter { ... }")
events = stage([{"message": "a line"}])
events += stage.flush()
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .dsl.diagnostics import ConfigError, Diagnostic, PenstockError
    from .pipeline.compile.stage import BareCodec, Stage

__version__ = "0.1.0"
__all__ = ["ConfigError", "Diagnostic", "PenstockError", "codec", "compile"]


def compile(config: str | Path, settings: Mapping[str, Any] | None = None) -> Stage:
    """Compile a configuration to a stage, its filter section as a function over batches of events.

    ``config`` is a text in the configuration language, or a Path: a file, a directory or a glob.
    ``settings`` has Logstash's keys, such as ``{"pipeline.ecs_compatibility": "disabled"}``. Raises
    ConfigError, whose ``diagnostics`` say all that is wrong, and TypeError for a ``config`` of
    another type. Threads may share a stage: their calls take turns.
    """
    from .pipeline.compile.stage import compile_stage, sources_given

    return compile_stage(sources_given(config), settings)


def codec(name: str, options: str = "", settings: Mapping[str, Any] | None = None) -> BareCodec:
    """A codec by name, with ``options`` in the configuration language: ``codec("csv", 'separator =>
    ";"')``.

    It has ``decode(bytes)``, ``flush()`` and ``encode(events)``. It decodes one stream, in one
    thread at a time: what is incomplete it keeps for the next call. Raises ConfigError.
    """
    from .pipeline.compile.stage import compile_codec

    return compile_codec(name, options, settings)


def __getattr__(name: str) -> Any:
    """The names of ``__all__`` that need an import, which `penstock --version` does without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .dsl import diagnostics

    return getattr(diagnostics, name)
