"""What is said of brokers that cannot be reached."""

from __future__ import annotations

import pytest
from servers.process import free_ports

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Disconnected
from penstock.plugins.output import Output


def test_a_broker_that_is_away_is_named_with_the_reason() -> None:
    (port,) = free_ports()
    config = f'output {{ kafka {{ topic_id => "t" bootstrap_servers => "127.0.0.1:{port}" }} }}'
    assembly = assemble([Source("example.conf", config)], settled(None))
    (made,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(made, Output)
    made.open()
    with pytest.raises(Disconnected) as caught:
        made.connect()
    made.close()
    assert str(caught.value) == f"127.0.0.1:{port}: Connection refused"
