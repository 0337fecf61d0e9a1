"""Templates, policies and aliases that the outputs elasticsearch and opensearch set up.

Templates are set up in a real OpenSearch. Policies are a part of neither its core nor its jars: for them, and for what an Elasticsearch
of some version does, answers stand here as those products give them.
"""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from servers import opensearch
from servers.front import Asked, Front, Told

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Misconfigured

MISSING = Told(404, {"error": {"type": "resource_not_found_exception", "reason": "no such thing"}})
DONE = Told(200, {"acknowledged": True})
AT = Timestamp("2025-09-10T12:00:00.000Z")


def connected(port: int, options: str, name: str = "elasticsearch") -> Any:
    """An output that has connected, and with it set up what is missing."""
    text = f'hosts => "127.0.0.1:{port}" compression_level => 0 {options}'
    assembly = assemble([Source("t.conf", f"input {{ stdin {{ }} }} output {{ {name} {{ {text} }} }}")], settled({}))
    (output,) = assembly.plugins(assembly.program.outputs)
    output.open()
    try:
        output.connect()  # type: ignore[attr-defined]
    except BaseException:
        output.close()
        raise
    return output


def cluster(version: str, flavor: str = "default", distribution: str = "") -> dict[str, Any]:
    return {"version": {"number": version, "build_flavor": flavor, **({"distribution": distribution} if distribution else {})}}


@pytest.fixture
def front() -> Iterator[Front]:
    """A cluster in which nothing is set up yet."""

    def rule(asked: Asked) -> Told | None:
        if asked.path == "/":
            return Told(200, {})
        return DONE if asked.method in ("PUT", "POST") else MISSING

    with Front() as front:
        front.rules.append(rule)
        yield front


def elastic(front: Front, *of: Any) -> None:
    """Have the cluster be of a version."""
    root = Told(200, cluster(*of))
    front.rules.insert(0, lambda asked: root if asked.method == "GET" and asked.path == "/" else None)


def puts(front: Front) -> dict[str, Any]:
    """What was set up, by path."""
    return {unquote(asked.path): json.loads(asked.body) for asked in front.asked if asked.method == "PUT"}


@pytest.mark.parametrize(
    ("version", "options", "paths"),
    [
        (("8.17.0",), "", []),
        (("8.17.0",), 'index => "i"', ["/_index_template/ecs-logstash"]),
        (("7.10.2",), 'index => "i"', ["/_template/ecs-logstash"]),
        (("8.17.0",), 'index => "i" template_api => "legacy" template_name => "mine"', ["/_template/mine"]),
        (("8.17.0",), 'index => "i" manage_template => false', []),
        (
            ("8.17.0",),
            'document_id => "%{id}"',
            ["/_ilm/policy/logstash-policy", "/_index_template/ecs-logstash", "/<ecs-logstash-{now/d}-000001>"],
        ),
        (("8.17.0",), 'document_id => "%{id}" ilm_enabled => false', ["/_index_template/ecs-logstash"]),
        (
            ("8.17.0",),
            'ilm_rollover_alias => "web" ilm_pattern => "1"',
            ["/_ilm/policy/logstash-policy", "/_index_template/web", "/<web-1>"],
        ),
        (("8.17.0", "serverless"), 'document_id => "%{id}"', ["/_index_template/ecs-logstash"]),
        (("2.19.6", "default", "opensearch"), 'document_id => "%{id}"', ["/_index_template/ecs-logstash"]),
        (
            ("2.19.6", "default", "opensearch"),
            'ilm_enabled => true document_id => "%{id}"',
            ["/_plugins/_ism/policies/logstash-policy", "/_index_template/ecs-logstash", "/<ecs-logstash-{now/d}-000001>"],
        ),
    ],
)
def test_what_is_set_up_in_a_cluster_of_a_version(front: Front, version: Any, options: str, paths: list[str]) -> None:
    elastic(front, *version)
    connected(front.port, options).close()
    assert list(puts(front)) == paths


def test_with_a_policy_the_template_names_it_and_events_go_to_the_alias(front: Front) -> None:
    elastic(front, "8.17.0")
    front.rules.insert(0, lambda asked: Told(200, {"errors": False}) if asked.path.startswith("/_bulk") else None)
    output = connected(front.port, 'document_id => "%{id}"')
    output.deliver(output.pack([{"@timestamp": AT, "id": 1}])[0])
    output.close()
    made = puts(front)
    policy = {"policy": {"phases": {"hot": {"actions": {"rollover": {"max_primary_shard_size": "50gb", "max_age": "30d"}}}}}}
    assert made["/_ilm/policy/logstash-policy"] == policy
    template = made["/_index_template/ecs-logstash"]
    assert template["index_patterns"] == ["ecs-logstash-*"]
    assert template["template"]["settings"]["index.lifecycle.name"] == "logstash-policy"
    assert template["template"]["settings"]["index.lifecycle.rollover_alias"] == "ecs-logstash"
    assert made["/<ecs-logstash-{now/d}-000001>"] == {"aliases": {"ecs-logstash": {"is_write_index": True}}}
    assert front.asked[-1].body.startswith(b'{"index":{"_index":"ecs-logstash","_id":"1"}}\n')


def test_on_opensearch_the_policy_is_one_of_its_own(front: Front) -> None:
    elastic(front, "2.19.6", "default", "opensearch")
    connected(front.port, "ilm_enabled => true", "opensearch").close()
    made = puts(front)
    policy = made["/_plugins/_ism/policies/logstash-policy"]["policy"]
    assert policy["states"][0]["actions"] == [{"rollover": {"min_primary_shard_size": "50gb", "min_index_age": "30d"}}]
    assert policy["ism_template"] == [{"index_patterns": ["ecs-logstash-*"], "priority": 100}]
    settings = made["/_index_template/ecs-logstash"]["template"]["settings"]
    assert settings["plugins.index_state_management.rollover_alias"] == "ecs-logstash"


@pytest.mark.parametrize(
    ("method", "path", "told", "options", "option"),
    [
        ("GET", "/_ilm", MISSING, 'ilm_rollover_alias => "a" ilm_policy => "mine"', "ilm_policy"),
        ("PUT", "/_ilm", Told(400, {"error": {"type": "bad", "reason": "no"}}), 'ilm_rollover_alias => "a"', "ilm_enabled"),
        ("PUT", "/_index_template", Told(400, {"error": "no"}), 'index => "i"', "manage_template"),
        ("PUT", "/%3C", Told(400, {"error": "no"}), 'ilm_rollover_alias => "a"', "ilm_rollover_alias"),
    ],
)
def test_what_cannot_be_set_up_names_the_option(
    front: Front, method: str, path: str, told: Told, options: str, option: str
) -> None:
    front.rules.insert(0, lambda asked: told if asked.method == method and asked.path.startswith(path) else None)
    elastic(front, "8.17.0")
    with pytest.raises(Misconfigured) as caught:
        connected(front.port, options)
    assert caught.value.option == option


def test_lifecycle_management_cannot_be_asked_of_a_serverless_cluster(front: Front) -> None:
    elastic(front, "8.17.0", "serverless")
    with pytest.raises(Misconfigured, match="serverless"):
        connected(front.port, "ilm_enabled => true")


def test_who_may_not_set_up_templates_may_still_write(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    front.rules.insert(0, lambda asked: Told(403, {"error": "no"}) if "_index_template" in asked.path else None)
    elastic(front, "8.17.0")
    connected(front.port, 'index => "i"').close()
    assert "the index template `ecs-logstash` may not be set up" in caplog.text


def test_a_template_is_set_up_once_and_stays_as_an_operator_changed_it(tmp_path: Path) -> None:
    port, name = opensearch.node().port, opensearch.fresh()
    file = tmp_path / "template.json"

    def written(pattern: str, options: str = "") -> Any:
        file.write_text(json.dumps({"index_patterns": [pattern], "template": {"settings": {"number_of_replicas": 0}}}))
        connected(port, f'index => "i" template => "{file}" template_name => "{name}" {options}').close()
        (found,) = opensearch.ask(port, f"/_index_template/{name}")["index_templates"]
        return found["index_template"]["index_patterns"]

    assert written(f"{name}-one") == [f"{name}-one"]
    assert written(f"{name}-two") == [f"{name}-one"]
    assert written(f"{name}-two", "template_overwrite => true") == [f"{name}-two"]


def test_a_template_of_the_older_form_is_set_up_as_one(tmp_path: Path) -> None:
    port, name = opensearch.node().port, opensearch.fresh()
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"index_patterns": [f"{name}-*"], "settings": {"number_of_replicas": 0}}))
    connected(port, f'index => "i" template => "{file}" template_name => "{name}"').close()
    assert name in opensearch.ask(port, f"/_template/{name}")


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_template_that_cannot_be_read_names_the_option(tmp_path: Path, text: str) -> None:
    file = tmp_path / "template.json"
    file.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        connected(opensearch.node().port, f'index => "i" template => "{file}"')
    assert caught.value.option == "template"


@pytest.mark.parametrize(
    ("ecs", "types"),
    [
        ("v8", {"message": "text", "user": "keyword", "source.ip": "ip", "source.geo.location": "geo_point", "at": "keyword"}),
        ("disabled", {"message": "text", "user": "text", "geoip.location": "geo_point"}),
    ],
)
def test_the_built_in_template_maps_fields(ecs: str, types: dict[str, str]) -> None:
    port = opensearch.node().port
    name = "ecs-logstash" if ecs == "v8" else "logstash"
    output = connected(port, f"data_stream => false ilm_enabled => false ecs_compatibility => {ecs}")
    place = {"location": {"lat": 1.5, "lon": 2.5}}
    event = {"@timestamp": AT, "message": "some words", "user": "ann", "source": {"ip": "10.0.0.1", "geo": place}, "at": "2025-01-01", "geoip": place}
    output.write([event])
    output.close()
    found = opensearch.ask(port, f"/{name}-2025.09.10/_mapping/field/*")[f"{name}-2025.09.10"]["mappings"]
    shown = {field: next(iter(found[field]["mapping"].values()))["type"] for field in types}
    assert shown == types
