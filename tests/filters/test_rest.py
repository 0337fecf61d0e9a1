"""The filter rest, against a server of the tests' own."""
import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import penstock

ANSWERS = {
    "/text": b"\n some text \n", "/empty": b"{}", "/nothing": b"[]", "/broken": b"{oops", "/number": b"5", "/list": b'[{"a": 1}]',
}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    """Answers what was asked, as JSON, or what ANSWERS says."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        split = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        asked = {"verb": self.command, "path": split.path, "query": parse_qs(split.query), "body": body,
            "type": self.headers.get("Content-Type"), "auth": self.headers.get("Authorization"), "x": self.headers.get("X")}  # fmt: skip
        data = ANSWERS.get(split.path, json.dumps(asked).encode())
        self.send_response(500 if split.path == "/failing" else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer  # noqa: N815  (names of http.server)

    def log_message(self, *given: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    thread.join()
    made.server_close()


def asked(url: str, request: str, options: str, *events: dict[str, Any]) -> list[dict[str, Any]]:
    config = f'filter {{ rest {{ request => {{ url => "{url}" {request} }} target => "doc" {options} }} }}'
    stage = penstock.compile(config)
    try:
        found = stage([dict(event) for event in events])
    finally:
        stage.close()
    return [{k: v for k, v in event.items() if k not in ("@timestamp", "@version")} for event in found]


AUTH = "Basic " + base64.b64encode(b"jo:s3cret").decode()


@pytest.mark.parametrize(
    ("path", "request_", "options", "wanted"),
    [
        ("/u/%{id}?a=1", "", "", {"verb": "GET", "path": "/u/7", "query": {"a": ["1"]}, "body": ""}),
        ("/u", 'params => { "b" => "%{id}" "c" => ["x", "y"] }', "", {"query": {"b": ["7"], "c": ["x", "y"]}}),
        ("/u?a=1", 'params => { "b" => "2" }', "", {"query": {"a": ["1"], "b": ["2"]}}),
        ("/u", 'method => "post" params => { "b" => "%{id}" }', "", {"verb": "POST", "body": '{"b":"7"}', "type": "application/json"}),
        ("/u", 'method => "POST" body => "%{id}"', "", {"body": '"7"'}),
        ("/u", 'headers => { "X" => "%{id}" } auth => { user => "jo" password => "s3cret" }', "", {"x": "7", "auth": AUTH}),
        ("/u", 'method => post params => { "b" => 1 } headers => { "content-type" => "a/b" }', "", {"type": "a/b"}),
    ],
)  # fmt: skip
def test_a_request_is_made_of_the_options_and_the_event(server: str, path: str, request_: str, options: str, wanted: dict[str, Any]) -> None:
    (event,) = asked(server + path, request_, options, {"id": 7})
    assert {key: event["doc"][key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("path", "options", "wanted"),
    [
        ("/list", "", {"doc": [{"a": 1}]}),
        ("/text", "json => false", {"doc": "some text"}),
        ("/empty", "", {"tags": ["_restfailure"]}),
        ("/nothing", 'fallback => { "a" => "b" }', {"tags": ["_restfailure"]}),
        ("/broken", "", {"tags": ["_jsonparsefailure"]}),
        ("/number", "", {"tags": ["_jsonparsefailure"]}),
        ("/broken", 'fallback => { "a" => "%{id}" }', {"doc": {"a": "7"}}),
        ("/failing", "", {"tags": ["_restfailure"]}),
        ("/failing", 'fallback => { "a" => "b" } add_tag => ["asked"]', {"doc": {"a": "b"}, "tags": ["asked"]}),
        ("/failing", 'tag_on_rest_failure => ["x"] add_tag => ["asked"]', {"tags": ["x", "asked"]}),
        ("/list", 'target => "[a][b]"', {"a": {"b": [{"a": 1}]}}),
    ],
)
def test_an_answer_goes_into_its_target(server: str, path: str, options: str, wanted: dict[str, Any]) -> None:
    config = options if "target" in options else f'{options} target => "doc"'
    stage = penstock.compile(f'filter {{ rest {{ request => {{ url => "{server}{path}" }} {config} }} }}')
    (event,) = stage([{"id": 7}])
    stage.close()
    assert {key: event[key] for key in event if key not in ("@timestamp", "@version", "id")} == wanted


def test_a_form_without_json(server: str) -> None:
    request = 'method => post params => { "b" => "x y" }'
    stage = penstock.compile(f'filter {{ rest {{ request => {{ url => "{server}/u" {request} }} json => false target => "doc" }} }}')
    (event,) = stage([{}])
    stage.close()
    assert json.loads(event["doc"])["body"] == "b=x+y"
    assert json.loads(event["doc"])["type"] == "application/x-www-form-urlencoded"


def test_events_of_a_batch_keep_their_order_and_their_answers(server: str) -> None:
    events = asked(server + "/u/%{id}", "", "", *({"id": number} for number in range(20)))
    assert [event["doc"]["path"] for event in events] == [f"/u/{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("request_", "code", "said"),
    [
        ("method => get", "E220", "has no `url`"),
        ('url => "http://h" method => put', "E220", "write get or post"),
        ('url => "http://h" auth => { user => "a" }', "E220", "needs `user` and `password`"),
        ('url => "http://h" proxy => "x"', "W305", "has no effect"),
        ('url => "http://h/%{a[b}"', "W304", "write a field"),
    ],
)
def test_requests_that_are_described_badly(request_: str, code: str, said: str) -> None:
    config = f'filter {{ rest {{ request => {{ {request_} }} target => "t" }} }}'
    try:
        found = [*penstock.compile(config).warnings]
    except penstock.ConfigError as error:
        found = [*error.diagnostics]
    (finding,) = [each for each in found if each.code == code]
    assert said in f"{finding.message} {finding.help}"
