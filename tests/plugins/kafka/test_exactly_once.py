"""Exactly once from Kafka to Kafka: whatever is killed, paused or refused, each message is there once for who reads what is committed."""
from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.kafka_flow import Flow
from servers.kafka_topics import Topic

from penstock.dsl.diagnostics import Diagnostic
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect

INPUT = 'kafka { topics => ["a"] exactly_once => true }'
OUTPUT = 'kafka { topic_id => "b" exactly_once => true }'

REFUSED = [
    ("input alone", f"input {{ {INPUT} }} output {{ stdout {{ }} }}", {}, "`exactly_once` requires an output `kafka`"),
    ("output alone", f"input {{ stdin {{ }} }} output {{ {OUTPUT} }}", {}, "`exactly_once` requires an input `kafka`"),
    ("another output", f"input {{ {INPUT} }} output {{ {OUTPUT} stdout {{ }} }}", {}, "cannot hold beside another output, `stdout`"),
    ("another input", f"input {{ {INPUT} stdin {{ }} }} output {{ {OUTPUT} }}", {}, "cannot hold beside another input, `stdin`"),
    ("a disk queue", f"input {{ {INPUT} }} output {{ {OUTPUT} }}", {"queue.type": "persisted"}, "cannot hold with a disk queue"),
    (
        "a spill",
        f'input {{ {INPUT} }} output {{ {OUTPUT.replace("}", "")} when_full => "spill" }} }}',
        {},
        "cannot hold where events wait elsewhere",
    ),
    (
        "acks of the leader alone",
        f'input {{ {INPUT} }} output {{ {OUTPUT.replace("}", "")} acks => "1" }} }}',
        {},
        "`exactly_once` requires acks",
    ),
    (
        "what is not committed",
        f'input {{ {INPUT.replace("}", "")} isolation_level => "read_uncommitted" }} }} output {{ {OUTPUT} }}',
        {},
        "reads what is committed only",
    ),
]


def findings(config: str, settings: dict[str, Any]) -> list[Diagnostic]:
    return inspect([Source("a.conf", config)], settled(settings))[1]


@pytest.mark.parametrize(("config", "settings", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_would_break_the_promise_is_refused(config: str, settings: dict[str, Any], message: str) -> None:
    found = [finding for finding in findings(config, settings) if message in finding.message]
    assert found
    assert found[0].span is not None
    assert found[0].span.text in ("true", '"spill"', '"1"', '"read_uncommitted"')


def test_one_input_and_one_output_are_accepted() -> None:
    assert findings(f"input {{ {INPUT} }} filter {{ mutate {{ add_tag => ['x'] }} }} output {{ {OUTPUT} }}", {}) == []


@pytest.fixture
def flow(tmp_path: Path, make_topic: Callable[..., Topic]) -> Flow:
    return Flow(tmp_path, make_topic(), make_topic(1))


def test_each_message_is_written_once_however_often_the_process_is_killed(flow: Flow) -> None:
    for _ in range(3):
        flow.put(1000)  # so that each has something to write, however much the one before it did
        before = flow.count("read_uncommitted")
        with flow.process() as run:
            run.until(lambda before=before: flow.count("read_uncommitted") > before, "it writes")
            run.kill()
    with flow.process() as run:
        run.until(flow.has_all, "all is written")
        run.stop()
    flow.check()


@pytest.mark.soak("Kafka, one node", "kafka")
def test_a_process_that_was_taken_for_dead_commits_nothing_more(flow: Flow) -> None:
    """It is paused in the middle, another takes its partitions over, and it wakes up."""
    with flow.process("first") as first:
        flow.put(50)
        first.until(flow.has_all, "the first writes")
        first.signal(signal.SIGSTOP)
        flow.put(500)
        with flow.process("second") as second:
            second.until(flow.has_all, "the second takes over")
            first.signal(signal.SIGCONT)
            flow.put(300)
            second.until(flow.has_all, "both go on")
            first.stop()
            second.stop()
    flow.check()


@pytest.mark.soak("Kafka, one node", "kafka")
def test_workers_decode_and_pack_for_a_transaction(flow: Flow) -> None:
    flow.put(1000)
    with flow.process("run", "-w", "2") as run:
        run.until(flow.has_all, "all is written")
        run.stop()
    flow.check()


def test_a_message_that_brokers_refuse_is_a_dead_letter_and_the_others_are_written_once(
    tmp_path: Path, make_topic: Callable[..., Topic]
) -> None:
    flow = Flow(tmp_path, make_topic(), make_topic(1, max_message_bytes="2000"))
    flow.put(20)
    flow.source.put(["x" * 50_000])
    flow.put(20)
    with flow.process("run", "--dead_letter_queue.enable") as run:
        run.until(flow.has_all, "the others are written")
        flow.put(10)
        run.until(flow.has_all, "it goes on")
        run.stop()
    flow.check()
    assert "1 events rejected" in run.said()
    assert "sent to dead letters" in run.said()
