"""The input tcp: connections and their codecs, what events say of their origin, back-pressure, TLS, and what a stop and a reload keep."""
from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates
from servers.process import free_ports

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Disconnected, Misconfigured
from penstock.plugins.input import Input
from penstock.plugins.servers import reverse_names

Listen = Callable[..., Any]
TCP = 'tcp { host => "127.0.0.1" port => 0 dns_reverse_lookup_enabled => false '


@pytest.mark.parametrize(
    ("codec", "pieces", "messages"),
    [
        ("line", [b"one\ntwo\n"], ["one", "two"]),
        ("line", [b"o", b"ne\r\ntw", b"o"], ["one\r", "two"]),
        ("line", [b"\xef\xbb\xbfone\n\xe9\n"], ["one", "\\xE9"]),
        ("plain", [b"one\ntwo"], ["one", "two"]),
        ("json", [b'{"message":"one"}\n{"mess', b'age":"two"}\n'], ["one", "two"]),
        ('line { delimiter => "|" }', [b"one|two|three"], ["one", "two", "three"]),
        ('line { charset => "UTF-16LE" }', ["ö\nn".encode("utf-16-le")], ["ö", "n"]),
        ('multiline { pattern => "^ " what => "previous" }', [b"one\n more\n", b"two\n"], ["one\n more", "two"]),
    ],
)
def test_bytes_become_events_however_they_come(listen: Listen, codec: str, pieces: list[bytes], messages: list[str]) -> None:
    served = listen(TCP + f"codec => {codec} }}")
    served.send(*pieces)
    assert served.messages(len(messages)) == messages


def test_each_connection_has_a_codec_of_its_own(listen: Listen) -> None:
    served = listen(TCP + "}")
    with served.dial() as one, served.dial() as other:
        one.sendall(b"begun here, ")
        other.sendall(b"whole\n")
        assert served.messages(1) == ["whole"]
        one.sendall(b"ended here\n")
        assert served.messages(2)[1:] == ["begun here, ended here"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("v8", {"@metadata": {"input": {"tcp": {"source": {"name": "127.0.0.1", "ip": "127.0.0.1", "port": "PORT"}}}}}),
        ("disabled", {"host": "127.0.0.1", "port": "PORT", "@metadata": {"ip_address": "127.0.0.1"}}),
    ],
)
def test_events_say_where_they_come_from(listen: Listen, mode: str, expected: dict[str, Any]) -> None:
    served = listen(TCP + f'ecs_compatibility => {mode} type => "t" add_field => {{ "a" => "b" }} tags => ["c"] }}')
    with served.dial() as made:
        made.sendall(b"one\n")
        served.messages(1)
        port = made.getsockname()[1]
    (event,) = served.events
    told = {key: event[key] for key in expected}
    assert told == eval(repr(expected).replace("'PORT'", str(port)))
    assert (event["type"], event["a"], event["tags"]) == ("t", "b", ["c"])


@pytest.mark.parametrize(
    ("header", "source", "proxy"),
    [
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 514\r\n", ("192.0.2.7", 4711), {"ip": "198.51.100.1", "port": 514}),
        (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", ("2001:db8::7", 1), {"ip": "::1", "port": 2}),
        (
            b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0f" + socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1")
            + struct.pack("!HH", 4711, 514) + b"\x04\x00\x00",
            ("192.0.2.7", 4711), {"ip": "198.51.100.1", "port": 514},
        ),
        (b"PROXY UNKNOWN\r\n", ("127.0.0.1", None), None),
    ],
)
@pytest.mark.parametrize("cut", [0, 5])
def test_a_proxy_names_the_client(listen: Listen, header: bytes, source: tuple[str, int | None], proxy: Any, cut: int) -> None:
    served = listen(TCP + "proxy_protocol => true }")
    with served.dial() as made:
        made.sendall(header[:cut])
        made.sendall(header[cut:] + b"one\n")
        assert served.messages(1) == ["one"]
    told = served.events[0]["@metadata"]["input"]["tcp"]
    assert told["source"]["ip"] == source[0]
    assert source[1] in (None, told["source"]["port"])
    assert told.get("proxy") == proxy


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 here there 1 2\r\n", b"PROXY " + b"x" * 200, b"\r\n\r\n\x00\r\nQUIT\n\x11\x11\x00\x00"],
)
def test_who_does_not_speak_the_proxy_protocol_is_turned_away(listen: Listen, said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    served = listen(TCP + "proxy_protocol => true }")
    with served.dial() as made:
        made.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            assert made.recv(1) == b""
    assert "PROXY protocol" in caplog.text
    assert not served.events


def test_a_name_is_looked_up_once(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def look_up(ip: str) -> tuple[str, list[str], list[str]]:
        asked.append(ip)
        return "client.example", [], []

    monkeypatch.setattr(socket, "gethostbyaddr", look_up)
    served = listen('tcp { host => "127.0.0.1" port => 0 ecs_compatibility => disabled }')
    served.send(b"one\n")
    served.send(b"two\n")
    served.messages(2)
    assert [event["host"] for event in served.events] == ["client.example"] * 2
    assert asked == ["127.0.0.1"]


def test_a_line_over_the_limit_comes_in_parts(listen: Listen) -> None:
    served = listen(TCP + "}", **{"penstock.limits.line": 1000})
    served.send(b"x" * 1_000_000 + b"\nnext\n")
    messages = served.messages(1001)
    assert messages[-1] == "next"
    assert "".join(messages[:-1]) == "x" * 1_000_000
    assert all(event.get("tags") == ["_linetoobig"] for event in served.events[:-1])


def test_what_all_connections_hold_is_bounded(listen: Listen) -> None:
    served = listen(TCP + "}", **{"penstock.limits.line": 1000})
    with contextlib.ExitStack() as opened:
        for _ in range(20):
            opened.enter_context(served.dial()).sendall(b"x" * 900)
        # Eight lines of the longest size may wait for their ends; what is beyond is handed out.
        served.messages(1)
        assert served.events[0]["tags"] == ["_linetoobig"]


def test_nothing_is_lost_while_nothing_is_taken(listen: Listen) -> None:
    """A sender waits: what it wrote is in the buffers of the two systems, and one batch here."""
    served = listen(TCP + "}")
    served.taken.clear()
    lines = [b"%d %s\n" % (number, b"x" * 1000) for number in range(20_000)]
    sender = threading.Thread(target=served.send, args=lines)
    sender.start()
    with served.dial() as made:
        made.settimeout(0.5)
        with pytest.raises(TimeoutError):  # 100 MB do not fit into the buffers
            made.sendall(b"y" * 100_000_000)
    served.taken.set()
    sender.join(90)
    served.messages(20_000)
    numbers = [int(event["message"].split()[0]) for event in served.events if event["message"][0] != "y"]
    assert numbers == list(range(20_000))


def test_a_stop_delivers_what_has_come(listen: Listen) -> None:
    served = listen(TCP + "}")
    with served.dial() as made:
        made.sendall(b"".join(b"%d\n" % number for number in range(50_000)))
        served.messages(1)
        served.stop()
        numbers = [int(event["message"]) for event in served.events]
        assert numbers == list(range(len(numbers)))
        with contextlib.suppress(ConnectionResetError):
            assert made.recv(1) == b""


def test_a_reload_that_leaves_the_input_keeps_its_connections(listen: Listen) -> None:
    served = listen(TCP + "}")
    with served.dial() as made:
        made.sendall(b"one\ntw")
        served.messages(1)
        served.reload()
        made.sendall(b"o\n")
        assert served.messages(2) == ["one", "two"]


def test_a_line_that_a_stop_cuts_is_said(listen: Listen, caplog: pytest.LogCaptureFixture) -> None:
    served = listen(TCP + "}")
    with served.dial() as made:
        made.sendall(b"one\nhalf")
        served.messages(1)
        served.stop()
    assert "1 connections were closed in the middle of a line" in caplog.text


@pytest.fixture
def keys(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def tls(keys: Certificates, more: str) -> str:
    certificate, key = keys.pair("server")
    return TCP + f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}" {more} }}'


def test_a_client_shows_its_certificate(listen: Listen, keys: Certificates) -> None:
    served = listen(tls(keys, f'ssl_certificate_authorities => "{keys.ca}" proxy_protocol => true'))
    context = ssl.create_default_context(cafile=keys.ca)
    context.load_cert_chain(*keys.pair("client"))
    with served.dial() as made:
        made.sendall(b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 514\r\n")  # a proxy says it before TLS
        with context.wrap_socket(made, server_hostname="localhost") as secure:
            secure.sendall(b"one\n")
            assert served.messages(1) == ["one"]
    told = served.events[0]["@metadata"]["input"]["tcp"]
    assert told["tls"] == {"client": {"subject": "CN=client"}}
    assert told["source"]["ip"] == "192.0.2.7"


@pytest.mark.parametrize(
    ("identity", "said"),
    [
        ("", "it shows no certificate"),
        ("foreign", "its certificate is not trusted: "),
        ("expired", "its certificate is not trusted: certificate has expired"),
        ("plain", "it does not speak TLS"),
    ],
)
def test_a_client_that_is_not_trusted_is_turned_away(
    listen: Listen, keys: Certificates, identity: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    served = listen(tls(keys, f'ssl_certificate_authorities => "{keys.ca}"'))
    context = ssl.create_default_context(cafile=keys.ca)
    if identity not in ("", "plain"):
        context.load_cert_chain(*keys.pair(identity))
    with served.dial() as made, contextlib.suppress(OSError):
        if identity == "plain":
            made.sendall(b"this is not TLS, whatever it is: it has more than a few bytes\n")
            made.recv(1)
        with context.wrap_socket(made, server_hostname="localhost") as secure:
            secure.sendall(b"one\n")
            secure.recv(1)
    served.until(lambda: f"a connection of 127.0.0.1 was closed, TLS failed: {said}" in caplog.text)
    assert not served.events


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("tcp { }", "port"),
        ("tcp { port => 1 ssl_enabled => true }", "a server with TLS needs a certificate"),
        ("tcp { port => 1 ssl_verification_mode => none }", "`ssl_verification_mode` is not an option of mode server"),
        ("tcp { port => 1 mode => client ssl_client_authentication => none }", "is not an option of mode client"),
        ("tcp { port => 1 ssl_keystore_path => 'x' ssl_enabled => true }", "Java's stores"),
    ],
)
def test_options_that_cannot_be_used_are_said(config: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble([Source("a.conf", f"input {{ {config} }} output {{ null {{ }} }}")], settled(None))
    assert said in str(caught.value)


def test_a_certificate_that_is_not_there_is_said_and_nothing_that_follows_from_it() -> None:
    config = 'input { tcp { port => 1 ssl_enabled => true ssl_certificate => "/away.pem" ssl_key => "/away.key" } }'
    with pytest.raises(ConfigError) as caught:
        assemble([Source("a.conf", config)], settled(None))
    assert [each.message for each in caught.value.diagnostics] == [
        "file `/away.pem` does not exist",
        "file `/away.key` does not exist",
    ]


def test_a_server_that_is_away_is_named_by_its_address() -> None:
    (port,) = free_ports()
    assembly = assemble([Source("a.conf", f'input {{ tcp {{ mode => client host => "127.0.0.1" port => {port} }} }}')], settled(None))
    (made,) = assembly.plugins(assembly.program.inputs)
    assert isinstance(made, Input)
    made.open()
    with pytest.raises(Disconnected) as caught:
        made.connect()
    made.close()
    assert str(caught.value) == f"127.0.0.1 port {port}: Connection refused"


@pytest.mark.parametrize(
    ("pair", "reason"),
    [("", "the server asks for a certificate"), ("foreign", "the server refuses the certificate: unknown ca")],
)
def test_as_a_client_it_hears_that_its_certificate_is_refused(pair: str, reason: str, tmp_path: Path) -> None:
    keys = Certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys.pair("server"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(keys.ca)
    shown = 'ssl_certificate => "{}" ssl_key => "{}"'.format(*keys.pair(pair)) if pair else ""
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_refuse, args=(server, context), daemon=True).start()
        config = f'tcp {{ mode => client host => localhost port => {server.getsockname()[1]} ssl_enabled => true {shown}'
        config += f' ssl_certificate_authorities => "{keys.ca}" }}'
        assembly = assemble([Source("a.conf", f"input {{ {config} }}")], settled(None))
        (made,) = assembly.plugins(assembly.program.inputs)
        assert isinstance(made, Input)
        made.open()
        with pytest.raises(Misconfigured) as caught:
            made.connect()
        made.close()
    assert (caught.value.option, caught.value.reason) == ("ssl_certificate", reason)


def _refuse(server: socket.socket, context: ssl.SSLContext) -> None:
    made, _ = server.accept()
    with contextlib.suppress(OSError), context.wrap_socket(made, server_side=True) as encrypted:
        encrypted.recv(1)
    made.close()


def test_as_a_client_it_reads_from_a_server_and_connects_again(listen: Listen) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        port = server.getsockname()[1]
        served = listen(f'tcp {{ mode => client host => "127.0.0.1" port => {port} ecs_compatibility => disabled }}')
        for number in (1, 2):
            made, _ = server.accept()
            with made:
                made.sendall(b"%d\nhalf" % number)
        assert served.messages(4) == ["1", "half", "2", "half"]
        assert served.events[0]["port"] == port


@pytest.mark.parametrize("trusted", ["ca", "foreign_ca"])
def test_as_a_client_it_trusts_a_server_by_its_certificate(listen: Listen, keys: Certificates, trusted: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*keys.pair("server"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)

        def serve() -> None:
            with contextlib.suppress(ssl.SSLError), context.wrap_socket(server.accept()[0], server_side=True) as made:
                made.sendall(b"one\n")

        serving = threading.Thread(target=serve)
        serving.start()
        served = listen(
            f'tcp {{ mode => client host => "localhost" port => {server.getsockname()[1]} ssl_enabled => true'
            f' ssl_certificate_authorities => "{getattr(keys, trusted)}" }}'
        )
        if trusted == "ca":
            assert served.messages(1) == ["one"]
        else:
            served.until(lambda: served.failures)
            assert isinstance(served.failures[0], Misconfigured)
            assert served.failures[0].option == "ssl_certificate_authorities"
        serving.join(90)


def test_a_name_server_that_does_not_answer_is_not_waited_for(listen: Listen, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(reverse_names, "_PATIENCE", 0.05)
    monkeypatch.setattr(socket, "gethostbyaddr", lambda ip: answers.wait(60) and ("late.example", [], []))
    served = listen('tcp { host => "127.0.0.1" port => 0 ecs_compatibility => disabled }')
    served.send(b"one\n")
    served.messages(1)
    answers.set()
    assert served.events[0]["host"] == "127.0.0.1"


def test_connections_over_ipv6(listen: Listen) -> None:
    served = listen('tcp { host => "::" port => 0 dns_reverse_lookup_enabled => false ecs_compatibility => disabled }')
    served.send(b"four\n")
    with socket.create_connection(("::1", served.port), 30) as made:
        made.sendall(b"six\n")
        served.messages(2)
    assert {(event["message"], event["host"]) for event in served.events} == {("four", "127.0.0.1"), ("six", "::1")}
