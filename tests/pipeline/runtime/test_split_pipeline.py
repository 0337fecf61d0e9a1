"""Workers before filters of event time: results, and their order, are those of one process."""
from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.runtime.split_pipeline import head_of

WINDOW = 'window { id => "w" size => "10s" by => ["k"] lateness => "2s" sum => { "s" => "v" } last => { "l" => "n" } }'


@pytest.mark.parametrize(
    ("filters", "head"),
    [
        (f"{WINDOW}", 0),
        (f"mutate {{ }} if [a] {{ mutate {{ }} }} {WINDOW} mutate {{ }}", 2),
        (f"mutate {{ }} if [a] {{ {WINDOW} }}", 1),
        (f'aggregate {{ task_id => "%{{k}}" code => "x" language => "python" }} {WINDOW}', None),
        (f'{WINDOW} throttle {{ key => "%{{k}}" after_count => 1 }}', 0),
        ("mutate { }", None),
    ],
)
def test_workers_run_what_is_before_the_first_filter_of_event_time(filters: str, head: int | None) -> None:
    assert head_of(assemble([Source("a.conf", f"filter {{ {filters} }}")], settled({}))) == head


def lines(count: int) -> str:
    chance = random.Random(5)
    made: list[dict[str, Any]] = []
    for number in range(count):
        second = number / 100 + chance.random() * 4
        stamp = f"2025-09-04T08:{int(second) // 60:02}:{int(second) % 60:02}.{int(second % 1 * 1000):03}Z"
        made.append({"@timestamp": stamp, "k": chance.choice("abc"), "v": chance.randrange(9), "n": number, "drop": number % 7 == 0})
    return "".join(json.dumps(event) + "\n" for event in made)


CONFIGS = {
    "a window behind filters": f"if [drop] {{ drop {{ }} }} mutate {{ add_field => {{ copied => yes }} }} {WINDOW}",
    "a window in a branch": f'if [k] == "a" {{ {WINDOW} }} else {{ mutate {{ add_tag => ["other"] }} }}',
    "filters of event time behind each other": f'{WINDOW} if ![window] {{ dedupe {{ id => "d" by => ["k", "v"] within => "5s" summary => true }} }}',
    "columns of events, and late ones as they are": f'mutate {{ add_field => {{ copied => yes }} }} {WINDOW.replace("lateness", "keep => false lateness")} mutate {{ add_tag => ["behind"] }}',
    "split before": f'mutate {{ add_field => {{ list => ["p", "q"] }} }} split {{ field => "list" }} {WINDOW}',
}


def as_text(given: str) -> str:
    """The same as lines for grok, some of which have no key, or no value."""
    events = map(json.loads, given.splitlines())
    rows = (f"{e['@timestamp']} {e['k'] if e['n'] % 500 else '-'} {e['v'] or '-'} {e['n']}" for e in events)
    return "".join(f"{row}\n" for row in rows)


GROK = """
grok { match => { "message" => "^%{TIMESTAMP_ISO8601:at} (?:-|%{WORD:k}) (?:-|%{INT:v:int}) %{INT:n:int}$" } remove_field => ["event", "message"] }
date { match => ["at", "ISO8601"] remove_field => ["at"] }
mutate { remove_field => ["@version", "host"] }
"""


@pytest.mark.parametrize("size", ["1s", "10s", "1h"])
@pytest.mark.parametrize("lateness", ["0s", "2s", "5s"])
def test_the_output_for_lines_is_that_of_one_process(tmp_path: Path, size: str, lateness: str) -> None:
    """With few and many windows in a batch, and late events or none."""
    window = WINDOW.replace("10s", size).replace("2s", lateness).replace("size", "keep => false size")
    assert_same(tmp_path, f"input {{ stdin {{ }} }} filter {{ {GROK} {window} }}", as_text(lines(8000)))


@pytest.mark.parametrize("name", CONFIGS)
def test_the_output_is_that_of_one_process(tmp_path: Path, name: str) -> None:
    assert_same(tmp_path, f"input {{ stdin {{ codec => json_lines }} }} filter {{ {CONFIGS[name]} }}", lines(8000))


def assert_same(tmp_path: Path, text: str, given: str) -> None:
    """That one and two workers give the same lines."""
    (tmp_path / "a.conf").write_text(f"{text} output {{ stdout {{ codec => json_lines }} }}")
    out = []
    for workers in (1, 2):
        command = [sys.executable, "-m", "penstock", "run", "-f", str(tmp_path / "a.conf"), "-w", str(workers), "--path.data", str(tmp_path)]
        run = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == 0, run.stderr
        assert "running with 1 worker" not in run.stderr
        out.append(run.stdout.splitlines())
    assert out[1] == out[0]
    assert any('"window"' in line for line in out[0])


# Columns say that an event may be late: its batch is filtered a second time, for whole events.
KILLS = """
input {{ stdin {{ codec => json_lines }} }}
filter {{
  python {{
    init => 'import os; seen = set()'
    code => '
      number = event.get("n")
      if number in seen and number > 4000 and not os.path.exists("{mark}"):
          open("{mark}", "w").close()
          os.kill(os.getpid(), 9)
      seen.add(number)
    '
  }}
  {window}
}}
output {{ stdout {{ codec => json_lines }} }}
"""


def test_a_worker_may_die_while_it_filters_a_batch_again(tmp_path: Path) -> None:
    mark = tmp_path / "killed"
    window = WINDOW.replace("lateness", "keep => false lateness")
    (tmp_path / "a.conf").write_text(KILLS.format(mark=mark, window=window))
    given, out = lines(8000), []
    for workers in ("2", "1"):
        data = tmp_path / f"data-{workers}"
        flags = ["-f", str(tmp_path / "a.conf"), "-w", workers, "--path.data", str(data)]
        command = [sys.executable, "-m", "penstock", "run", *flags]
        run = subprocess.run(command, input=given, capture_output=True, text=True, timeout=240)
        assert run.returncode == 0, run.stderr
        assert mark.exists()
        out.append(run.stdout.splitlines())
    assert out[0] == out[1]
    assert any('"window"' in line for line in out[0])
