"""Settings from a directory: what files may say, and what is said of one that is wrong."""
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from penstock.dsl.diagnostics import ConfigError
from penstock.pipeline.commands.main import main
from penstock.pipeline.commands.settings_files import read_settings

EMPTY = "input { generator { count => 1 } } output { null { } }"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with a directory of settings."""
    monkeypatch.chdir(tmp_path)
    Path("settings").mkdir()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def refused(settings: str = "", pipelines: str = "") -> list[str]:
    """What is wrong with a directory: places, codes and messages."""
    if settings:
        Path("settings/penstock.yml").write_text(settings)
    if pipelines:
        Path("settings/pipelines.yml").write_text(pipelines)
    with pytest.raises(ConfigError) as error:
        read_settings("settings", True)
    return [f"{Path(d.place).name} {d.code} {d.message}" for d in error.value.diagnostics]


@pytest.mark.parametrize("name", ["penstock.yml", "logstash.yml"])
def test_settings_may_be_flat_or_nested_and_take_variables(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODE", "disabled")
    Path("settings", name).write_text("pipeline:\n  workers: 2\n  ecs_compatibility: ${MODE}\nlog.level: ${LEVEL:warn}\nqueue.drain: yes\n")
    found = read_settings("settings", False).shared.values
    assert found == {"pipeline.workers": 2, "pipeline.ecs_compatibility": "disabled", "log.level": "warn", "queue.drain": True}


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n"])
def test_an_empty_file_says_nothing(text: str) -> None:
    Path("settings/penstock.yml").write_text(text)
    Path("settings/pipelines.yml").write_text(text)
    found = read_settings("settings", True)
    assert (found.shared.values, found.pipelines) == ({}, [])


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ("path.dta: /tmp\n", ["penstock.yml:1:1 E230 unknown setting `path.dta`"]),
        ("pipeline:\n  worker: 2\n", ["penstock.yml:2:3 E230 unknown setting `pipeline.worker`"]),
        ("pipeline.workers: zwei\n", ["penstock.yml:1:19 E230 the setting `pipeline.workers` is `zwei`; an integer is expected"]),
        (
            "log.levl: info\npipeline.batch: {size: viele}\n",
            ["penstock.yml:1:1 E230 unknown setting `log.levl`", "penstock.yml:2:24 E230 the setting `pipeline.batch.size` is `viele`; an integer is expected"],
        ),
        ("node.name: ${NOT_SET}\n", ["penstock.yml:1:12 E206 the variable `NOT_SET` is not set and has no default"]),
        ("- a\n", ["penstock.yml:1:1 E231 settings must be a map of keys and values"]),
        ("a: 1\na: 2\n", ["penstock.yml:2:1 E231 the key `a` is given twice"]),
    ],
)
def test_what_is_wrong_with_a_file_of_settings_has_its_place(settings: str, found: list[str]) -> None:
    assert refused(settings) == found


@pytest.mark.parametrize(
    ("pipelines", "found"),
    [
        ("a: 1", ["pipelines.yml:1:1 E231 pipelines must be a list of maps"]),
        ("- pipeline.id: a", ["pipelines.yml:1:16 E231 the pipeline `a` has neither path.config nor config.string"]),
        ("- {pipeline.id: a, config.string: ''}\n- {pipeline.id: a, config.string: ''}", ["pipelines.yml:2:17 E231 the pipeline id `a` is used twice"]),
        (
            "- {pipeline.id: a, config.string: '', queue.typ: memory}\n- pipeline.id: a\n  path.confg: x\n",
            [
                "pipelines.yml:1:39 E230 unknown setting `queue.typ`",
                "pipelines.yml:2:16 E231 the pipeline id `a` is used twice",
                "pipelines.yml:2:16 E231 the pipeline `a` has neither path.config nor config.string",
                "pipelines.yml:3:3 E230 unknown setting `path.confg`",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_file_of_pipelines_has_its_place_and_comes_at_once(pipelines: str, found: list[str]) -> None:
    assert refused(pipelines=pipelines) == found


def test_errors_of_both_files_come_at_once() -> None:
    found = refused("path.dta: x\n", "- path.config: [dpkg.conf\n")
    assert [line.partition(" ")[0] for line in found] == ["penstock.yml:1:1", "pipelines.yml:1:26"]


@pytest.mark.parametrize("command", ["run", "check", "test", "show program", "trace"])
def test_a_directory_of_settings_that_is_not_there_is_refused(command: str) -> None:
    result = invoke(*command.split(), "--path.settings", "/nope", *([] if command == "test" else ["-e", EMPTY]))
    assert result.exit_code == 1
    assert "directory `/nope` does not exist" in result.output


def test_check_looks_at_all_pipelines_of_a_directory() -> None:
    Path("settings/pipelines.yml").write_text(
        f"- {{pipeline.id: a, config.string: '{EMPTY}'}}\n- {{pipeline.id: b, config.string: 'filter {{ grk {{ }} }}'}}\n- {{pipeline.id: c, config.string: 'filter {{ mutat {{ }} }}'}}\n"
    )
    result = invoke("check", "--path.settings", "settings")
    assert result.exit_code == 1
    assert "`grk`" in result.output
    assert "`mutat`" in result.output


def test_a_pipeline_of_a_directory_is_shown_by_its_id() -> None:
    Path("settings/pipelines.yml").write_text(
        "- {pipeline.id: a, config.string: 'filter { drop { } }'}\n- {pipeline.id: b, config.string: 'filter { mutate { } }'}\n"
    )
    assert "filter mutate" in invoke("show", "program", "--path.settings", "settings", "--pipeline.id", "b").output
    assert "there are several pipelines" in invoke("show", "program", "--path.settings", "settings").output


def test_settings_of_a_directory_hold_for_check_and_tests() -> None:
    Path("settings/penstock.yml").write_text("config.support_escapes: true\nhttp.port: 9600\n")
    conf = r'filter { mutate { add_field => { "a" => "x\ty" } } }'
    Path("a.conf").write_text(conf)
    Path("a.test.yml").write_text('pipeline: a.conf\ntests: [{name: t, input: x, expect: {a: "x\\ty"}}]\n')
    assert invoke("test", "a.test.yml").exit_code == 1
    assert invoke("test", "a.test.yml", "--path.settings", "settings").exit_code == 0
    checked = invoke("check", "a.conf", "--path.settings", "settings")
    assert checked.exit_code == 0
    assert "settings/penstock.yml:2:1" in checked.output


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--queue.type", "persisted"], 0, "OK"),
        (["--queue.type=persisted"], 0, "OK"),
        (["--queue.drain"], 0, "OK"),
        (["--http.port", "9600", "--node.name=me", "--xpack.monitoring.enabled", "false"], 0, "the settings `http.port`, `node.name`, `xpack.monitoring.enabled` have no effect"),
        (["-l", "/var/log"], 0, "the setting `path.logs` has no effect"),
        (["--queue.type", "disk"], 2, "it must be one of memory, persisted"),
        (["--queue.typ", "memory"], 2, "unknown option --queue.typ: did you mean `--queue.type`?"),
        (["-S", "pipline.workers=2"], 2, "did you mean `pipeline.workers`?"),
        (["-S", "pipeline.workers=0"], 2, "it must be at least 1"),
        (["--log.level", "loud"], 2, "it must be one of"),
        (["--queue.type"], 2, "--queue.type needs a value"),
    ],
)
def test_every_setting_is_a_flag(flags: list[str], code: int, says: str) -> None:
    result = invoke("check", "-e", EMPTY, *flags)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_a_flag_goes_before_the_file() -> None:
    Path("settings/penstock.yml").write_text("log.level: loud\n")
    assert "`loud`" in invoke("check", "-e", EMPTY, "--path.settings", "settings").output
    Path("settings/penstock.yml").write_text("pipeline.ecs_compatibility: disabled\n")
    shown = invoke("check", "--json", "-e", "filter { geoip { source => ip } }", "--path.settings", "settings", "--pipeline.ecs_compatibility", "v8")
    assert isinstance(json.loads(shown.output), list)
