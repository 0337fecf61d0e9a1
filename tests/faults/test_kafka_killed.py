"""Kafka in the long run: brokers and processes are killed again and again, and what is promised holds. All of it is ``soak``.

Three nodes, so that a broker's death loses nothing that was confirmed; and the last line with ZooKeeper.
"""
from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import kafka
from servers.kafka_flow import Flow
from servers.kafka_topics import Topic
from servers.packages import require
from servers.process import Server
from servers.soak import Figures, Found, rounds

KILLS = min(30, rounds())
LONGEST = 300.0
THREE = pytest.mark.soak("Kafka, three nodes, exactly once", "kafka")


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    require("kafka")
    with kafka.started(kafka.nodes(tmp_path_factory.mktemp("kafka"))) as nodes:
        yield nodes


def flow_on(directory: Path, address: str, copies: int) -> Flow:
    return Flow(directory, Topic(address, 2, copies), Topic(address, 1, copies))


def figures(flow: Flow, kills: int) -> Figures:
    arrived = flow.target.values()
    different = set(arrived)
    return Figures(kills, len(flow.wanted), len(arrived) - len(different), len(set(flow.wanted) - different))


def moved(flow: Flow, chance: random.Random, kills: int, between: Any) -> int:
    """How often a process was killed, or what ``between`` does was done, until all was moved."""
    done = 0
    while done < kills:
        flow.put(chance.randrange(50, 400))
        with flow.process() as run:
            run.until(lambda lives=done: run.said().count("started") > lives, "it starts")
            time.sleep(chance.uniform(0.2, 3))  # any moment will do
            between()
            run.kill()
        done += 1
    with flow.process() as run:
        run.until(lambda: run.said().count("started") > done, "it can be stopped")
        run.until(flow.has_all, "all is written", LONGEST)
        run.stop()
    return done


@pytest.mark.soak("Kafka, one node", "kafka")
def test_two_hundred_kills_of_the_process_lose_nothing(tmp_path: Path, found: Found) -> None:
    require("kafka")
    with kafka.started(kafka.nodes(tmp_path, 1)) as (node,):
        flow = Flow(tmp_path, Topic(node.address, 2), Topic(node.address, 1), once=False)
        kills = moved(flow, random.Random(4), rounds(), lambda: None)
        found(figures(flow, kills))


@THREE
def test_exactly_once_over_kills_of_the_process(three: list[Server], tmp_path: Path, found: Found) -> None:
    flow = flow_on(tmp_path, three[0].address, 3)
    kills = moved(flow, random.Random(1), KILLS, lambda: None)
    flow.check()
    found(figures(flow, kills))


@THREE
def test_exactly_once_over_kills_of_brokers(three: list[Server], tmp_path: Path, found: Found) -> None:
    """One of three is killed while it works, with little or much that waits, and started again."""
    flow = flow_on(tmp_path, ",".join(node.address for node in three), 3)
    chance, kills = random.Random(2), max(3, KILLS)
    with flow.process() as run:
        for _ in range(kills):
            flow.put(chance.choice((50, 400, 2500)))
            node = chance.choice(three)
            node.kill()
            flow.put(chance.randrange(50, 400))
            run.until(flow.has_all, "it goes on with two brokers", LONGEST)
            node.start()
        run.stop()
    flow.check()
    found(figures(flow, kills))


@THREE
def test_a_broker_that_hangs_is_waited_for(three: list[Server], tmp_path: Path) -> None:
    flow = flow_on(tmp_path, ",".join(node.address for node in three), 3)
    with flow.process() as run:
        for node in three[: max(1, min(3, rounds()))]:
            flow.put(2500)
            node.pause()
            time.sleep(5)  # it hangs for longer than any request is waited for by a broker
            node.go_on()
            run.until(flow.has_all, "it goes on", LONGEST)
        run.stop()
    flow.check()


@pytest.mark.soak("Kafka with ZooKeeper, exactly once", "kafka39")
def test_exactly_once_with_zookeeper(tmp_path: Path, found: Found) -> None:
    require("kafka39")
    with kafka.started(kafka.with_zookeeper(tmp_path)) as (_, broker):
        flow = flow_on(tmp_path, broker.address, 1)
        kills = moved(flow, random.Random(3), max(2, KILLS), lambda: None)
        flow.check()
        with flow.process() as run:
            flow.put(300)
            broker.stop()
            broker.start()
            run.until(flow.has_all, "it outlives a restart of the only broker")
            run.stop()
        flow.check()
        found(figures(flow, kills))
