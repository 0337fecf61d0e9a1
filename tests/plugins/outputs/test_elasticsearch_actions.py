"""What the outputs elasticsearch and opensearch make of events: the lines of a bulk request, and what a real OpenSearch makes of them."""
from __future__ import annotations

import json
from typing import Any

import pytest
from servers import opensearch

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Rejected
from penstock.plugins.output import Output

AT = Timestamp("2025-09-10T12:00:00.000Z")
INDEX = {"_index": "i"}


def output(options: str, name: str = "elasticsearch", settings: dict[str, Any] | None = None) -> Any:
    """The output with these options, prepared."""
    assembly = assemble([Source("t.conf", f"input {{ stdin {{ }} }} output {{ {name} {{ {options} }} }}")], settled(settings or {}))
    (plugin,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(plugin, Output)
    return plugin


def lines(options: str, event: Event, name: str = "elasticsearch") -> list[Any]:
    """The lines that an event becomes; the text of a refusal."""
    (item,) = output(options, name).pack([event])[0].data
    if item.startswith(b"!"):
        return [item[1:].decode()]
    assert item.endswith(b"\n")
    return [json.loads(line) for line in item.splitlines()]


@pytest.mark.parametrize(
    ("options", "event", "expected"),
    [
        ('index => "i"', {"a": 1}, [{"index": INDEX}, {"a": 1}]),
        ('index => "i-%{+YYYY.MM.dd}"', {"@timestamp": AT}, [{"index": {"_index": "i-2025.09.10"}}, {"@timestamp": AT}]),
        ('index => "i-%{[a][b]}"', {"a": {"b": "x"}}, [{"index": {"_index": "i-x"}}, {"a": {"b": "x"}}]),
        ('index => "i"', {"a": 1, "@metadata": {"secret": 1}}, [{"index": INDEX}, {"a": 1}]),
        ('index => "i" action => "create"', {"a": 1}, [{"create": INDEX}, {"a": 1}]),
        (
            'index => "i" document_id => "%{id}" routing => "%{r}" pipeline => "%{[@metadata][p]}"',
            {"id": 7, "r": "x", "@metadata": {"p": "clean"}},
            [{"index": {**INDEX, "_id": "7", "routing": "x", "pipeline": "clean"}}, {"id": 7, "r": "x"}],
        ),
        ('index => "i" pipeline => "%{p}"', {"p": ""}, [{"index": INDEX}, {"p": ""}]),
        (
            'index => "i" document_id => "1" version => "%{v}" version_type => "external"',
            {"v": 3},
            [{"index": {**INDEX, "_id": "1", "version": "3", "version_type": "external"}}, {"v": 3}],
        ),
        ('index => "i" action => "delete" document_id => "%{id}"', {"id": "x"}, [{"delete": {**INDEX, "_id": "x"}}]),
        (
            'index => "i" action => "%{[@metadata][do]}" document_id => "%{id}"',
            {"id": "x", "@metadata": {"do": "delete"}},
            [{"delete": {**INDEX, "_id": "x"}}],
        ),
        (
            'index => "i" action => "update" document_id => "1"',
            {"a": 1},
            [{"update": {**INDEX, "_id": "1", "retry_on_conflict": 1}}, {"doc": {"a": 1}}],
        ),
        (
            'index => "i" action => "update" document_id => "1" doc_as_upsert => true retry_on_conflict => 3',
            {"a": 1},
            [{"update": {**INDEX, "_id": "1", "retry_on_conflict": 3}}, {"doc": {"a": 1}, "doc_as_upsert": True}],
        ),
        (
            """index => "i" action => "update" document_id => "1" upsert => '{"n":%{a}}'""",
            {"a": 1},
            [{"update": {**INDEX, "_id": "1", "retry_on_conflict": 1}}, {"doc": {"a": 1}, "upsert": {"n": 1}}],
        ),
        (
            'index => "i" action => "update" document_id => "1" script => "ctx._source.n += params.event.a"',
            {"a": 1},
            [
                {"update": {**INDEX, "_id": "1", "retry_on_conflict": 1}},
                {"script": {"source": "ctx._source.n += params.event.a", "lang": "painless", "params": {"event": {"a": 1}}}},
            ],
        ),
        (
            'index => "i" action => "update" document_id => "1" script => "count" script_type => "indexed" script_var_name => "e"'
            " scripted_upsert => true",
            {"a": 1},
            [
                {"update": {**INDEX, "_id": "1", "retry_on_conflict": 1}},
                {"script": {"id": "count", "params": {"e": {"a": 1}}}, "scripted_upsert": True, "upsert": {}},
            ],
        ),
        (
            'index => "i" join_field => "kind" parent => "%{q}"',
            {"kind": "answer", "q": 5},
            [{"index": {**INDEX, "routing": "5"}}, {"kind": {"name": "answer", "parent": "5"}, "q": 5}],
        ),
        ('index => "i-%{gone}"', {"a": 1}, ["index: a field is missing for `i-%{gone}`"]),
        (
            'index => "i-%{gone}" dlq_on_failed_indexname_interpolation => false',
            {"a": 1},
            [{"index": {"_index": "i-%{gone}"}}, {"a": 1}],
        ),
        ('index => "i" document_id => "%{gone}"', {"a": 1}, ["document_id: a field is missing for `%{gone}`"]),
        ('index => "i" document_id => "%{id}"', {"id": ""}, ["document_id: the id is empty"]),
        ('index => "i" action => "%{do}"', {"do": "burn"}, ["action: `burn` is not one of index, create, update, delete"]),
        ('index => "i" action => "%{do}"', {"do": "update"}, ["action: `update` needs a `document_id`"]),
        ('index => "i" version => "%{v}"', {"v": "new"}, ["version: `new` is not an integer"]),
        (
            'index => "i" action => "update" document_id => "1" upsert => "%{u}"',
            {"u": "{"},
            ["upsert: this is not valid JSON: Input data was truncated"],
        ),
    ],
)
def test_an_event_becomes_these_lines(options: str, event: Event, expected: list[Any]) -> None:
    assert lines(options, event) == expected


@pytest.mark.parametrize(
    "value",
    ["\ud800 alone", "line\nbreak", "\x00", float("inf"), 10**40, "ü\u2028", [1, {"a": None}]],
    ids=["surrogate", "line break", "NUL", "infinity", "huge number", "separator", "nested"],
)
def test_odd_values_become_one_line_of_valid_json(value: Any) -> None:
    items = output('index => "i"').pack([{"a": 1}, {"odd": value}, {"b": 2}])[0].data
    assert [item.count(b"\n") for item in items] == [2, 2, 2]
    assert [list(json.loads(item.splitlines()[1])) for item in items] == [["a"], ["odd"], ["b"]]


@pytest.mark.parametrize(
    ("options", "event", "stream", "said"),
    [
        ("", {}, "logs-generic-default", {"type": "logs", "dataset": "generic", "namespace": "default"}),
        (
            'data_stream => "true" data_stream_type => "metrics" data_stream_dataset => "nginx" data_stream_namespace => "prod"',
            {},
            "metrics-nginx-prod",
            {"type": "metrics", "dataset": "nginx", "namespace": "prod"},
        ),
        (
            "",
            {"data_stream": {"dataset": "app", "x": 1}},
            "logs-app-default",
            {"type": "logs", "dataset": "app", "namespace": "default", "x": 1},
        ),
        (
            "data_stream_auto_routing => false",
            {"data_stream": {"dataset": "app"}},
            "logs-generic-default",
            {"type": "logs", "dataset": "generic", "namespace": "default"},
        ),
        ("data_stream_sync_fields => false", {"data_stream": {"dataset": "app"}}, "logs-app-default", {"dataset": "app"}),
        ("", {"data_stream": "text"}, "logs-generic-default", {"type": "logs", "dataset": "generic", "namespace": "default"}),
    ],
)
def test_an_event_goes_to_its_data_stream(options: str, event: Event, stream: str, said: Any) -> None:
    head, document = lines(options, {"@timestamp": AT, **event})
    assert head == {"create": {"_index": stream}}
    assert document["data_stream"] == said


@pytest.mark.parametrize(
    ("name", "options", "settings", "index"),
    [
        ("elasticsearch", "", {}, "logs-generic-default"),
        ("elasticsearch", 'action => "create" pipeline => "p" manage_template => false', {}, "logs-generic-default"),
        ("elasticsearch", "data_stream => false", {}, "ecs-logstash-2025.09.10"),
        ("elasticsearch", 'document_id => "1"', {}, "ecs-logstash-2025.09.10"),
        ("elasticsearch", "", {"pipeline.ecs_compatibility": "disabled"}, "logstash-2025.09.10"),
        ("opensearch", "", {}, "ecs-logstash-2025.09.10"),
        ("opensearch", 'data_stream_dataset => "nginx"', {}, "logs-nginx-default"),
        ("opensearch", "data_stream => true ssl => false", {}, "logs-generic-default"),
    ],
)
def test_where_events_go_that_are_not_told_where(name: str, options: str, settings: dict[str, Any], index: str) -> None:
    (item,) = output(options, name, settings).pack([{"@timestamp": AT}])[0].data
    ((_, meta),) = json.loads(item.splitlines()[0]).items()
    assert meta["_index"] == index


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('action => "burn"', "`burn` is not an action"),
        ('action => "update"', "`update` requires `document_id`"),
        ('parent => "1"', "`parent` requires `join_field`"),
        ('join_field => "j"', "`join_field` requires `parent`"),
        ('script_type => "file"', "clusters have had no scripts in files since Elasticsearch 6"),
        ("scripted_upsert => true", "`scripted_upsert` requires `script`"),
        ('data_stream => true index => "i"', "`index` does not go with `data_stream => true`"),
        ('data_stream => false data_stream_dataset => "x"', "`data_stream_dataset` is given, but events do not go to data streams"),
        ('index => "i" data_stream_dataset => "x"', "events do not go to data streams, because of `index`"),
        ("data_stream => true ecs_compatibility => disabled", "data streams need fields named by ECS"),
        ('data_stream_namespace => "a b"', "`a b` cannot be a part of the name of a data stream"),
        ("compression_level => 10", "levels go from 0 to 9"),
    ],
)
def test_options_that_contradict_each_other_are_said(options: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        output(options)
    assert message in str(caught.value)


def test_documents_of_one_id_go_through_one_lane() -> None:
    plugin = output('index => "i" document_id => "%{id}" max_in_flight => 4')
    events = [{"id": number % 10, "n": number} for number in range(100)]
    lanes: dict[int, set[Any]] = {}
    for payload in plugin.pack(events):
        assert payload.events is not None
        assert [event["n"] for event in payload.events] == sorted(event["n"] for event in payload.events)
        for event in payload.events:
            lanes.setdefault(event["id"], set()).add(payload.lane)
    assert {len(found) for found in lanes.values()} == {1}
    assert len(set.union(*lanes.values())) > 1
    assert [payload.lane for payload in output('index => "i"').pack(events)] == [None]


@pytest.fixture(scope="module")
def port() -> int:
    return int(opensearch.node().port)


def delivered(port: int, options: str, *batches: list[Event], name: str = "elasticsearch") -> Any:
    """Deliver batches to the real server; the output."""
    plugin = output(f'hosts => "127.0.0.1:{port}" manage_template => false {options}', name)
    plugin.open()
    try:
        plugin.connect()
        for batch in batches:
            plugin.write(batch)
    finally:
        plugin.close()
    return plugin


def test_documents_are_made_changed_and_deleted(port: int) -> None:
    index = opensearch.fresh()
    options = f'index => "{index}" document_id => "%{{id}}" action => "%{{[@metadata][do]}}" max_in_flight => 1'
    steps = [("create", "a", 1), ("index", "b", 2), ("update", "a", 3), ("index", "c", 4), ("delete", "b", 0), ("create", "c", 5)]
    plugin = delivered(port, options, [{"id": name, "n": n, "@metadata": {"do": do}} for do, name, n in steps])
    found = {hit["_id"]: hit["_source"]["n"] for hit in opensearch.documents(port, index)}
    assert found == {"a": 3, "c": 4}
    assert plugin.context.metrics.values() == {"conflicts": 1}


def test_a_script_changes_and_makes_documents(port: int) -> None:
    index = opensearch.fresh()
    script = "ctx._source.total = (ctx._source.total == null ? 0 : ctx._source.total) + params.event.n"
    options = f'index => "{index}" document_id => "%{{id}}" action => "update" scripted_upsert => true script => "{script}"'
    delivered(port, options, [{"id": "a", "n": 1}, {"id": "b", "n": 5}, {"id": "a", "n": 2}])
    found = {hit["_id"]: hit["_source"] for hit in opensearch.documents(port, index, "_id")}
    assert found == {"a": {"total": 3}, "b": {"total": 5}}


def test_an_upsert_makes_what_is_missing(port: int) -> None:
    index = opensearch.fresh()
    own = """upsert => '{"made":true}'"""
    for options in ("doc_as_upsert => true", own):
        delivered(port, f'index => "{index}" document_id => "%{{id}}" action => "update" {options}', [{"id": options[:3], "n": 1}])
    found = {hit["_id"]: hit["_source"] for hit in opensearch.documents(port, index, "_id")}
    assert found == {"doc": {"id": "doc", "n": 1}, "ups": {"made": True}}


def test_an_older_external_version_is_left_out_and_counted(port: int) -> None:
    index = opensearch.fresh()
    options = f'index => "{index}" document_id => "1" version => "%{{v}}" version_type => "external"'
    plugin = delivered(port, options, [{"v": 5}], [{"v": 4}], [{"v": 6}])
    assert [(hit["_source"], hit["_version"]) for hit in opensearch.documents(port, index)] == [({"v": 6}, 6)]
    assert plugin.context.metrics.values() == {"conflicts": 1}


def test_a_document_is_kept_where_its_routing_says(port: int) -> None:
    index = opensearch.fresh()
    delivered(port, f'index => "{index}" document_id => "%{{id}}" routing => "%{{r}}"', [{"id": "q", "r": "r1"}])
    (hit,) = opensearch.documents(port, index)
    assert hit["_routing"] == "r1"


def test_a_data_stream_is_made_with_its_template(port: int) -> None:
    dataset = opensearch.fresh("d").replace("-", "_")
    plugin = output(f'hosts => "127.0.0.1:{port}" data_stream_dataset => "{dataset}"', "opensearch")
    plugin.open()
    plugin.connect()
    plugin.write([{"@timestamp": AT, "message": "one"}])
    plugin.close()
    assert opensearch.ask(port, f"/_data_stream/logs-{dataset}-default")["data_streams"][0]["timestamp_field"] == {"name": "@timestamp"}
    (hit,) = opensearch.documents(port, f"logs-{dataset}-default")
    assert hit["_index"].startswith(f".ds-logs-{dataset}-default-")


def test_a_batch_of_one_bad_document_refuses_that_one(port: int) -> None:
    index = opensearch.fresh()
    opensearch.ask(port, f"/{index}", {"mappings": {"properties": {"n": {"type": "long"}}}}, "PUT")
    with pytest.raises(Rejected) as caught:
        delivered(port, f'index => "{index}"', [{"n": 1}, {"n": "one"}, {"n": 3}])
    reason = "400 mapper_parsing_exception: failed to parse field [n] of type [long]"
    assert {place: text[: len(reason)] for place, text in caught.value.reasons_of(3).items()} == {1: reason}
    assert "caused by illegal_argument_exception" in caught.value.reasons_of(3)[1]
    assert sorted(hit["_source"]["n"] for hit in opensearch.documents(port, index)) == [1, 3]


def test_a_document_of_many_megabytes_arrives(port: int) -> None:
    index = opensearch.fresh()
    opensearch.ask(port, f"/{index}", {"mappings": {"properties": {"message": {"type": "text", "index": False}}}}, "PUT")
    delivered(port, f'index => "{index}"', [{"message": "x y" * (7 << 20)}, {"message": "small"}])
    assert sorted(len(hit["_source"]["message"]) for hit in opensearch.documents(port, index)) == [5, 3 * (7 << 20)]
