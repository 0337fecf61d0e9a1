"""What the input elasticsearch makes of answers: pages of a real OpenSearch, and recorded answers of an Elasticsearch."""
from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import opensearch
from servers.front import Asked, Front, Told

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.reader import Reader
from penstock.plugins.clients import http
from penstock.plugins.errors import EndOfInput, Misconfigured, Undelivered
from penstock.plugins.input import Input

COUNT = 2500


@pytest.fixture(scope="module")
def index() -> str:
    """An index of three shards with documents `n`."""
    port, name = opensearch.node().port, opensearch.fresh()
    opensearch.ask(port, f"/{name}", {"settings": {"number_of_shards": 3}}, "PUT")
    lines = [line for n in range(COUNT) for line in ({"index": {"_id": str(n)}}, {"n": n, "kind": n % 3, "tie": n // 100})]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    assert not opensearch.ask(port, f"/{name}/_bulk?refresh=true", body)["errors"]
    return name


class Searching:
    """An input as the runtime reads it, in the thread of the test. ``fails``: says of each batch whether it fails."""

    def __init__(self, options: str, directory: Path, fails: Callable[[list[Event]], bool] = lambda events: False) -> None:
        text = f"input {{ elasticsearch {{ {options} }} }}"
        assembly = assemble([Source("t.conf", text)], settled({"path.data": str(directory)}))
        (plugin,) = assembly.plugins(assembly.program.inputs)
        assert isinstance(plugin, Input)
        self.input, self.events = plugin, list[Event]()
        self._fails, self._directory = fails, directory

    def __enter__(self) -> Searching:
        self.input.open()
        self.reader = Reader(self.input, _NoWait())
        return self

    def __exit__(self, *_: object) -> None:
        self.input.close()

    def step(self) -> list[Event] | None:
        """One turn; the events of what came."""
        got = self.reader.step()
        if got is None:
            return None
        batch, delivery = got
        events = batch.events or []
        is_failed = self._fails(events)
        if not is_failed:
            self.events += events
        delivery.done(Undelivered("not now") if is_failed else None)
        return events

    def all(self) -> list[Event]:
        """All events, up to the end."""
        for _ in range(10_000):
            try:
                self.step()
            except EndOfInput:
                return self.events
        pytest.fail("it does not end")


class _NoWait(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()


def read(options: str, directory: Path, fails: Callable[[list[Event]], bool] = lambda events: False) -> list[Event]:
    """All events that an input gives."""
    with Searching(options, directory, fails) as searching:
        return searching.all()


def hosts(port: int, index: str = "i") -> str:
    return f'hosts => "127.0.0.1:{port}" index => "{index}"'


@pytest.fixture
def port() -> int:
    return int(opensearch.node().port)


@pytest.mark.parametrize(
    "options",
    [
        "",
        'search_api => "scroll" size => 500',
        'search_api => "scroll" size => 700',
        'search_api => "search_after" size => 700',
        """search_api => "search_after" size => 7 query => '{"sort": ["tie"], "query": {"range": {"n": {"lt": 300}}}}' """,
        'slices => 3 size => 100 search_api => "scroll"',
        'slices => 2 size => 300 search_api => "search_after"',
        "size => 2500",
    ],
)
def test_every_document_comes_once(port: int, index: str, tmp_path: Path, options: str) -> None:
    events = read(f"{hosts(port, index)} {options}", tmp_path)
    wanted = 300 if '"lt"' in options else COUNT
    assert sorted(event["n"] for event in events) == list(range(wanted))


@pytest.mark.parametrize(("api", "exactly"), [("search_after", True), ("scroll", False)])
def test_what_could_not_be_delivered_is_asked_for_again(port: int, index: str, tmp_path: Path, api: str, exactly: bool) -> None:
    failures = iter([False, False, True, True, False, False, True])
    options = f'{hosts(port, index)} search_api => "{api}" size => 300'
    events = read(options, tmp_path, lambda events: bool(events) and next(failures, False))
    assert {event["n"] for event in events} == set(range(COUNT))
    assert (len(events) == COUNT) is exactly, "a scroll cannot go back: it begins again"


def test_the_pages_come_in_the_order_of_the_sort(port: int, index: str, tmp_path: Path) -> None:
    query = """query => '{"sort": [{"n": "desc"}]}' size => 400 search_api => "search_after" """
    assert [event["n"] for event in read(f"{hosts(port, index)} {query}", tmp_path)] == list(range(COUNT))[::-1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("docinfo => true", {"n": 7, "@metadata": {"input": {"elasticsearch": {"_index": "INDEX", "_id": "7"}}}}),
        ("docinfo => true ecs_compatibility => disabled", {"n": 7, "@metadata": {"_index": "INDEX", "_id": "7"}}),
        ('docinfo => true docinfo_target => "[doc]" docinfo_fields => ["_id"]', {"n": 7, "doc": {"_id": "7"}}),
        ('target => "[found]"', {"found": {"n": 7}}),
    ],
)
def test_where_a_document_and_its_origin_go(
    port: int, index: str, tmp_path: Path, options: str, expected: Event
) -> None:
    query = """query => '{"query": {"term": {"n": 7}}, "_source": ["n"]}'"""
    text = json.dumps(read(f"{hosts(port, index)} {query} {options}", tmp_path))
    assert json.loads(text.replace(index, "INDEX")) == [expected]


def test_aggregations_are_one_event(port: int, index: str, tmp_path: Path) -> None:
    query = """query => '{"aggs": {"kinds": {"terms": {"field": "kind"}}}}' response_type => "aggregations" """
    (event,) = read(f"{hosts(port, index)} {query}", tmp_path)
    assert {each["key"]: each["doc_count"] for each in event["kinds"]["buckets"]} == {0: 834, 1: 833, 2: 833}


def test_a_run_goes_on_behind_the_last_value_of_the_one_before_it(port: int, tmp_path: Path) -> None:
    name = opensearch.fresh()
    query = """query => '{"query": {"range": {"n": {"gt": ":last_value"}}}, "sort": ["n"]}' tracking_field => "n" tracking_field_seed => "0" """

    def put(*numbers: int) -> None:
        for n in numbers:
            opensearch.ask(port, f"/{name}/_doc?refresh=true", {"n": n})

    def run(fails: bool = False) -> list[int]:
        with Searching(f"{hosts(port, name)} {query} size => 2", tmp_path, lambda events: fails) as searching:
            if fails:
                return [event["n"] for _ in range(6) for event in searching.step() or []][:2]
            return [event["n"] for event in searching.all()]

    put(1, 2, 3, 4, 5)
    assert run() == [1, 2, 3, 4, 5]
    assert run() == []
    put(6, 7)
    assert run(fails=True) == [6, 7]
    assert run() == [6, 7], "what was not delivered moves no value"
    path = tmp_path / "plugins" / "inputs" / "elasticsearch" / "main" / "last_run_value"
    assert path.read_text() == "7\n"


@pytest.mark.parametrize(
    ("sort", "kept"),
    [
        ('["n"]', "3"),
        ('[{"n": "asc"}]', "3"),
        ('{"n": {"order": "asc"}}', "3"),
        ('["n", "m"]', "3"),
        ('[{"n": "desc"}]', None),
        ('["m"]', None),
    ],
)
def test_in_the_middle_of_a_run_a_value_is_kept_where_nothing_is_left_out_behind_it(
    front: Front, tmp_path: Path, sort: str, kept: str | None
) -> None:
    answers(front, page(1, 2), page(3, 4), page(4, 5))
    query = f"""query => '{{"query": {{"x": ":last_value"}}, "sort": {sort}}}' tracking_field => "n" size => 2"""
    with Searching(f"{hosts(front.port)} {query}", tmp_path) as searching:
        while len(searching.events) < 4:
            searching.step()
        searching.reader.settle()
    path = tmp_path / "plugins" / "inputs" / "elasticsearch" / "main" / "last_run_value"
    assert (path.read_text().strip() if path.exists() else None) == kept, "another 4 may come with the next page"


def test_a_value_that_fills_pages_is_not_kept_before_the_next_one_came(front: Front, tmp_path: Path) -> None:
    answers(front, page(1, 1), page(1, 1), page(1, 2), page(3))
    query = """query => '{"sort": ["n"]}' tracking_field => "n" size => 2 tracking_field_seed => "0" """
    path = tmp_path / "plugins" / "inputs" / "elasticsearch" / "main" / "last_run_value"
    seen = []
    with Searching(f"{hosts(front.port)} {query}", tmp_path) as searching:
        for count in (2, 4, 6, 7):
            while len(searching.events) < count:
                searching.step()
            searching.reader.settle()
            seen.append(path.read_text().strip() if path.exists() else None)
    assert seen == [None, None, "1", "3"]


def test_placeholders_stand_for_the_last_value_and_the_time_half_a_minute_ago(tmp_path: Path) -> None:
    with Front() as front:
        answers(front, {"hits": {"hits": []}})
        query = """query => '{"query": {"x": [":last_value", ":present"]}}' tracking_field => "n" tracking_field_seed => "a\\"b" """
        read(f"{hosts(front.port)} {query}", tmp_path)
        (body,) = [json.loads(asked.body) for asked in front.asked if "_search?scroll" in asked.path]
    last, present = body["query"]["x"]
    assert last == 'a\\"b', "a quote ends nothing"
    assert present.endswith("Z")


def test_a_schedule_asks_again_and_again(port: int, index: str, tmp_path: Path) -> None:
    query = """query => '{"query": {"term": {"n": 7}}}' schedule => "every 50ms" """
    with Searching(f"{hosts(port, index)} {query}", tmp_path) as searching:
        while len(searching.events) < 3:
            searching.step()
        assert not searching.input.bounded


def answers(front: Front, *told: Any, version: str = "7.17.0") -> None:
    """Have searches be answered so, one after another, the last again and again."""
    left = list(told)

    def rule(asked: Asked) -> Told:
        if asked.path == "/":
            return Told(200, {"version": {"number": version}})
        if "_search" not in asked.path or asked.method != "POST":
            return Told(200, {"id": "place"})
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer if isinstance(answer, Told) else Told(200, answer)

    front.rules.append(rule)


@pytest.fixture
def front() -> Iterator[Front]:
    with Front() as front:
        yield front


def page(*numbers: int, scroll: str = "s") -> dict[str, Any]:
    return {"_scroll_id": scroll, "hits": {"hits": [{"_id": str(n), "_source": {"n": n}, "sort": [n]} for n in numbers]}}


LOST = Told(404, {"error": {"type": "search_phase_execution_exception", "reason": "all shards failed", "root_cause": []}})


def test_when_the_server_has_lost_its_place_the_query_is_asked_once_more(
    front: Front, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    answers(front, page(1, 2), LOST, page(1, 2), page(3))
    events = read(f"{hosts(front.port)} size => 2", tmp_path)
    assert [event["n"] for event in events] == [1, 2, 1, 2, 3]
    assert "the server has lost its place" in caplog.text


def test_a_search_that_some_shards_did_not_answer_is_asked_again(front: Front, tmp_path: Path) -> None:
    partly = {**page(1), "_shards": {"failed": 1, "failures": [{"reason": {"reason": "node left"}}]}}
    answers(front, partly, page(1, 2), {**page(), "timed_out": True}, page(1, 2), page(3))
    events = read(f"{hosts(front.port)} size => 2", tmp_path)
    assert {event["n"] for event in events} == {1, 2, 3}


def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones(
    port: int, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_MOST_BYTES", 40_000)
    monkeypatch.setattr(http, "_CHUNK", 1 << 12)
    events = read(f"{hosts(port, index)} size => 2500", tmp_path)
    assert {event["n"] for event in events} == set(range(COUNT))


def test_elasticsearch_from_version_8_on_is_asked_by_search_after(front: Front, tmp_path: Path) -> None:
    answers(front, {**page(1, 2), "pit_id": "place2"}, page(3), version="8.17.0")
    events = read(f'{hosts(front.port, "a,b-*")} size => 2', tmp_path)
    assert [event["n"] for event in events] == [1, 2, 3]
    assert front.paths("POST")[0] == "/a,b-*/_pit?keep_alive=1m"
    bodies = [json.loads(asked.body) for asked in front.asked if asked.path.startswith("/_search")]
    assert bodies[0] == {"size": 2, "sort": ["_shard_doc"], "pit": {"id": "place", "keep_alive": "1m"}}
    assert bodies[1]["search_after"] == [2]
    assert bodies[1]["pit"]["id"] == "place2"


def test_rows_of_esql_are_events(front: Front, tmp_path: Path) -> None:
    columns = [{"name": name} for name in ("a", "b.c", "b.d", "e")]
    front.always("POST", "/_query", Told(200, {"columns": columns, "values": [[1, "x", 2, None], [None, None, None, True]]}))
    answers(front, {})
    events = read(f'hosts => "{front.url}" query_type => "esql" query => "FROM i | LIMIT 2"', tmp_path)
    assert events == [{"a": 1, "b": {"c": "x", "d": 2}}, {"e": True}]


@pytest.mark.parametrize(
    ("hit", "event"),
    [
        ({"_id": "1"}, {"tags": ["_elasticsearch_input_failure"], "event": {"original": '{"_id":"1"}'}}),
        ({"_source": {"@metadata": 1}}, {"tags": ["_elasticsearch_input_failure"], "event": {"original": '{"_source":{"@metadata":1}}'}}),
        ({"_source": {"text": "ü\ud800".encode("utf-8", "replace").decode(), "big": 10**30}}, {"text": "ü?", "big": 10**30}),
        ({"_source": {"tags": {"a": 1}}}, {"_tags": [{"a": 1}], "tags": ["_tagsparsefailure"]}),
    ],
)
def test_odd_documents_become_events_all_the_same(front: Front, tmp_path: Path, hit: Any, event: Event) -> None:
    answers(front, {"hits": {"hits": [hit]}})
    assert read(hosts(front.port), tmp_path) == [event]


@pytest.mark.parametrize(
    ("told", "option"),
    [
        (Told(404, {"error": {"type": "index_not_found_exception", "reason": "no such index [i]"}}), "index"),
        (Told(400, {"error": {"type": "parsing_exception", "reason": "unknown query [x]"}}), "query"),
        (Told(403, {"error": {"type": "security_exception", "reason": "not you"}}), "user"),
        (Told(401, {}), "user"),
    ],
)
def test_a_refusal_names_the_option_to_blame(front: Front, tmp_path: Path, told: Told, option: str) -> None:
    answers(front, told)
    with Searching(hosts(front.port), tmp_path) as searching:
        searching.input.connect()
        with pytest.raises(Misconfigured) as caught:
            searching.input.read(10)
    assert caught.value.option == option


def test_a_real_server_refuses_a_wrong_query(port: int, index: str, tmp_path: Path) -> None:
    with Searching(f"""{hosts(port, index)} query => '{{"query": {{"nothing": {{}}}}}}'""", tmp_path) as searching:
        searching.input.connect()
        with pytest.raises(Misconfigured, match="unknown query"):
            searching.input.read(10)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("query => '['", "this is not a JSON object"),
        ("query => '[]'", "this is not a JSON object"),
        ('schedule => "sometimes"', "`sometimes` is not a valid schedule"),
        ('slices => 2 tracking_field => "n"', "`slices` and `tracking_field` exclude each other"),
        ('response_type => "aggregations" slices => 2', "`slices` is for hits of a query in JSON"),
        ('query_type => "esql" query => "FROM i" docinfo => true', "`docinfo` is for hits of a query in JSON"),
        ('query_type => "esql" query => "FROM i" response_type => "aggregations"', "ES|QL gives rows"),
    ],
)
def test_options_that_cannot_be_used_are_said(tmp_path: Path, options: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Searching(options, tmp_path)
    assert message in str(caught.value)


def test_two_inputs_may_not_keep_their_values_in_one_file(tmp_path: Path) -> None:
    claims = [Searching(f'tracking_field => "n" {more}', tmp_path).input.claims() for more in ("", "", 'last_run_metadata_path => "x"', "")]
    assert claims[0] == claims[1] != claims[2]
    assert Searching("", tmp_path).input.claims() == {}
