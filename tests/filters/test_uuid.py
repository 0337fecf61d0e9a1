"""The filter uuid."""
import re
from typing import Any

import pytest

import penstock

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def run(options: str, event: dict[str, Any]) -> Any:
    (out,) = penstock.compile(f'filter {{ uuid {{ target => "[a][id]" {options} }} }}')([event])
    return out["a"]["id"]


@pytest.mark.parametrize("event", [{}, {"a": {"id": None}}, {"a": {"id": False}}])
def test_an_id_is_set_where_there_is_none(event: dict[str, Any]) -> None:
    assert UUID.fullmatch(run("", event))


@pytest.mark.parametrize("held", ["mine", "", 0, []])
def test_what_a_field_holds_stays_unless_overwritten(held: Any) -> None:
    assert run("", {"a": {"id": held}}) == held
    assert UUID.fullmatch(run("overwrite => true", {"a": {"id": held}}))


def test_ids_differ() -> None:
    assert run("", {}) != run("", {})
