"""Events to a broker and from it again through ``penstock run``: what is lost when either side is killed, and what is not."""
from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from servers import mosquitto
from servers.certificates import Certificates
from servers.mqtt_flow import Reading, write
from servers.mqtt_peer import Peer, make_session
from servers.packages import require
from servers.penstock_process import Penstock
from servers.soak import Figures, Found, rounds

WAYS = [("3.1.1", 1), ("5", 2)]
LONGEST = 600.0  # after two hundred kills a hundred thousand messages are left


def lines(count: int, begin: int = 0) -> list[str]:
    return [f"line {number}" for number in range(begin, count)]


@pytest.mark.parametrize(("version", "qos"), [WAYS[0], pytest.param(*WAYS[1], marks=pytest.mark.servers)])
def test_events_go_to_a_broker_and_come_from_it_with_workers(version: str, qos: int, tmp_path: Path, server: Any, topic: str) -> None:
    name = topic.replace("/", "-")
    make_session(server.port, name, f"{topic}/#", version, qos)
    common = f'port => {server.port} mqtt_version => "{version}" qos => {qos}'
    events = [json.dumps({"number": n, "text": "ä" * n, "room": f"r{n % 3}"}) for n in range(300)]
    write(tmp_path, f'{common} topic => "{topic}/%{{room}}"', events, "-w", "2")
    reading = Reading(tmp_path, f'{common} topic => "{topic}/#" client_id => "{name}"')
    with reading.process("-w", "2") as run:
        got = reading.all(run, lambda found: len(found) >= 300, "300 events are read")
        run.stop()
    assert [(event["number"], event["text"]) for event in got] == [(n, "ä" * n) for n in range(300)]
    assert [event["meta"]["mqtt"]["topic"] for event in got] == [f"{topic}/r{n % 3}" for n in range(300)]
    assert {event["meta"]["mqtt"]["qos"] for event in got} == {qos}


def killed(directory: Path, port: int, topic: str, way: tuple[str, int], kills: int) -> Figures:
    """Kill a reader again and again while messages come; all of them arrive, and then nothing is left with the broker."""
    version, qos = way
    reading = Reading(directory, f'port => {port} topic => "{topic}" mqtt_version => "{version}" qos => {qos} codec => plain')
    with Peer(port) as peer:
        with reading.process() as run:
            reading.listens(run, peer, topic)
            run.kill()
        for number in range(kills):
            peer.publish(topic, lines(500 * number + 500, 500 * number), qos)
            with reading.process() as run:
                seen = reading.size()
                run.until(lambda seen=seen: reading.size() > seen, "it reads")  # type: ignore[misc]
                run.kill()
        with reading.process() as run:
            peer.publish(topic, ["the last"], qos)
            wanted = {*lines(500 * kills), "the last"}
            run.until(lambda: reading.messages() == wanted, "nothing is lost", LONGEST)
            run.stop()
            count = len(reading.events())
        with reading.process() as run:
            peer.publish(topic, ["behind it"], qos)
            run.until(lambda: "behind it" in reading.messages(), "it goes on")
            assert len(reading.events()) == count + 1
    return Figures(kills, len(wanted), count - len(wanted))


def test_a_kill_in_the_middle_loses_nothing(tmp_path: Path, server: Any, topic: str) -> None:
    """The broker knows the next run by the client id that is kept below `path.data`. With QoS 1 the contract shows it too."""
    killed(tmp_path, server.port, topic, WAYS[1], 1)


@pytest.mark.servers
@pytest.mark.parametrize("way", WAYS, ids=["QoS 1", "QoS 2"])
def test_twenty_kills_lose_nothing(way: tuple[str, int], tmp_path: Path, server: Any, topic: str) -> None:
    killed(tmp_path, server.port, topic, way, rounds(20))


@pytest.mark.soak("MQTT", "mosquitto")
@pytest.mark.parametrize("way", WAYS, ids=["QoS 1", "QoS 2"])
def test_two_hundred_kills_lose_nothing(way: tuple[str, int], tmp_path: Path, server: Any, topic: str, found: Found) -> None:
    found(killed(tmp_path, server.port, topic, way, rounds()))


def test_members_of_a_shared_subscription_share_the_messages(tmp_path: Path, server: Any, topic: str) -> None:
    options = f'port => {server.port} mqtt_version => "5" topic => "$share/g/{topic}" codec => plain'
    one, two = Reading(tmp_path, options, "one"), Reading(tmp_path, options, "two")
    with Peer(server.port) as peer, one.process() as first:
        one.listens(first, peer, topic)
        with two.process() as second:
            two.listens(second, peer, topic)
            peer.publish(topic, lines(200))
            second.until(lambda: one.messages() | two.messages() == set(lines(200)), "all arrives")
            first.stop()
            second.stop()
    assert one.messages()
    assert two.messages()
    assert not one.messages() & two.messages()


def test_what_is_odd_is_kept_and_read_once(tmp_path: Path, server: Any, topic: str) -> None:
    """Not JSON, nothing at all, and huge."""
    name = topic.replace("/", "-")
    make_session(server.port, name, topic)
    with Peer(server.port) as peer:
        peer.publish(topic, ['{"n": 1}', "{broken", b"\xff\xfe", json.dumps({"n": 2, "text": "x" * 5_000_000}), "", '{"n": 3}'])
    reading = Reading(tmp_path, f'port => {server.port} topic => "{topic}" client_id => "{name}"')
    with reading.process() as run:
        events = reading.all(run, lambda found: any(event.get("n") == 3 for event in found), "the last is read")
        run.stop()
    numbers = [event["n"] for event in events if "n" in event]
    assert numbers == [1, 2, 3]
    assert [event["tags"] for event in events if "tags" in event][:2] == [["_jsonparsefailure"]] * 2
    assert len(next(event for event in events if event.get("n") == 2)["text"]) == 5_000_000


def tls(server: Any, certificate: str = "client") -> str:
    home = server.certificates
    own = f'ssl_certificate => "{home}/{certificate}.pem" ssl_key => "{home}/{certificate}.key"'
    return f'ssl_enabled => true ssl_certificate_authorities => ["{home}/ca.pem"] {own}'


def test_both_ways_over_mutual_tls_with_a_login(tmp_path: Path, server: Any, topic: str) -> None:
    """Only this user may use topics below `closed`."""
    options = f'port => {server.mutual_port} username => "alice" password => "{server.password}" topic => "closed/{topic}" {tls(server)}'
    reading = Reading(tmp_path, options)
    with reading.process() as run:

        def hears() -> bool:
            write(tmp_path, options, ['{"n": 1}'])
            return bool(reading.events())

        run.until(hears, "it hears")
        run.stop()
    assert reading.events()[0]["n"] == 1


REFUSED = {
    "another password": ("port", 'username => "alice"\npassword => "guess"', "password"),
    "an authority that did not sign": ("tls_port", 'ssl_enabled => true\nssl_certificate_authorities => ["{0}/foreign-ca.pem"]', "ssl_certificate_authorities"),
    "a certificate that has expired": (
        "mutual_port",
        'ssl_enabled => true\nssl_certificate_authorities => ["{0}/ca.pem"]\nssl_certificate => "{0}/expired.pem"\nssl_key => "{0}/expired.key"',
        "ssl_certificate",
    ),
}


@pytest.mark.parametrize("kind", ["input", "output"])
@pytest.mark.parametrize(("port", "options", "option"), REFUSED.values(), ids=REFUSED.keys())
def test_a_run_ends_at_once_and_shows_the_option_with(kind: str, port: str, options: str, option: str, tmp_path: Path, server: Any, topic: str) -> None:
    own = f'mqtt {{ host => "127.0.0.1" topic => "{topic}"\nport => {getattr(server, port)}\n{options.format(server.certificates)}\n}}'
    config = f"input {{ {own} }} output {{ null {{ }} }}" if kind == "input" else f"input {{ generator {{ }} }} output {{ {own} }}"
    with Penstock(tmp_path, config) as run:
        assert run.wait() == 1, run.said()
    said = run.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert shown[:mark].endswith(f"{option} => ") or shown[mark:].startswith(option), said


class Restarted:
    """A pipeline from a file to a broker, one from there to a file, and the broker, which is ended in the middle."""

    def __init__(self, directory: Path, topic: str, persistence: bool = True) -> None:
        require("mosquitto")
        home = directory / "server"
        home.mkdir()
        self.server = mosquitto.server(home, persistence=persistence)
        self.log, self._directory, self.topic = directory / "log", directory, topic
        self.log.write_text("")

    def write(self, begin: int, end: int) -> None:
        with self.log.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines(end, begin)))

    def run(self, end: Any, qos: int, wanted: Sequence[str]) -> set[str]:
        """Publish 4,000 lines, half of them while the broker is away, until these have arrived; what has."""
        options = f'port => {self.server.port} topic => "{self.topic}" qos => {qos} codec => plain'
        source = f'input {{ file {{ path => "{self.log}" start_position => "beginning" stat_interval => 0.1 }} }}'
        config = f'{source} output {{ mqtt {{ host => "127.0.0.1" {options} {{ format => "%{{message}}" }} }} }}'
        reading = Reading(self._directory, options)
        with self.server, Penstock(self._directory, config, name="writes") as writes, reading.process() as reads:
            with Peer(self.server.port) as peer:
                reading.listens(reads, peer, self.topic)
            self.write(0, 2_000)
            reads.until(lambda: bool(reading.messages()), "it reads")
            end(self.server)
            self.write(2_000, 4_000)
            self.server.start()
            with Peer(self.server.port) as peer:
                reading.listens(reads, peer, self.topic)
            writes.until(lambda: reading.messages() >= set(wanted), "what is wanted arrives")
            found = reading.messages()
            writes.stop()
            reads.stop()
        return found


@pytest.mark.parametrize("qos", [1, pytest.param(2, marks=pytest.mark.servers)])
def test_a_broker_that_is_stopped_and_comes_again_loses_nothing(qos: int, tmp_path: Path, topic: str) -> None:
    """Both plugins connect again; the broker has saved its sessions."""
    Restarted(tmp_path, topic).run(lambda server: server.stop(), qos, lines(4_000))


@pytest.mark.servers
@pytest.mark.parametrize("persistence", [True, False])
def test_a_broker_that_is_killed_loses_no_more_than_it_had_not_saved(persistence: bool, tmp_path: Path, topic: str) -> None:
    """What is published after its return arrives; of what it had acknowledged, that of the last second or all of it is gone."""
    found = Restarted(tmp_path, topic, persistence).run(lambda server: server.kill(), 1, lines(4_000, 2_000))
    print(f"persistence {persistence}: {4_000 - len(found)} of 2000 messages are lost")


@pytest.mark.servers
def test_a_broker_that_hangs_is_waited_for_and_loses_nothing(tmp_path: Path, topic: str) -> None:
    restarted = Restarted(tmp_path, topic)

    def hang(server: Any) -> None:
        server.pause()
        restarted.write(2_000, 2_100)
        server.go_on()
        server.stop()

    restarted.run(hang, 1, lines(4_000))


@pytest.mark.servers
@pytest.mark.parametrize("shown", ["expired", "foreign"])
def test_a_broker_whose_certificate_is_not_trusted_is_refused(shown: str, tmp_path: Path, topic: str) -> None:
    require("mosquitto")
    home = tmp_path / "server"
    home.mkdir()
    with mosquitto.server(home, certificate=shown) as own:
        config = f'input {{ mqtt {{ host => "127.0.0.1" port => {own.tls_port} topic => "{topic}" {tls(own)} }} }} output {{ null {{ }} }}'
        with Penstock(tmp_path, config) as run:
            assert run.wait() == 1
        assert "ssl_certificate_authorities" in run.said()


@pytest.mark.servers
def test_a_certificate_that_was_renewed_is_used_at_the_next_connection(tmp_path: Path, topic: str) -> None:
    require("mosquitto")
    home = tmp_path / "server"
    home.mkdir()
    with mosquitto.server(home) as own:
        foreign = Certificates(tmp_path)
        authority = tmp_path / "trusted.pem"
        authority.write_text((home / "ca.pem").read_text())
        options = f'port => {own.tls_port} topic => "{topic}" codec => plain ssl => true ssl_certificate_authorities => ["{authority}"]'
        reading = Reading(tmp_path, options)
        with reading.process() as run, Peer(own.port) as peer:
            reading.listens(run, peer, topic)
            own.stop()
            certificate, key = foreign.pair("server")
            (home / "server.pem").write_bytes(certificate.read_bytes())
            (home / "server.key").write_bytes(key.read_bytes())
            authority.write_text(foreign.ca.read_text())
            own.start()
            with Peer(own.port) as after:
                reading.listens(run, after, topic)
            run.stop()
