"""Events to Redis and from there again through ``penstock run``: nothing is lost to a kill of either side, and what is odd is kept."""
from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from servers import penstock_flow, redis
from servers.packages import require
from servers.penstock_flow import Arrivals
from servers.penstock_process import Penstock

WAYS = ("list", "stream")


class Reading(Arrivals):
    """What a pipeline reads from a key."""

    def __init__(self, directory: Path, options: str, name: str = "reads") -> None:
        super().__init__(directory, f"redis {{ {options} }}", name)


def write(directory: Path, options: str, lines: list[str], *more: str) -> None:
    """Write lines of JSON through a pipeline."""
    penstock_flow.write(directory, f"redis {{ {options} }}", lines, *more)


def length(client: Any, kind: str, key: str) -> int:
    return int(client.llen(key) if kind == "list" else client.xlen(key))


def put(client: Any, kind: str, key: str, values: list[str]) -> None:
    pipe = client.pipeline(transaction=False)
    for value in values:
        if kind == "list":
            pipe.rpush(key, value)
        else:
            pipe.xadd(key, {"message": value})
    pipe.execute()


def left_over(client: Any, kind: str, key: str) -> int:
    """How many entries are not acknowledged."""
    if kind == "stream":
        return int(client.xpending(key, "penstock")["pending"]) if client.xinfo_groups(key) else 0
    return sum(client.llen(name) for name in client.keys(f"*{key}*processing*")) + int(client.llen(key))


@pytest.mark.parametrize("kind", WAYS)
def test_events_go_to_redis_and_come_from_it_with_workers(kind: str, tmp_path: Path, server: Any, client: Any, key: str) -> None:
    options = f'port => {server.port} data_type => "{kind}" key => "{key}"'
    write(tmp_path, options, [json.dumps({"number": n, "text": "ä" * n}) for n in range(300)], "-w", "2")
    assert length(client, kind, key) == 300
    events = Reading(tmp_path, options).all(300, "-w", "2")
    assert [(event["number"], event["text"]) for event in events] == [(n, "ä" * n) for n in range(300)]
    assert {event["meta"]["redis"]["key"] for event in events} == {key}
    if kind == "stream":
        assert [event["meta"]["redis"]["id"] for event in events] == [name for name, _ in client.xrange(key)]
    assert left_over(client, kind, key) == 0


@pytest.mark.parametrize("kind", WAYS)
def test_a_kill_in_the_middle_loses_nothing(kind: str, tmp_path: Path, server: Any, client: Any, key: str) -> None:
    """The next start has what was under way at once: it does not wait for `claim_after`."""
    count, piece = 30_000, 10_000
    reading = Reading(tmp_path, f'port => {server.port} data_type => "{kind}" key => "{key}" codec => plain batch_count => 20 claim_after => 3600')
    for start in range(0, count, piece):
        put(client, kind, key, [f"line {n}" for n in range(start, start + piece)])
        before = len(reading.events())
        with reading.process() as run:
            run.until(lambda seen=before: len(reading.events()) > seen, "it reads")  # type: ignore[misc]
            run.kill()
    with reading.process() as run:
        run.until(lambda: len({event["message"] for event in reading.events()}) == count, "nothing is lost")
        run.stop()
    assert left_over(client, kind, key) == 0


@pytest.mark.parametrize("kind", WAYS)
def test_entries_of_a_consumer_that_died_elsewhere_are_claimed(kind: str, tmp_path: Path, server: Any, client: Any, key: str) -> None:
    """Its directory is not there, so that only its silence tells."""
    common = f'port => {server.port} data_type => "{kind}" key => "{key}" codec => plain claim_after => 1 batch_count => 5 max_in_flight => 2'
    fifo = tmp_path / "stuck"
    dead = Penstock(tmp_path, f'input {{ redis {{ {common} }} }} filter {{ sleep {{ time => 3600 }} }} output {{ file {{ path => "{fifo}" }} }}', name="dead")
    put(client, kind, key, [f"line {n}" for n in range(10)])
    with dead as run:
        run.until(lambda: left_over(client, kind, key) >= 5 and (kind == "stream" or client.llen(key) < 10), "entries are under way")
        run.kill()
    events = Reading(tmp_path, common, "heir").all(10)
    assert {event["message"] for event in events} == {f"line {n}" for n in range(10)}
    assert left_over(client, kind, key) == 0


def test_messages_of_channels_come_with_their_channel(tmp_path: Path, server: Any, client: Any, key: str) -> None:
    reading = Reading(tmp_path, f'port => {server.port} data_type => "pattern_channel" key => "{key}-*"')
    with reading.process() as run:
        run.until(lambda: client.pubsub_numpat() > 0 and client.publish(f"{key}-0", '{"n": 0}') > 0, "it listens")
        write(tmp_path, f'port => {server.port} data_type => "channel" key => "{key}-%{{n}}"', ['{"n": 1}', '{"n": 2}'])
        run.until(lambda: len(reading.events()) >= 3, "it hears")
        run.stop()
    assert [(event["n"], event["meta"]["redis_channel"]) for event in reading.events()[-2:]] == [(1, f"{key}-1"), (2, f"{key}-2")]


@pytest.mark.parametrize("kind", WAYS)
def test_what_is_odd_is_kept_and_read_once(kind: str, tmp_path: Path, server: Any, client: Any, key: str) -> None:
    """Not JSON, and huge."""
    put(client, kind, key, ['{"n": 1}', "{broken", json.dumps({"n": 2, "text": "x" * 5_000_000}), '{"n": 3}'])
    if kind == "stream":
        client.xadd(key, {"n": "4", "other": "field"})
    reading = Reading(tmp_path, f'port => {server.port} data_type => "{kind}" key => "{key}"')
    events = reading.all(5 if kind == "stream" else 4)
    assert [event.get("n") for event in events] == [1, None, 2, 3, *(["4"] if kind == "stream" else [])]
    assert events[1]["tags"] == ["_jsonparsefailure"]
    assert len(events[2]["text"]) == 5_000_000
    assert left_over(client, kind, key) == 0


def test_both_ways_over_tls_with_a_login(tmp_path: Path, server: Any, key: str) -> None:
    options = f"""port => {server.tls_port} data_type => "list" key => "{key}" user => "alice" password => "{server.password}"
        ssl_enabled => true ssl_certificate_authorities => ["{server.certificates}/ca.pem"]
        ssl_certificate => "{server.certificates}/client.pem" ssl_key => "{server.certificates}/client.key" """
    write(tmp_path, options, ['{"n": 1}'])
    assert [event["n"] for event in Reading(tmp_path, options).all(1)] == [1]


REFUSED = {
    "another password": ("port", 'data_type => "list"\nuser => "alice"\npassword => "guess"', "password"),
    "a password that nobody asks for": ("port", 'data_type => "list"\npassword => "guess"', "password"),
    "an authority that did not sign": ("tls_port", 'data_type => "list"\nssl => true\nssl_certificate_authorities => ["{0}/foreign-ca.pem"]', "ssl_certificate_authorities"),
    "a key of another kind": ("port", 'data_type => "stream"\nkey => "{1}"', "key"),
    "a database that is not there": ("port", 'data_type => "list"\ndb => 4711', "db"),
    "a user without rights": ("port", 'data_type => "list"\nuser => "mallory"\npassword => "open sesame"\nkey => "k"', "key"),
}


@pytest.mark.parametrize(("port", "options", "option"), REFUSED.values(), ids=REFUSED.keys())
def test_a_run_ends_at_once_and_shows_the_option_with(
    port: str, options: str, option: str, tmp_path: Path, server: Any, client: Any, key: str
) -> None:
    client.rpush(key, "an entry of a list")
    own = options.format(server.certificates, key)
    named = "" if "key =>" in own else f'key => "{key}"'
    with Penstock(tmp_path, f"input {{ redis {{\nport => {getattr(server, port)}\n{own}\n{named} }} }} output {{ null {{ }} }}") as run:
        assert run.wait() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert shown[:mark].endswith(f"{option} => ") or shown[mark:].startswith(option), said


@pytest.mark.parametrize("kind", WAYS)
def test_a_server_that_is_killed_and_comes_again_loses_nothing(kind: str, tmp_path: Path, key: str) -> None:
    """Both plugins connect again; the server keeps what it wrote to its file."""
    require("redis")
    home = tmp_path / "server"
    home.mkdir()
    with redis.server(home, "appendfsync always") as own, Redis(port=own.port, decode_responses=True, protocol=2) as client:
        options = f'port => {own.port} data_type => "{kind}" key => "{key}"'
        log = tmp_path / "log"
        log.write_text("".join(f"line {n}\n" for n in range(2_000)))
        config = f'input {{ file {{ path => "{log}" start_position => "beginning" stat_interval => 0.1 }} }} output {{ redis {{ {options} }} }}'
        reading = Reading(tmp_path, f"{options} batch_count => 50")
        with Penstock(tmp_path, config, name="writes") as writes, reading.process() as reads:
            reads.until(lambda: bool(reading.events()), "it reads")
            own.kill()
            with log.open("a") as file:
                file.write("".join(f"line {n}\n" for n in range(2_000, 4_000)))
            own.start()
            reads.until(lambda: len({event["message"] for event in reading.events()}) == 4_000, "all arrives")
            writes.stop()
            reads.stop()
        assert left_over(client, kind, key) == 0
