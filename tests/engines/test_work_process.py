"""``Work`` in a process of its own gives what it gives here, ends slow matches, and outlives what goes wrong."""

import os
import pickle
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.engines.flink.columns import Messages
from penstock.pipeline.engines.packed import Packed
from penstock.pipeline.engines.plan import plan_of
from penstock.pipeline.engines.ranges import Range
from penstock.pipeline.engines.reading import Reading
from penstock.pipeline.engines.shipping import Shipment, assembled
from penstock.pipeline.engines.work import Work
from penstock.pipeline.engines.work_process import WorkProcess
from penstock.plugins.errors import Undelivered

FILE = """input { file { path => "/dev/null" mode => "read" exit_after_read => true
  file_completed_action => "log" file_completed_log_path => "/dev/null" } }"""
TOPIC = 'input { kafka { topics => ["t"] } }'
OUTPUT = "output { stdout { codec => json_lines } }"
GROK = 'grok { match => { "message" => "%{WORD:word} %{NUMBER:number}" } }'


def shipment(filters: str, source: str = FILE) -> Shipment:
    text = f"{source} filter {{ {filters} }} {OUTPUT}"
    return plan_of(
        [Source("p.conf", text)], settled({"penstock.now": "2026-01-01T00:00:00Z"}), "flink"
    ).shipment


@pytest.fixture
def lines(tmp_path: Path) -> str:
    path = tmp_path / "in.log"
    path.write_text("".join(f"word{n} {n}\n" for n in range(50_000)))
    return str(path)


@pytest.fixture
def process() -> Iterator[WorkProcess]:
    made = WorkProcess(shipment(GROK))
    yield made
    made.close()


def payloads(packed: list[Packed]) -> bytes:
    return b"".join(payload.payload for each in packed for payload in each.payloads)


def test_a_range_gives_what_it_gives_in_this_process(process: WorkProcess, lines: str) -> None:
    request = Reading(0, Range(lines, 1000, 400_000))
    here = payloads(list(request(Work(assembled(shipment(GROK))))))
    assert payloads(list(process.ask(request))) == here
    assert here.count(b'"number"') == here.count(b"\n") > 10_000


def test_a_match_that_takes_too_long_is_ended_whichever_thread_asks(tmp_path: Path) -> None:
    (tmp_path / "in.log").write_text("a" * 40 + "b\n" + "aa\n")
    slow = 'grok { match => { "message" => "^(?<x>(?:a+)+)$" } timeout_millis => 100 }'
    made = WorkProcess(shipment(slow))
    with ThreadPoolExecutor(1) as other:
        packed = other.submit(list, made.ask(Reading(0, Range(str(tmp_path / "in.log"))))).result()
    made.close()
    ended, matched = payloads(packed).splitlines()
    assert b"_groktimeout" in ended
    assert b'"x":"aa"' in matched


def test_a_request_that_fails_says_why_and_the_next_one_is_worked(
    process: WorkProcess, lines: str
) -> None:
    with pytest.raises(Undelivered, match="No such file"):
        list(process.ask(Reading(0, Range("/not/there"))))
    assert payloads(list(process.ask(Reading(0, Range(lines))))).count(b"\n") == 50_000


def test_answers_that_nobody_took_do_not_answer_the_next_request(
    process: WorkProcess, lines: str
) -> None:
    next(process.ask(Reading(0, Range(lines))))
    assert payloads(list(process.ask(Reading(0, Range(lines, 0, 6))))).count(b"\n") == 1


def test_a_process_that_dies_fails_the_request_alone(process: WorkProcess, lines: str) -> None:
    with pytest.raises(Undelivered, match="has died"):
        list(process.ask(kill))
    assert payloads(list(process.ask(Reading(0, Range(lines))))).count(b"\n") == 50_000


def kill(_work: Work) -> Iterator[None]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield


def test_a_configuration_that_does_not_hold_here_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n")
    sent = shipment(f'translate {{ source => "message" dictionary_path => "{tmp_path}/d.csv" }}')
    with pytest.raises(Undelivered, match=r"E264.*d\.csv"):
        WorkProcess(sent, str(tmp_path / "elsewhere"))


@pytest.mark.parametrize("names", [("value",), ("value", "topic", "partition")])
def test_messages_are_worked_by_partition_where_that_is_told(names: tuple[str, ...]) -> None:
    columns = {"value": [b"a 1", None, b"b 2"], "topic": ["t"] * 3, "partition": [1, 0, 1]}
    given = {name: columns[name] for name in names}
    work = Work(assembled(shipment(GROK, TOPIC)))
    (answer,) = Messages(0, given)(work)
    worked = {place: payloads([packed]).count(b"\n") for place, packed in pickle.loads(answer)}
    assert worked == ({None: 3} if len(names) == 1 else {("t", 1): 2, ("t", 0): 1})
