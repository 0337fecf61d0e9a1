"""What the input and the output rabbitmq keep account of by themselves, without a server."""
from __future__ import annotations

from pathlib import Path

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Misconfigured

STREAM = 'host => "h" queue => "q" durable => true arguments => { "x-queue-type" => "stream" }'


@pytest.mark.parametrize("content", ["{}", "[]", '{"format": 1}', '{"format": "x"}', "3", "{"])
def test_a_file_that_is_not_a_position_is_named(content: str, tmp_path: Path) -> None:
    settings = settled({"path.data": str(tmp_path)})
    assembly = assemble([Source("test.conf", f"input {{ rabbitmq {{ {STREAM} }} }} output {{ null {{ }} }}")], settings)
    (made,) = assembly.plugins(assembly.program.inputs)
    made.open()
    made.close()
    (lock,) = (path for path in tmp_path.rglob("rabbitmq/*/0"))
    (lock / "position.json").write_text(content)
    with pytest.raises(Misconfigured, match=r"position\.json` is not a position"):
        made.open()
