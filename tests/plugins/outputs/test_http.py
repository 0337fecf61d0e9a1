"""The output http: what is sent, and what becomes of events that a server does not take."""
from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from servers.certificates import Certificates
from servers.http_server import Asked, HttpServer, Reply

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry
from penstock.plugins.outputs.http import Http

NOW = "2026-01-02T03:04:05.000Z"


def made(options: str, url: str = "http://localhost:1/") -> Http:
    text = f'output {{ http {{ url => "{url}" http_method => "post" {options} }} }}'
    assembly = assemble([Source("(test)", text)], settled({}))
    (output,) = assembly.plugins(assembly.program.outputs)
    return cast(Http, output)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with HttpServer() as server:
        yield server


@pytest.fixture
def make() -> Iterator[Callable[..., Http]]:
    with ExitStack() as stack:

        def open_output(*given: str) -> Http:
            output = made(*given)
            output.open()
            stack.callback(output.close)
            return output

        yield open_output


def bodies(server: HttpServer) -> list[Any]:
    return [json.loads(asked.body) for asked in server.asked]


EVENT = {"message": "a b", "n": 1, "@metadata": {"secret": 1}, "tags": ["x"]}


@pytest.mark.parametrize(
    ("options", "kind", "body"),
    [
        ("", "application/json", b'{"message":"a b","n":1,"tags":["x"]}'),
        ("format => json_batch", "application/json", b'[{"message":"a b","n":1,"tags":["x"]}]'),
        ("format => form", "application/x-www-form-urlencoded", b"message=a+b&n=1&tags=%5B%22x%22%5D"),
        ('format => message message => "%{message}: %{n}"', "text/plain", b"a b: 1"),
        ('mapping => { "m" => { "t" => ["%{[tags][0]}", "%{n}"] } }', "application/json", b'{"m":{"t":["x","1"]}}'),
        ('mapping => { "five" => 5 }', "application/json", b'{"five":"5"}'),
        ('format => form mapping => { "m" => "%{message}&" }', "application/x-www-form-urlencoded", b"m=a+b%26"),
        ('content_type => "application/vnd.x+json"', "application/vnd.x+json", b'{"message":"a b","n":1,"tags":["x"]}'),
        ('headers => { "content-type" => "text/json" }', "text/json", b'{"message":"a b","n":1,"tags":["x"]}'),
    ],
)
def test_the_format_says_what_is_sent(server: HttpServer, make: Any, options: str, kind: str, body: bytes) -> None:
    make(options, server.url).write([EVENT])
    (asked,) = server.asked
    assert {name.lower(): value for name, value in asked.headers.items()}["content-type"] == kind
    assert (asked.method, asked.body) == ("POST", body)


@pytest.mark.parametrize(("form", "body"), [("json", {"a": 1}), ("json_batch", [{"a": 1}])])
def test_bodies_are_packed_where_that_is_wanted(server: HttpServer, make: Any, form: str, body: Any) -> None:
    make(f"format => {form} http_compression => true", server.url).write([{"a": 1}])
    (asked,) = server.asked
    assert asked.headers["Content-Encoding"] == "gzip"
    assert bodies(server) == [body]  # aiohttp has unpacked it


def test_url_and_headers_have_fields(server: HttpServer, make: Any) -> None:
    make('headers => { "X-Id" => "%{id}" }', server.url + "/%{kind}").write([{"kind": "a", "id": 1}, {"kind": "b", "id": 2}])
    assert [(asked.path, asked.headers["X-Id"]) for asked in server.asked] == [("/a", "1"), ("/b", "2")]


def test_a_batch_is_sent_for_each_target(server: HttpServer, make: Any) -> None:
    output = make("format => json_batch", server.url + "/%{kind}")
    payloads = output.pack([{"kind": "a", "n": 1}, {"kind": "b", "n": 2}, {"kind": "a", "n": 3}])
    for payload in payloads:
        output.deliver(payload)
    assert [(asked.path, [event["n"] for event in json.loads(asked.body)]) for asked in server.asked] == [("/a", [1, 3]), ("/b", [2])]
    assert [[event["n"] for event in payload.events or ()] for payload in payloads] == [[1, 3], [2]]


def test_connections_are_kept(server: HttpServer, make: Any) -> None:
    output = make("", server.url)
    for _ in range(3):
        output.write([{"a": 1}] * 30)
    assert len({id(asked.connection) for asked in server.asked}) == 1


def by_message(asked: Asked) -> Reply:
    """Answers with the status that a message, or one of a batch, names."""
    data = json.loads(asked.body)
    events = data if isinstance(data, list) else [data]
    worst = max(int(event["message"]) for event in events)
    return Reply(worst, b"why   not\n", {"Retry-After": "3"} if worst == 503 else {})


CODES = [
    ("", [200, 204], None),
    ("", [200, 400, 200, 404], Rejected({1: "the status is 400 Bad Request: why not", 3: "the status is 404 Not Found: why not"})),
    ("", [500, 200, 400], Rejected({2: "the status is 400 Bad Request: why not"}, retry=[0])),
    ("", [200, 500, 200], Retry("", [1])),
    ("", [200, 429, 200, 200], Retry("", [1, 2, 3])),
    ("", [200, 503, 200], Retry("", [1, 2], after=3.0)),
    ("retry_failed => false", [500, 200], Rejected({0: "the status is 500 Internal Server Error: why not"})),
    ("ignorable_codes => [404, 409]", [404, 409], None),
    ("retryable_codes => [418]", [418, 500], Rejected({1: "the status is 500 Internal Server Error: why not"}, retry=[0])),
    ("format => json_batch", [200, 400], Rejected({0: "the status is 400 Bad Request: why not", 1: "the status is 400 Bad Request: why not"})),
    ("format => json_batch", [200, 500], Retry("", [0, 1])),
]


@pytest.mark.parametrize(("options", "statuses", "error"), CODES, ids=lambda value: str(value)[:30])
def test_a_status_decides_over_the_events_of_its_request(
    server: HttpServer, make: Any, options: str, statuses: list[int], error: Rejected | Retry | None
) -> None:
    server.answer = by_message
    output = make(options, server.url)
    (payload,) = output.pack([{"message": str(status)} for status in statuses])
    if error is None:
        output.deliver(payload)
        return
    with pytest.raises(type(error)) as raised:
        output.deliver(payload)
    assert raised.value.after == error.after
    if isinstance(error, Rejected):
        assert (raised.value.reasons, raised.value.retry) == (error.reasons, error.retry)
    else:
        assert raised.value.indexes == error.indexes


def test_a_batch_that_is_too_large_is_halved_until_it_is_one_event(server: HttpServer, make: Any) -> None:
    server.answer = lambda asked: Reply(413 if len(asked.body) > 40 else 200)
    output = make("format => json_batch", server.url)
    (payload,) = output.pack([{"n": 1}, {"n": "x" * 50}, {"n": 3}, {"n": 4}, {"n": 5}])
    with pytest.raises(Rejected) as raised:
        output.deliver(payload)
    assert list(raised.value.reasons) == [1]
    taken = [json.loads(asked.body) for asked in server.asked if len(asked.body) <= 40]
    assert [event["n"] for events in taken for event in events] == [1, 3, 4, 5]


@pytest.mark.parametrize(("first", "error"), [("cut", Disconnected), ("200", Retry)])
def test_what_had_no_answer_is_sent_again(server: HttpServer, make: Any, first: str, error: type[Exception]) -> None:
    server.answer = lambda asked: Reply(is_cut=json.loads(asked.body)["message"] == "cut")
    output = make("", server.url)
    (payload,) = output.pack([{"message": first}, {"message": "cut"}, {"message": "3"}])
    with pytest.raises(error) as raised:
        output.deliver(payload)
    assert getattr(raised.value, "indexes", None) in (None, [1, 2])


def test_without_retries_what_had_no_answer_is_given_up(server: HttpServer, make: Any) -> None:
    server.answer = lambda asked: Reply(is_cut=True)
    with pytest.raises(Rejected) as raised:
        make("retry_failed => false", server.url).write([{"a": 1}])
    assert "no answer" in raised.value.reasons_of(1)[0]


@pytest.mark.parametrize(
    ("event", "said"),
    [({"where": "nowhere"}, "is not a valid URL"), ({"where": "http://localhost:1/", "id": "a\nb"}, "cannot be sent")],
)
def test_an_event_without_a_valid_target_is_rejected_alone(server: HttpServer, make: Any, event: dict[str, str], said: str) -> None:
    output = make('headers => { "X-Id" => "%{id}" }', "%{where}")
    (payload,) = output.pack([event, {"where": server.url, "id": "2"}])
    with pytest.raises(Rejected) as raised:
        output.deliver(payload)
    assert said in raised.value.reasons_of(2)[0]
    assert len(raised.value.reasons) == len(server.asked) == 1


@pytest.mark.parametrize(
    ("options", "status", "option"),
    [("user => me password => guess", 401, "password"), ("", 401, "url"), ('proxy => "{url}"', 407, "proxy")],
)
def test_credentials_that_are_refused_are_the_options_fault(server: HttpServer, make: Any, options: str, status: int, option: str) -> None:
    server.answer = lambda asked: Reply(status)
    with pytest.raises(Misconfigured) as raised:
        make(options.format(url=server.url), server.url).write([{"a": 1}])
    assert raised.value.option == option


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


class SecureServer(ThreadingHTTPServer):
    """A server that wants a certificate of its clients; refused ones get an alert of TLS, as from most servers."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("localhost", 0), Handler)
        self.context, self.bodies = context, list[Any]()
        self.url = f"https://localhost:{self.server_port}"

    def finish_request(self, request: Any, address: Any) -> None:
        with contextlib.suppress(OSError), self.context.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, address)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        cast(SecureServer, self.server).bodies.append(body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def secure(certificates: Certificates) -> Iterator[SecureServer]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificates.ca)
    context.load_cert_chain(*certificates.pair("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # with 1.3 the alert may come too late to be read
    with SecureServer(context) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


TRUST = 'ssl_certificate_authorities => ["{directory}/ca.pem"]'
SHOW = 'ssl_certificate => "{directory}/client.pem" ssl_key => "{directory}/client.key"'


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize(
    ("options", "to_blame"),
    [
        (f"{TRUST} {SHOW}", None),
        (f"ssl_verification_mode => none {SHOW}", None),
        (SHOW, "ssl_certificate_authorities"),
        ('ssl_certificate_authorities => ["{directory}/foreign-ca.pem"]', "ssl_certificate_authorities"),
        (TRUST, "ssl_certificate"),
        (f'{TRUST} ssl_certificate => "{{directory}}/foreign.pem" ssl_key => "{{directory}}/foreign.key"', "ssl_certificate"),
        (f'{TRUST} ssl_certificate => "{{directory}}/expired.pem" ssl_key => "{{directory}}/expired.key"', "ssl_certificate"),
    ],
)
def test_both_sides_of_tls_must_trust_each_other(
    secure: SecureServer, certificates: Certificates, make: Any, options: str, to_blame: str | None
) -> None:
    output = make(options.format(directory=certificates.directory), secure.url)
    if to_blame is None:
        output.write([{"a": 1}])
        assert secure.bodies == [{"a": 1}]
        return
    with pytest.raises(Misconfigured) as raised:
        output.write([{"a": 1}])
    assert raised.value.option == to_blame


@pytest.mark.parametrize(
    ("options", "url", "said"),
    [
        ("format => message", "http://localhost/", "`format => message` needs a `message`"),
        ("", "localhost/in", "`localhost/in` is not a valid URL"),
        ("format => xml", "http://localhost/", "format"),
        ("password => x", "http://localhost/", "password"),
    ],
)
def test_options_that_cannot_be_used_are_said(options: str, url: str, said: str) -> None:
    with pytest.raises(ConfigError) as found:
        made(options, url)
    assert said in str(found.value)
