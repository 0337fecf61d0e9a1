"""Settings: defaults, types, misspelt keys."""
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import DEFAULTS, settled


def test_without_any_all_have_their_defaults() -> None:
    assert settled(None) == DEFAULTS
    assert settled({}) is not DEFAULTS


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("config.support_escapes", "true", True),
        ("config.support_escapes", "FALSE", False),
        ("config.support_escapes", True, True),
        ("pipeline.workers", "3", 3),
        ("pipeline.batch.size", 250, 250),
        ("pipeline.ecs_compatibility", "DISABLED", "disabled"),
        ("pipeline.id", "web", "web"),
        ("pipeline.ordered", "true", "true"),
        ("penstock.now", "2025-09-04T12:00:00Z", "2025-09-04T12:00:00.000Z"),
        ("penstock.limits.line", "2MiB", 2 << 20),
        ("penstock.limits.line", 1000, 1000),
        ("penstock.limits.depth", "20", 20),
        ("penstock.timezone", "Europe/Berlin", "Europe/Berlin"),
    ],
)
def test_values_take_the_type_of_their_key(key: str, given: Any, value: Any) -> None:
    settled_value = settled({key: given})[key]
    assert settled_value == value
    assert isinstance(settled_value, type(value))


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("pipeline.ecs_compatability", "v8", "did you mean `pipeline.ecs_compatibility`?"),
        ("penstock.limits.line", "long", "a size is wanted"),
        ("penstock.limits.line", 0, "at least 1"),
        ("penstock.limits.depth", 5000, "at most 1000"),
        ("nonsense", 1, "there is no setting `nonsense`"),
        ("config.support_escapes", "yes", "give true or false"),
        ("pipeline.workers", "many", "a whole number is wanted"),
        ("pipeline.workers", 0, "it is at least 1"),
        ("pipeline.batch.size", "-4", "it is at least 0"),
        ("pipeline.ecs_compatibility", "v9", "one of disabled, v1, v8"),
        ("penstock.now", "soon", "give an instant such as"),
    ],
)
def test_what_is_wrong_is_said(key: str, given: Any, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settled({key: given})
    (found,) = refused.value.diagnostics
    assert found.code == "E230"
    assert words in f"{found.message}; {found.remedy}"


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        settled({"a": 1, "pipeline.workers": "x"})
    assert len(refused.value.diagnostics) == 2
