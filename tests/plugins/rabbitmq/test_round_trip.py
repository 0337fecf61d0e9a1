"""Events to RabbitMQ and from there again through ``penstock run``: nothing is lost to a kill, and what is odd is kept."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from servers.penstock_process import Penstock
from servers.rabbitmq_queues import KINDS, Client, Reading


def write(directory: Path, options: str, lines: list[str], *more: str) -> str:
    """Write lines through a pipeline; what it said."""
    config = f"input {{ stdin {{ codec => json_lines }} }}\noutput {{ rabbitmq {{ {options} }} }}"
    with Penstock(directory, config, *more, name="writes", stdin="".join(f"{line}\n" for line in lines).encode()) as run:
        assert run.wait() == 0, run.said()
        return run.said()


def to(server: Any, queue: str, more: str = "") -> str:
    return f'host => "127.0.0.1" port => {server.port} exchange => "" exchange_type => "direct" key => "{queue}" {more}'


def of(server: Any, queue: str, kind: str = "classic", more: str = "") -> str:
    return f'host => "127.0.0.1" port => {server.port} queue => "{queue}" durable => true {KINDS[kind]} {more}'


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_events_go_to_rabbitmq_and_come_from_it_with_workers(kind: str, tmp_path: Path, server: Any, client: Client, queue: str) -> None:
    client.declare(queue, kind)
    write(tmp_path, to(server, queue, "mandatory => true"), [json.dumps({"number": n, "text": "ä" * n}) for n in range(300)], "-w", "2")
    reading = Reading(tmp_path, of(server, queue, kind, "metadata_enabled => basic"))
    events = reading.all(300, "-w", "2")
    assert [(event["number"], event["text"]) for event in events] == [(n, "ä" * n) for n in range(300)]
    assert {event["meta"]["rabbitmq_properties"]["routing-key"] for event in events} == {queue}
    if kind == "stream":
        assert [event["meta"]["rabbitmq_headers"]["x-stream-offset"] for event in events] == list(range(300))
        client.put(queue, ['{"number": 300}'])
        assert reading.all(301)[-1]["number"] == 300
    else:
        assert client.length(queue) == 0


@pytest.mark.parametrize("kind", ["classic", pytest.param("stream", marks=pytest.mark.servers)])
def test_a_kill_in_the_middle_loses_nothing(kind: str, tmp_path: Path, server: Any, client: Client, queue: str) -> None:
    count = 4_000
    client.declare(queue, kind)
    client.put_many(queue, [f"line {n}" for n in range(count)])
    reading = Reading(tmp_path, of(server, queue, kind, "codec => plain prefetch_count => 20"))
    with reading.process() as run:
        run.until(lambda: bool(reading.events()), "it reads")
        run.kill()
    with reading.process() as run:
        run.until(lambda: len({event["message"] for event in reading.events()}) == count, "nothing is lost")
        run.stop()
    if kind == "classic":
        assert client.length(queue) == 0


def test_what_is_odd_is_kept_and_read_once(tmp_path: Path, server: Any, client: Client, queue: str) -> None:
    """Not JSON, empty, and huge."""
    client.declare(queue)
    client.put(queue, ['{"n": 1}', "{broken", "", json.dumps({"n": 2, "text": "x" * 5_000_000}), '{"n": 3}'])
    events = Reading(tmp_path, of(server, queue)).all(4)
    assert [event.get("n") for event in events] == [1, None, 2, 3]
    assert events[1]["tags"] == ["_jsonparsefailure"]
    assert len(events[2]["text"]) == 5_000_000
    assert client.length(queue) == 0


def test_what_cannot_be_decoded_goes_to_the_dead_letter_exchange_where_that_is_asked_for(
    tmp_path: Path, server: Any, client: Client, queue: str
) -> None:
    client.declare(f"{queue}-dead")
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{queue}-dead"}
    client.declare(queue, **dead)
    client.put(queue, ["{first", '{"n": 1}', '{"message": "{no", "tags": ["_jsonparsefailure"]}', "{broken", '{"n": 2}', "{last"])
    arguments = " ".join(f'"{name}" => "{value}"' for name, value in dead.items())
    options = of(server, queue, "classic", f"arguments => {{ {arguments} }} reject_undecodable => true prefetch_count => 2")
    events = Reading(tmp_path, options).all(3)
    assert [event.get("n") for event in events] == [1, None, 2]
    assert [body for _, _, body in client.take(f"{queue}-dead")] == [b"{first", b"{broken", b"{last"]
    assert client.length(queue) == 0


def test_what_is_routed_nowhere_is_a_dead_letter_with_its_reason(tmp_path: Path, server: Any, client: Client, queue: str) -> None:
    client.declare(queue)
    said = write(
        tmp_path, to(server, "%{to}", "mandatory => true"), [json.dumps({"to": name}) for name in (queue, "nowhere", queue)],
        "--dead_letter_queue.enable",
    )
    assert "1 events rejected: the exchange `` does not route `nowhere` to any queue (312 NO_ROUTE); sent to dead letters" in said, said
    assert len(client.take(queue)) == 2


def test_both_ways_over_tls_with_a_login(tmp_path: Path, server: Any, client: Client, queue: str) -> None:
    client.declare(queue)
    own = f"""host => "localhost" port => {server.tls_port} user => "alice" password => "{server.password}"
        ssl => true ssl_version => "TLSv1.3" ssl_certificate_authorities => ["{server.certificates}/ca.pem"] """
    pair = Path(server.certificates, "client.pem").read_bytes() + Path(server.certificates, "client.key").read_bytes()
    (tmp_path / "both.pem").write_bytes(pair)
    shown = f'ssl_certificate => "{server.certificates}/client.pem" ssl_key => "{server.certificates}/client.key"'
    write(tmp_path, f'{own} {shown} exchange => "" exchange_type => "direct" key => "{queue}"', ['{"n": 1}'])
    reading = Reading(tmp_path, f'{own} ssl_certificate_path => "{tmp_path}/both.pem" queue => "{queue}" durable => true')
    assert [event["n"] for event in reading.all(1)] == [1]


def test_check_with_connect_shows_what_differs_from_the_queue_that_is_there(server: Any, client: Client, queue: str) -> None:
    client.declare(queue)
    config = f'input {{ rabbitmq {{ host => "127.0.0.1" port => {server.port} queue => "{queue}"\ndurable => false }} }} output {{ null {{ }} }}'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "penstock", "check", "--connect", "-e", config]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=60)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    marks = [line[below.index("^") :] for line, below in pairwise(said.splitlines()) if "^" in below]
    assert any(mark.startswith(("durable", "false")) for mark in marks), said


def test_a_run_whose_vhost_is_not_there_ends_at_once(tmp_path: Path, server: Any, queue: str) -> None:
    config = f'input {{ stdin {{ }} }} output {{ rabbitmq {{ {to(server, queue)} vhost => "none" }} }}'
    with Penstock(tmp_path, config, stdin=b"line\n") as run:
        assert run.wait() == 1, run.said()
    assert "NOT_ALLOWED - vhost none not found" in run.said()
    assert "Traceback" not in run.said()
