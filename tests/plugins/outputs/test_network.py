"""The outputs tcp, udp and syslog: what they write, what they refuse, and, as a server, to whom."""
from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import rsyslog
from servers.certificates import Certificates
from servers.packages import require
from servers.process import free_ports

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Disconnected, Rejected
from penstock.plugins.output import Output
from penstock.plugins.servers import broadcast

Make = Callable[[str], Output]
EVENT = {
    "message": "text\r\nmore \n",
    "@timestamp": Timestamp("2024-10-01T02:03:04.567Z"),
    "host": {"hostname": "here"},
    "program": "app",
    "pid": 7,
    "level": "error",
    "from": "mail",
    "syslog_pri": "34",
}


@pytest.fixture
def output() -> Iterator[Make]:
    """``output('udp { … }')``: an output that is open; closed when the test ends."""
    made: list[Output] = []

    def make(config: str) -> Output:
        assembly = assemble([Source("out.conf", f"input {{ stdin {{ }} }} output {{ {config} }}")], settled(None))
        (plugin,) = assembly.plugins(assembly.program.outputs)
        assert isinstance(plugin, Output)
        plugin.open()
        made.append(plugin)
        return plugin

    yield make
    for plugin in made:
        plugin.close()


def sent(plugin: Output, *events: dict[str, Any]) -> None:
    """Deliver events, and wait until they are."""
    for payload in plugin.pack(list(events)):
        future = plugin.deliver(payload)
        if future is not None:
            future.result(90)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ("", b"<13>Oct 01 02:03:04 here LOGSTASH[-]: text\\nmore\n"),
        ('facility => "%{from}" severity => "%{level}" appname => "%{program}" procid => "%{pid}"', b"<19>Oct 01 02:03:04 here app[7]: text\\nmore\n"),
        ('facility => "nobody" severity => "%{nothing}"', b"<13>Oct 01 02:03:04 here LOGSTASH[-]: text\\nmore\n"),
        ("use_labels => false", b"<34>Oct 01 02:03:04 here LOGSTASH[-]: text\\nmore\n"),
        ('use_labels => false priority => "192"', b"<13>Oct 01 02:03:04 here LOGSTASH[-]: text\\nmore\n"),
        ('sourcehost => "%{host}"', b'<13>Oct 01 02:03:04 {"hostname":"here"} LOGSTASH[-]: text\\nmore\n'),
        ('appname => "%{message}"', b"<13>Oct 01 02:03:04 here text\r\\nmore \\n[-]: text\\nmore\n"),
        ("rfc => rfc5424", b"<13>1 2024-10-01T02:03:04.567+00:00 here LOGSTASH - - - text\\nmore\n"),
        (
            'rfc => rfc5424 msgid => "ID%{pid}" structured_data => "[a@1 b=\'%{pid}\']" message => "%{level}: %{from}"',
            b"<13>1 2024-10-01T02:03:04.567+00:00 here LOGSTASH - ID7 [a@1 b='7'] error: mail\n",
        ),
        ("rfc => rfc5424 protocol => tcp framing => octet_counting", b"65 <13>1 2024-10-01T02:03:04.567+00:00 here LOGSTASH - - - text\nmore"),
        ('codec => plain { format => "%{pid}!" }', b"<13>Oct 01 02:03:04 here LOGSTASH[-]: 7!\n"),
        ("framing => octet_counting", b"<13>Oct 01 02:03:04 here LOGSTASH[-]: text\\nmore\n"),
    ],
)
def test_a_message_of_syslog(output: Make, options: str, line: bytes) -> None:
    plugin = output(f'syslog {{ host => "127.0.0.1" port => 514 {options} }}')
    (payload,) = plugin.pack([dict(EVENT)])
    assert (payload.data if isinstance(payload.data, bytes) else payload.data[0][1]) == line


@pytest.mark.parametrize(
    ("host", "named"), [("plain", b"plain"), ({"name": "n", "ip": "::1"}, b"n"), ({"ip": ["::1"]}, b"::1"), ({"os": 1}, b'{"os":1}'), (None, b"%{host}")]
)
def test_the_host_of_an_event_is_named(output: Make, host: Any, named: bytes) -> None:
    plugin = output('syslog { host => "127.0.0.1" port => 514 }')
    ((_, message),) = plugin.pack([{**EVENT, "host": host}])[0].data
    assert message.split(b" ", 3)[3].removesuffix(b" LOGSTASH[-]: text\\nmore\n") == named


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("tcp { host => 'h' }", "port"),
        ("tcp { host => 'h' port => 65536 }", "`65536` is not a valid port"),
        ("tcp { host => 'h' port => 0 }", "`0` is not a valid port"),
        ("syslog { host => 'h' port => 65536 }", "`65536` is not a valid port"),
        ("tcp { host => 'h' port => 1 mode => server ssl_enabled => true }", "a server with TLS needs a certificate"),
        ("tcp { host => 'h' port => 1 ssl_client_authentication => none }", "is not an option of mode client"),
        ("udp { host => 'h' port => 'x' }", "`x` is not a port"),
        ("syslog { host => 'h' port => 1 structured_data => '[a]' }", "RFC 3164 has no structured data"),
        ("syslog { host => 'h' port => 1 protocol => 'ssl-tcp' ssl_crl_path => '/nowhere' }", "file `/nowhere` does not exist"),
    ],
)
def test_options_that_cannot_be_used_are_said(config: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble([Source("a.conf", f"input {{ stdin {{ }} }} output {{ {config} }}")], settled(None))
    assert said in str(caught.value)


def test_datagrams_go_to_ports_that_events_name(output: Make) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
            each.settimeout(30)
        plugin = output('udp { host => "127.0.0.1" port => "%{to}" codec => json }')
        plugin.connect()
        sent(plugin, *[{"to": each.getsockname()[1], "n": number} for number, each in enumerate((one, other))])
        assert [each.recv(1000).split(b'"n":')[1] for each in (one, other)] == [b"0}", b"1}"]


def test_what_cannot_be_a_datagram_is_rejected_by_its_index(output: Make) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(30)
        port = listening.getsockname()[1]
        plugin = output('udp { host => "127.0.0.1" port => "%{to}" codec => plain { format => "%{m}" } }')
        plugin.connect()
        events = [{"to": "x", "m": "a"}, {"to": port, "m": "x" * 70_000}, {"to": port, "m": "good"}]
        with pytest.raises(Rejected) as caught:
            sent(plugin, *events)
        assert caught.value.reasons == {0: "0 is not a port", 1: "70000 bytes are too long for a datagram"}
        assert listening.recv(100) == b"good"


def welcomed(plugin: Output, port: int, context: ssl.SSLContext | None = None) -> socket.socket:
    """A client of an output that is a server, as soon as it gets what is sent."""
    made = socket.create_connection(("127.0.0.1", port), 30)
    if context is not None:
        made = context.wrap_socket(made, server_hostname="localhost")
    made.settimeout(0.01)
    for _ in range(3000):
        sent(plugin, {"message": "ping"})
        try:
            data = made.recv(5)
        except TimeoutError:
            continue
        assert data == b"ping\n"
        made.settimeout(30)
        return made
    raise AssertionError("a client gets nothing")


def next_line(made: socket.socket) -> bytes:
    """The next line that is not one of ``welcomed``."""
    with made.makefile("rb") as file:
        return next(line for line in file if line != b"ping\n")


SERVER = 'tcp {{ mode => server host => "127.0.0.1" port => {port} codec => line {{ format => "%{{message}}" }} {more} }}'


def test_as_a_server_it_writes_to_all_clients_and_counts_what_nobody_gets(output: Make, caplog: pytest.LogCaptureFixture) -> None:
    (port,) = free_ports()
    plugin = output(SERVER.format(port=port, more=""))
    plugin.connect()
    sent(plugin, EVENT, EVENT)
    assert plugin.context.metrics.values()["events_dropped_without_a_client"] == 2
    assert "no client is connected: 2 events dropped so far" in caplog.text
    with welcomed(plugin, port) as one, welcomed(plugin, port) as other:
        sent(plugin, {"message": "for all"})
        assert [next_line(each) for each in (one, other)] == [b"for all\n"] * 2
        plugin.close()
        assert one.recv(100) == b""


def test_as_a_server_with_tls(output: Make, tmp_path: Path) -> None:
    keys, (port,) = Certificates(tmp_path), free_ports()
    certificate, key = keys.pair("server")
    plugin = output(SERVER.format(port=port, more=f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}"'))
    plugin.connect()
    with welcomed(plugin, port, ssl.create_default_context(cafile=keys.ca)) as made:
        sent(plugin, {"message": "secret"})
        assert next_line(made) == b"secret\n"


def test_a_client_that_does_not_read_is_disconnected(output: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(broadcast, "_PATIENCE", 0.1)
    (port,) = free_ports()
    plugin = output(SERVER.format(port=port, more=""))
    plugin.connect()
    with welcomed(plugin, port) as made:
        while "a client took nothing" not in caplog.text:
            sent(plugin, {"message": "x" * 1_000_000})
        with contextlib.suppress(ConnectionResetError):
            while made.recv(1 << 20):
                pass


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {"msg": " text\\nmore", "hostname": "here", "app-name": "app", "procid": "7", "pri": "19"}),
        ("framing => octet_counting", {"msg": " text#012more", "app-name": "app", "procid": "7"}),
        (
            'rfc => rfc5424 framing => octet_counting msgid => "ID" structured_data => \'[a@1 b="c"]\'',
            {"msg": "text#012more", "hostname": "here", "app-name": "app", "procid": "7", "msgid": "ID", "structured-data": '[a@1 b="c"]', "pri": "19"},
        ),
    ],
)
@pytest.mark.parametrize("protocol", ["tcp", "ssl-tcp"])
def test_rsyslog_understands_what_is_sent(output: Make, tmp_path: Path, options: str, expected: dict[str, str], protocol: str) -> None:
    require("rsyslog")
    home, directory = tmp_path / "rsyslog", tmp_path / "keys"
    for each in (home, directory):
        each.mkdir()
    keys = Certificates(directory)
    certificate, key = keys.pair("client")
    with rsyslog.receiver(home, directory, client_names="localhost") as peer:
        port, tls = peer.port, ""
        if protocol == "ssl-tcp":
            port = peer.tls_port
            tls = f'ssl_verify => true ssl_certificate_authorities => "{keys.ca}" ssl_certificate => "{certificate}" ssl_key => "{key}"'
        names = 'facility => "%{from}" severity => "%{level}" appname => "%{program}" procid => "%{pid}"'
        plugin = output(f'syslog {{ host => "localhost" port => {port} protocol => "{protocol}" {names} {options} {tls} }}')
        plugin.connect()
        sent(plugin, EVENT)
        plugin.close()
        assert any("more" in text for text in peer.messages())
        (event,) = [event for event in peer.events() if "more" in event["msg"]]
    assert event.items() >= expected.items()


@pytest.mark.parametrize(("options", "after"), [("", None), ("reconnect_interval => 7", 7)])
@pytest.mark.parametrize("plugin", ["tcp", "syslog"])
def test_the_wait_between_two_attempts_is_the_one_that_was_asked_for(output: Make, plugin: str, options: str, after: float | None) -> None:
    (port,) = free_ports()
    protocol = "protocol => tcp" if plugin == "syslog" else ""
    made = output(f'{plugin} {{ host => "127.0.0.1" port => {port} {protocol} {options} }}')
    with pytest.raises(Disconnected) as caught:
        made.connect()
    assert caught.value.after == after
