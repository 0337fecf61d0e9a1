"""What only one plugin of the process may have: two pipelines that want the same are refused."""
from __future__ import annotations

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.claims import double_claims
from penstock.pipeline.compile.instantiate import assemble

READS = 'input {{ pipeline {{ address => "{}" }} }}'


@pytest.mark.parametrize(("addresses", "refused"), [("xy", ""), ("xyx", "x"), ("xxx", "xx"), ("", "")])
@pytest.mark.parametrize("same_file", [False, True])
def test_an_address_is_read_by_one_pipeline(addresses: str, refused: str, same_file: bool) -> None:
    assemblies = [
        assemble([Source("a.conf" if same_file else f"{number}.conf", READS.format(address))], settled(None))
        for number, address in enumerate(addresses)
    ]
    found = double_claims(assemblies)
    assert [finding.span.text for finding in found if finding.span] == [f'"{address}"' for address in refused]
    assert all(finding.is_error and "is taken by another pipeline" in finding.message for finding in found)
