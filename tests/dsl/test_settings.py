"""Settings: defaults, types, misspelt keys."""
from typing import Any

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled, without_effect
from penstock.dsl.settings_table import DEFAULTS, SETTINGS, is_inert
from penstock.dsl.source import Source, Span


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
        ("penstock.limits.line", "long", "a size is expected"),
        ("penstock.limits.line", 0, "at least 1"),
        ("penstock.limits.depth", 5000, "at most 1000"),
        ("pipeline.ecs", "v8", "did you mean `pipeline.ecs_compatibility`?"),
        ("workers", 2, "did you mean `pipeline.workers`?"),
        ("pipeline.batch.dealy", 5, "did you mean `pipeline.batch.delay`"),
        ("config.reload.interval", "often", "a duration is expected"),
        ("queue.max_bytes", "lots", "a size is expected"),
        ("dead_letter_queue.retain.age", "old", "a duration is expected"),
        ("penstock.timezone", "Europe/Berln", "did you mean `Europe/Berlin`"),
        ("log.level", "inof", "did you mean `info`?"),
        ("path.data", ["a"], "a string is expected"),
        ("nonsense", 1, "unknown setting `nonsense`"),
        ("config.support_escapes", "yes", "give true or false"),
        ("pipeline.workers", "many", "an integer is expected"),
        ("pipeline.workers", 0, "it must be at least 1"),
        ("pipeline.batch.size", "-4", "it must be at least 0"),
        ("pipeline.ecs_compatibility", "v9", "one of v8, v1, disabled"),
        ("penstock.now", "soon", "give an instant such as"),
    ],
)
def test_what_is_wrong_is_said(key: str, given: Any, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settled({key: given})
    (found,) = refused.value.diagnostics
    assert found.code == "E230"
    assert words in f"{found.message}; {found.help}"


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        settled({"a": 1, "pipeline.workers": "x"})
    assert len(refused.value.diagnostics) == 2


def test_a_setting_without_a_value_has_its_default() -> None:
    assert settled({"path.data": None, "pipeline.workers": None}) == DEFAULTS


def test_an_error_of_a_file_has_its_place() -> None:
    source = Source("penstock.yml", "pipeline.workers: zwei\n")
    with pytest.raises(ConfigError) as refused:
        settled({"pipeline.workers": "zwei"}, {"pipeline.workers": Span(source, 18, 22)})
    assert refused.value.diagnostics[0].place == "penstock.yml:1:19"


@pytest.mark.parametrize("key", ["http.port", "api.ssl.keystore.path", "xpack.monitoring.enabled", "node.name", "config.debug", "metric.collect"])
def test_a_setting_of_logstash_that_does_nothing_here_is_taken_with_a_warning(key: str) -> None:
    assert settled({key: "anything"}) == DEFAULTS
    (found,) = without_effect([key])
    assert (found.code, found.message) == ("W311", f"the setting `{key}` has no effect")


def test_all_settings_without_effect_are_one_warning() -> None:
    (found,) = without_effect(["http.port", "pipeline.workers", "node.name"])
    assert found.message == "the settings `http.port`, `node.name` have no effect"
    assert without_effect(["pipeline.workers"]) == []


def test_every_default_is_a_value_that_its_setting_takes() -> None:
    assert settled(DEFAULTS) == DEFAULTS
    assert not any(is_inert(key) for key in SETTINGS)
    assert all(setting.doc.endswith(".") for setting in SETTINGS.values())
