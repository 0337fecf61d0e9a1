"""Real agents on both sides of ``penstock run``, in all ways in which Flume talks; kills in the middle; several hosts."""
from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from servers import flume
from servers.certificates import Certificates
from servers.flume import WAYS, Received, options
from servers.packages import require
from servers.penstock_process import Penstock
from servers.process import free_ports
from servers.proxy import Proxy

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.plugins.errors import Retry
from penstock.plugins.outputs.flume import Flume

MESSAGE = 'codec => plain { format => "%{message}" }'


class Taking:
    """Penstock between an agent's sinks and a file for each way; ``config`` may be run again and again."""

    def __init__(self, directory: Path, ways: tuple[str, ...], more: str = "") -> None:
        self._directory = directory
        self.certificates = Certificates(directory)
        certificate, key = self.certificates.pair("server")
        tls = f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}"'
        self.ports = dict(zip(ways, free_ports(len(ways)), strict=True))
        inputs = [
            f'flume {{ host => "127.0.0.1" port => {port} type => "{way}" {options(way)} {more} {tls if way.endswith("_tls") else ""} }}'
            for way, port in self.ports.items()
        ]
        copy = 'filter { mutate { copy => { "[@metadata][flume]" => "from" } } }'
        self.config = f'input {{ {" ".join(inputs)} }} {copy} output {{ file {{ path => "{directory}/%{{type}}.arrived" }} }}'

    def events(self, way: str) -> list[dict[str, Any]]:
        path = self._directory / f"{way}.arrived"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def messages(self, way: str) -> set[str]:
        return {event["message"] for event in self.events(way)}


def test_an_agent_sends_to_penstock_in_every_way(tmp_path: Path) -> None:
    require("flume")
    taking = Taking(tmp_path, tuple(WAYS))
    lines = [f"line {number} ä" for number in range(400)] + ["x" * 3_000_000]
    agent = flume.sender(tmp_path / "agent", taking.ports, taking.certificates.ca)
    flume.put(agent.home, "some", lines)
    with agent, Penstock(tmp_path, taking.config, "-w", "2") as run:
        for way in WAYS:
            run.until(lambda way=way: taking.messages(way) == set(lines), f"all lines come by {way}: {agent.log()}")  # type: ignore[misc]
            (event, *_) = taking.events(way)
            assert event["flume"] == {"headers": {"basename": "some"}}
            assert event["from"] == {"ip": "127.0.0.1"}
            assert len(taking.events(way)) == len(lines), f"{way} repeats what was answered"
        run.stop()


def test_penstock_sends_to_an_agent_in_every_way(tmp_path: Path) -> None:
    agent = flume.agent()
    case = uuid4().hex
    tls = f'ssl_enabled => true ssl_certificate_authorities => "{agent.certificates}/ca.pem"'
    outputs = [
        f'flume {{ hosts => "localhost:{agent.ports[way]}" {options(way)} {MESSAGE} {tls if way.endswith("_tls") else ""}'
        f' headers => {{ "way" => "{way}-%{{kind}}" "case" => "{case}" }} }}'
        for way in WAYS
    ]
    filters = 'filter { mutate { add_field => { "kind" => "test" "[flume][headers][n]" => "%{message}" "[flume][headers][way]" => "none" } } }'
    lines = [*map(str, range(1000)), "ä" * 100_000]
    config = f'input {{ stdin {{ }} }} {filters} output {{ {" ".join(outputs)} }}'
    with Penstock(tmp_path, config, "-w", "2", stdin="".join(f"{line}\n" for line in lines).encode()) as run:
        assert run.wait() == 0, run.said()
    events = Received(Path(agent.home), agent.figures).events(case)
    for way in WAYS:
        bodies = [body for headers, body in events if f"way={way}-test" in headers]
        assert sorted(bodies) == sorted(lines), way
    headers, body = events[0]
    assert f"n={body}" in headers


def test_a_kill_while_an_agent_sends_loses_nothing(tmp_path: Path) -> None:
    require("flume")
    ways = ("avro", "thrift")
    taking = Taking(tmp_path, ways)
    lines = [f"line {number}" for number in range(3000)]
    agent = flume.sender(tmp_path / "agent", taking.ports)
    with agent, Penstock(tmp_path, taking.config) as run:
        for part in range(3):
            before = {way: len(taking.messages(way)) for way in ways}
            flume.put(agent.home, f"part{part}", lines[part * 1000 : part * 1000 + 1000])
            for way, count in before.items():
                run.until(lambda n=count, way=way: len(taking.messages(way)) > n, f"lines come by {way}")  # type: ignore[misc]
            if part < 2:
                run.kill()
                run.start()
        for way in ways:
            run.until(lambda way=way: taking.messages(way) == set(lines), f"all lines come by {way}")  # type: ignore[misc]
        run.stop()


def test_events_go_to_the_host_that_works_and_back_to_the_first(tmp_path: Path) -> None:
    agent = flume.agent()
    case = uuid4().hex
    received = Received(Path(agent.home), agent.figures)
    lines, wanted = tmp_path / "lines", set[str]()

    def write(count: int) -> None:
        new = [str(number) for number in range(len(wanted), len(wanted) + count)]
        wanted.update(new)
        with lines.open("a") as file:
            file.write("".join(f"{line}\n" for line in new))

    with Proxy(agent.ports["avro"]) as first, Proxy(agent.ports["avro"]) as second:
        hosts = f'hosts => ["127.0.0.1:{first.port}", "127.0.0.1:{second.port}"] max_penalty => 100'
        config = f"""
            input {{ file {{ path => "{lines}" sincedb_path => "{tmp_path}/sincedb" start_position => beginning stat_interval => 0.05 }} }}
            output {{ flume {{ {hosts} {MESSAGE} headers => {{ "case" => "{case}" }} batch_size => 10 }} }}
        """
        with Penstock(tmp_path, config) as run:
            write(100)
            run.until(lambda: {body for _, body in received.events(case)} >= wanted, "events arrive at the first")
            assert (first.connections, second.connections) == (1, 0)
            first.refuse()
            write(100)
            run.until(lambda: {body for _, body in received.events(case)} >= wanted, "events arrive at the second")
            first.refuse(False)
            before = first.connections

            def goes_back() -> bool:
                write(10)
                return first.connections > before

            run.until(goes_back, "the first is taken again")
            second.refuse()
            write(100)
            run.until(lambda: {body for _, body in received.events(case)} >= wanted, "events arrive at the first again")
            run.stop()


def test_load_is_balanced_over_the_hosts(tmp_path: Path) -> None:
    agent = flume.agent()
    case = uuid4().hex
    with Proxy(agent.ports["avro"]) as first, Proxy(agent.ports["avro"]) as second:
        config = f"""
            input {{ generator {{ count => 500 }} }}
            output {{ flume {{ hosts => ["127.0.0.1:{first.port}", "127.0.0.1:{second.port}"] processor => load_balance batch_size => 20
                               {MESSAGE} headers => {{ "case" => "{case}" "n" => "%{{[event][sequence]}}" }} }} }}
        """
        with Penstock(tmp_path, config) as run:
            assert run.wait() == 0, run.said()
        assert (first.connections, second.connections) == (1, 1)
    events = Received(Path(agent.home), agent.figures).events(case)
    assert set(Counter(headers for headers, _ in events).values()) == {1}
    assert len(events) == 500


def test_a_call_that_no_transaction_of_the_channel_holds_is_answered_with_failed(tmp_path: Path) -> None:
    """The agent's `transactionCapacity` is 1000: why `batch_size` must not be larger."""
    agent = flume.agent()
    text = f'input {{ stdin {{ }} }} output {{ flume {{ hosts => "127.0.0.1:{agent.ports["avro"]}" batch_size => 1001 {MESSAGE} }} }}'
    assembly = assemble([Source("(test)", text)], settled({}))
    (output,) = assembly.plugins(assembly.program.outputs)
    assert isinstance(output, Flume)
    output.open()
    output.connect()
    (larger,) = output.pack([{"message": "never"}] * 1001)
    (largest,) = output.pack([{"message": "whole"}] * 1000)
    with pytest.raises(Retry, match="FAILED"):
        output.deliver(larger).result(90)
    output.deliver(largest).result(90)
    output.close()
