"""The plugins of Kinesis as a configuration makes them, not opened."""
from __future__ import annotations

from typing import Any

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble


def output(plugin: str) -> Any:
    """An output."""
    assembly = assemble([Source("test.conf", f"input {{ stdin {{ }} }} output {{ {plugin} }}")], settled({}))
    return assembly.plugins(assembly.program.outputs)[0]


def an_input(plugin: str) -> Any:
    """An input."""
    assembly = assemble([Source("test.conf", f"input {{ {plugin} }} output {{ null {{ }} }}")], settled({}))
    return assembly.plugins(assembly.program.inputs)[0]
