"""The input http: what becomes of requests, and how they are answered."""
from __future__ import annotations

import asyncio
import gzip
import socket
import sys
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))  # for the module beside this one
from http_inlet import Inlet, inlet

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.batch import Batch, Chunk
from penstock.plugins.errors import Undelivered
from penstock.plugins.inputs._request_intake import Gathering

ECS_OFF = {"pipeline.ecs_compatibility": "disabled"}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Inlet]]:
    """``serve("user => me …")``: the input, served by the runtime's threads."""
    with ExitStack() as stack:
        yield lambda *given, **more: stack.enter_context(inlet(tmp_path, *given, **more))


def without(event: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key not in ("@timestamp", "@version", *keys)}


def data(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events without what the input says of the request."""
    return [without(event, "headers", "host") for event in events]


JSON, BAD = "application/json", {"tags": ["_jsonparsefailure"]}


@pytest.mark.parametrize(
    ("options", "kind", "body", "events"),
    [
        ("", "text/plain", b"one\ntwo\n", [{"message": "one\ntwo\n"}]),
        ("", "", b"", [{"message": ""}]),
        ("", JSON, b'{"a":1}', [{"a": 1}]),
        ("", "Application/JSON; charset=utf-8", b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
        ("", JSON, b"", []),
        ("", JSON, b"{", [{"message": "{", **BAD}]),
        ("", "text/plain; charset=iso-8859-1", "schön".encode("latin-1"), [{"message": "schön"}]),
        ("", "text/plain; charset=never-heard-of", b"one", [{"message": "one"}]),
        ("", "text/plain", b"\xff", [{"message": "\\xFF"}]),
        ("codec => line", "text/plain", b"one\ntwo", [{"message": "one"}, {"message": "two"}]),
        ("codec => json", "", b'{"a":1}', [{"a": 1}]),
        ('additional_codecs => { "application/x-ndjson" => "json_lines" }', "application/x-ndjson", b'{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
        ('additional_codecs => { "application/x-ndjson" => "json_lines" }', JSON, b'{"a":1}', [{"message": '{"a":1}'}]),
        ('type => "web" tags => ["in"] add_field => { "x" => "y" }', "text/plain", b"one", [{"message": "one", "type": "web", "tags": ["in"], "x": "y"}]),
    ],
)
def test_the_content_type_says_how_a_body_is_read(serve: Any, options: str, kind: str, body: bytes, events: list[Any]) -> None:
    served = serve(options, **ECS_OFF)
    assert served.send(body, Content_Type=kind).status == 200
    assert data(served.events()) == events


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress), ("identity", bytes)],
)
def test_packed_bodies_are_unpacked(serve: Any, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    served = serve(**ECS_OFF)
    assert served.send(pack(b"one"), Content_Encoding=encoding).status == 200
    assert data(served.events()) == [{"message": "one"}]


RAW = zlib.compressobj(wbits=-15)
BARE = RAW.compress(b"one") + RAW.flush()


@pytest.mark.parametrize(
    ("encoding", "body", "events"),
    [
        ("gzip", gzip.compress(b"on") + gzip.compress(b"e"), ["one"]),
        ("gzip", gzip.compress(b"x" * 5_000_000), ["x" * 5_000_000]),
        ("gzip", b"", [""]),
        ("deflate", BARE, ["one"]),
    ],
    ids=["members", "a body that grows a thousand times", "nothing", "deflate without its header"],
)
def test_packed_bodies_of_other_kinds_are_unpacked(serve: Any, encoding: str, body: bytes, events: list[str]) -> None:
    served = serve(**ECS_OFF)
    assert served.send(body, Content_Encoding=encoding).status == 200
    assert [event["message"] for event in data(served.events())] == events


@pytest.mark.parametrize("left", [10, 40_000, -8, -1])
@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_body_that_was_cut_off_is_refused(serve: Any, encoding: str, pack: Callable[[bytes], bytes], left: int) -> None:
    whole = pack(b"".join(b"line %d %x\n" % (i, hash((i, "x"))) for i in range(5000)))
    assert serve().send(whole[:left], Content_Encoding=encoding).status == 400


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_packed_body_with_something_behind_it_is_refused(serve: Any, encoding: str, pack: Callable[[bytes], bytes]) -> None:
    assert serve().send(pack(b"one") + b"more", Content_Encoding=encoding).status == 400


@pytest.mark.parametrize("size", [70_000, 5_000_000])
def test_a_large_body_is_one_payload(serve: Any, size: int) -> None:
    served = serve(**ECS_OFF)
    body = b'[{"a":"' + b"x" * size + b'"},{"b":1}]'
    assert served.send(body, Content_Type=JSON).status == 200
    assert [len(event.get("a", "")) for event in served.events()] == [size, 0]


def test_a_body_may_come_in_chunks_whose_number_nobody_knows(serve: Any) -> None:
    served = serve(**ECS_OFF)
    assert served.send(iter([b"on", b"e"])).status == 200
    assert data(served.events()) == [{"message": "one"}]


def test_with_ecs_the_request_is_told_in_fields_of_ecs(serve: Any) -> None:
    served = serve()
    served.send(b'{"a":1}', "x?y=1", Content_Type=JSON, User_Agent="probe", Authorization="Basic secret", X_One="1")
    (event,) = served.events()
    headers = event.pop("@metadata")["input"]["http"]["request"]["headers"]
    assert without(event) == {
        "a": 1,
        "event": {"original": '{"a":1}'},
        "host": {"ip": "127.0.0.1"},
        "http": {"version": "HTTP/1.1", "method": "POST", "request": {"mime_type": JSON, "body": {"bytes": "7"}}},
        "url": {"domain": "127.0.0.1", "port": served.port, "path": "/x?y=1"},
        "user_agent": {"original": "probe"},
    }
    assert headers["x_one"] == "1"
    assert "authorization" not in headers


def test_without_ecs_the_request_is_told_in_host_and_headers(serve: Any) -> None:
    served = serve(**ECS_OFF)
    served.send(b"one", "x?y=1", method="PUT", User_Agent="probe", Accept="text/*")
    (event,) = served.events()
    assert without(event) == {
        "message": "one",
        "host": "127.0.0.1",
        "headers": {
            "http_host": f"127.0.0.1:{served.port}",
            "http_user_agent": "probe",
            "http_accept": "text/*",
            "accept_encoding": "identity",
            "content_length": "3",
            "request_method": "PUT",
            "request_path": "/x?y=1",
            "http_version": "HTTP/1.1",
        },
    }


@pytest.mark.parametrize(
    ("options", "sent", "fields"),
    [
        ("ecs_compatibility => disabled", '{"host":"web","headers":{"a":1}}', {"host": "127.0.0.1"}),
        ("", '{"host":{"name":"web","ip":"1.2.3.4"}}', {"host": {"name": "web", "ip": "127.0.0.1"}}),
        ("", '{"host":"web"}', {"host": {"ip": "127.0.0.1"}, "_host": "web"}),
        ('remote_host_target_field => "[client][ip]"', '{"host":"web"}', {"host": "web", "client": {"ip": "127.0.0.1"}}),
        ('remote_host_target_field => "[@metadata][from]"', "{}", {"host": None}),
        ("", '{"url":"/a"}', {"_url": "/a"}),
        ("", '{"http":{"request":{"id":7}}}', {"_http": None}),
    ],
)
def test_what_the_input_says_takes_the_place_of_what_a_client_says(serve: Any, options: str, sent: str, fields: dict[str, Any]) -> None:
    served = serve(options)
    served.send(sent.encode(), Content_Type=JSON)
    (event,) = served.events()
    assert {key: event.get(key) for key in fields} == fields


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("logs.example", {"domain": "logs.example"}),
        ("logs.example:8443", {"domain": "logs.example", "port": 8443}),
        ("[2001:db8::1]:80", {"domain": "2001:db8::1", "port": 80}),
    ],
)
def test_the_header_host_is_domain_and_port(serve: Any, host: str, url: dict[str, Any]) -> None:
    served = serve()
    served.send(b"one", Host=host)
    (event,) = served.events()
    assert event["url"] == {**url, "path": "/"}


def test_it_listens_on_ipv6(serve: Any) -> None:
    served = serve('host => "::1"')
    assert served.send(b"one", host="[::1]").status == 200
    assert served.events()[0]["host"] == {"ip": "::1"}


def test_fields_of_the_client_stay_beside_those_of_the_input(serve: Any) -> None:
    served = serve()
    served.send(b'{"http":{"request":{"id":7},"version":"9"}}', Content_Type=JSON)
    (event,) = served.events()
    request = {"id": 7, "mime_type": JSON, "body": {"bytes": "43"}}
    assert event["http"] == {"request": request, "version": "HTTP/1.1", "method": "POST"}


def test_events_of_a_request_share_nothing_that_a_filter_may_change(serve: Any) -> None:
    served = serve('request_headers_target_field => "[headers]"')
    served.send(b"[{},{}]", Content_Type=JSON)
    one, two = served.events()
    for key in ("headers", "http", "url", "host"):
        one[key].clear()
        assert two[key]
    assert two["http"]["request"]


CREDENTIALS = "user => me password => right"
RIGHT, WRONG = "Basic bWU6cmlnaHQ=", "Basic bWU6d3Jvbmc="


@pytest.mark.parametrize(
    ("options", "body", "headers", "status"),
    [
        ("", b"one", {}, 200),
        ('response_code => "202"', b"one", {}, 202),
        (CREDENTIALS, b"one", {}, 401),
        (CREDENTIALS, b"one", {"Authorization": WRONG}, 401),
        (CREDENTIALS, b"one", {"Authorization": RIGHT}, 200),
        ("max_content_length => 10", b"x" * 10, {}, 200),
        ("max_content_length => 10", b"x" * 11, {}, 413),
        ("max_content_length => 1000", gzip.compress(b"x" * 1_000_000), {"Content_Encoding": "gzip"}, 413),
        ("", b"not packed", {"Content_Encoding": "gzip"}, 400),
        ("", b"one", {"Content_Encoding": "compress"}, 415),
        ("", b"one", {"Content_Encoding": "gzip, gzip"}, 415),
    ],
)
def test_the_status_says_what_became_of_a_request(serve: Any, options: str, body: bytes, headers: dict[str, str], status: int) -> None:
    answer = serve(options).send(body, **headers)
    assert answer.status == status
    assert (answer.headers.get("WWW-Authenticate") is not None) == (status == 401)


def test_a_body_of_unknown_length_is_refused_where_it_becomes_too_long(serve: Any) -> None:
    assert serve("max_content_length => 10").send(iter([b"x" * 8, b"x" * 8])).status == 413


def test_the_answer_has_the_headers_that_are_wanted(serve: Any) -> None:
    answer = serve('response_headers => { "X-One" => "1" "Content-Type" => "text/html" }').send(b"one")
    assert (answer.data, answer.headers["X-One"], answer.headers["Content-Type"]) == (b"ok", "1", "text/html")


def test_an_answer_204_has_no_body(serve: Any) -> None:
    answer = serve('response_code => "204"').send(b"one")
    assert (answer.status, answer.data) == (204, b"")


def exchange(served: Inlet, *sent: bytes) -> bytes:
    """What comes back on a connection until it ends."""
    with socket.create_connection(("127.0.0.1", served.port), 30) as made:
        for piece in sent:
            made.sendall(piece)
        found = b""
        while piece := made.recv(65536):
            found += piece
        return found


def test_who_sends_a_body_too_slowly_is_told_so_and_cut_off(serve: Any) -> None:
    served = serve("read_timeout => 0.3")
    answer = exchange(served, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")
    assert answer.startswith(b"HTTP/1.1 408")


def test_who_sends_headers_too_slowly_is_cut_off(serve: Any) -> None:
    served = serve("read_timeout => 0.3")
    assert exchange(served, b"POST / HTTP/1.1\r\nHost:") == b""


def test_who_asks_before_sending_is_answered_before(serve: Any) -> None:
    served = serve("max_content_length => 10")
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: "
    assert exchange(served, head + b"11\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert exchange(served, head + b"3\r\n\r\n", b"one").startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")


def test_what_is_not_http_is_answered_without_a_word_in_the_log(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert exchange(serve(), b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.0 400")
    assert caplog.records == []


class FullIntake:
    """An intake without room until ``freed`` is set."""

    def __init__(self) -> None:
        self.freed, self.batches = asyncio.Event(), list[Batch]()

    def offer(self, batch: Batch) -> asyncio.Future[None] | None:
        if not self.freed.is_set():
            return None
        if batch.chunks and batch.chunks[0].data == b"bad":
            raise ValueError("it is bad")
        self.batches.append(batch)
        return asyncio.get_running_loop().create_future()

    async def room(self) -> None:
        await self.freed.wait()


async def put(gathering: Gathering, body: bytes) -> asyncio.Future[None]:
    gathering.reserve(len(body))
    return await gathering.put(Chunk(body, {}), len(body))


def test_requests_that_come_together_are_one_batch() -> None:
    async def run() -> list[list[bytes]]:
        intake = FullIntake()
        gathering = Gathering(intake, 10, 1000)  # type: ignore[arg-type]
        putting = [asyncio.ensure_future(put(gathering, body)) for body in (b"one", b"two", b"three")]
        await asyncio.wait(putting, timeout=0)
        intake.freed.set()
        delivered = await asyncio.gather(*putting)
        assert delivered[0] is delivered[2]
        return [[chunk.data for chunk in batch.chunks or ()] for batch in intake.batches]

    assert asyncio.run(run()) == [[b"one", b"two", b"three"]]


def test_a_body_that_cannot_be_taken_does_not_hold_up_others() -> None:
    async def run() -> None:
        intake = FullIntake()
        intake.freed.set()
        gathering = Gathering(intake, 10, 3)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="it is bad"):
            await put(gathering, b"bad")
        await put(gathering, b"one")
        assert len(intake.batches) == 1

    asyncio.run(run())


def test_more_than_may_wait_are_refused_at_once(serve: Any) -> None:
    served = serve("respond_after => delivered max_pending_requests => 1 retry_after => 7", most=1)
    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(served.send, b"first")
        held = served.batch()
        rest = [threads.submit(served.send, b"more") for _ in range(4)]
        answers = [answer.result() for answer in rest]
        assert {(answer.status, answer.headers["Retry-After"]) for answer in answers} == {(429, "7")}
        served.events(held)
        assert first.result().status == 200


def test_more_bytes_than_may_be_held_are_refused(serve: Any) -> None:
    served = serve("max_pending_bytes => 1000")
    assert served.send(b"x" * 5000).status == 200  # one body is taken, whatever its length
    held = served.batch()
    assert served.send(b"y").status == 429
    served.events(held)
    assert served.send(b"x" * 900).status == 200


def test_accepted_means_taken_whether_or_not_it_is_delivered(serve: Any) -> None:
    served = serve()
    assert served.send(b"one").status == 200
    served.end_batch(served.batch(), Undelivered("the target is gone"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("user => me", "`user` requires `password`"),
        ("password => secret", "`password` requires `user`"),
        ('additional_codecs => { "a/b" => "jsno" }', "unknown codec `jsno`"),
        ("ssl_enabled => true", "a server with TLS needs a certificate"),
        ('response_code => "500"', "response_code"),
        ('remote_host_target_field => "@timestamp"', "`@timestamp` must be a timestamp"),
        ('request_headers_target_field => "tags"', "`tags` must be a string"),
        ("respond_after => never", "respond_after"),
        ('ssl_enabled => true ssl_keystore_path => "a.jks"', "Java's stores of keys"),
    ],
)
def test_options_that_cannot_be_used_are_said(options: str, said: str) -> None:
    with pytest.raises(ConfigError) as found:
        assemble([Source("(test)", f"input {{ http {{ {options} }} }}")], settled({}))
    assert said in str(found.value)
