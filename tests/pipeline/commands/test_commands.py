"""The commands beside ``run``: check, show, explain, plugins, and what they say to a newcomer."""
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from penstock import __version__
from penstock.pipeline.commands.main import COMMANDS, main
from penstock.plugins import registry

Penstock = Callable[..., Result]


@pytest.fixture
def penstock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Penstock:
    """Run a command in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


def test_version_and_help(penstock: Penstock) -> None:
    assert penstock("--version").output == f"penstock {__version__}\n"
    assert penstock("-V").output == f"penstock {__version__}\n"
    shown = penstock("--help").output
    assert all(f"  {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, penstock: Penstock) -> None:
    shown = penstock(command, "-h")
    assert shown.exit_code == 0
    assert "Usage:" in shown.output


def test_a_misspelt_command_is_suggested(penstock: Penstock) -> None:
    result = penstock("chek")
    assert result.exit_code == 2
    assert "unknown command `chek`: did you mean `check`?" in result.output


def test_options_without_a_command_are_told_about_run(penstock: Penstock) -> None:
    result = penstock("-f", "x.conf")
    assert result.exit_code == 2
    assert "name a command first, as in `penstock run -f FILE`" in result.output


def test_run_takes_files_as_check_does(penstock: Penstock) -> None:
    Path("a.conf").write_text("input { generator { count => 1 message => 'hey' } } output { stdout { codec => line { format => '%{message}' } } }")
    done = subprocess.run([sys.executable, "-m", "penstock", "run", "a.conf"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hey\n")


def imported_by(*arguments: str) -> set[str]:
    """The modules that a command imports."""
    code = f"""
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
sys.argv = ['penstock', *{arguments!r}]
from penstock.pipeline.commands.main import main
main()"""
    done = subprocess.run([sys.executable, "-c", code], input="a line\n", capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def test_the_version_is_said_without_anything_but_the_command_line() -> None:
    found = imported_by("--version")
    assert {name for name in found if name.startswith("penstock.")} == {
        "penstock.pipeline",
        "penstock.pipeline.commands",
        "penstock.pipeline.commands.main",
        "penstock.pipeline.runtime",
        "penstock.pipeline.runtime.stack",  # a number
    }
    assert not found & {"lark", "regex", "msgspec", "logging"}


def test_a_minimal_run_imports_the_language_and_its_own_plugins_only() -> None:
    found = imported_by("run", "-e", "")
    outside = {name.partition(".")[0] for name in found} - set(sys.stdlib_module_names) - {"__main__", "sitecustomize"}
    assert {name for name in outside if not name.startswith("_")} <= {"penstock", "click", "regex", "msgspec", "typing_extensions"}, "Lark explains mistakes"
    assert not found & {"asyncio", "multiprocessing", "concurrent.futures", "ssl", "http", "email", "unittest", "sqlite3"}
    plugins = {name for name in found if name.startswith(("penstock.plugins.inputs.", "penstock.plugins.outputs.", "penstock.filters."))}
    assert plugins == {"penstock.plugins.inputs.stdin", "penstock.plugins.outputs.stdout", "penstock.plugins.outputs._writing"}
    parts = {name.split(".")[2] for name in found if name.startswith("penstock.pipeline.") and name.count(".") > 2}
    assert parts == {"commands", "compile", "delivery", "observe", "runtime"}, "neither storage nor testing"
    assert not found & {
        f"penstock.pipeline.{name}"
        for name in (
            "runtime.worker_pool", "runtime.worker_process", "runtime.shared_memory", "runtime.input_queue",
            "delivery.dead_letter_writer", "compile.stage",
        )
    }


class TestCheck:
    def test_a_clean_configuration(self, penstock: Penstock) -> None:
        Path("a.conf").write_text("filter { drop { } }")
        result = penstock("check", "a.conf")
        assert (result.exit_code, result.output) == (0, "a.conf: OK\n")

    def test_every_problem_of_all_files_in_one_run(self, penstock: Penstock) -> None:
        Path("conf").mkdir()
        Path("conf/1.conf").write_text("filter { drop { a1 => 1 } }")
        Path("conf/2.conf").write_text("filter { if [a] == b { drop { b1 => 2 } } ")
        Path("conf/3.conf").write_text("filter { nothing { } }")
        Path("conf/ignored.conf~").write_text("}")
        result = penstock("check", "-f", "conf")
        assert result.exit_code == 1
        assert [line.strip() for line in result.output.splitlines() if "-->" in line] == [
            f"--> conf{os.sep}1.conf:1:17", f"--> conf{os.sep}2.conf:1:8", f"--> conf{os.sep}3.conf:1:10",
        ]
        assert "3 errors; see `penstock explain E203`" in result.output

    def test_globs_with_alternatives(self, penstock: Penstock) -> None:
        for name in ("one", "two", "three"):
            Path(f"{name}.conf").write_text("filter { drop { } }")
        assert penstock("check", "-f", "{one,two}.conf").output == "2 files: OK\n"
        assert penstock("check", "-f", "*.conf").output == "3 files: OK\n"

    def test_findings_as_json(self, penstock: Penstock) -> None:
        result = penstock("check", "--json", "-e", "filter { mutate { ad_tag => 1 } }")
        assert json.loads(result.stdout) == [
            {
                "code": "E203", "message": "`mutate` has no option `ad_tag`", "remedy": "did you mean `add_tag`?",
                "file": "(-e)", "line": 1, "column": 19, "text": "ad_tag",
            }
        ]  # fmt: skip

    def test_warnings_fail_only_when_asked_to(self, penstock: Penstock) -> None:
        text = 'filter { if "a" in ["a", "b"] { drop { } } }'
        assert penstock("check", "-e", text).exit_code == 0
        assert "warning[W302]" in penstock("check", "-e", text).output
        assert penstock("check", "--strict", "-e", text).exit_code == 1

    def test_a_setting_changes_what_is_right(self, penstock: Penstock) -> None:
        assert penstock("check", "-S", "config.support_escapes=maybe", "-e", "").exit_code == 2
        assert penstock("check", "-S", "config.support_escapes", "-e", "").exit_code == 2

    @pytest.mark.parametrize(
        ("name", "data", "words"),
        [
            ("binary.conf", b"\x7fELF\x02\x01\x01\x00\x00", "this is a binary file, not a configuration"),
            ("utf16.conf", "filter { }".encode("utf-16"), "save the file as UTF-8"),
            ("gzip.conf", b"\x1f\x8b\x08\x00\x00", "save the file as UTF-8"),
            ("latin1.conf", "filter { drop { id => 'ä' } }".encode("latin-1"), "--> latin1.conf:1:24"),
            ("json.conf", b'{"filter": {}}', "a configuration consists of the sections"),
            ("yaml.conf", b"filter:\n  - drop: {}\n", "write filter { … }"),
            ("log.conf", b'10.0.0.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1', "a configuration consists of"),
        ],
    )
    def test_files_that_are_no_configurations(self, name: str, data: bytes, words: str, penstock: Penstock) -> None:
        Path(name).write_bytes(data)
        result = penstock("check", name)
        assert result.exit_code == 1
        assert words in result.output
        assert all(character.isprintable() or character == "\n" for character in result.output)

    @pytest.mark.parametrize("data", [b"", b"\n", b"# comment", b"\xef\xbb\xbffilter { drop { } }", b"filter {\r\n\tdrop { }\r\n}\r\n"])
    def test_files_that_are(self, data: bytes, penstock: Penstock) -> None:
        Path("a.conf").write_bytes(data)
        assert penstock("check", "a.conf").output == "a.conf: OK\n"

    def test_nothing_to_check(self, penstock: Penstock) -> None:
        Path("empty").mkdir()
        assert "no configuration: give -f FILE, or -e TEXT" in penstock("check").output
        assert "no configuration at `empty`" in penstock("check", "empty").output
        assert "no configuration at `missing.conf`" in penstock("check", "missing.conf").output
        assert "-f and -e cannot both be given" in penstock("check", "-f", "empty", "-e", "").output

    @pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
    def test_a_file_that_may_not_be_read(self, penstock: Penstock) -> None:
        Path("a.conf").write_text("")
        Path("a.conf").chmod(0)
        assert "`a.conf` cannot be read: Permission denied" in penstock("check", "a.conf").output

    def test_odd_bytes_in_place_of_every_byte(self, penstock: Penstock) -> None:
        """Whatever one byte is broken, there is a diagnosis or the file is right; never a traceback."""
        text = b'input { stdin { } }\nfilter { if [a] =~ /b/ { grok { match => { "m" => "%{IP:c}" } } } }\n'
        for at in range(0, len(text), 3):
            for byte in b'\x00"}{[\xff#':
                Path("a.conf").write_bytes(text[:at] + bytes([byte]) + text[at + 1 :])
                result = penstock("check", "a.conf")
                assert result.exit_code in (0, 1)
                assert result.exception is None or isinstance(result.exception, SystemExit)


class TestShow:
    TEXT = 'filter {\n  if [a] == "b" { mutate { add_tag => ["c"] } }\n}'

    def test_the_tree_is_what_was_written(self, penstock: Penstock) -> None:
        shown = penstock("show", "tree", "-e", self.TEXT).output
        assert "Branch  (2:3)" in shown
        assert "Plugin  (2:19)" in shown

    def test_the_program_is_what_was_meant(self, penstock: Penstock) -> None:
        shown = penstock("show", "program", "-e", self.TEXT).output
        assert "filter mutate  (2:19)" in shown
        assert "add_tag => ['c']" in shown

    def test_the_code_is_what_runs(self, penstock: Penstock) -> None:
        shown = penstock("show", "code", "-e", self.TEXT).output
        assert "def filters(events, flush=None):" in shown
        assert "if (event.get('a') == 'b'):" in shown

    def test_a_broken_configuration_is_refused(self, penstock: Penstock) -> None:
        result = penstock("show", "tree", "-e", "filter {")
        assert result.exit_code == 1
        assert "error[E101]" in result.output


class TestExplain:
    def test_a_page(self, penstock: Penstock) -> None:
        shown = penstock("explain", "e201").output
        assert shown.startswith("error[E201]: Unknown plugin\n")
        assert "Wrong:\n    filter { mutat {" in shown

    def test_the_list(self, penstock: Penstock) -> None:
        lines = penstock("explain").output.splitlines()
        assert "E201  Unknown plugin" in lines
        assert len(lines) > 30

    def test_an_unknown_code(self, penstock: Penstock) -> None:
        result = penstock("explain", "E2O1")
        assert result.exit_code == 2
        assert "unknown code `E2O1`: did you mean `E2" in result.output


class TestPlugins:
    def test_the_list_has_all(self, penstock: Penstock) -> None:
        shown = penstock("plugins", "list").output.split()
        sections = ("input", "filter", "codec", "output")
        assert {name for section in sections for name in set(registry.names(section)) - registry.aliases(section)} <= set(shown)

    def test_the_list_of_a_section(self, penstock: Penstock) -> None:
        shown = penstock("plugins", "list", "--section", "output").output
        assert "outputs\n" in shown
        assert "filters\n" not in shown

    def test_a_page_comes_from_the_declaration(self, penstock: Penstock) -> None:
        shown = penstock("plugins", "doc", "drop").output
        assert "drop (filter)" in shown
        assert "percentage  number, at least 0; default: 100" in shown
        assert 'Before:\n    {"level": "debug"}' in shown

    def test_a_name_that_two_plugins_have_shows_both(self, penstock: Penstock) -> None:
        assert {"json (filter)", "json (codec)"} <= set(penstock("plugins", "doc", "json").output.splitlines())
        assert "json (filter)" not in penstock("plugins", "doc", "json", "--section", "codec").output

    def test_a_misspelt_name(self, penstock: Penstock) -> None:
        assert "unknown plugin `mutat`: did you mean `mutate`?" in penstock("plugins", "doc", "mutat").output

    @pytest.mark.parametrize("section", ["input", "filter", "codec", "output"])
    def test_every_plugin_has_a_page(self, section: str, penstock: Penstock) -> None:
        for name in registry.names(section):
            assert penstock("plugins", "doc", name, "--section", section).exit_code == 0

    def test_grok_patterns(self, penstock: Penstock) -> None:
        assert "\nWORD " in penstock("plugins", "patterns").output
        assert "as one regular expression" in penstock("plugins", "patterns", "IPV4").output
        assert json.loads(penstock("plugins", "patterns", "%{IP:[a][ip]}", "from 10.0.0.1").output) == {"a": {"ip": "10.0.0.1"}}
        assert penstock("plugins", "patterns", "IPV4", "no address").exit_code == 1
        assert "did you mean" in penstock("plugins", "patterns", "IPV5").output
        assert "bad expression" in penstock("plugins", "patterns", "%{NOSUCH}").output


class TestCompletion:
    def complete(self, words: str) -> list[str]:
        *before, incomplete = words.split(" ")
        shell = ShellComplete(main, {}, "penstock", "_PENSTOCK_COMPLETE")
        return [item.value for item in shell.get_completions(before, incomplete)]

    @pytest.mark.parametrize(
        ("words", "wanted"),
        [("ch", "check"), ("explain E2", "E201"), ("plugins doc mut", "mutate"), ("plugins patterns SYSLOGB", "SYSLOGBASE"), ("show tr", "tree")],
    )
    def test_names_are_completed(self, words: str, wanted: str) -> None:
        assert wanted in self.complete(words)

    @pytest.mark.parametrize(
        ("words", "wanted"),
        [
            ("run -S pipeline.ba", ["pipeline.batch.size=", "pipeline.batch.delay="]),
            ("check -S queue.type=", ["queue.type=memory", "queue.type=persisted"]),
            ("test -S queue.drain=t", ["queue.drain=true"]),
            ("run -S nosuch.", []),
            ("run --log.level w", ["warn"]),
            ("run --log.format ", ["plain", "json"]),
            ("check --pipeline.ecs_compatibility d", ["disabled"]),
            ("grok --pipeline.ecs_compatibility v", ["v8", "v1"]),
            ("completion z", ["zsh"]),
        ],
    )
    def test_settings_and_their_values_are_completed(self, words: str, wanted: list[str]) -> None:
        assert self.complete(words) == wanted

    @pytest.mark.parametrize(
        "words",
        ["run ", "run -f ", "check ", "check --path.settings ", "fmt ", "show code ", "test ", "test --mock ", "test --junit ", "trace -f x ", "trace --file ", "queue inspect ", "dlq list ", "state list ", "run --path.data ", "run --flame ", "grok -p "],
    )
    def test_files_are_left_to_the_shell(self, words: str) -> None:
        *before, incomplete = words.split(" ")
        shell = ShellComplete(main, {}, "penstock", "_PENSTOCK_COMPLETE")
        assert "file" in {item.type for item in shell.get_completions(before, incomplete)}

    @pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
    @pytest.mark.parametrize(
        ("line", "replies"),
        [
            ("penstock che", ["check"]),
            ("penstock run -S queue.ty", ["queue.type="]),
            ("penstock run -S queue.type=p", ["persisted"]),
            ("penstock run --log.level=er", ["error"]),
        ],
    )
    def test_bash_completes_a_line(self, line: str, replies: list[str], tmp_path: Path) -> None:
        program = tmp_path / "penstock"
        program.write_text(f"#!{sys.executable}\nfrom penstock.pipeline.commands.main import main\nmain()\n")
        program.chmod(0o755)
        script = f"compopt() {{ :; }}; eval \"$(penstock completion bash)\"; COMP_LINE='{line}' COMP_POINT={len(line)}; _penstock_completion penstock; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=environment)
        assert done.stdout.split() == replies

    @pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
    def test_there_is_a_script_for_each_shell(self, shell: str, penstock: Penstock) -> None:
        assert "_PENSTOCK_COMPLETE" in penstock("completion", shell).output
        assert f"penstock completion {shell}" in penstock("completion").output


@pytest.mark.parametrize("command", ["plugins patterns", "plugins list", "explain", "--help", "completion bash", "show program -e 'filter { drop { } }'"])
def test_a_reader_that_goes_away_is_no_error(command: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f'{{ "{sys.executable}" -m penstock {command}; echo "exit $?" >&2; }} | true'],
        capture_output=True, text=True, check=False,
    )
    assert done.stderr == "exit 0\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("command", ["plugins doc window", "explain", "--help", "fmt -"])
def test_output_without_room_is_an_error_of_one_line(command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "penstock", *command.split()],
            input="filter { }", stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    said = "error: cannot write the output: No space left on device\n"
    assert (done.stderr, done.returncode) == (said, 1)


def test_an_empty_configuration_is_checked_but_not_run(penstock: Penstock) -> None:
    Path("empty.conf").write_text("")
    assert penstock("check", "empty.conf").exit_code == 0
    done = penstock("run", "empty.conf")
    assert (done.exit_code, "error: the pipeline main has no input" in done.output) == (1, True)


def test_log_lines_start_with_the_time(tmp_path: Path) -> None:
    (tmp_path / "no_output.conf").write_text("input { generator { count => 1 } }")
    done = subprocess.run([sys.executable, "-m", "penstock", "run", str(tmp_path / "no_output.conf")], capture_output=True, text=True, check=True)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \[WARNING\] the pipeline main has no output", done.stderr), done.stderr


MISSING = """input { irc { address => "tcp://*:1" codec => jsn } }
filter { mutate { add_tag => ["seen"] } }
output { irc { topology => pushpull codec => json } xmpp { password => "${NO_SUCH_SECRET}" } stdout { codec => json_lines } }
"""


def test_inputs_and_outputs_that_are_not_there_are_warnings_with_lenient(penstock: Penstock) -> None:
    Path("a.conf").write_text(MISSING.replace("jsn", "json").replace("${NO_SUCH_SECRET}", "x"))
    strict, lenient = penstock("check", "a.conf"), penstock("check", "--lenient", "a.conf")
    assert strict.exit_code == 1
    assert strict.output.count("error[E219]") == 3
    assert lenient.exit_code == 0
    assert lenient.output.count("warning[W219]") == 3
    assert "Logstash's output `xmpp` is not in Penstock" in lenient.output


def test_what_is_wrong_within_a_plugin_that_is_not_there_is_told(penstock: Penstock) -> None:
    Path("a.conf").write_text(MISSING)
    result = penstock("check", "--lenient", "a.conf")
    assert result.exit_code == 1
    assert "unknown codec `jsn`" in result.output
    assert "the variable `NO_SUCH_SECRET` is not set" in result.output


def test_filters_beside_what_is_not_there_are_traced_and_tested(penstock: Penstock) -> None:
    Path("a.conf").write_text(MISSING.replace("jsn", "json").replace("${NO_SUCH_SECRET}", "x"))
    Path("a.test.yml").write_text(
        "pipeline: a.conf\ntests:\n- name: tagged\n  input: {a: 1}\n  expect: [{tags: [seen]}]\n"
    )
    traced = penstock("trace", "a.conf", "--event", '{"a": 1}')
    assert traced.exit_code == 0, traced.output
    assert "seen" in traced.output
    assert penstock("test", ".").exit_code == 0


def test_a_run_refuses_what_is_not_there_whatever_the_setting_says(penstock: Penstock) -> None:
    Path("a.conf").write_text(MISSING.replace("jsn", "json"))
    result = penstock("run", "-f", "a.conf", "-S", "penstock.lenient=true")
    assert result.exit_code == 1
    assert "error[E219]" in result.output


def test_the_same_finding_is_shown_once_with_a_count_and_places(penstock: Penstock) -> None:
    Path("a.conf").write_text("\n".join(["output { irc { } xmpp { } }"] * 14 + ["filter { mutat { } }"]))
    result = penstock("check", "a.conf")
    assert result.output.count("error[E219]") == 2
    assert "  and 13 more: a.conf:2:10, a.conf:3:10," in result.output
    assert "a.conf:11:10, …" in result.output
    assert "    28  E219  Penstock does not have this plugin of Logstash\n" in result.output
    assert "missing plugins: output irc (14), output xmpp (14), filter mutat (1)\n" in result.output
    assert "29 errors; see" in result.output
    assert "\n\n\n" not in result.output


def test_three_of_the_same_are_shown_whole_and_few_findings_have_no_table(penstock: Penstock) -> None:
    Path("a.conf").write_text("output { irc { } }\n" * 3)
    result = penstock("check", "a.conf")
    assert result.output.count("error[E219]") == 3
    assert "missing plugins" not in result.output


def test_the_filter_multiline_of_the_first_logstash_is_told_about_the_codec(penstock: Penstock) -> None:
    result = penstock("check", "-e", 'filter { multiline { pattern => "^\\s" what => previous } }')
    assert result.exit_code == 1
    assert "codec => multiline { pattern =>" in result.output


@pytest.mark.parametrize("what", ["dashboard", "alerts"])
def test_what_is_the_same_for_all_configurations_takes_none(what: str, penstock: Penstock) -> None:
    Path("a.conf").write_text("input { stdin { } }")
    assert penstock("show", what).exit_code == 0
    for named in (["a.conf"], ["-f", "a.conf"], ["-e", "input { stdin { } }"]):
        refused = penstock("show", what, *named)
        assert refused.exit_code == 2
        assert "name none" in refused.output
