"""``penstock keystore``, and what ``${NAME}`` and ``${file:…}`` stand for; no secret is shown anywhere."""
from __future__ import annotations

import json
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main
from penstock.pipeline.storage.keystore import FILE_NAME

SECRET = "correct horse battery"


@pytest.fixture(autouse=True)
def passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KEYSTORE_PASS", "open sesame")
    monkeypatch.delenv("LOGSTASH_KEYSTORE_PASS", raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    directory = tmp_path / "settings"
    directory.mkdir()
    return directory


def keystore(settings: Path, *arguments: str, stdin: str = "") -> Result:
    command, *rest = arguments
    return CliRunner().invoke(main, ["keystore", command, "--path.settings", str(settings), *rest], input=stdin)


def penstock(settings: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock", *arguments, "--path.settings", str(settings)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def filled(settings: Path) -> Path:
    assert keystore(settings, "create").exit_code == 0
    assert keystore(settings, "add", "TOKEN", "--stdin", stdin=f"{SECRET}\n").exit_code == 0
    return settings


def test_secrets_are_added_listed_and_removed(filled: Path) -> None:
    assert keystore(filled, "add", "es.password", stdin="more\n").exit_code == 0
    assert keystore(filled, "list").stdout == "TOKEN\nes.password\n"
    assert keystore(filled, "remove", "TOKEN").exit_code == 0
    assert keystore(filled, "list").stdout == "es.password\n"


def test_the_file_is_its_owners_and_shows_neither_names_nor_values(filled: Path) -> None:
    path = filled / FILE_NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stale = path.with_suffix(".new")  # as a kill leaves it
    stale.touch(0o644)
    assert keystore(filled, "add", "MORE", "--stdin", stdin="more").exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not any(word in path.read_text() for word in ('TOKEN', SECRET, '"key"'))


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        (("create",), "", "there is a keystore"),
        (("add", "TOKEN", "--stdin"), "x", "there is a secret `TOKEN` already: --yes replaces it"),
        (("add", "1st", "--stdin"), "x", "`1st` is not a valid name"),
        (("add", "EMPTY", "--stdin"), "", "the value of `EMPTY` is empty"),
        (("remove", "NOPE"), "", "unknown secret `NOPE`: `penstock keystore list` shows the names"),
    ],
)
def test_mistakes_are_said_and_change_nothing(filled: Path, arguments: tuple[str, ...], stdin: str, words: str) -> None:
    before = (filled / FILE_NAME).read_bytes()
    result = keystore(filled, *arguments, stdin=stdin)
    assert result.exit_code == 2
    assert words in result.stderr
    assert (filled / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize(("given", "words"), [("wrong", "is wrong, or the file is damaged"), ("", "is locked: put its passphrase into PENSTOCK_KEYSTORE_PASS")])
def test_without_its_passphrase_it_stays_shut(filled: Path, given: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KEYSTORE_PASS", given)
    assert words in keystore(filled, "list").stderr


def test_logstashs_variable_opens_it_too(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_KEYSTORE_PASS")
    monkeypatch.setenv("LOGSTASH_KEYSTORE_PASS", "open sesame")
    assert keystore(filled, "list").stdout == "TOKEN\n"


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"version": 1, "salt": "", "secrets": 5}', '{"version": 1, "salt": "AAAA", "secrets": "AAAA"}', '{"version": "1", "salt": "AAAA", "secrets": "AAAA"}', '{"version": 1, "salt": "AAAA", "secrets": "AAAA", "key": 5}'])
def test_a_damaged_file_is_said(filled: Path, content: str) -> None:
    (filled / FILE_NAME).write_text(content)
    assert "damaged" in keystore(filled, "list").stderr


def test_a_newer_format_is_refused(filled: Path) -> None:
    path = filled / FILE_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    assert "has format version 2, and this Penstock reads up to 1" in keystore(filled, "list").stderr


def test_without_a_passphrase_it_says_how_little_that_protects(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_KEYSTORE_PASS")
    assert "whoever can read the file can read its secrets" in keystore(settings, "create").stderr
    assert keystore(settings, "add", "TOKEN", "--stdin", stdin=SECRET).exit_code == 0
    assert keystore(settings, "list").stdout == "TOKEN\n"


def test_a_variable_is_looked_for_in_the_keystore_then_in_the_environment(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "of the environment")
    monkeypatch.setenv("SITE", "Berlin")
    config = 'filter { mutate { add_field => { "a" => "${TOKEN}" "b" => "${SITE}" "c" => "${NONE:default}" } } } output { stdout { codec => json_lines } }'
    done = penstock(filled, "run", "-e", config, stdin="x\n")
    event = json.loads(done.stdout)
    assert (event["a"], event["b"], event["c"]) == (SECRET, "Berlin", "default")


def test_settings_take_secrets_too(filled: Path) -> None:
    (filled / "penstock.yml").write_text("pipeline.id: ${TOKEN}\n")
    done = penstock(filled, "run", "--log.level", "debug", "-e", 'input { generator { count => 1 } } output { stdout { codec => json_lines } }')
    assert done.returncode == 0
    assert SECRET not in done.stderr
    assert "pipeline <password>: started" in done.stderr


def test_a_file_gives_a_secret(settings: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    config = f'filter {{ mutate {{ add_field => {{ "a" => "${{file:{tmp_path}/token}}" }} }} }} output {{ stdout {{ codec => json_lines }} }}'
    assert json.loads(penstock(settings, "run", "-e", config, stdin="x\n").stdout)["a"] == SECRET


def test_a_file_that_cannot_be_read_is_said_at_its_place(settings: Path, tmp_path: Path) -> None:
    done = penstock(settings, "check", "-e", f'filter {{ mutate {{ add_field => {{ "a" => "${{file:{tmp_path}/nope}}" }} }} }}')
    assert f"error[E206]: the file of the secret cannot be read: `{tmp_path}/nope`: No such file" in done.stderr


def test_a_wrong_passphrase_is_one_finding(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_KEYSTORE_PASS", "wrong")
    done = penstock(filled, "check", "-e", 'filter { mutate { add_field => { "a" => "${TOKEN}" } } }')
    assert done.returncode == 1
    assert done.stderr.count("error[") == 1
    assert "error[E232]" in done.stderr


HTTP = 'http { url => "http://127.0.0.1:1/" user => "ann" password => "%s" connect_timeout => 1 }'


@pytest.mark.parametrize("written", ["${TOKEN}", SECRET])
@pytest.mark.parametrize(
    "command",
    [
        ("run", "--log.level", "debug", "-e", "filter { %s }"),
        ("check", "-e", "filter { %s grok { match => { message => '%%{NOPE}' } } }"),
        ("check", "--json", "-e", "filter { %s grok { match => { message => '%%{%s}' } } }"),
        ("trace", "-e", "filter { %s }"),
        ("show", "program", "-e", "filter { %s }"),
        ("show", "code", "-e", "filter { %s }"),
    ],
)
def test_a_password_is_shown_nowhere(filled: Path, command: tuple[str, ...], written: str) -> None:
    *arguments, config = command
    plugin = HTTP % written
    text = config.replace("%s", plugin, 1).replace("%s", written).replace("%%", "%")
    done = penstock(filled, *arguments, text, stdin="x\n")
    assert done.stderr + done.stdout
    assert SECRET not in done.stderr
    assert SECRET not in done.stdout


def test_what_the_log_says_of_a_secret_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    from penstock.dsl.secrets import hide
    from penstock.pipeline.observe.logging import start_logging

    log = logging.getLogger("penstock")
    before = log.handlers, log.propagate, log.level
    try:
        start_logging("info", "plain")
        hide("hunter22")
        (handler,) = log.handlers
        record = log.makeRecord("penstock", logging.WARNING, "", 1, "refused: %s", ("user:hunter22@host",), None)
        assert handler.format(record).endswith("[WARNING] refused: user:<password>@host")
    finally:
        log.handlers, log.propagate, log.level = before
