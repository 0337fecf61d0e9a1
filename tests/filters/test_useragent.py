"""The filter useragent."""
from pathlib import Path
from typing import Any

import pytest

import penstock

OUTLOOK = "MacOutlook/16.24.0.190414 (Intelx64 Mac OS X Version 10.14.4 (Build 18E226))"
FIREFOX = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.11; rv:45.0) Gecko/20100101 Firefox/45.0"


def run(options: str, event: dict[str, Any], ecs: str = "disabled") -> dict[str, Any]:
    stage = penstock.compile(f"filter {{ useragent {{ {options} }} }}", settings={"pipeline.ecs_compatibility": ecs})
    (out,) = stage([event])
    return {key: value for key, value in out.items() if key not in ("@timestamp", "@version")}


@pytest.mark.parametrize(
    ("text", "version", "os_full"),
    [
        (FIREFOX, "45.0", "Mac OS X 10.11"),
        ("Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)", "7.0", "Windows Vista"),
        (OUTLOOK, "16.24.0.190414", "Mac OS X 10.14.4"),
        ("curl/7.88.1", "7.88.1", "Other"),
        ("nobody knows", None, "Other"),
    ],
)
def test_versions(text: str, version: str | None, os_full: str) -> None:
    out = run('source => "a" target => "ua"', {"a": text})
    assert (out["ua"].get("version"), out["ua"]["os_full"]) == (version, os_full)


def test_parts_of_versions_are_metadata_with_ecs() -> None:
    out = run('source => "a"', {"a": FIREFOX}, ecs="v8")
    assert out["user_agent"] == {
        "name": "Firefox",
        "version": "45.0",
        "device": {"name": "Mac"},
        "os": {"name": "Mac OS X", "version": "10.11", "full": "Mac OS X 10.11"},
    }
    assert out["@metadata"]["filter"]["user_agent"] == {
        "version": {"major": "45", "minor": "0"},
        "os": {"version": {"major": "10", "minor": "11"}},
    }


@pytest.mark.parametrize("value", [None, "", 5, [], [7], {"a": 1}, True])
def test_what_is_no_text_is_left_alone(value: Any) -> None:
    assert run('source => "a" target => "ua" add_tag => ["never"]', {"a": value}) == {"a": value}


def test_the_first_of_a_list_is_taken() -> None:
    assert run('source => "a"', {"a": ["curl/7.88.1", FIREFOX]})["name"] == "curl"


def test_a_target_that_is_the_source_replaces_it() -> None:
    assert run('source => "a" target => "[a]"', {"a": "curl/7.88.1"})["a"]["name"] == "curl"


def test_fields_beside_those_of_the_filter_stay() -> None:
    assert run('source => "a" target => "[x][y]"', {"a": "curl/1.2", "x": {"y": {"mine": 1}}})["x"]["y"]["mine"] == 1


def test_a_target_that_holds_no_map_is_reported_on_the_event() -> None:
    assert run('source => "a" target => "x"', {"a": "curl/1.2", "x": "text"})["tags"] == ["_useragent_exception"]


def test_results_are_not_shared_between_events() -> None:
    stage = penstock.compile('filter { useragent { source => "a" add_field => { "[user_agent][os][name]" => "me" } } }')
    for out in stage([{"a": FIREFOX}, {"a": FIREFOX}]):
        assert out["user_agent"]["os"]["name"] == ["Mac OS X", "me"]


RULES = """
user_agent_parsers: [{regex: '(House)/(\\d+)', family_replacement: 'Our $1'}]
os_parsers: []
device_parsers: []
"""


def test_rules_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(RULES)
    out = run(f'source => "a" target => "ua" regexes => "{tmp_path}/rules.yaml"', {"a": "House/3"})
    assert (out["ua"]["name"], out["ua"]["major"], out["ua"]["os"]) == ("Our House", "3", "Other")


@pytest.mark.parametrize("text", ["", "[", "{a: 1}", RULES.replace("(House)", "(House")])
def test_rules_that_are_none_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(penstock.ConfigError, match="is not a valid rules file"):
        run(f'source => "a" regexes => "{tmp_path}/rules.yaml"', {})


def test_a_prefix_with_ecs_is_warned_of() -> None:
    stage = penstock.compile('filter { useragent { source => "a" prefix => "p_" } }')
    assert [warning.code for warning in stage.warnings] == ["W305"]
