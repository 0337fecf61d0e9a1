"""What runs where, and what an engine refuses: no engine is needed for it."""
import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.commands.main import main
from penstock.pipeline.compile.instantiate import assemble
from penstock.pipeline.engines.plan import Plan, plan_of

ROOT = Path(__file__).parents[2]
KAFKA = 'kafka { bootstrap_servers => "b:9092" topics => ["t"] group_id => "g" codec => json }'
READ = 'file { path => "/var/log/*.log" mode => "read" exit_after_read => true file_completed_action => "log" file_completed_log_path => "/dev/null" }'
OUT = 'kafka { bootstrap_servers => "b:9092" topic_id => "out" codec => json }'
TASK = 'aggregate { id => "%s" task_id => "%%{user}" code => "map[\'n\'] = 1" %s }'
BY_FIELD = 'timeout_timestamp_field => "@timestamp"'
WINDOW = 'window { id => "w" size => "1m" by => ["user"] keep => false }'


def plan(filters: str = "", source: str = KAFKA, target: str = OUT, engine: str = "spark", **settings: str) -> Plan:
    text = f"input {{ {source} }} filter {{ {filters} }} output {{ {target} }}"
    return plan_of([Source("p.conf", text)], settled({key.replace("_", "."): value for key, value in settings.items()}), engine)


SEGMENTS = {
    "no filters": ("", [(0, -1, [])]),
    "no state": ("mutate { } drop { }", [(0, 1, [])]),
    "a window first": (WINDOW, [(0, -1, []), (0, 0, ["w"])]),
    "filters before and behind": (f"mutate {{ }} {WINDOW} mutate {{ }} mutate {{ }}", [(0, 0, []), (1, 3, ["w"])]),
    "two that keep state": (f'{WINDOW} mutate {{ }} dedupe {{ id => "d" by => ["x"] within => "1s" }}', [(0, -1, []), (0, 1, ["w"]), (2, 2, ["d"])]),
    "one in a branch": (f"mutate {{ }} if [a] {{ mutate {{ }} {WINDOW} }} else {{ drop {{ }} }} mutate {{ }}", [(0, 0, []), (1, 2, ["w"])]),
    "two of one key in a branch": (f'if [a] {{ {WINDOW} }} else {{ dedupe {{ id => "d" by => ["user"] within => "1s" }} }}', [(0, -1, []), (0, 0, ["w", "d"])]),
    "some that share their state": (f"mutate {{ }} if [a] {{ {TASK % ('a', '')} }} mutate {{ }} {TASK % ('b', '')} mutate {{ }} {WINDOW}", [(0, 0, []), (1, 4, ["a", "b"]), (5, 5, ["w"])]),
    "some that share, and others that do": (f"{TASK % ('a', '')} {TASK.replace('user', 'x') % ('b', '')} {TASK % ('c', '')}", [(0, -1, []), (0, 2, ["a", "b", "c"])]),
    "two with the same key that share nothing": ('throttle { id => "t" key => "%{user}" } throttle { id => "u" key => "%{user}" }', [(0, -1, []), (0, 0, ["t"]), (1, 1, ["u"])]),
}


@pytest.mark.parametrize(("filters", "wanted"), SEGMENTS.values(), ids=SEGMENTS)
def test_filters_are_cut_before_those_that_keep_state(filters: str, wanted: list[object]) -> None:
    found = [(each.first_filter, each.last_filter, [keyed.id for keyed in each.keyed]) for each in plan(filters).segments]
    assert found == wanted


COMBINES = {
    'size => "1m" keep => false sum => { "s" => "x" }': True,
    "whole => true keep => false": True,
    'size => "1m" every => "10s" keep => false percentiles => { "p" => "x" }': True,
    'size => "1m"': False,
    'size => "1m" keep => false first => { "f" => "x" }': False,
    'size => "1m" keep => false top => { "f" => "x" }': False,
    'size => "1m" keep => false early => "10s"': False,
    'gap => "1m" keep => false': False,
}


@pytest.mark.parametrize(("options", "wanted"), COMBINES.items())
def test_results_are_made_in_parts_where_they_are_of_sets(options: str, wanted: bool) -> None:
    (segment,) = plan(f'window {{ id => "w" {options} }}', READ).keyed
    assert segment.keyed[0].combines is wanted


def test_an_input_is_read_in_ranges_where_its_codec_can_be_cut() -> None:
    (lines,) = plan(source=READ).reads
    (joined,) = plan(source=READ.replace(" }", ' codec => multiline { pattern => "^ " what => "previous" } }')).reads
    assert (lines.how, lines.splittable, lines.bounded) == ("ranges", True, True)
    assert (joined.how, joined.splittable, joined.codec) == ("ranges", False, "multiline")


WHERE = [
    ("spark", OUT, "task", "at least once"),
    ("spark", 'file { path => "x" }', "task", "exactly once"),
    ("flink", 'file { path => "x" }', "engine", "exactly once"),
    ("flink", OUT, "engine", "exactly once, for readers of committed records"),
    ("flink", 'http { url => "http://x" http_method => "post" }', "task", "at least once"),
    ("spark", "stdout { }", "driver", "at least once"),
]


@pytest.mark.parametrize(("engine", "target", "where", "guarantee"), WHERE)
def test_an_output_is_delivered_where_it_can_be(engine: str, target: str, where: str, guarantee: str) -> None:
    (write,) = plan(target=target, engine=engine).writes
    assert (write.where, write.guarantee) == (where, guarantee)


REFUSED = [
    ("E260", "spark", "stdin { }", "", OUT, "stdin"),
    ("E260", "flink", "tcp { port => 5000 }", "", OUT, "tcp"),
    ("E260", "kafka", READ, "", OUT, "file"),
    ("E260", "local", KAFKA, "", OUT, "kafka"),
    ("E260", "local", "generator { }", "", OUT, "generator"),
    ("E260", "flink", 'file { path => "x" }', "", OUT, "file"),
    ("E260", "spark", READ.replace('"log"', '"log_and_delete"'), "", OUT, '"read"'),
    ("E261", "spark", KAFKA.replace("json", "netflow"), "", OUT, "netflow"),
    ("E262", "spark", KAFKA, 'throttle { key => "login" after_count => 2 }', OUT, '"login"'),
    ("E262", "flink", KAFKA, 'throttle { key => "%{+HH}" after_count => 2 }', OUT, '"%{+HH}"'),
    ("E262", "spark", KAFKA, TASK % ("a", "push_previous_map_as_event => true"), OUT, "true"),
    ("E262", "spark", KAFKA, TASK % ("a", 'aggregate_maps_path => "x"'), OUT, '"x"'),
    ("E262", "spark", KAFKA, (TASK % ("a", "")).replace("%{user}", "%{+yyyy}"), OUT, '"%{+yyyy}"'),
    ("E262", "spark", KAFKA, "sleep { time => 1 }", OUT, "sleep"),
    ("E262", "spark", KAFKA, 'metrics { meter => "x" }', OUT, "metrics"),
    ("E262", "spark", KAFKA, 'correlate { id => "c" type => "temporal" events => ["a", "b"] by => ["u"] aliases => { "b" => ["v"] } within => "1m" }', OUT, "{"),
    ("E263", "spark", KAFKA, f'if [a] {{ {WINDOW} dedupe {{ id => "d" by => ["x"] within => "1s" }} }}', OUT, "dedupe"),
    ("E263", "spark", KAFKA, f"{TASK % ('a', BY_FIELD)} {WINDOW} {TASK % ('b', '')}", OUT, "window"),
    ("E263", "spark", KAFKA, f"{TASK % ('a', BY_FIELD)} if [x] {{ throttle {{ key => \"%{{host}}\" }} }} {TASK % ('b', '')}", OUT, "throttle"),
    ("E264", "spark", KAFKA, 'grok { match => { "message" => "%{WORD}" } patterns_dir => ["no-such"] }', OUT, '"no-such"'),
    ("W330", "spark", KAFKA, "", 'elasticsearch { hosts => ["x"] }', "elasticsearch"),
    ("W332", "flink", KAFKA, WINDOW.replace("size", 'idle => "10s" size'), OUT, '"10s"'),
    ("W332", "spark", KAFKA, TASK % ("a", "timeout => 5"), OUT, "5"),
    ("W332", "spark", KAFKA, f"{TASK % ('a', '')} {TASK % ('b', 'timeout => 5')}", OUT, "5"),
    ("W332", "local", 'generator { count => 1 }', 'elapsed { start_tag => "a" end_tag => "b" unique_id_field => "id" }', "stdout { }", "elapsed"),
]


@pytest.mark.parametrize(("code", "engine", "source", "filters", "target", "place"), REFUSED)
def test_what_an_engine_cannot_do_is_said_at_its_place(code: str, engine: str, source: str, filters: str, target: str, place: str) -> None:
    (found,) = plan(filters, source, target, engine).diagnostics
    assert found.code == code
    assert found.span is not None
    assert found.span.source.text[found.span.start :].startswith(place)
    assert found.help


def test_order_is_warned_of_where_it_is_asked_for() -> None:
    assert [each.code for each in plan(pipeline_ordered="true").diagnostics] == ["W331"]
    assert plan().diagnostics == []


def show(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["show", "plan", *arguments])
    return done.exit_code, done.output


def test_a_plan_is_printed_with_what_runs_where() -> None:
    text = f"input {{ {READ} }} filter {{ mutate {{ }} {WINDOW} }} output {{ {OUT} }}"
    status, shown = show("--engine", "spark", "-e", text)
    assert status == 0
    for part in ("read 0: file", "in ranges, as tasks", "exchange by [user]: 256 shards", "in parts", "window: state `w`", "write 0: kafka", "checkpoint"):
        assert part in shown


def test_a_plan_for_machines_says_the_same() -> None:
    text = f"input {{ {READ} }} filter {{ mutate {{ }} {WINDOW} }} output {{ elasticsearch {{ hosts => [\"x\"] password => \"hidden\" user => \"u\" }} }}"
    status, shown = show("--engine", "spark", "--json", "-e", text)
    data = json.loads(shown)
    assert status == 0
    assert data["bounded"] is True
    assert [each["filters"] for each in data["segments"]] == [["mutate"], ["window"]]
    assert [each["code"] for each in data["diagnostics"]] == ["W330"]
    assert "hidden" not in shown


def test_a_refused_plan_ends_with_1_and_an_unknown_engine_with_2() -> None:
    assert show("--engine", "flink", "-e", "input { stdin { } }")[0] == 1
    status, shown = show("--engine", "sparc", "-e", "input { stdin { } }")
    assert (status, "did you mean `spark`" in shown) == (2, True)


def test_a_group_is_told_the_pipelines_that_bring_events_to_their_key() -> None:
    filters = f'json {{ source => "message" }} {WINDOW} window {{ id => "v" size => "1h" by => ["[host][name]"] keep => false }}'
    text = f"input {{ {KAFKA} }} filter {{ {filters} }} output {{ {OUT} }}"
    status, shown = show("--engine", "kafka", "--json", "-e", text)
    found = json.loads(shown)["repartition"]
    assert status == 0
    assert found["topics"] == ["t-by-user", "t-by-host.name"]
    for part in found["pipelines"]:
        assemble([Source("part.conf", part)], settled(None))
    first, second, third = found["pipelines"]
    assert 'message_key => "%{[user]}"' in first
    assert "window" not in first
    assert 'topics => ["t-by-user"]' in second
    assert 'message_key => "%{[host][name]}"' in second
    assert 'topic_id => "out"' in third


def test_a_template_is_the_key_of_the_topic_in_between() -> None:
    filters = 'mutate { } aggregate { task_id => "%{[host][name]}/%{user}" code => "" } throttle { key => "%{[@metadata][x]}" }'
    status, shown = show("--engine", "kafka", "--json", "-e", f"input {{ {KAFKA} }} filter {{ {filters} }} output {{ {OUT} }}")
    found = json.loads(shown)["repartition"]
    assert (status, found["topics"]) == (0, ["t-by-host.name-user", "t-by-metadata.x"])
    assert 'message_key => "%{[host][name]}/%{user}"' in found["pipelines"][0]


@pytest.mark.parametrize("engine", ["lokal", "", "pyspark"])
def test_run_refuses_an_engine_that_is_not_known(engine: str) -> None:
    done = CliRunner().invoke(main, shlex.split(f"run --engine {engine or 'x'} -e 'input {{ generator {{ count => 1 }} }}'"))
    assert done.exit_code == 2
    assert "unknown engine" in done.output


def test_the_plan_in_the_documentation_is_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = (ROOT / "samples" / "access-report" / "pipeline.conf").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    Path("report.conf").write_text(sample.replace("stdin { }", READ).replace("stdout {", 'file { path => "report.jsonl"'), encoding="utf-8")
    _, shown = show("--engine", "spark", "-f", "report.conf")
    assert f"```\n{shown}```" in (ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")


INSTEAD = {
    "stdin on spark": ("spark", "stdin { }", "only `file`, `generator` and `kafka` can be read", "read files with file"),
    "s3 on flink": ("flink", 's3 { bucket => "b" }', "cannot read the input `s3`", "runs on the engine"),
    "stdin in a group": ("kafka", "stdin { }", "only `kafka` can be shared out", "runs as a group"),
    "tcp on local": ("local", "tcp { port => 5000 }", "only `file` and `generator`", "write the events to files"),
}


@pytest.mark.parametrize(("engine", "source", "why", "instead"), INSTEAD.values(), ids=INSTEAD)
def test_an_input_that_cannot_be_read_is_refused_with_what_can(
    engine: str, source: str, why: str, instead: str
) -> None:
    status, shown = show("--engine", engine, "-e", f"input {{ {source} }}")
    assert status == 1
    assert why in shown
    assert instead in shown
    assert "not at all\n" in shown


@pytest.mark.parametrize(("engine", "said"), [("spark", "send along"), ("kafka", "each process reads")])
def test_files_are_sent_along_where_there_is_an_engine(engine: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("a,b\n")
    named = f'translate {{ source => "m" dictionary_path => "{tmp_path}/d.csv" }}'
    text = f"input {{ {KAFKA} }} filter {{ {named} }} output {{ {OUT} }}"
    assert f"{said}: {tmp_path}/d.csv" in show("--engine", engine, "-e", text)[1]
