"""What the output elasticsearch does when a cluster refuses, hangs or is away: a front before a real OpenSearch, or alone."""
from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from servers import opensearch
from servers.front import Asked, Front, Told
from servers.process import LOOPBACK, free_ports

from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry

ROOT = Told(200, {"version": {"number": "8.17.0", "build_flavor": "default"}})


def answer(*statuses: int | tuple[int, str], headers: dict[str, str] | None = None) -> Told:
    """The answer to a bulk request whose items ended so."""
    items = []
    for each in statuses:
        status, kind = each if isinstance(each, tuple) else (each, "")
        error = {"error": {"type": kind, "reason": "it is so"}} if kind else {}
        items.append({"index": {"status": status, **error}})
    return Told(200, {"errors": any("error" in item["index"] for item in items), "items": items}, headers or {})


def all_taken(asked: Asked) -> Told | None:
    """A cluster that takes everything."""
    if "_bulk" not in asked.path:
        return ROOT if asked.path == "/" else Told(200, {})
    return answer(*[200] * (asked.body.count(b"\n") // 2))


@pytest.fixture
def front() -> Iterator[Front]:
    """A cluster of recorded answers."""
    with Front() as front:
        yield front


class Delivering:
    """An output, connected."""

    def __init__(self, hosts: str | Sequence[str], options: str = "", index: str = "i", compression: int = 0) -> None:
        text = f'index => "{index}" manage_template => false hosts => {json.dumps(hosts)} compression_level => {compression} {options}'
        assembly = assemble([Source("t.conf", f"input {{ stdin {{ }} }} output {{ elasticsearch {{ {text} }} }}")], settled({}))
        (self.output,) = assembly.plugins(assembly.program.outputs)
        self.output.open()

    def __enter__(self) -> Any:
        self.output.connect()  # type: ignore[attr-defined]
        return self.output

    def __exit__(self, *_: object) -> None:
        self.output.close()


def delivered(output: Any, *events: Event) -> None:
    for payload in output.pack(list(events)):
        output.deliver(payload)


EVENTS = [{"n": 0}, {"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    ("options", "told", "rejected", "retried"),
    [
        ("", answer(200, 201, 200), [], []),
        ("", answer(200, (400, "mapper_parsing_exception"), 200), [1], []),
        ("", answer((404, "index_not_found_exception"), 200, (429, "es_rejected_execution_exception")), [0], [2]),
        ("", answer((503, "unavailable_shards_exception"), (403, "cluster_block_exception"), 200), [], [0, 1]),
        ("", answer((409, "version_conflict_engine_exception"), 200, 200), [], []),
        ("dlq_custom_codes => [403]", answer((403, "cluster_block_exception"), 200, (503, "x")), [0], [2]),
        ('drop_error_types => ["strict_dynamic_mapping_exception"]', answer((400, "strict_dynamic_mapping_exception"), 200, 200), [], []),
        ("", Told(429, {}), [], [0, 1, 2]),
        ("", Told(503, b"<html>no</html>"), [], [0, 1, 2]),
        ("", Told(200, b"<html>what?</html>"), [], [0, 1, 2]),
        ("", answer(200, (400, "x")), [], [0, 1, 2]),
    ],
)
def test_what_becomes_of_the_items(front: Front, options: str, told: Told, rejected: list[int], retried: list[int]) -> None:
    front.tell("/_bulk", told)
    front.rules.append(all_taken)
    with Delivering(front.url, options) as output:
        (payload,) = output.pack(EVENTS)
        found: Any = Rejected({})
        try:
            output.deliver(payload)
        except (Rejected, Retry) as error:
            found = error
    if isinstance(found, Rejected):
        assert (sorted(found.reasons_of(3)), found.retry) == (rejected, retried)
    else:
        assert ([], [0, 1, 2] if found.indexes is None else found.indexes) == (rejected, retried)


def test_the_time_between_retries_doubles_and_a_cluster_may_ask_for_more(front: Front) -> None:
    busy = Told(429, {})
    asked = [Told(429, {}, {"retry-after": seconds}) for seconds in ("9", "0")]
    answers = [busy, busy, busy, *asked, busy, answer(200), busy]
    front.tell("/_bulk", *answers)
    front.rules.append(all_taken)
    waits = []
    with Delivering(front.url, "retry_initial_interval => 1 retry_max_interval => 3") as output:
        for _ in answers:
            try:
                delivered(output, {"n": 1})
            except Retry as error:
                waits.append(error.after)
    assert waits == [1, 2, 3, 9, 0, 3, 1]


def test_types_of_errors_can_be_kept_out_of_the_log(front: Front, caplog: pytest.LogCaptureFixture) -> None:
    conflict = (409, "version_conflict_engine_exception")
    front.tell("/_bulk", answer(conflict), answer(conflict))
    front.rules.append(all_taken)
    with Delivering(front.url, 'silence_errors_in_log => ["version_conflict_engine_exception"]') as output:
        delivered(output, {"n": 1})
    assert not caplog.records
    with Delivering(front.url) as output:
        delivered(output, {"n": 1})
    assert "version_conflict_engine_exception: it is so" in caplog.text


def test_a_request_that_is_too_large_is_halved_and_the_size_remembered(front: Front) -> None:
    def limited(asked: Asked) -> Told | None:
        return Told(413, b"too large") if len(asked.body) > 10_000 else all_taken(asked)

    front.rules.append(limited)
    with Delivering(front.url) as output:
        with pytest.raises(Rejected) as caught:
            delivered(output, *[{"n": n, "text": "x" * 900} for n in range(30)], {"text": "x" * 20_000})
        assert caught.value.reasons_of(31) == {30: "413 too large"}
        refused = len([asked for asked in front.asked if len(asked.body) > 10_000])
        delivered(output, *[{"n": n, "text": "x" * 900} for n in range(30)])
        assert len([asked for asked in front.asked if len(asked.body) > 10_000]) == refused, "the size is remembered"


def test_of_a_request_that_is_refused_as_a_whole_only_the_item_to_blame_is_rejected(front: Front) -> None:
    front.rules.append(lambda asked: Told(400, {"error": {"type": "bad", "reason": "n is 17"}}) if b":17}" in asked.body else all_taken(asked))
    with Delivering(front.url) as output, pytest.raises(Rejected) as caught:
        delivered(output, *[{"n": n} for n in range(30)])
    assert caught.value.reasons_of(30) == {17: "400 bad: n is 17"}


def test_events_of_which_no_item_can_be_made_are_rejected_and_the_others_sent(front: Front) -> None:
    front.tell("/_bulk", answer(200, (400, "bad"), (429, "busy")))
    front.rules.append(all_taken)
    with Delivering(front.url, 'document_id => "%{id}" max_in_flight => 1') as output, pytest.raises(Rejected) as caught:
        delivered(output, {"x": 1}, {"id": 1}, {"x": 2}, {"id": 2}, {"id": 3})
    assert sorted(caught.value.reasons_of(5)) == [0, 2, 3]
    assert caught.value.retry == [4]


@pytest.mark.parametrize(
    ("options", "status", "option"),
    [
        ('user => "u" password => "p"', 401, "password"),
        ('user => "u" password => "p"', 403, "password"),
        ("", 401, "user"),
        ('path => "/es"', 404, "path"),
        ('bulk_path => "/load"', 405, "bulk_path"),
        ("", 302, "hosts"),
    ],
)
def test_a_refusal_names_the_option_to_blame(front: Front, options: str, status: int, option: str) -> None:
    front.rules.append(lambda asked: Told(status, {"error": "no"}) if asked.method == "POST" else Told(200, {}))
    with Delivering(front.url, options) as output, pytest.raises(Misconfigured) as caught:
        delivered(output, {"n": 1})
    assert caught.value.option == option


def test_requests_carry_what_the_options_say(front: Front) -> None:
    front.rules.append(all_taken)
    options = 'path => "/below" parameters => { "timeout" => "3s" } custom_headers => { "X-Tenant" => "7" }'
    with Delivering(front.url.replace("://", "://log%40in:pass@"), options, compression=5) as output:
        delivered(output, *[{"n": n, "text": "x" * 100} for n in range(50)])
    asked = front.asked[-1]
    assert asked.path == "/below/_bulk?filter_path=errors,items.*.error,items.*.status&timeout=3s"
    assert asked.headers["x-tenant"] == "7"
    assert asked.headers["content-type"] == "application/x-ndjson"
    assert asked.headers["authorization"] == "Basic bG9nQGluOnBhc3M="
    assert asked.headers["content-encoding"] == "gzip"
    assert gzip.decompress(asked.body).count(b"\n") == 100


def test_requests_go_through_a_proxy(front: Front) -> None:
    front.rules.append(lambda asked: all_taken(asked._replace(path=asked.path.removeprefix("http://es.invalid:9200"))))
    with Delivering("es.invalid", f'proxy => "{front.url}"') as output:
        delivered(output, {"n": 1})
    assert front.paths("POST") == ["http://es.invalid:9200/_bulk?filter_path=errors,items.*.error,items.*.status"]


def until(holds: Any) -> None:
    """Wait until something holds that another thread does."""
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.01)
    pytest.fail("it does not happen")


def test_hosts_share_the_load_and_one_that_is_away_is_left_out_until_it_is_back(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "penstock")
    fronts = [Front().start(), Front().start()]
    for front in fronts:
        front.rules.append(all_taken)
    options = 'resurrect_delay => 0.1 healthcheck_path => "/health"'
    with Delivering([front.url for front in fronts], options) as output:
        for _ in range(4):
            delivered(output, {"n": 1})
        assert [len(front.paths("POST")) for front in fronts] == [2, 2]
        fronts[1].stop()
        for _ in range(4):
            delivered(output, {"n": 1})
        assert len(fronts[0].paths("POST")) == 6
        assert f"{LOOPBACK}:{fronts[1].port} is down" in caplog.text
        fronts[1].asked.clear()
        fronts[1].start()
        until(lambda: f"{LOOPBACK}:{fronts[1].port} is up" in caplog.text)
        assert "/health" in fronts[1].paths("HEAD")
        for _ in range(4):
            delivered(output, {"n": 1})
        assert fronts[1].paths("POST")
        for front in fronts:
            front.stop()
        with pytest.raises(Disconnected, match="refused"):
            delivered(output, {"n": 1})


def test_a_host_that_hangs_is_left_after_the_timeout() -> None:
    with Front() as front, socket.create_server((LOOPBACK, 0)) as silent:
        front.rules.append(all_taken)
        hosts = [front.url, f"http://{LOOPBACK}:{silent.getsockname()[1]}"]
        with Delivering(hosts, "timeout => 0.2 resurrect_delay => 60") as output:
            for _ in range(3):
                delivered(output, {"n": 1})
            assert len(front.paths("POST")) == 3


def test_the_cluster_is_asked_for_its_hosts() -> None:
    with Front() as seed, Front() as found:
        nodes = {
            "a": {"roles": ["data", "ingest"], "http": {"publish_address": f"some.name/{LOOPBACK}:{found.port}"}},
            "b": {"roles": ["cluster_manager"], "http": {"publish_address": f"{LOOPBACK}:1"}},
            "c": {"roles": ["data"]},
        }
        nodes["a"]["http"]["publish_address"] = f"{LOOPBACK}:{found.port}"  # type: ignore[index]
        for front in (seed, found):
            front.always("GET", "/sniff", Told(200, {"nodes": nodes}))
            front.rules.append(all_taken)
        with Delivering(seed.url, 'sniffing => true sniffing_path => "/sniff"') as output:
            delivered(output, {"n": 1})
        assert (seed.paths("POST"), len(found.paths("POST"))) == ([], 1)


def test_a_real_cluster_is_asked_for_its_hosts() -> None:
    port, index = opensearch.node().port, opensearch.fresh()
    with Front(port) as front, Delivering(front.url, "sniffing => true", index) as output:
        delivered(output, {"n": 1})
        assert front.paths("POST") == []
    assert len(opensearch.documents(port, index)) == 1


@pytest.mark.parametrize("answer", [["no", "map"], {"nodes": None}], ids=["a list", "no nodes"])
def test_an_answer_without_hosts_costs_no_delivery(front: Front, answer: Any) -> None:
    front.always("GET", "/sniff", Told(200, answer))
    front.rules.append(all_taken)
    with Delivering(front.url, 'sniffing => true sniffing_path => "/sniff"') as output:
        delivered(output, {"n": 1})
    assert len(front.paths("POST")) == 1


def test_a_cluster_that_is_away_is_disconnected() -> None:
    (port,) = free_ports()
    with pytest.raises(Disconnected, match=f"{LOOPBACK}:{port}"), Delivering(f"{LOOPBACK}:{port}"):
        pass


def test_who_may_not_ask_for_the_version_may_still_write(front: Front) -> None:
    front.always("GET", "/", Told(403, {"error": "no"}))
    front.rules.append(all_taken)
    with Delivering(front.url) as output:
        delivered(output, {"n": 1})
    assert len(front.paths("POST")) == 1
