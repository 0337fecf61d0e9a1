"""Events from one ``penstock run`` to another over ZeroMQ: with answers nothing is lost to a kill of either side."""
from __future__ import annotations

import json
import random
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import zmq
from servers.penstock_process import Penstock
from servers.process import free_ports
from servers.soak import Figures, Found, rounds
from servers.written import events_in, size_of
from servers.zeromq_peer import address, keypair

PUBLIC, SECRET = keypair()
OTHER_PUBLIC, OTHER_SECRET = keypair()


class Flow:
    """A pipeline from a file to a socket, and one from there to a file."""

    def __init__(self, directory: Path, sending: str, receiving: str, codec: str = "plain") -> None:
        self._directory, self.port = directory, free_ports()[0]
        self._log, self._arrived = directory / "log", directory / "arrived"
        self._log.write_text("")
        place = f'address => "{address(self.port)}"'
        source = f'input {{ file {{ path => "{self._log}" start_position => "beginning" stat_interval => 0.1 sincedb_write_interval => 0.1 }} }}'
        self._sending = f'{source} output {{ zeromq {{ {place} {sending} codec => plain {{ format => "%{{message}}" }} }} }}'
        self._receiving = f'input {{ zeromq {{ {place} {receiving} codec => {codec} }} }} output {{ file {{ path => "{self._arrived}" }} }}'

    def write(self, lines: list[str]) -> None:
        with self._log.open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def sends(self, *options: str) -> Penstock:
        return Penstock(self._directory, self._sending, *options, name="sends")

    def receives(self, *options: str) -> Penstock:
        return Penstock(self._directory, self._receiving, *options, name="receives")

    def size(self) -> int:
        """How many bytes have arrived."""
        return size_of(self._arrived)

    def events(self) -> list[Any]:
        return events_in(self._arrived)

    def messages(self) -> list[str]:
        return [event["message"] for event in self.events()]


def lines(end: int, begin: int = 0) -> list[str]:
    return [f"line {number}" for number in range(begin, end)]


def killed(directory: Path, kills: int) -> Figures:
    """Kill one of the sides, whichever it is, again and again while lines are written; all of them arrive."""
    flow = Flow(directory, 'topology => "reqrep"', 'topology => "reqrep"')
    chance = random.Random(kills)
    sends, receives = flow.sends().start(), flow.receives().start()
    try:
        for number in range(kills):
            flow.write(lines(400 * number + 400, 400 * number))
            seen = flow.size()
            sends.until(lambda seen=seen: flow.size() > seen, "lines arrive")  # type: ignore[misc]
            time.sleep(chance.choice((0, chance.uniform(0, 0.3))))  # any moment will do
            victim = chance.choice((sends, receives))
            victim.kill()
            victim.start()
        flow.write(lines(400 * kills + 1, 400 * kills))  # what only the last lives can carry: both have started then
        sends.until(lambda: set(flow.messages()) == set(lines(400 * kills + 1)), "all arrives")
        sends.stop()
        receives.stop()
        count = 400 * kills + 1
        return Figures(kills, count, len(flow.messages()) - count)
    finally:
        sends.kill()
        receives.kill()


def test_with_answers_a_kill_of_either_side_loses_nothing(tmp_path: Path) -> None:
    killed(tmp_path, 2)


@pytest.mark.servers
def test_with_answers_twenty_kills_lose_nothing(tmp_path: Path) -> None:
    killed(tmp_path, rounds(20))


@pytest.mark.soak("ZeroMQ, with answers")
def test_with_answers_two_hundred_kills_lose_nothing(tmp_path: Path, found: Found) -> None:
    found(killed(tmp_path, rounds()))


@pytest.mark.parametrize("topology", [pytest.param("reqrep", marks=pytest.mark.servers), "pushpull"])
def test_an_ordered_stop_of_both_sides_loses_nothing(topology: str, tmp_path: Path) -> None:
    """The sender is stopped in the middle, when all that it read is on its way; the receiver when it has it, with workers."""
    flow = Flow(tmp_path, f'topology => "{topology}"', f'topology => "{topology}"')
    flow.write(lines(3_000))
    with flow.receives("-w", "2") as receives, flow.sends("-w", "2") as sends:
        sends.until(lambda: len(flow.events()) > 100, "lines arrive")
        sends.stop()
        flow.write(lines(4_000, 3_000))
        with flow.sends() as again:
            again.until(lambda: "line 3999" in flow.messages(), "the last arrives")
            again.stop()
        receives.until(lambda: set(flow.messages()) == set(lines(4_000)), "all arrives")
        receives.stop()
    assert len(flow.messages()) == 4_000


def test_a_receiver_that_is_stopped_takes_what_its_socket_holds(tmp_path: Path) -> None:
    flow = Flow(tmp_path, "", 'topology => "pushpull"')
    with zmq.Context() as context, context.socket(zmq.PUSH) as made, flow.receives() as receives:
        made.connect(address(flow.port))
        made.send(b"first")
        receives.until(lambda: flow.messages() == ["first"], "it receives")
        for line in lines(500):
            made.send(line.encode())
        made.close()
        context.term()  # it waits until all is sent
        receives.until(lambda: len(flow.messages()) > 1, "more arrives")
        receives.stop()
    assert flow.messages() == ["first", *lines(500)]


def test_what_is_odd_is_kept(tmp_path: Path) -> None:
    """Not JSON, nothing at all, and huge."""
    flow = Flow(tmp_path, "", 'topology => "reqrep"', codec="json")
    with zmq.Context() as context, context.socket(zmq.REQ) as made, flow.receives() as receives:
        made.connect(address(flow.port))
        for message in (b'{"n": 1}', b"{broken", b"\xff\xfe", b"", json.dumps({"n": 2, "text": "x" * 5_000_000}).encode()):
            made.send(message)
            assert made.recv() == b"ok"
        receives.stop()
    events = flow.events()
    assert [event["n"] for event in events if "n" in event] == [1, 2]
    assert [event["tags"] for event in events[1:3]] == [["_jsonparsefailure"]] * 2
    assert len(events[-1]["text"]) == 5_000_000


def keys(secret: str, **more: str) -> str:
    return "\n".join([f'curve_secret_key => "{secret}"', *(f'curve_{name} => "{value}"' for name, value in more.items())])


def test_both_ways_with_keys(tmp_path: Path) -> None:
    server = keys(SECRET, allowed_keys=OTHER_PUBLIC)
    flow = Flow(tmp_path, f'topology => "reqrep" {keys(OTHER_SECRET, server_key=PUBLIC)}', f'topology => "reqrep" {server}')
    flow.write(lines(100))
    with flow.receives() as receives, flow.sends() as sends:
        sends.until(lambda: flow.messages() == lines(100), "all arrives")
        sends.stop()
        receives.stop()


REFUSED = {
    "the key of another server": (keys(OTHER_SECRET, server_key=OTHER_PUBLIC), "curve_server_key"),
    "a key that is not allowed": (keys(SECRET, server_key=PUBLIC), "curve_secret_key"),
}


@pytest.mark.parametrize(("options", "option"), REFUSED.values(), ids=REFUSED.keys())
def test_a_run_ends_at_once_and_shows_the_option_with(options: str, option: str, tmp_path: Path) -> None:
    flow = Flow(tmp_path, f'topology => "reqrep"\n{options}\n', f'topology => "reqrep" {keys(SECRET, allowed_keys=OTHER_PUBLIC)}')
    flow.write(["one"])
    with flow.receives() as receives:
        receives.until(lambda: "started" in receives.said(), "it listens")
        with flow.sends() as sends:
            assert sends.wait() == 1, sends.said()
    said = sends.said()
    assert "Traceback" not in said
    shown, mark = next((line, below.index("^")) for line, below in pairwise(said.splitlines()) if "^" in below)
    assert shown[:mark].endswith(f"{option} => ") or shown[mark:].startswith(option), said
    assert SECRET not in said
