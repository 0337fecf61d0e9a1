"""Events from one pipeline to another, taken over whole; curl as a client; what the options do."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates
from servers.http_server import Asked, HttpServer, Reply
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import accepts, free_ports

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.batch import Payload
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry
from penstock.plugins.outputs._logstash_hosts import Hosts


def arrived(directory: Path) -> list[dict[str, Any]]:
    path = directory / "arrived"
    lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in lines]


def receiving(directory: Path, port: int, options: str) -> str:
    return f"""
        input {{ logstash {{ host => "127.0.0.1" port => {port} {options} }} }}
        output {{ file {{ path => "{directory}/arrived" codec => json_lines }} }}
    """


SECURE = 'username => "me" password => "secret" ssl_certificate_authorities => "{0}/ca.pem"'


def test_what_one_sends_the_other_has_whole_whichever_is_killed(tmp_path: Path) -> None:
    """With TLS on both sides and a password; one of two hosts is away."""
    Certificates(tmp_path)
    port, nobody = free_ports(2)
    shown = 'ssl_certificate => "{0}/{1}.pem" ssl_key => "{0}/{1}.key"'
    ours = f"{SECURE} ssl_client_authentication => required {shown}".format(tmp_path, "server")
    theirs = f"{SECURE} {shown}".format(tmp_path, "client")
    sending = f"""
        input {{ file {{ path => "{tmp_path}/lines" sincedb_path => "{tmp_path}/sincedb" start_position => beginning
                         stat_interval => 0.05 codec => json tags => [sent] }} }}
        filter {{ mutate {{ add_field => {{ "[@metadata][x]" => "stays" "[a][b]" => "%{{message}}" }} }} }}
        output {{ logstash {{ hosts => ["localhost:{nobody}", "localhost:{port}"] {theirs} }} }}
    """
    lines = [json.dumps({"message": f"line {n}", "@timestamp": f"2024-05-06T07:08:09.{n % 1000:03}Z"}) for n in range(3000)]
    with (
        Penstock(tmp_path, receiving(tmp_path, port, ours), "-w", "2", name="receiver") as receiver,
        Penstock(tmp_path, sending, name="sender") as sender,
    ):
        (tmp_path / "lines").write_text("".join(f"{line}\n" for line in lines[:1000]))
        receiver.until(lambda: len(arrived(tmp_path)) > 0, "events arrive")
        with (tmp_path / "lines").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines[1000:2000]))
        receiver.kill()
        receiver.start()
        receiver.until(lambda: len({e["message"] for e in arrived(tmp_path)}) > 1500, "events arrive after the receiver was killed")
        sender.kill()
        with (tmp_path / "lines").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines[2000:]))
        sender.start()
        receiver.until(lambda: len({e["message"] for e in arrived(tmp_path)}) == 3000, "all events arrive")
        sender.stop()
        receiver.stop()
    events = {event["message"]: event for event in arrived(tmp_path)}
    event = events["line 1234"]
    assert {key: event[key] for key in ("@timestamp", "@version", "tags", "a")} == {
        "@timestamp": "2024-05-06T07:08:09.234Z", "@version": "1", "tags": ["sent"], "a": {"b": "line 1234"},
    }
    assert event["log"]["file"]["path"] == str(tmp_path / "lines")
    assert "host" in event
    assert "http" not in event


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[Penstock, int]]:
    require("curl")
    Certificates(tmp_path)
    (port,) = free_ports()
    options = f'username => me password => secret ssl_certificate => "{tmp_path}/server.pem" ssl_key => "{tmp_path}/server.key"'
    with Penstock(tmp_path, receiving(tmp_path, port, options)) as run:
        run.until(accepts(port), "it listens")
        yield run, port


def test_curl_as_a_client(tmp_path: Path, receiver: tuple[Penstock, int]) -> None:
    run, port = receiver

    def curl(body: bytes, *options: str) -> tuple[int, str]:
        asked = ["curl", "-s", "--cacert", f"{tmp_path}/ca.pem", "-w", "\n%{http_code}", "--data-binary", "@-", *options]
        done = subprocess.run([*asked, f"https://localhost:{port}/"], input=body, capture_output=True, check=False)
        text, _, status = done.stdout.decode().rpartition("\n")
        return int(status), text

    me = ("-u", "me:secret")
    assert curl(b"[]", "-u", "me:guess")[0] == 401
    assert curl(b"[]")[0] == 401
    assert curl(b'[{"n":1,"@timestamp":"2001-01-01T00:00:00.000Z"},{"n":2}]', *me) == (200, "ok")
    assert curl(b' \n [{"n":3}]', *me)[0] == 200
    assert curl(b'{"n":4}\n{"n":5}\n', *me)[0] == 200
    assert curl(b'{"n":6}\nnot json\n[{"n":7}]', *me)[0] == 200
    assert curl(b'[{"n":8}, 9]', *me)[0] == 200
    assert curl(b"[", *me)[0] == 200
    assert curl(b"[]", *me, "-D", "-")[1].lower().count("accept: application/x-ndjson") == 1
    huge = json.dumps([{"n": 10, "message": "x" * (20 << 20)}]).encode()
    assert curl(huge, *me)[0] == 200
    run.stop()
    events = arrived(tmp_path)
    assert [event.get("n") for event in events] == [1, 2, 3, 4, 5, 6, None, 7, None, None, 10]
    assert events[0] == {"n": 1, "@timestamp": "2001-01-01T00:00:00.000Z", "@version": "1"}
    failed = [(event["message"], event["tags"]) for event in events if "n" not in event]
    assert failed == [(text, ["_jsonparsefailure"]) for text in ("not json", '[{"n":8}, 9]', "[")]
    assert len(events[-1]["message"]) == 20 << 20


def made(options: str, section: str = "output") -> Any:
    inputs = "" if section == "input" else "input { stdin { } }"
    text = f"{inputs} {section} {{ logstash {{ {options} }} }}"
    assembly = assemble([Source("(test)", text)], settled({}))
    (plugin,) = assembly.plugins(assembly.program.inputs if section == "input" else assembly.program.outputs)
    return plugin


@pytest.mark.parametrize(
    ("section", "options", "reason"),
    [
        ("input", "", "needs a certificate"),
        ("input", "ssl_enabled => false username => me", "`username` requires `password`"),
        ("input", "ssl_enabled => false password => x", "`password` requires `username`"),
        ("input", "ssl_enabled => false ssl_handshake_timeout => 5", "`ssl_handshake_timeout` has no effect"),
        ("input", "ssl_enabled => false codec => json", "has no codec"),
        ("output", "", "`hosts`"),
        ("output", "hosts => []", "`hosts` is empty"),
        ("output", "hosts => a codec => json", "has no codec"),
        ("output", 'hosts => "http://a:1"', "`http://a:1` is not a valid host"),
        ("output", 'hosts => "a:99999"', "99999 is not a valid port"),
        ("output", "hosts => a username => me", "`username` requires `password`"),
        ("output", "hosts => a user => me", "`user` requires `password`"),
        ("output", "hosts => a user => me username => me password => x", "`user` is the same as `username`"),
        ("output", "hosts => a ssl_enabled => false ssl_verification_mode => none", "`ssl_verification_mode` has no effect"),
        ("output", 'hosts => a ssl_truststore_path => "x.jks"', "stores of keys"),
    ],
)
def test_options_that_are_wrong_are_said(section: str, options: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        made(options, section)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("statuses", "raised", "sizes"),
    [
        ([200], None, [4]),
        ([503], Retry("", [0, 1, 2, 3]), [4]),
        ([500], Retry("", [0, 1, 2, 3]), [4]),
        ([400], Rejected(dict.fromkeys(range(4), "the status is 400 Bad Request")), [4]),
        ([413, 200, 200], None, [4, 2, 2]),
        ([413, 413, 200, 413, 429], Rejected({1: "the status is 413 Request Entity Too Large"}, [2, 3]), [4, 2, 1, 1, 2]),
        ([407], Misconfigured("hosts", "the status is 407 Proxy Authentication Required"), [4]),
    ],
)
def test_a_status_decides_over_its_list(statuses: list[int], raised: Exception | None, sizes: list[int]) -> None:
    left = list(statuses)

    def answer(asked: Asked) -> Reply:
        return Reply(left.pop(0))

    with HttpServer(answer) as server:
        output = made(f'hosts => "localhost:{server.port}" ssl_enabled => false')
        output.open()
        (payload,) = output.pack([{"n": n, "@metadata": {"x": 1}} for n in range(4)])
        found = failure(output, payload)
        output.close()
    assert [len(json.loads(asked.body)) for asked in server.asked] == sizes
    assert json.loads(server.asked[0].body) == [{"n": n} for n in range(4)]
    assert type(found) is type(raised)
    if isinstance(raised, Rejected) and isinstance(found, Rejected):
        assert (found.reasons, found.retry) == (raised.reasons, raised.retry)
    elif isinstance(raised, Retry) and isinstance(found, Retry):
        assert found.indexes == raised.indexes
    else:
        assert str(found) == str(raised)


def failure(output: Any, payload: Payload) -> Exception | None:
    try:
        output.deliver(payload)
    except (Retry, Rejected, Misconfigured, Disconnected) as error:
        return error
    return None


def test_requests_go_in_turn_to_the_hosts_that_work() -> None:
    (nobody,) = free_ports()
    with HttpServer() as one, HttpServer() as two:
        hosts = ", ".join(f'"127.0.0.1:{port}"' for port in (nobody, one.port, two.port))
        output = made(f"hosts => [{hosts}] ssl_enabled => false")
        output.open()
        for number in range(6):
            (payload,) = output.pack([{"n": number, "@timestamp": Timestamp.now()}])
            output.deliver(payload)
        assert (len(one.asked), len(two.asked)) == (3, 3)
        one.stop()
        output.deliver(payload)
        output.deliver(payload)
        assert len(two.asked) == 5
        two.stop()
        with pytest.raises(Disconnected):
            output.deliver(payload)
        output.close()


def test_a_host_that_failed_is_the_last_choice_and_the_busiest_the_next_to_last() -> None:
    hosts = Hosts(["a", "b", "c"])
    with pytest.raises(OSError, match="no answer"), hosts.lease():
        raise OSError("no answer")
    with hosts.lease() as first, hosts.lease() as second, hosts.lease() as third:
        assert [first, second, third] == ["b", "c", "b"]
    with hosts.lease(["b", "c"]) as left:
        assert left == "a"
