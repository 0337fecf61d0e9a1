"""Kinesis in the long run: processes that share a stream are killed again and again while shards are split and merged, and the services
restart and hang. Every record arrives.
"""
from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import kinesis
from servers.kinesis import Stream
from servers.kinesis_group import Group
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import Server
from servers.soak import Figures, Found, rounds

KEYS = tuple("abcdefgh")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """Emulators that the test may kill; they keep what they confirmed."""
    require("kinesis")
    home = tmp_path / "server"
    home.mkdir()
    with kinesis.server(home) as server:
        yield server


def reshard(stream: Stream, chance: random.Random) -> None:
    """Split a shard, or merge two that lie beside each other."""
    shards = {each["ShardId"]: int(each["HashKeyRange"]["StartingHashKey"]) for each in stream.shards()}
    ordered = sorted(stream.open_shards(), key=shards.__getitem__)
    if len(ordered) > 3:
        at = chance.randrange(len(ordered) - 1)
        stream.merge(ordered[at], ordered[at + 1])
    else:
        stream.split(chance.choice(ordered))


def disturb(group: Group, member: Penstock, chance: random.Random, reshards: bool) -> None:
    """Have records, and kill a process while it reads them, or before."""
    before = group.size()
    group.put(chance.randrange(5, 60), *KEYS)
    if reshards:
        reshard(group.stream, chance)
    if chance.random() < 0.8:
        member.until(lambda: group.size() > before, "they are read")
    time.sleep(chance.uniform(0.0, 0.3))  # any moment will do
    member.kill()
    member.start()


def check(directory: Path, server: Server, kills: int, seed: int) -> Figures:
    """So many kills of either of two processes."""
    chance = random.Random(seed)
    group = Group(directory, Stream(server, 2))
    members = {"first": group.member("first"), "second": group.member("second")}
    with members["first"], members["second"]:
        for number in range(kills):
            disturb(group, members[chance.choice(list(members))], chance, reshards=number % 4 == 0)
        for each in members.values():
            each.until(group.has_all, f"nothing is lost (seed {seed})")
        for each in members.values():
            each.stop()
    times = Counter(group.arrived())
    twice = sum(count - 1 for count in times.values())
    print(f"\n{len(group.stream.shards())} shards, seed {seed}")
    return Figures(kills, len(group.wanted), twice)


@pytest.mark.servers
def test_twenty_kills_of_two_processes(own: Server, tmp_path: Path) -> None:
    check(tmp_path, own, min(20, rounds(20)), seed=random.randrange(1 << 30))


@pytest.mark.soak("Kinesis", "kinesis")
def test_kills_of_two_processes(own: Server, tmp_path: Path, found: Found) -> None:
    found(check(tmp_path, own, rounds(), seed=random.randrange(1 << 30)))


@pytest.mark.servers
@pytest.mark.parametrize("fault", ["killed", "paused"])
def test_services_that_go_away_and_come_again_lose_nothing(fault: str, own: Server, tmp_path: Path) -> None:
    """Both plugins connect again: lines of a file go to a stream, and from there to a file."""
    stream = Stream(own, 2)
    log, arrived = tmp_path / "log", tmp_path / "arrived"
    log.touch()
    lines = f'file {{ path => "{log}" start_position => "beginning" stat_interval => 0.1 sincedb_path => "{tmp_path}/sincedb" }}'
    to_stream = 'randomized_partition_key => true request_timeout => 1000 codec => plain { format => "%{message}" }'
    writes = f"input {{ {lines} }} output {{ {stream.output(to_stream)} }}"
    plain = 'codec => line { format => "%{message}" }'
    reads = f'input {{ {stream.input("codec => plain")} }} output {{ file {{ path => "{arrived}" {plain} }} }}'

    def has(count: int) -> bool:
        lines = set(arrived.read_text().splitlines()) if arrived.exists() else set()
        return {f"line {number}" for number in range(count)} <= lines

    with Penstock(tmp_path, writes, name="writes") as writing, Penstock(tmp_path, reads, name="reads") as reading:
        for number in range(3):
            with log.open("a") as file:
                file.writelines(f"line {1000 * number + line}\n" for line in range(1000))
            writing.until(lambda: arrived.exists() and arrived.stat().st_size > 0, "events are on their way")
            if fault == "killed":
                own.kill()
                time.sleep(1)  # they notice, or not
                own.start()
            else:
                own.pause()
                time.sleep(4)  # longer than leases last and answers are waited for
                own.go_on()
            reading.until(lambda seen=1000 * (number + 1): has(seen), "nothing is lost")  # type: ignore[misc]
        reading.stop()  # the other may be about to write once more what was not answered


@pytest.mark.servers
@pytest.mark.parametrize("certificate", ["foreign", "expired"])
def test_a_certificate_that_is_not_trusted_is_said(certificate: str, tmp_path: Path) -> None:
    require("kinesis")
    with kinesis.server(tmp_path, certificate) as own:
        stream = Stream(own, 1)
        options = f'endpoint => "https://localhost:{own.kinesis_tls}" access_key_id => "a" secret_access_key => "b"'
        trust = f'additional_settings => {{ ssl_ca_bundle => "{own.certificates}/ca.pem" }}'
        config = f'input {{ generator {{ }} }} output {{ kinesis {{ stream_name => "{stream.name}" {options} {trust} }} }}'
        with Penstock(tmp_path, config) as run:
            assert run.wait() == 1, run.said()
        assert "the server's certificate is not trusted" in run.said()
