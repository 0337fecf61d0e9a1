"""A configuration arrives on another machine with all that it names."""
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.engines.flink.shipped import archive_of, assembled_here
from penstock.pipeline.engines.plan import Plan, plan_of
from penstock.pipeline.engines.shipping import Shipment
from penstock.pipeline.engines.work import Work, assembled

INPUT = 'input { file { path => "/dev/null" mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null" } }'
OUTPUT = "output { stdout { codec => json_lines } }"


def plan(filters: str, engine: str = "local") -> Plan:
    return plan_of([Source("p.conf", f"{INPUT} filter {{ {filters} }} {OUTPUT}")], settled({"penstock.now": "2026-01-01T00:00:00Z"}), engine)


def moved(shipment: Shipment, directory: Path) -> tuple[Shipment, Callable[[str], str]]:
    """A shipment as it arrives, its files in another directory under the names that they travel by; nothing is left where they were."""
    directory.mkdir()
    for member in shipment.members:
        shutil.move(member.path, directory / member.name)
    return pickle.loads(pickle.dumps(shipment)), lambda name: str(directory / name)


def first_line(work: Work) -> str:
    packed = work.lines(b"one 1\n", {})
    return b"".join(payload.payload for payload in packed.payloads).decode()


FILES = {
    "a dictionary": ({"d.csv": "one,eins\n"}, 'grok { match => { "message" => "%{WORD:w}" } } translate { source => "w" target => "found" dictionary_path => "DIRECTORY/d.csv" }', '"found":"eins"'),
    "a directory of patterns": ({"patterns/a": "THING o\\w+\n", "patterns/b": "NUMBER_ \\d\n"}, 'grok { patterns_dir => ["DIRECTORY/patterns"] match => { "message" => "%{THING:found} %{NUMBER_}" } }', '"found":"one"'),
    "files by a pattern": ({"x1/a": "THING o\\w+\n", "x2/a": "DIGIT_ \\d\n"}, 'grok { patterns_dir => ["DIRECTORY/x*/a"] match => { "message" => "%{THING:found} %{DIGIT_}" } }', '"found":"one"'),
    "a script": ({"s.rb": "def filter(event)\n  event.set('found', 'ruby')\n  [event]\nend\n"}, 'ruby { path => "DIRECTORY/s.rb" }', '"found":"ruby"'),
    "two of one name": ({"a/d.csv": "one,eins\n", "b/d.csv": "eins,uno\n"}, 'grok { match => { "message" => "%{WORD:w}" } } translate { source => "w" target => "x" dictionary_path => "DIRECTORY/a/d.csv" } translate { source => "x" target => "found" dictionary_path => "DIRECTORY/b/d.csv" }', '"found":"uno"'),
}


@pytest.mark.parametrize(("files", "filters", "wanted"), FILES.values(), ids=FILES)
def test_files_are_sent_and_read_where_they_arrive(files: dict[str, str], filters: str, wanted: str, tmp_path: Path) -> None:
    for name, text in files.items():
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    made = plan(filters.replace("DIRECTORY", str(tmp_path / "here")))
    assert made.diagnostics == []
    shipment, fetch = moved(made.shipment, tmp_path / "there")
    assert wanted in first_line(Work(assembled(shipment, fetch)))


@pytest.mark.parametrize(("files", "filters", "wanted"), FILES.values(), ids=FILES)
def test_flink_unpacks_files_where_its_workers_read_them(
    files: dict[str, str], filters: str, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in files.items():
        path = tmp_path / "here" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shipment = plan(filters.replace("DIRECTORY", str(tmp_path / "here")), "flink").shipment
    archive, _, target = archive_of(shipment).partition("#")
    shutil.rmtree(tmp_path / "here")
    shutil.unpack_archive(archive, tmp_path / "worker" / target)
    monkeypatch.setenv("_PYTHON_WORKING_DIR", str(tmp_path / "worker"))
    assert wanted in first_line(Work(assembled_here(pickle.loads(pickle.dumps(shipment)))))


def test_flink_sends_nothing_where_no_option_names_a_file() -> None:
    assert archive_of(plan('mutate { add_tag => ["a"] }', "flink").shipment) == ""


def test_a_file_that_has_not_come_is_named(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("one,eins\n")
    made = plan(f'translate {{ source => "message" dictionary_path => "{tmp_path}/d.csv" }}')
    with pytest.raises(ConfigError, match=r"E264.*d\.csv"):
        assembled(made.shipment, lambda name: str(tmp_path / "elsewhere" / name))


def test_variables_and_secrets_are_those_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret\n")
    monkeypatch.setenv("PLACE", "driver")
    made = plan(f'mutate {{ add_field => {{ "a" => "${{PLACE}}" "b" => "${{file:{secret}}}" "c" => "${{NONE:else}}" }} }}')
    monkeypatch.setenv("PLACE", "executor")
    secret.unlink()
    line = first_line(Work(assembled(pickle.loads(pickle.dumps(made.shipment)))))
    assert all(part in line for part in ('"a":"driver"', '"b":"s3cret"', '"c":"else"'))


def test_only_variables_that_are_named_travel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER", "x")
    monkeypatch.setenv("NAMED", "y")
    assert plan('mutate { add_tag => ["${NAMED}"] }').shipment.variables == {"NAMED": "y"}


def test_the_digest_tells_configurations_apart() -> None:
    one, same, other = plan('mutate { add_tag => ["a"] }'), plan('mutate { add_tag => ["a"] }'), plan('mutate { add_tag => ["b"] }')
    assert one.shipment.digest == same.shipment.digest
    assert one.shipment.digest != other.shipment.digest
