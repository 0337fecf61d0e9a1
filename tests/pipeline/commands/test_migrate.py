"""The command ``migrate``: what a directory of Logstash's configurations needs to run here."""
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from penstock.pipeline.commands.main import main

Migrate = Callable[..., Result]

FILES = {
    "in/beats.conf": "input { irc { address => 'x' } }\nfilter { kv { type => 'a' } }\n",
    "in/udp.conf": "input { irc { address => 'y' codec => nosuchcodec } }\n",
    "10-filter.conf": """filter {
  ruby { code => "event.set('n', event.get('m').to_i)" }
  mutate { rename => { "a" => "c" "b" => "c" } }
  geoip { source => "ip" target => "geo" database => "" }
}
""",
    "20-fine.conf": "filter { mutate { add_tag => ['x'] } }\noutput { xmpp { } }\n",
    "30-fine.conf.disabled": "  filter { mutate { add_tag => ['x'] } }\n",
    "grok/patterns": "NAME \\w+\n",
    "notes.md": "filter { is not one }\n",
    ".git/config": "filter { nor is this }\n",
    "config/logstash.yml": "pipeline.workers: 4\nhttp.port: 9600\n",
}


@pytest.fixture
def migrate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Migrate:
    """Run the command beside a directory ``logs`` with FILES."""
    monkeypatch.chdir(tmp_path)
    for name, content in FILES.items():
        path = Path("logs", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content.replace(' database => ""', ""))
    return lambda *arguments: CliRunner().invoke(main, ["migrate", *arguments])


def test_the_report_counts_files_and_names_what_is_missing_and_what_to_write(migrate: Migrate) -> None:
    result = migrate("logs")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "logs: 2 of 5 files would run"
    for line in (
        "  logs/20-fine.conf",
        "       2  input irc",
        "       1  output xmpp",
        "       1  codec nosuchcodec",
        "       1  E212  the option `type` of `kv` was removed; use a conditional around the filter (logs/in/beats.conf:2:15)",
        "  logs/config/logstash.yml:2:1: the setting `http.port` has no effect",
        "  1 filter with Ruby that is compiled",
    ):
        assert line in lines
    assert "W308" in result.output
    assert "W307" in result.output


def test_the_report_as_json(migrate: Migrate) -> None:
    result = migrate("logs", "--json")
    data: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == 1
    assert data["runs"] is False
    assert {file["path"]: file["runs"] for file in data["files"]} == {
        "logs/10-filter.conf": True,
        "logs/20-fine.conf": False,
        "logs/30-fine.conf.disabled": True,
        "logs/in/beats.conf": False,
        "logs/in/udp.conf": False,
    }
    assert data["missing_plugins"] == {"input irc": 2, "codec nosuchcodec": 1, "output xmpp": 1}
    assert data["ruby"] == {"compiled": 1, "process": 0}
    (gone,) = [each for each in data["obstacles"] if each["code"] == "E212"]
    assert (gone["count"], gone["remedy"], gone["title"]) == (1, "use a conditional around the filter", "The option was removed")


def test_the_report_as_a_page_that_stands_by_itself(migrate: Migrate) -> None:
    Path("logs", "<b>.conf").write_text("filter { mutate { } }\n")
    migrate("logs", "--html", "report.html")
    page = Path("report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "3 of 6 files would run." in page
    assert "<td>input irc</td><td class=\"n\">2</td>" in page
    assert "logs/&lt;b&gt;.conf" in page
    assert "http" + "://" not in page.replace("http.port", "")


def test_it_exits_with_0_where_everything_would_run(migrate: Migrate) -> None:
    Path("fine").mkdir()
    Path("fine", "a.conf").write_text("input { stdin { } }\noutput { stdout { } }\n")
    result = migrate("fine")
    assert result.exit_code == 0
    assert result.output == "fine: 1 of 1 file would run\n\n"


@pytest.mark.parametrize(("directory", "said"), [("nowhere", "directory `nowhere` does not exist"), ("empty", "no configuration below")])
def test_a_directory_without_configurations_is_told(migrate: Migrate, directory: str, said: str) -> None:
    Path("empty").mkdir()
    result = migrate(directory)
    assert result.exit_code == 1
    assert said in result.output


def test_long_tables_are_cut_unless_all_is_wanted(migrate: Migrate) -> None:
    Path("many").mkdir()
    for number in range(25):
        Path("many", f"{number:02}.conf").write_text("output { xmpp { } }\n")
    assert "… and 5 more; --all shows them" in migrate("many").output
    assert "more; --all" not in migrate("many", "--all").output
    assert "many/24.conf" in migrate("many", "--all").output


def test_a_bad_file_of_settings_keeps_everything_from_running(migrate: Migrate) -> None:
    Path("fine").mkdir()
    Path("fine", "a.conf").write_text("input { stdin { } }\n")
    Path("fine", "logstash.yml").write_text("pipeline.workers: many\n")
    result = migrate("fine")
    assert result.exit_code == 1
    assert "pipeline.workers" in result.output
