"""The filter elasticsearch: what it puts into events of a real OpenSearch's answers, and of recorded ones."""
from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from servers import opensearch
from servers.front import Front, Told

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.plugins.clients.cache import Cache

FAILED = ["_elasticsearch_lookup_failure"]
DOCUMENTS = [
    {"session": "a", "kind": "start", "at": 1, "user": {"name": "ann"}},
    {"session": "a", "kind": "stop", "at": 2, "user": {"name": "ann"}},
    {"session": "b", "kind": "start", "at": 3, "user": {"name": "bob"}, "roles": ["x", "y"]},
]


@pytest.fixture(scope="module")
def index() -> str:
    """An index with three documents, whose ids are their places."""
    port, name = opensearch.node().port, opensearch.fresh()
    for number, document in enumerate(DOCUMENTS):
        opensearch.ask(port, f"/{name}/_doc/{number}?refresh=true", document, "PUT")
    return name


def run(options: str, *events: dict[str, Any], settings: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What the filter makes of events."""
    stage = penstock.compile(f"filter {{ elasticsearch {{ {options} add_tag => found }} }}", settings or {})
    found = stage([dict(event) for event in events])
    return [{key: value for key, value in event.items() if key not in ("@timestamp", "@version")} for event in found]


SESSION = 'query => "session:%{s}" sort => "at:asc"'


@pytest.mark.parametrize(
    ("options", "session", "expected"),
    [
        (f'{SESSION} fields => {{ "at" => "started" }}', "a", {"started": 1}),
        (f'{SESSION} fields => {{ "[user][name]" => "[user][name]" }}', "b", {"user": {"name": "bob"}}),
        (f'{SESSION} result_size => 5 fields => {{ "at" => "[all][at]" }}', "a", {"all": {"at": [1, 2]}}),
        (f'{SESSION} fields => ["roles", "roles"]', "b", {"roles": ["x", "y"]}),
        (f'{SESSION} docinfo_fields => {{ "_id" => "id" }}', "a", {"id": "0"}),
        (f'{SESSION} target => "[found]" fields => {{ "at" => "at" "user" => "[user]" }}', "b", {"found": {"at": 3, "user": {"name": "bob"}}}),
        ('query => "session:%{s} AND kind:stop" enable_sort => false fields => { "at" => "stopped" }', "a", {"stopped": 2}),
    ],
)
def test_what_is_found_is_put_into_the_event(index: str, options: str, session: str, expected: dict[str, Any]) -> None:
    hosts = f'hosts => "127.0.0.1:{opensearch.node().port}" index => "{index}"'
    (event,) = run(f"{hosts} {options}", {"s": session})
    total = event.pop("@metadata")["total_hits"]
    assert event == {"s": session, **expected, "tags": ["found"]}
    assert total >= 1


def test_an_event_for_which_nothing_is_found_stays_as_it_is(index: str) -> None:
    hosts = f'hosts => "127.0.0.1:{opensearch.node().port}" index => "{index}"'
    (event,) = run(f'{hosts} {SESSION} fields => {{ "at" => "at" }}', {"s": "none"})
    assert event == {"s": "none", "@metadata": {"total_hits": 0}}


def test_a_template_may_ask_for_aggregations(index: str, tmp_path: Path) -> None:
    template = tmp_path / "query.json"
    template.write_text('{"size": 0, "query": {"match": {"session": "%{s}"}}, "aggs": {"most": {"max": {"field": "at"}}}}')
    options = f'query_template => "{template}" aggregation_fields => {{ "most" => "[session][most]" }}'
    hosts = f'hosts => "127.0.0.1:{opensearch.node().port}" index => "{index}"'
    events = run(f"{hosts} {options}", {"s": "a"}, {"s": 'a"'})
    assert events[0]["session"] == {"most": {"value": 2.0}}
    assert events[1]["tags"] == FAILED, "a quote of an event's breaks the JSON of the template, and no more"


@pytest.mark.parametrize(("options", "session"), [(SESSION, "((("), (f'index => "no-such-index" {SESSION}', "a")])
def test_a_search_that_fails_is_tagged_and_the_others_are_not(index: str, options: str, session: str) -> None:
    given = options if "index" in options else f'index => "{index}" {options}'
    hosts = f'hosts => "127.0.0.1:{opensearch.node().port}"'
    events = run(f'{hosts} {given} fields => {{ "at" => "at" }}', {"s": session}, {"s": "a"})
    assert events[0]["tags"] == FAILED
    assert "at" not in events[0]
    assert ("at" in events[1]) is ("index" not in options)


@pytest.fixture
def front(index: str) -> Iterator[Front]:
    with Front(opensearch.node().port) as front:
        yield front


def searches(front: Front) -> int:
    return len(front.paths("POST"))


def test_the_searches_of_a_batch_are_one_request_and_the_same_is_asked_once(front: Front, index: str) -> None:
    events = [{"s": session} for session in "abab"]
    found = run(f'hosts => "{front.url}" index => "{index}" {SESSION} fields => {{ "at" => "at" }}', *events)
    assert [event["at"] for event in found] == [1, 3, 1, 3]
    assert searches(front) == 1
    assert front.asked[-1].body.count(b"\n") == 4


def test_answers_are_remembered(front: Front, index: str) -> None:
    options = f'hosts => "{front.url}" index => "{index}" {SESSION} fields => {{ "user" => "user" }} cache_size => 10 cache_expiration => 600'
    stage = penstock.compile(f"filter {{ elasticsearch {{ {options} }} }}")
    first = stage([{"s": "a"}])[0]
    first["user"]["name"] = "changed"
    assert stage([{"s": "a"}])[0]["user"] == {"name": "ann"}
    assert searches(front) == 1


def test_an_answer_that_is_used_is_not_remembered_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("penstock.filters.elasticsearch.Cache", partial(Cache, clock=lambda: now[0]))
    with Front() as front:
        front.always("POST", "/_msearch", Told(200, {"responses": [{"hits": {"hits": []}}]}))
        options = f'hosts => "{front.url}" query => "id:%{{s}}" cache_size => 10 cache_expiration => 10'
        stage = penstock.compile(f"filter {{ elasticsearch {{ {options} }} }}")
        asked = []
        for now[0] in (0.0, 6.0, 12.0):
            stage([{"s": "a"}])
            asked.append(searches(front))
    assert asked == [1, 1, 2]


@pytest.mark.parametrize(
    ("options", "statuses", "is_found", "asked"),
    [
        ("", [500], False, 1),
        ("retry_on_failure => 2", [500, 503], True, 3),
        ("retry_on_failure => 2", [500, 503, 502], False, 3),
        ("retry_on_failure => 2", [429], False, 1),
        ("retry_on_failure => 2 retry_on_status => [429]", [429], True, 2),
    ],
)
def test_requests_that_fail_are_sent_again(
    front: Front, index: str, options: str, statuses: list[int], is_found: bool, asked: int
) -> None:
    front.tell("/_msearch", *[Told(status, {"error": "no"}) for status in statuses])
    (event,) = run(f'hosts => "{front.url}" index => "{index}" {SESSION} fields => {{ "at" => "at" }} {options}', {"s": "a"})
    assert ("at" in event, searches(front)) == (is_found, asked)
    assert event["tags"] == (["found"] if is_found else FAILED)


def test_a_cluster_that_was_away_is_asked_again(front: Front, index: str) -> None:
    front.stop()
    options = f'hosts => "{front.url}" index => "{index}" {SESSION} fields => {{ "at" => "at" }}'
    stage = penstock.compile(f"filter {{ elasticsearch {{ {options} }} }}")
    assert stage([{"s": "a"}])[0]["tags"] == FAILED
    front.start()
    assert stage([{"s": "a"}])[0]["at"] == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('target => "[rows]"', {"rows": [{"a": {"b": 1}}, {"a": {"b": 2}}]}),
        ("", {"a": {"b": 1}}),
    ],
)
def test_rows_of_esql_are_put_into_the_event(options: str, expected: dict[str, Any]) -> None:
    with Front() as front:
        front.always("POST", "/_query", Told(200, {"columns": [{"name": "a.b"}, {"name": "c"}], "values": [[1, None], [2, None]]}))
        query = 'query_type => "esql" query => "FROM i | WHERE s == ?s" query_params => { "s" => "%{s}" }'
        (event,) = run(f'hosts => "{front.url}" {query} {options}', {"s": "x"})
        body = json.loads(front.asked[-1].body)
    assert event == {"s": "x", **expected, "tags": ["found"]}
    assert body == {"query": "FROM i | WHERE s == ?s", "params": [{"s": "x"}]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("", "one of `query` and `query_template` must be given"),
        ('query => "a" query_template => "/nowhere"', "file `/nowhere` does not exist"),
        ('query => "FROM i" query_type => "esql" fields => { "a" => "b" }', "`fields` does not go with ES|QL"),
        ('query => "a" api_key => "a:b"', "`api_key` requires TLS"),
    ],
)
def test_options_that_cannot_be_used_are_said(options: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        run(options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        'query => "id:%{+BB}"',
        'query => "id" index => "logs-%{+BB}"',
        'query_template => "TEMPLATE"',
        'query_type => "esql" query => "FROM i" query_params => { "day" => "%{+BB}" }',
    ],
)
def test_a_template_that_will_fail_is_warned_of_once(options: str, tmp_path: Path) -> None:
    template = tmp_path / "query.json"
    template.write_text('{"query": "%{+BB}"}')
    options = options.replace("TEMPLATE", str(template))
    (warning,) = penstock.compile(f"filter {{ elasticsearch {{ {options} }} }}").warnings
    assert (warning.code, "`B` is not a letter" in warning.message, "month" in warning.help) == ("W304", True, True)
