"""The input http_poller, read as the runtime reads it, against a server over TCP."""
from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates
from servers.http_server import Asked, HttpServer, Reply
from servers.process import free_ports

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.joda.zones import get_zone
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.decoding import Decoder
from penstock.pipeline.runtime.reader import Reader
from penstock.plugins.errors import Undelivered
from penstock.plugins.inputs._poll_schedule import polls
from penstock.plugins.schedule import ScheduleError

ECS_OFF = {"pipeline.ecs_compatibility": "disabled"}
ONCE = 'schedule => { in => "0s" }'
DATA = b'{"a":1}'


class Poller:
    """``batch`` reads until something came: its events and its delivery."""

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin
        plugin.open()
        self._reader, self._decoder = Reader(plugin, plugin.context.stopping), Decoder(plugin)

    def batch(self) -> tuple[list[dict[str, Any]], Any]:
        end = time.monotonic() + 90
        while time.monotonic() < end:
            got = self._reader.step()
            if got is not None:
                batch, delivery = got
                return [event for events in self._decoder.batches(batch) for event in events], delivery
        raise AssertionError("nothing came")

    def events(self) -> list[dict[str, Any]]:
        events, delivery = self.batch()
        delivery.done(None)
        return [{key: value for key, value in event.items() if key not in ("@timestamp", "@version")} for event in events]


def made(options: str, **settings: Any) -> Any:
    assembly = assemble([Source("(test)", f"input {{ http_poller {{ {options} }} }}")], settled(settings))
    (plugin,) = assembly.plugins(assembly.program.inputs)
    return plugin


@pytest.fixture
def poll() -> Iterator[Callable[..., Poller]]:
    open_ones: list[Poller] = []

    def start(options: str, **settings: Any) -> Poller:
        open_ones.append(Poller(made(options, **settings)))
        return open_ones[-1]

    yield start
    for poller in open_ones:
        poller.plugin.close()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer(lambda asked: Reply(body=DATA)) as server:
        yield server


@pytest.mark.parametrize(
    ("options", "reply", "events"),
    [
        ("", Reply(body=DATA), [{"a": 1}]),
        ("", Reply(body=b'[{"a":1},{"a":2}]'), [{"a": 1}, {"a": 2}]),
        ("", Reply(404, DATA), [{"a": 1}]),
        ("", Reply(), [{}]),
        ("", Reply(body=b"{"), [{"message": "{", "tags": ["_jsonparsefailure"]}]),
        ("codec => line", Reply(body=b"one\ntwo"), [{"message": "one"}, {"message": "two"}]),
        ('tags => ["in"] type => "t"', Reply(body=DATA), [{"a": 1, "tags": ["in"], "type": "t"}]),
    ],
)
def test_an_answer_becomes_events(server: HttpServer, poll: Any, options: str, reply: Reply, events: list[Any]) -> None:
    server.answer = lambda asked: reply
    found = poll(f'urls => {{ one => "{server.url}" }} {ONCE} {options}', **ECS_OFF).events()
    assert [{key: value for key, value in event.items() if key != "@metadata"} for event in found] == events


def test_with_a_target_the_data_goes_beneath_it(server: HttpServer, poll: Any) -> None:
    ((event,), _) = poll(f'urls => {{ one => "{server.url}" }} {ONCE} target => "[in][it]"', **ECS_OFF).batch()
    inner = event["in"]["it"]
    assert {key: inner[key] for key in inner if not key.startswith("@")} == {"a": 1}
    assert {"@timestamp", "@version"} <= inner.keys() & event.keys()


def test_without_ecs_metadata_has_plain_names(server: HttpServer, poll: Any) -> None:
    server.answer = lambda asked: Reply(201, DATA, {"X-One": "1"})
    (event,) = poll(f'urls => {{ one => "{server.url}/x" }} {ONCE}', **ECS_OFF).events()
    metadata = event["@metadata"]
    assert metadata["response_headers"]["x-one"] == "1"
    assert 0 < metadata["runtime_seconds"] < 30
    assert metadata["request"] == {"method": "get", "url": f"{server.url}/x"}
    assert [metadata[name] for name in ("name", "code", "response_message", "times_retried")] == ["one", 201, "Created", 0]
    assert metadata["host"]


def test_with_ecs_metadata_has_the_names_of_ecs(server: HttpServer, poll: Any) -> None:
    (event,) = poll(f'urls => {{ one => "{server.url}" }} {ONCE} metadata_target => "[about]"').events()
    about = event["about"]["input"]["http_poller"]
    assert about["request"]["name"] == "one"
    assert about["request"]["original"] == {"method": "get", "url": server.url}
    assert about["request"]["host"]["hostname"]
    assert about["request"]["retry_count"] == 0
    assert about["response"]["status_code"] == 200
    assert about["response"]["headers"]["content-length"] == "7"
    assert isinstance(about["response"]["elapsed_time_ns"], int)


def test_a_request_without_an_answer_is_an_event(poll: Any) -> None:
    url = f"http://localhost:{free_ports()[0]}/x"
    (event,) = poll(f'urls => {{ one => {{ url => "{url}" method => post }} }} {ONCE}').events()
    metadata = event.pop("@metadata")["input"]["http_poller"]
    assert metadata["request"]["name"] == "one"
    assert "response" not in metadata
    assert "refused" in event["error"].pop("message")
    assert event["event"].pop("duration") > 0
    assert event.pop("host").keys() == {"hostname"}
    rest = {"error": {}, "event": {}, "http": {"request": {"method": "post"}}, "url": {"full": url}, "tags": ["_http_request_failure"]}
    assert event == rest


def test_without_ecs_a_failure_has_one_field(poll: Any) -> None:
    url = f"http://localhost:{free_ports()[0]}/x"
    (event,) = poll(f'urls => {{ one => "{url}" }} {ONCE} type => "t"', **ECS_OFF).events()
    failure = event["http_request_failure"]
    assert "refused" in failure["error"]
    assert (failure["name"], failure["request"], event["tags"], event["type"]) == (
        "one", {"method": "get", "url": url}, ["_http_request_failure"], "t"
    )


@pytest.mark.parametrize(
    ("spec", "method", "path", "headers", "body"),
    [
        ('url => "{url}/x" method => "POST" body => "hi"', "POST", "/x", {}, b"hi"),
        ('url => "{url}/x?a=1" query => { "b" => "2 3" }', "GET", "/x?a=1&b=2+3", {}, b""),
        ('url => "{url}/x" headers => { "X-One" => 1 }', "GET", "/x", {"X-One": "1"}, b""),
        ('url => "{url}/x" user => "me" password => "pw"', "GET", "/x", {"Authorization": "Basic bWU6cHc="}, b""),
        ('url => "{url}/x" auth => { user => "me" pass => "pw" }', "GET", "/x", {"Authorization": "Basic bWU6cHc="}, b""),
    ],
)
def test_a_url_may_be_a_whole_request(
    server: HttpServer, poll: Any, spec: str, method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    given = spec.replace("{url}", server.url)
    (event,) = poll(f"urls => {{ one => {{ {given} }} }} {ONCE}", **ECS_OFF).events()
    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == (method, path, body)
    assert {name: asked.headers[name] for name in headers} == headers
    assert "pw" not in json.dumps(event["@metadata"]["request"])


def test_all_urls_are_asked_for_at_the_same_time(server: HttpServer, poll: Any) -> None:
    server.hang()
    urls = " ".join(f'u{number} => "{server.url}/{number}"' for number in range(5))
    poller = poll(f"urls => {{ {urls} }} {ONCE}", **ECS_OFF)
    poller.plugin.read(0)
    while len(server.asked) < 5:
        time.sleep(0.01)
    server.flow()
    assert sorted(poller.events()[0]["@metadata"]["name"] for _ in range(5)) == ["u0", "u1", "u2", "u3", "u4"]


def test_what_is_unchanged_is_no_event(server: HttpServer, poll: Any) -> None:
    content = ["one"]

    def answer(asked: Asked) -> Reply:
        tag = f'"{content[0]}"'
        if asked.headers.get("If-None-Match") == tag and asked.headers.get("If-Modified-Since") == "yesterday":
            return Reply(304)
        return Reply(body=json.dumps({"is": content[0]}).encode(), headers={"ETag": tag, "Last-Modified": "yesterday"})

    server.answer = answer
    poller = poll(f'urls => {{ one => "{server.url}" }} schedule => {{ every => "10ms" }} skip_unchanged => true', **ECS_OFF)
    assert poller.events()[0]["is"] == "one"
    while len(server.asked) < 4:
        assert poller.plugin.read(0.01) is None
    content[0] = "two"
    assert poller.events()[0]["is"] == "two"


def test_what_was_not_delivered_is_given_again(server: HttpServer, poll: Any) -> None:
    poller = poll(f'urls => {{ one => "{server.url}" }} {ONCE}', **ECS_OFF)
    _, delivery = poller.batch()
    delivery.done(Undelivered("the target is gone"))
    assert poller.events()[0]["a"] == 1
    assert len(server.asked) == 1


def test_a_poll_that_is_due_before_the_last_has_ended_is_left_out(
    server: HttpServer, poll: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.hang()
    poller = poll(f'urls => {{ one => "{server.url}" }} schedule => {{ every => "10ms" }}', **ECS_OFF)
    while not any("is left out" in record.getMessage() for record in caplog.records):
        poller.plugin.read(0.01)
    assert len(server.asked) <= 1
    server.flow()
    assert poller.events()[0]["a"] == 1


def test_wake_ends_a_read_that_waits(server: HttpServer, poll: Any) -> None:
    poller = poll(f'urls => {{ one => "{server.url}" }} schedule => {{ in => "1h" }}')
    poller.plugin.wake()
    assert poller.plugin.read(1000) is None


def test_certificates_are_those_that_the_options_name(tmp_path: Path, poll: Any) -> None:
    certificates = Certificates(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificates.pair("server"))
    with HttpServer(lambda asked: Reply(body=DATA), tls=context) as server:
        trusting = poll(f'urls => {{ one => "{server.url}" }} {ONCE} ssl_certificate_authorities => ["{certificates.ca}"]')
        assert trusting.events()[0]["a"] == 1
        foreign = poll(f'urls => {{ one => "{server.url}" }} {ONCE} ssl_certificate_authorities => ["{certificates.foreign_ca}"]')
        assert "certificate is not trusted" in foreign.events()[0]["error"]["message"]


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("schedule", "start", "first", "then"),
    [
        ({"every": "10s"}, 1000, 1000, 11_000),
        ({"every": 30}, 0, 0, 30_000),
        ({"every": "1h30m"}, 0, 0, 5_400_000),
        ({"cron": "*/5 * * * *"}, 1000, 300_000, 600_000),
        ({"cron": "0 6 * * * Europe/Rome"}, 0, 5 * HOUR, 29 * HOUR),
        ({"in": "1m"}, 1000, 61_000, None),
        ({"at": "1970-01-01 12:00:00"}, 0, 12 * HOUR, None),
        ({"at": "1970/01/01 12:00:00+02:00"}, 0, 10 * HOUR, None),
        ({"at": "1970-01-01 12:00:00"}, 13 * HOUR, None, None),
    ],
)
def test_schedules(schedule: dict[str, Any], start: int, first: int | None, then: int | None) -> None:
    found = polls(schedule, get_zone("UTC"))
    assert found.first(start) == first
    if first is not None:
        assert found.after(first, first) == then


def test_polls_that_were_missed_are_left_out() -> None:
    found = polls({"every": "10s"}, get_zone("UTC"))
    assert found.after(0, 35_000) in range(35_001, 45_001)


@pytest.mark.parametrize(
    "schedule", [{}, {"every": "5x"}, {"cron": "* *"}, {"in": "soon"}, {"at": "never"}, {"on": "1h"}, {"every": "1s", "in": "2s"}]
)
def test_schedules_that_mean_nothing(schedule: dict[str, Any]) -> None:
    with pytest.raises(ScheduleError):
        polls(schedule, get_zone("UTC"))


URL = 'urls => { one => "http://localhost/" }'


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("urls => {} schedule => { every => 1 }", "`urls` is empty"),
        ('urls => { one => "localhost" } schedule => { every => 1 }', "`one`: `localhost` is not a valid URL"),
        ("urls => { one => { method => get } } schedule => { every => 1 }", "`one`: `url` is missing"),
        ('urls => { one => { url => "http://a/" methd => get } } schedule => { every => 1 }', "`methd` is not known here"),
        ('urls => { one => { url => "http://a/" method => fetch } } schedule => { every => 1 }', "`fetch` is not a method"),
        ('urls => { one => { url => "http://a/" user => me } } schedule => { every => 1 }', "credentials need a `password` too"),
        (f"{URL} schedule => {{ hourly => 1 }}", "`hourly` is not a kind of schedule"),
        (f'{URL} schedule => {{ every => 1 }} target => "@timestamp"', "`@timestamp`"),
    ],
)
def test_options_that_cannot_be_used_are_said(options: str, said: str) -> None:
    with pytest.raises(ConfigError) as found:
        made(options)
    assert said in str(found.value)
