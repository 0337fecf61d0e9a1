"""Penstock inside of another program: it changes nothing there, and several pipelines live side by side."""
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import penstock

PERCENT, AMPERSAND = "a%5Bb%5D", "a&#91;b&#93;"


def test_import_compile_and_run_change_nothing_of_the_program() -> None:
    code = """
        import signal, sys, threading, logging, locale, os, gc, decimal, warnings

        def state():
            handlers = [signal.getsignal(number) for number in signal.valid_signals()]
            return (
                sys.getrecursionlimit(), sys.getswitchinterval(), handlers, threading.active_count(), logging.getLogger().handlers,
                logging.getLogger().level, locale.setlocale(locale.LC_ALL), dict(os.environ), gc.isenabled(), gc.get_threshold(),
                sys.excepthook, sys.stdout, sys.stderr, os.getcwd(), decimal.getcontext().prec, warnings.filters[:0], sys.path[:],
                signal.getitimer(signal.ITIMER_VIRTUAL), threading.excepthook,
            )

        before = state()
        import penstock
        assert state() == before, "import"
        settings = {"config.field_reference.escape_style": "percent", "penstock.limits.depth": 1000}
        stage = penstock.compile('filter { grok { match => { "message" => "%{WORD:[a%5Bb%5D]} .*x" } } if [message] =~ /a.*b/ { drop { } } }', settings)
        assert state() == before, "compile"
        stage([{"message": "some words x"}])
        stage.flush()
        stage.close()
        assert state() == before, "run"
        penstock.codec("json").decode(b"{}")
        assert state() == before, "codec"
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pipelines_with_different_escape_styles_live_side_by_side() -> None:
    text = 'filter { mutate { add_field => { "[x][NAME]" => "v" } } if [x][NAME] == "v" { mutate { add_tag => "seen" } } }'
    stages = {
        name: penstock.compile(text.replace("NAME", name), {"config.field_reference.escape_style": style})
        for style, name in (("percent", PERCENT), ("ampersand", AMPERSAND), ("none", "a%5B"))
    }
    for _ in range(2):
        assert {name: stage([{}])[0]["x"] for name, stage in stages.items()} == {PERCENT: {"a[b]": "v"}, AMPERSAND: {"a[b]": "v"}, "a%5B": {"a%5B": "v"}}
        assert all(stage([{}])[0]["tags"] == ["seen"] for stage in stages.values())


def test_names_that_events_make_are_read_in_the_style_of_their_pipeline() -> None:
    text = 'filter { mutate { add_field => { "[x][%{name}]" => "v" } } }'
    events = [{"name": PERCENT}]
    percent, none = (penstock.compile(text, {"config.field_reference.escape_style": style}) for style in ("percent", "none"))
    assert percent(events)[0]["x"] == {"a[b]": "v"}
    assert none(events)[0]["x"] == {PERCENT: "v"}
    assert percent(events)[0]["x"] == {"a[b]": "v"}


def test_an_event_deeper_than_the_stack_goes_through() -> None:
    deep: object = "end"
    for _ in range(2000):
        deep = {"a": [deep]}
    (event,) = penstock.compile('filter { mutate { copy => { "deep" => "too" } add_tag => "t" } }')([{"deep": deep}])
    assert event["tags"] == ["t"]
    for _ in range(2000):
        deep, event = deep["a"][0], {"too": event["too"]["a"][0]}  # type: ignore[index]
    assert event["too"] == deep == "end"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: penstock.compile("")({"message": "x"}), "events must be a list of dicts, not a dict"),
        (lambda: penstock.compile("")("a"), "events must be a list of dicts, not a str"),
        (lambda: penstock.compile("")(["a"]), "events must be a list of dicts; item 0 is a str"),
        (lambda: penstock.compile("")([{}, 5]), "events must be a list of dicts; item 1 is an int"),
        (lambda: penstock.compile("")(None), "events must be a list of dicts, not a NoneType"),
        (lambda: penstock.compile(5), "a configuration must be a str or a pathlib.Path, not an int"),
        (lambda: penstock.compile(b"filter { }"), "a configuration must be a str or a pathlib.Path, not a bytes"),
        (lambda: penstock.compile("", ["a"]), "settings must be a dict, not a list"),
        (lambda: penstock.codec("line").decode("a"), "decode needs bytes, not a str"),
        (lambda: penstock.codec("line").encode({"a": 1}), "events must be a list of dicts, not a dict"),
        (lambda: penstock.codec("line").encode(["a"]), "events must be a list of dicts; item 0 is a str"),
        (lambda: penstock.codec(5), "a codec's name and options are each a str, not an int"),
        (lambda: penstock.codec("line", {"a": 1}), "a codec's name and options are each a str, not a dict"),
    ],
)
def test_a_wrong_argument_is_a_type_error_in_a_sentence(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(TypeError) as raised:
        call()
    assert str(raised.value) == says


@pytest.mark.parametrize(("name", "help"), [("cvs", "did you mean `csv`?"), ("nonesuch_at_all", "the codecs are ")])
def test_a_misspelt_codec_has_a_text_of_its_own(name: str, help: str) -> None:
    with pytest.raises(penstock.ConfigError) as refused:
        penstock.codec(name)
    (found,) = refused.value.diagnostics
    assert (found.message, found.span) == (f"unknown codec `{name}`", None)
    assert found.help.startswith(help)


@pytest.mark.parametrize("path", ["cd/10.conf", "cd", "cd/*.conf", "cd/{10,20}.conf"])
def test_a_path_is_a_file_a_directory_or_a_glob(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cd").mkdir()
    for name in ("10", "20"):
        Path("cd", f"{name}.conf").write_text(f'filter {{ mutate {{ add_tag => "t{name}" }} }}')
    with penstock.compile(Path(path)) as stage:
        assert stage([{}])[0]["tags"] == (["t10"] if path == "cd/10.conf" else ["t10", "t20"])
    with pytest.raises(penstock.ConfigError, match="no configuration at `nowhere`"):
        penstock.compile(Path("nowhere"))


def test_settings_without_effect_are_a_warning_of_the_stage() -> None:
    assert [warning.code for warning in penstock.compile("", {"http.port": 9600}).warnings] == ["W311"]
