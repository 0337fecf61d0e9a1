"""Two Penstocks, one sending to the other by Lumberjack with TLS on both sides; and hosts that fail."""
from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import cast

import pytest
from servers import beats
from servers.certificates import Certificates
from servers.lumberjack import ack
from servers.penstock_process import Penstock
from servers.process import free_ports

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.clients.lumberjack import Link
from penstock.plugins.errors import Disconnected, Retry
from penstock.plugins.output import Output


def arrived(directory: Path) -> list[str]:
    path = directory / "arrived"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line)["message"] for line in lines]


def receiving(directory: Path, port: int) -> str:
    tls = f'ssl_enabled => true ssl_certificate => "{directory}/server.pem" ssl_key => "{directory}/server.key"'
    tls += f' ssl_client_authentication => required ssl_certificate_authorities => "{directory}/ca.pem"'
    return f"""
        input {{ beats {{ host => "127.0.0.1" port => {port} {tls} codec => json }} }}
        output {{ file {{ path => "{directory}/arrived" codec => json_lines }} }}
    """


def sending(directory: Path, hosts: str, port: int) -> str:
    tls = f'ssl_certificate => "{directory}/client.pem" ssl_key => "{directory}/client.key" ssl_certificate_authorities => "{directory}/ca.pem"'
    return f"""
        input {{ file {{ path => "{directory}/lines" sincedb_path => "{directory}/sincedb" start_position => beginning stat_interval => 0.05 }} }}
        output {{ lumberjack {{ hosts => [{hosts}] port => {port} codec => json {tls} }} }}
    """


def test_what_one_sends_the_other_has_whichever_is_killed(tmp_path: Path) -> None:
    Certificates(tmp_path)
    port, nobody = free_ports(2)
    lines = [f"line {number}" for number in range(3000)]
    text = sending(tmp_path, f'"localhost:{nobody}", "localhost"', port)
    with (
        Penstock(tmp_path, receiving(tmp_path, port), "-w", "2", name="receiver") as receiver,
        Penstock(tmp_path, text, name="sender") as sender,
    ):
        (tmp_path / "lines").write_text("".join(f"{line}\n" for line in lines[:1000]))
        receiver.until(lambda: len(arrived(tmp_path)) > 0, "lines arrive")
        with (tmp_path / "lines").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines[1000:2000]))
        receiver.kill()
        receiver.start()
        receiver.until(lambda: len(set(arrived(tmp_path))) > 1500, "lines arrive after the receiver was killed")
        sender.kill()
        with (tmp_path / "lines").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines[2000:]))
        sender.start()
        receiver.until(lambda: set(arrived(tmp_path)) >= set(lines), "all lines arrive")
        sender.stop()
        receiver.stop()
    first_times = list(dict.fromkeys(arrived(tmp_path)))
    assert sorted(first_times) == sorted(lines)


def test_the_client_of_filebeat_with_certificates(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    (port,) = free_ports()
    with Penstock(tmp_path, receiving(tmp_path, port).replace("codec => json }", "}")) as receiver:
        receiver.until(lambda: ": started" in receiver.said() or "started;" in receiver.said(), "it starts")
        lines = [f"line {number}" for number in range(500)]
        shown = beats.authority(certificates.ca, certificates.pair("client"))
        assert beats.send(port, lines, *shown, "-inflight", "4") == lines
        assert arrived(tmp_path) == lines
        with pytest.raises(beats.Failed):
            beats.send(port, ["no"], *beats.authority(certificates.ca))
        huge = "x" * (9 << 20)
        assert beats.send(port, [huge], *shown, "-z", "0") == [huge]
        assert arrived(tmp_path)[-1] == huge
        receiver.stop()


def test_what_was_acknowledged_of_a_delivery_is_not_sent_again() -> None:
    ours, other = socket.socketpair()
    link = Link(ours, 30)
    with other:
        first = link.send([b"{}"] * 3, "event", 0, 2)
        second = link.send([b"{}"], "event", 0, 2)
        other.sendall(ack(0) + ack(1) + ack(2))
        other.shutdown(socket.SHUT_WR)
        failure = first.exception(90)
    assert isinstance(failure, Retry)
    assert failure.indexes == [2]
    assert isinstance(second.exception(90), Disconnected)
    with pytest.raises(Disconnected, match="closed the connection"):
        link.send([b"{}"], "event", 0, 2)
    link.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 400", "does not speak Lumberjack"),
        (ack(7), "of 1 was acknowledged"),
        (ack(1) + ack(1), "out of turn"),
    ],
)
def test_a_server_that_answers_nonsense_is_left(answer: bytes, reason: str) -> None:
    ours, other = socket.socketpair()
    link = Link(ours, 30)
    with other:
        sent = link.send([b"{}"], "event", 3, 10)
        other.sendall(answer)
        if reason != "out of turn":
            assert reason in str(sent.exception(90))
        while other.recv(1 << 16):
            pass  # until the connection is closed
    with pytest.raises(Disconnected, match=reason):
        link.check()
    link.close()


def test_a_host_that_takes_events_and_breaks_is_followed_by_the_next_one() -> None:
    """One that ends each connection when something was sent, as a balancer does that has nobody behind it."""
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        hosts = ", ".join(f'"127.0.0.1:{server.getsockname()[1]}"' for server in (first, second))
        text = f"input {{ stdin {{ }} }} output {{ lumberjack {{ hosts => [{hosts}] port => 1 ssl_enabled => false format => event }} }}"
        assembly = assemble([Source("(test)", text)], settled({}))
        (output,) = cast(list[Output], assembly.plugins(assembly.program.outputs))
        (payload,) = output.pack([{"message": "x"}])
        for server in (first, second, first):
            server.settimeout(60)
            output.connect()
            accepted, _ = server.accept()
            sent = output.deliver(payload)
            assert sent is not None
            accepted.recv(1 << 16)
            accepted.close()
            assert isinstance(sent.exception(90), Disconnected)
        output.close()


def test_as_many_batches_are_under_way_as_the_option_says_and_in_order(tmp_path: Path) -> None:
    """The server acknowledges nothing before it has three of them."""
    texts = [f"line {number}" for number in range(6)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        text = f"""
            input {{ generator {{ lines => {json.dumps(texts)} count => 1 }} }}
            output {{
                lumberjack {{
                    hosts => "127.0.0.1" port => {server.getsockname()[1]} ssl_enabled => false compression_level => 0
                    codec => plain {{ format => "%{{message}}" }} batch_events => 1 max_in_flight => 3
                }}
            }}
        """
        with Penstock(tmp_path, text) as sender:
            accepted, _ = server.accept()
            with accepted:
                accepted.settimeout(60)
                data = b""
                while data.count(b"line ") < 3:
                    data += accepted.recv(1 << 16)
                accepted.sendall(ack(1, "1") * 3)
                while data.count(b"line ") < 6:
                    data += accepted.recv(1 << 16)
                accepted.sendall(ack(1, "1") * 3)
                assert sender.wait() == 0, sender.said()
    assert [found.decode() for found in re.findall(rb"line \d", data)] == texts


def test_a_server_that_says_nothing_is_left() -> None:
    ours, other = socket.socketpair()
    link = Link(ours, 0.1)
    with other:
        assert "has sent nothing for 0.1 s" in str(link.send([b"{}"], "event", 3, 10).exception(90))
    link.close()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("port => 1", "`hosts`"),
        ('hosts => "a" port => 1 compression_level => 10', "levels go from 0 to 9"),
        ('hosts => "a" port => 65536', "`65536` is not a valid port"),
        ('hosts => "a:99999" port => 1', "99999 is not a valid port"),
        ("hosts => [] port => 1", "`hosts` is empty"),
        ('hosts => "a" port => 1 format => "events"', "events"),
        ('hosts => "a" port => 1 ssl_key => "/dev/null"', "ssl_certificate"),
    ],
)
def test_options_of_the_output_that_are_wrong_are_said(options: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        assemble([Source("(test)", f"input {{ stdin {{ }} }} output {{ lumberjack {{ {options} }} }}")], settled({}))
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("host", "address"),
    [("a", ("a", 1)), ("a:2", ("a", 2)), ("::1", ("::1", 1)), ("[::1]", ("::1", 1)), ("[::1]:2", ("::1", 2)), ("192.0.2.1:3", ("192.0.2.1", 3))],
)
def test_hosts_may_have_ports_of_their_own(host: str, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[str, int]] = []

    def refuse(host: str, port: int) -> None:
        tried.append((host, port))
        raise Disconnected("nobody is there")

    monkeypatch.setattr("penstock.plugins.outputs.lumberjack.dial", refuse)
    text = f'input {{ stdin {{ }} }} output {{ lumberjack {{ hosts => "{host}" port => 1 }} }}'
    assembly = assemble([Source("(test)", text)], settled({}))
    (output,) = assembly.plugins(assembly.program.outputs)
    with pytest.raises(Disconnected, match="nobody is there"):
        output.connect()  # type: ignore[attr-defined]
    assert tried == [address]
