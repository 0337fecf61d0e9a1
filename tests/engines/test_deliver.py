"""Outputs where an engine works: each gets its events, what cannot be handled becomes dead letters, and what cannot be delivered ends the job."""
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.reference import Event
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.commands.main import main
from penstock.pipeline.engines.deliver import Deliveries
from penstock.pipeline.engines.packed import DEAD_LETTERS
from penstock.pipeline.engines.plan import Plan, plan_of
from penstock.pipeline.engines.shipping import assembled
from penstock.pipeline.engines.work import Work, work_for
from penstock.plugins.batch import Payload
from penstock.plugins.outputs.null import Null

GENERATOR = 'input { generator { count => 3 lines => ["a", "b"] } }'
READ = 'input { file { path => "/nothing" mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null" } }'


def refuse(self: Null, events: list[Event]) -> list[Payload]:
    """An output that cannot encode some events."""
    if any(event["message"] == "b" for event in events):
        raise ValueError("not this one")
    return []


def run(text: str, *flags: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["run", "--engine", "local", "-e", text, *flags])
    return done.exit_code, done.output


def messages(path: Path) -> list[str]:
    return [json.loads(line)["message"] for line in path.read_text().splitlines()]


def test_each_output_gets_its_events(tmp_path: Path) -> None:
    output = f'if [message] == "a" {{ file {{ path => "{tmp_path}/a" }} }} file {{ path => "{tmp_path}/%{{message}}.txt" }} file {{ path => "{tmp_path}/all" }}'
    status, said = run(f"{GENERATOR} output {{ {output} }}")
    assert (status, said) == (0, "")
    assert messages(tmp_path / "a") == ["a"] * 3
    assert messages(tmp_path / "b.txt") == ["b"] * 3
    assert messages(tmp_path / "all") == ["a", "b"] * 3


def test_what_an_output_cannot_encode_is_kept_in_the_dead_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Null, "pack", refuse)
    status, said = run(f"{GENERATOR} output {{ null {{ }} }}", "-S", "dead_letter_queue.enable=true", "--path.data", str(tmp_path))
    assert status == 0, said
    shown = CliRunner().invoke(main, ["dlq", "show", "--json", str(tmp_path / "dead_letter_queue" / "main")]).stdout
    assert shown.count('"message": "b"') + shown.count('"message":"b"') == 3
    assert "not this one" in shown


def test_a_refused_option_is_shown_at_its_place(tmp_path: Path) -> None:
    status, said = run(f'{GENERATOR} output {{ file {{ path => "{tmp_path}" }} }}')
    assert status == 1
    assert "is a directory" in said
    assert "^" in said


def plan(text: str, **settings: str) -> Plan:
    return plan_of([Source("p.conf", text)], settled({key.replace("__", "."): value for key, value in settings.items()}), "local")


def test_payloads_say_where_they_go_and_hold_what_goes_there(tmp_path: Path) -> None:
    made = plan(f'{READ} output {{ file {{ path => "{tmp_path}/%{{message}}" }} stdout {{ codec => line {{ format => "%{{message}}" }} }} }}')
    packed = Work(assembled(made.shipment)).lines(b"x\ny\nx\n", {})
    found = [(each.output, each.address, each.events, each.pickled) for each in packed.payloads]
    assert found == [(0, f"{tmp_path}/x", 2, False), (0, f"{tmp_path}/y", 1, False), (1, "", 3, False)]
    assert packed.payloads[2].payload == b"x\ny\nx\n"
    assert (packed.events_in, packed.events_out) == (3, 3)


def test_dead_letters_are_payloads_of_an_output_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Null, "pack", refuse)
    made = plan(f"{READ} output {{ null {{ }} }}", dead_letter_queue__enable="true", path__data=str(tmp_path))
    (letter,) = Work(assembled(made.shipment)).lines(b"a\nb\n", {}).payloads
    assert (letter.output, letter.events) == (DEAD_LETTERS, 1)
    assert letter.dead_letter().events[0]["message"] == "b"


def test_outputs_that_are_not_asked_for_are_not_opened(tmp_path: Path) -> None:
    made = plan(f'{READ} output {{ file {{ path => "{tmp_path}" }} file {{ path => "{tmp_path}/out" }} }}')
    packed = Work(assembled(made.shipment)).lines(b"x\n", {})
    second = Deliveries(assembled(made.shipment), [1])
    second.deliver([each for each in packed.payloads if each.output == 1])
    second.end()
    second.close()
    assert messages(tmp_path / "out") == ["x"]
    with pytest.raises(ConfigError, match="is a directory"):
        Deliveries(assembled(made.shipment), [0])


def test_a_thread_keeps_its_work() -> None:
    one, other = plan(f"{READ} output {{ null {{ }} }}"), plan(f"{READ} output {{ stdout {{ }} }}")
    first = work_for(one.shipment)
    assert work_for(one.shipment) is first
    assert work_for(other.shipment) is not first
