"""The filter http, against servers of the tests' own."""
import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penstock
from penstock.filters.http import Http
from penstock.pipeline.compile.stage import Stage
from penstock.plugins import tls
from penstock.plugins.clients import http

Event = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; notes what was asked."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        path = urlsplit(self.path)
        asked = {"verb": self.command, "path": path.path, "query": parse_qs(path.query), "headers": dict(self.headers), "body": body.decode()}
        with self.server.lock:
            self.server.asked.append(asked)
            self.server.connections.add(self.client_address)
        name = path.path.strip("/").partition("/")[0] or "echo"
        getattr(self, f"on_{name}", self.on_missing)(asked)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815  (names of http.server)

    def reply(self, body: bytes = b"", kind: str = "text/plain", status: int = 200, **headers: str) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def on_echo(self, asked: Event) -> None:
        self.reply(json.dumps(asked).encode(), "application/json; charset=utf-8")

    def on_text(self, asked: Event) -> None:
        self.reply(b"\n  some text \0\n", X_One="1")

    def on_latin(self, asked: Event) -> None:
        self.reply(b"\xe9", 'text/plain; charset="iso-8859-1"')

    def on_packed(self, asked: Event) -> None:
        self.reply(gzip.compress(b'{"packed": true}'), "Application/JSON", Content_Encoding="gzip")

    def on_broken(self, asked: Event) -> None:
        self.reply(b"{oops", "application/json")

    def on_deep(self, asked: Event) -> None:
        self.reply(b"[" * 400 + b"]" * 400, "application/json")

    def on_none(self, asked: Event) -> None:
        self.reply(b"", "application/json", 204)

    def on_missing(self, asked: Event) -> None:
        self.reply(b"missing", status=404)

    def on_twice(self, asked: Event) -> None:
        self.send_response(200)
        for value in ("a", "b"):
            self.send_header("X-Twice", value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def on_to(self, asked: Event) -> None:
        _, _, status, where = self.path.split("/", 3)
        self.reply(status=int(status), Location=f"/{where}" if "." not in where else f"http://{where}")

    def on_loop(self, asked: Event) -> None:
        self.reply(status=302, Location="/loop")

    def on_login(self, asked: Event) -> None:
        self.reply(status=302, Location="/echo", Set_Cookie="session=s3; Path=/")

    def on_slow(self, asked: Event) -> None:
        self.server.wait.wait(60)
        self.reply(b"slow")

    def on_drip(self, asked: Event) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        while not self.server.wait.wait(0.05):
            self.wfile.write(b"x")
        self.close_connection = True

    def on_meet(self, asked: Event) -> None:
        """Answers when three are there at the same time."""
        self.server.together.wait(60)
        self.reply(asked["path"].encode())

    def on_flaky(self, asked: Event) -> None:
        with self.server.lock:
            self.server.flaky += 1
            odd = self.server.flaky % 2
        if odd:
            self.close_connection = True
            self.connection.close()
        else:
            self.reply(b"at last")

    def log_message(self, *given: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """A server, on a free port unless it is told which."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.lock, self.wait, self.together = threading.Lock(), threading.Event(), threading.Barrier(3)
        self.asked: list[Event] = []
        self.connections: set[Any] = set()
        self.flaky = 0
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *given: Any) -> None:
        pass  # a client that has gone

    def end(self) -> None:
        self.wait.set()
        self.shutdown()
        self.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.end()


@pytest.fixture
def stages() -> Iterator[list[Stage]]:
    made: list[Stage] = []
    yield made
    for stage in made:
        stage.close()


class Asking:
    """``ask(path, options, event, …)``: the events after the filter."""

    def __init__(self, server: Server, stages: list[Stage]) -> None:
        self.server, self.stages = server, stages

    def stage(self, path: str, options: str = "") -> Stage:
        url = path if "://" in path else self.server.url + path
        config = f'http {{ url => "{url}" ecs_compatibility => disabled add_tag => ["done"] {options} }}'
        self.stages.append(penstock.compile(f"filter {{ {config} }}"))
        return self.stages[-1]

    def __call__(self, path: str, options: str = "", *events: Event) -> list[Event]:
        outs = self.stage(path, options)(events or [{}])
        return [{key: value for key, value in out.items() if key not in ("@timestamp", "@version")} for out in outs]


@pytest.fixture
def ask(server: Server, stages: list[Stage]) -> Asking:
    return Asking(server, stages)


def plugin(stage: Stage) -> Http:
    (found,) = stage.assembly.made.values()
    assert isinstance(found, Http)
    return found


FAILED = {"tags": ["_httprequestfailure"]}


def test_json_is_parsed_and_headers_are_a_map(ask: Asking) -> None:
    (out,) = ask("/echo/7")
    assert (out["body"]["verb"], out["body"]["path"], out["tags"]) == ("GET", "/echo/7", ["done"])
    assert out["headers"]["content-type"] == "application/json; charset=utf-8"


def test_what_is_asked(ask: Asking, server: Server) -> None:
    ask("/echo/%{id}?a=1#x", 'query => { "q %{id}" => "%{[n][0]}&" "l" => ["1", "%{id}"] } headers => { "X-%{id}" => "ü %{id}" }', {"id": 7, "n": [1.5]})
    (asked,) = server.asked
    assert (asked["verb"], asked["path"]) == ("GET", "/echo/7")
    assert asked["query"] == {"a": ["1"], "q 7": ["1.5&"], "l": ["1", "7"]}
    assert asked["headers"]["X-7"].encode("latin-1") == "ü 7".encode("latin-1")
    assert (asked["headers"]["User-Agent"], asked["headers"]["Content-Type"]) == ("Penstock", "text/plain")


@pytest.mark.parametrize(
    ("options", "event", "body", "kind"),
    [
        ('body => "<%{m}>"', {"m": "é"}, "<é>", "text/plain"),
        ('body => "%{m}" body_format => "json"', {"m": {"a": [1]}}, '{"a":[1]}', "application/json"),
        ('body => { "k%{m}" => ["%{m}", 2, { "d" => "%{[x]}" }] } body_format => "json"', {"m": 1}, '{"k1":["1",2,{"d":"%{[x]}"}]}', "application/json"),
        ('body => ["%{m}"] body_format => "json"', {"m": "ü"}, '["ü"]', "application/json"),
        ('body => 5 headers => { "content-type" => "x/y" }', {}, "5", "x/y"),
        ('body_format => "json"', {}, "", "application/json"),
    ],
)
def test_every_method_sends_the_body_and_its_type(ask: Asking, server: Server, options: str, event: Event, body: str, kind: str) -> None:
    for verb in ("POST", "PUT", "PATCH", "DELETE", "GET"):
        ask("/echo", f'verb => "{verb}" {options}', event)
        assert (server.asked[-1]["verb"], server.asked[-1]["body"]) == (verb, body)
        assert {value for name, value in server.asked[-1]["headers"].items() if name.lower() == "content-type"} == {kind}


@pytest.mark.parametrize(
    ("path", "body"), [("/text", "some text"), ("/latin", "é"), ("/packed", {"packed": True}), ("/twice", "")]
)
def test_answers_by_their_type(ask: Asking, path: str, body: Any) -> None:
    (out,) = ask(path)
    assert (out["body"], out["tags"]) == (body, ["done"])


def test_headers_that_come_twice_are_a_list(ask: Asking) -> None:
    assert ask("/twice")[0]["headers"]["x-twice"] == ["a", "b"]


@pytest.mark.parametrize("path", ["/broken", "/deep"])
def test_json_that_is_none_is_tagged(ask: Asking, path: str) -> None:
    (out,) = ask(path, 'tag_on_json_failure => ["a", "b"]')
    assert (out["tags"], "body" in out, out["headers"]["content-type"]) == (["a", "b", "done"], False, "application/json")


def test_answers_without_a_body(ask: Asking) -> None:
    for path, options in (("/none", ""), ("/text", 'verb => "HEAD"')):
        (out,) = ask(path, options)
        assert ("body" in out, "headers" in out, out["tags"]) == (False, True, ["done"])


@pytest.mark.parametrize(
    "url",
    ["/missing", "http://127.0.0.1:1/", "http://%{host}/", "ftp://127.0.0.1/", "nonsense", "http://", "http://[::1", "/loop", "https://%{m}\x7f"],
)  # fmt: skip
def test_what_gets_no_answer_is_tagged_and_else_left_alone(ask: Asking, url: str) -> None:
    url = f"nonsense:%{{m}}://{url}" if url == "nonsense" else url
    assert ask(url, "", {"m": 1}) == [{"m": 1, **FAILED}]


@pytest.mark.parametrize("options", ['headers => { "a:b" => "x" }', 'headers => { "a" => "%{m}" }', 'headers => { "a" => "%{w}" }', 'query => { "a" => "%{q[x}" }'])
def test_what_cannot_be_sent_is_tagged(ask: Asking, server: Server, options: str) -> None:
    assert ask("/echo", options, {"m": "a\nb: c", "w": "\u4e2d"})[0]["tags"] == FAILED["tags"]
    assert server.asked == []


def test_targets_and_ecs(server: Server, stages: list[Stage]) -> None:
    stage = penstock.compile(f'filter {{ http {{ url => "{server.url}/text" target_body => "[a][b]" }} }}')
    stages.append(stage)
    (out,) = stage([{"a": {"c": 1}}])
    assert out["a"] == {"b": "some text", "c": 1}
    assert out["@metadata"]["filter"]["http"]["response"]["headers"]["x-one"] == "1"
    with pytest.raises(penstock.ConfigError, match="needs a `target_body`"):
        penstock.compile('filter { http { url => "http://x" } }')
    (out,) = penstock.compile(f'filter {{ http {{ url => "{server.url}/text" target_body => "[a][b]" }} }}')([{"a": "text"}])
    assert out["tags"] == ["_http_exception"]


def test_requests_of_a_batch_are_under_way_together_and_events_keep_their_order(ask: Asking, server: Server) -> None:
    outs = ask("/meet/%{n}", "", *[{"n": n} for n in range(9)])
    assert [out["body"] for out in outs] == [f"/meet/{n}" for n in range(9)]


def test_connections_are_kept_and_not_more_than_wanted(ask: Asking, server: Server) -> None:
    stage = ask.stage("/text", "pool_max_per_route => 2")
    for _ in range(3):
        stage([{}] * 20)
    assert len(server.connections) <= 2
    server.connections.clear()
    ask("/text", "keepalive => false pool_max => 1", *[{}] * 5)
    assert len(server.connections) == 5


@pytest.mark.parametrize(
    ("verb", "options", "tags"),
    [
        ("GET", "", ["done"]),
        ("PUT", "", ["done"]),
        ("GET", "automatic_retries => 0", FAILED["tags"]),
        ("POST", "", FAILED["tags"]),
        ("PATCH", "", FAILED["tags"]),
        ("POST", "retry_non_idempotent => true", ["done"]),
    ],
)
def test_what_was_lost_is_sent_again(ask: Asking, verb: str, options: str, tags: list[str]) -> None:
    assert ask("/flaky", f'verb => "{verb}" {options}')[0]["tags"] == tags


@pytest.mark.parametrize("options", ["socket_timeout => 0.1", "request_timeout => 0.1"])
def test_an_answer_that_takes_too_long_is_none(ask: Asking, server: Server, options: str) -> None:
    assert ask("/slow", options) == [FAILED]
    assert len(server.asked) == 1


def test_an_answer_that_drips_is_none(ask: Asking) -> None:
    assert ask("/drip", "request_timeout => 0.3") == [FAILED]


def test_an_answer_beyond_measure_is_none(ask: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_MOST_BYTES", 10)
    stage = ask.stage("/%{p}", "pool_max => 1")
    assert [out["tags"] for out in stage([{"p": "text"}, {"p": "twice"}])] == [FAILED["tags"], ["done"]]  # the connection is given back


@pytest.mark.parametrize(
    ("status", "verb", "then"),
    [(301, "GET", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"), (307, "POST", "POST"), (308, "PUT", "PUT"), (303, "HEAD", "HEAD")],
)
def test_redirections_are_followed(ask: Asking, server: Server, status: int, verb: str, then: str) -> None:
    (out,) = ask(f"/to/{status}/echo/x", f'verb => "{verb}" body => "b" user => "u"')
    assert out["tags"] == ["done"]
    asked = server.asked[-1]
    assert (asked["verb"], asked["path"], asked["body"]) == (then, "/echo/x", "b" if then == verb else "")
    assert "Authorization" in asked["headers"]


def test_redirections_are_not_followed_where_they_shall_not(ask: Asking, server: Server) -> None:
    assert ask("/to/302/echo", "follow_redirects => false") == [FAILED]
    assert len(server.asked) == 1


def test_a_password_is_not_sent_elsewhere(ask: Asking, server: Server) -> None:
    other = Server()
    try:
        ask(f"/to/302/127.0.0.1:{other.server_address[1]}/echo", 'user => "ann" password => "pä:ss" headers => { "Cookie" => "a=1" }')
        assert server.asked[0]["headers"]["Authorization"] == "Basic YW5uOnDDpDpzcw=="
        assert {"Authorization", "Cookie"} & other.asked[0]["headers"].keys() == set()
    finally:
        other.end()


def test_cookies_are_kept_unless_they_shall_not(ask: Asking, server: Server) -> None:
    stage = ask.stage("/%{p}")
    stage([{"p": "login"}])
    stage([{"p": "echo"}])
    assert [asked["headers"].get("Cookie") for asked in server.asked] == [None, "session=s3", "session=s3"]
    server.asked.clear()
    ask("/login", "cookies => false")
    assert [asked["headers"].get("Cookie") for asked in server.asked] == [None, None]


@pytest.mark.parametrize("form", ['"{url}"', '{{ "url" => "{url}" "user" => "u@x" "password" => "p:" }}', '{{ "host" => "127.0.0.1" "port" => {port} }}'])
def test_a_proxy_is_asked_in_the_place_of_the_server(ask: Asking, server: Server, form: str) -> None:
    proxy = form.format(url=server.url, port=server.server_address[1])
    (out,) = ask("http://far.example/text", f"proxy => {proxy}")
    assert out["body"] == "some text"
    assert server.asked[0]["headers"]["Host"] == "far.example"
    assert server.asked[0]["headers"].get("Proxy-Authorization") == ("Basic dUB4OnA6" if "user" in form else None)


def test_answers_are_remembered_where_they_shall_be(ask: Asking, server: Server) -> None:
    stage = ask.stage("/%{p}", "cache_size => 9 cache_expiration => 3600 add_field => { '[headers][more]' => 'x' }")
    for _ in range(2):
        outs = stage([{"p": "text"}, {"p": "missing"}, {"p": "text"}])
        assert [out.get("body") for out in outs] == ["some text", None, "some text"]
        assert [out.get("headers", {}).get("more") for out in outs] == ["x", None, "x"]
    assert [asked["path"] for asked in server.asked].count("/text") == 1
    assert [asked["path"] for asked in server.asked].count("/missing") == 2
    assert plugin(stage).stats() == {"cache_hits": 2, "cache_misses": 4, "cache_entries": 1}
    server.asked.clear()
    ask("/text", 'verb => "POST" cache_size => 9', {}, {})
    ask("/text", "", {}, {})
    assert len(server.asked) == 4


def test_a_server_that_comes_back_is_found(ask: Asking) -> None:
    first = Server()
    stage = ask.stage(f"{first.url}/text", "automatic_retries => 0 keepalive => false")
    plugin(stage).open()
    tags = [stage([{}])[0]["tags"]]
    first.end()
    tags.append(stage([{}])[0]["tags"])
    second = Server(first.server_address[1])
    tags.append(stage([{}])[0]["tags"])
    second.end()
    assert tags == [["done"], FAILED["tags"], ["done"]]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ('body => { "a" => "b" }', "E220", "cannot be sent as a string"),
        ('proxy => { "port" => 5 }', "E220", "the proxy has no host"),
        ('password => "p"', "E220", "`password` requires `user`"),
        ('headers => { "a" => "%{a[b}" }', "W304", "a[b"),
        ('query => { "a" => "%{+YYYY-bb}" }', "W304", "bad date pattern"),
        ('cacert => "/x"', "E210", "does not exist"),
        ('ssl_keystore_path => "/x"', "E220", "Java's stores"),
        ('ssl_verification_mode => "some"', "E204", "is not a valid value of"),
        ('ssl_supported_protocols => ["SSLv3"]', "E204", "is not a valid value of"),
        ('ssl_cipher_suites => ["NONSENSE"]', "E220", "none of these cipher suites"),
        ('ssl_certificate => "pyproject.toml"', "E220", "requires `ssl_key`"),
        ('ssl_key => "pyproject.toml"', "E220", "requires `ssl_certificate`"),
        ('ssl_certificate => "pyproject.toml" ssl_key => "pyproject.toml"', "E220", "holds no certificate in PEM"),
        ('ssl_certificate_authorities => ["pyproject.toml"]', "E220", "holds no certificates"),
    ],
)
def test_what_is_wrong_is_said(options: str, code: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    config = f'filter {{ http {{ url => "http://x" target_body => "bb" {options} }} }}'
    try:
        found = list(penstock.compile(config).warnings)
    except penstock.ConfigError as error:
        found = error.diagnostics
    assert any(one.code == code and said in one.message for one in found), found


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, with its key; and one of somebody else."""
    directory = tmp_path_factory.mktemp("certificates")
    for name in ("server", "client"):
        make_certificate(directory / f"{name}.pem", directory / f"{name}.key", b"secret" if name == "client" else None)
    return directory


def make_certificate(path: Path, key_path: Path, passphrase: bytes | None) -> None:
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - dt.timedelta(1), now + dt.timedelta(9))
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(alternative, False).add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    cipher = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    key_path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cipher))


@pytest.fixture
def secure(certificates: Path) -> Iterator[Server]:
    """A server with TLS that wants to see a certificate of the client it trusts, if there is one."""
    made = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.load_verify_locations(certificates / "client.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    made.socket = context.wrap_socket(made.socket, server_side=True)
    yield made
    made.end()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ("", FAILED["tags"]),
        ('ssl_certificate_authorities => ["{directory}/server.pem"]', ["done"]),
        ('ssl_certificate_authorities => ["{directory}/client.pem"]', FAILED["tags"]),
        ('ssl_verification_mode => "none"', ["done"]),
        ('ssl_verification_mode => "none" ssl_enabled => false', FAILED["tags"]),
        ('ssl_verification_mode => "none" ssl_certificate => "{directory}/client.pem" ssl_key => "{directory}/client.key" ssl_key_passphrase => "secret"', ["done"]),
        ('ssl_verification_mode => "none" ssl_supported_protocols => ["TLSv1.3"]', FAILED["tags"]),
        ('ssl_verification_mode => "none" ssl_supported_protocols => ["TLSv1.2", "TLSv1.3"]', ["done"]),
        ('ssl_verification_mode => "none" ssl_cipher_suites => ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]', ["done"]),
        ('ssl_verification_mode => "none" ssl_cipher_suites => ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]', FAILED["tags"]),
    ],
)
def test_a_server_is_trusted_as_the_options_say(secure: Server, certificates: Path, stages: list[Stage], options: str, tags: list[str]) -> None:
    url = secure.url.replace("http:", "https:")
    config = f'url => "{url}/text" target_body => "bb" add_tag => ["done"] automatic_retries => 0 {options.format(directory=certificates)}'
    stages.append(penstock.compile(f"filter {{ http {{ {config} }} }}"))
    assert stages[0]([{}])[0]["tags"] == tags


@pytest.mark.parametrize(
    ("name", "openssl"),
    [
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
        ("TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", "DHE-RSA-AES256-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("AES256-SHA", "AES256-SHA"),
    ],
)
def test_cipher_suites_have_two_names(name: str, openssl: str) -> None:
    assert tls.openssl_name(name) == openssl
    ssl.create_default_context().set_ciphers(f"{openssl}:@SECLEVEL=0")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(events=st.lists(st.fixed_dictionaries({"p": VALUES, "h": VALUES, "b": VALUES}), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_event_has_an_answer_or_a_tag(server: Server, events: list[Event]) -> None:
    options = "headers => { 'X-%{h}' => '%{h}' } query => { '%{h}' => '%{b}' } body => '%{b}' target_body => '[b][x]' automatic_retries => 0"
    stage = penstock.compile(f"filter {{ http {{ url => '{server.url}/text/%{{p}}' {options} ecs_compatibility => disabled add_tag => ['done'] }} }}")
    for out in stage(events):
        assert out["tags"] in (["done"], ["_httprequestfailure"], ["_http_exception"])
    stage.close()
