"""Blocks as configurations have them, over events: compiled, they do what they do in a real ruby.

A block of `ruby_blocks.txt` starts with `=== what it does`; `init` and `code` follow as YAML, then its events, one a line.
"""
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import penstock

BLOCKS = Path(__file__).with_name("ruby_blocks.txt")
IN_A_PROCESS = frozenset(
    [
        "struct and class of one's own",
        "old dates in days",
        "date and time with DateTime",
        "gzip in base64",
        "a signature",
    ]
)
"""Blocks that need a real ruby."""


class Block(NamedTuple):
    """A block: what it does, its options, and events."""

    title: str
    options: dict[str, str]
    events: list[dict[str, Any]]


def blocks() -> list[Block]:
    found: list[Block] = []
    for chunk in f"\n{BLOCKS.read_text(encoding='utf-8')}".split("\n=== ")[1:]:
        title, _, rest = chunk.partition("\n")
        lines = rest.split("\n")
        options = yaml.safe_load("\n".join(line for line in lines if not line.startswith("> ")))
        events = [{"@timestamp": "2024-05-05T10:00:00.000Z", **json.loads(line[2:])} for line in lines if line.startswith("> ")]
        found.append(Block(title, options, events))
    return found


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def run(block: Block, engine: str) -> list[dict[str, Any]]:
    """The events that leave the block, as JSON has them."""
    options = " ".join(f"{name} => {quoted(text)}" for name, text in block.options.items())
    config = f"filter {{ ruby {{ {options} engine => {engine} tag_with_exception_message => true }} }}"
    stage = penstock.compile(config, {"config.support_escapes": True})
    try:
        made = [dict(event) for event in stage(json.loads(json.dumps(block.events)))]
    finally:
        stage.close()
    shown = re.sub(r"0x[0-9a-f]{16}", "0x", json.dumps(made, default=str))
    events: list[dict[str, Any]] = json.loads(shown)
    return events


@pytest.mark.parametrize("block", blocks(), ids=lambda block: block.title)
def test_a_block_does_to_events_what_it_does_in_a_real_ruby(block: Block) -> None:
    if shutil.which("ruby") is None and not os.environ.get("CI"):
        pytest.skip("no `ruby` is installed: apt-get install ruby")
    if block.title in IN_A_PROCESS:
        with pytest.raises(penstock.ConfigError, match="is not compiled"):
            run(block, "compiled")
        assert len(run(block, "auto")) == len(block.events)
    else:
        assert run(block, "compiled") == run(block, "process")


def test_most_blocks_are_compiled() -> None:
    assert len(blocks()) >= 120
    assert {block.title for block in blocks()} >= IN_A_PROCESS
