"""A reload: what is unchanged goes on, the rest is closed before what follows it opens, and what cannot start is rolled back."""
from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import Assembly, assemble
from penstock.pipeline.runtime.carry import can_follow, carry_over

LONGEST = 60.0


def assembly_of(text: str, **settings: Any) -> Assembly:
    return assemble([Source("test.conf", text)], settled({key.replace("__", "."): value for key, value in settings.items()}))


CARRIED = [
    # before                                   after                                    carried
    ("input { stdin { } }", "input { stdin { } }", ["stdin"]),
    ("input { stdin { } }", "# moved\ninput { stdin { } }", ["stdin"]),
    ("input { stdin { } }", 'input { stdin { tags => ["a"] } }', []),
    ("input { stdin { } }", "input { stdin { } generator { } }", ["stdin"]),
    ("filter { drop { } drop { } }", "filter { drop { } }", ["drop"]),
    ("filter { drop { } }", "filter { drop { } drop { } }", ["drop"]),
    ("output { null { } }", "filter { drop { } } output { null { } }", ["null"]),
    ('output { stdout { codec => line { format => "a" } } }', 'output { stdout { codec => line { format => "b" } } }', []),
]


@pytest.mark.parametrize(("before", "after", "carried"), CARRIED)
def test_plugins_with_the_same_options_go_on(before: str, after: str, carried: list[str]) -> None:
    old, new = assembly_of(before), assembly_of(after)
    kept = carry_over(old, new)
    assert sorted(plugin.name for plugin in kept) == carried
    assert kept == set(old.made.values()) & set(new.made.values())


def test_what_goes_on_is_known_by_its_new_place() -> None:
    old, new = assembly_of("filter { drop { } }"), assembly_of("\n\nfilter { drop { } }")
    (plugin,) = carry_over(old, new)
    assert plugin.context.where.endswith(":3:10")


def test_nothing_goes_on_under_other_settings() -> None:
    text = "filter { drop { } }"
    assert carry_over(assembly_of(text), assembly_of(text, pipeline__ecs_compatibility="disabled")) == set()


@pytest.mark.parametrize(
    ("before", "after", "can"),
    [
        ("input { stdin { } }", "input { stdin { } } filter { drop { } }", True),
        ("input { stdin { } }", "input { generator { } }", False),
        ("input { generator { } }", "input { stdin { } }", False),
        ("input { stdin { } }", 'input { stdin { type => "a" } }', False),
        ("input { generator { } }", "input { generator { count => 1 } }", True),
    ],
)
def test_an_input_that_gives_nothing_twice_must_be_unchanged(before: str, after: str, can: bool) -> None:
    assert can_follow(assembly_of(before), assembly_of(after)) is can


# In a process, with plugins that note when they are opened, connected and closed.

PLUGINS = '''
from pathlib import Path
from penstock.plugins.batch import Batch
from penstock.plugins.errors import Misconfigured
from penstock.plugins.input import Input
from penstock.plugins.output import Output
from penstock.plugins.declaration import option

class Noting:
    def note(self, what):
        with Path(self.notes).open("a") as file:
            file.write(f"{what} {self.word}\\n")
    def open(self):
        self.note("open")
        if self.word == "locked":
            raise OSError("it is locked")
    def connect(self):
        if self.word == "refused":
            raise Misconfigured("word", "the server refuses it")
        self.note("connect")
    def close(self):
        self.note("close")

class NotingInput(Noting, Input, name="noting"):
    """An input that has what nobody else may have at the same time."""
    exclusive = True
    notes: str = option("Where it notes.")
    word: str = option("What it notes.", default="input")
    def read(self, timeout):
        import time
        time.sleep(0.02)
        return Batch([{"message": self.word}])

class NotingOutput(Noting, Output, name="noting"):
    """An output that writes what comes to where it notes."""
    notes: str = option("Where it notes.")
    word: str = option("What it notes.", default="output")
    def pack(self, events):
        from penstock.plugins.batch import Payload
        return [Payload([event["message"] for event in events], events)]
    def deliver(self, payload):
        for message in payload.data:
            self.note("event " + message)
'''
ENTRIES = "[penstock.inputs]\nnoting = noting:NotingInput\n[penstock.outputs]\nnoting = noting:NotingOutput\n"


class Run:
    """A pipeline in a process; what its plugins noted, without the events, since the last look."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.seen = directory, 0
        info = directory / "plugins" / "noting-1.dist-info"
        info.mkdir(parents=True)
        (info.parent / "noting.py").write_text(PLUGINS)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: noting\nVersion: 1\n")
        (info / "entry_points.txt").write_text(ENTRIES)
        self.process: subprocess.Popen[bytes]

    def configure(self, inputs: str = "", outputs: str = "", rest: str = "") -> None:
        def noting(words: str) -> str:
            return " ".join(f'noting {{ notes => "{self.directory}/notes" word => "{word}" }}' for word in words.split())

        text = f"input {{ {noting(inputs)} }} {rest} output {{ {noting(outputs)} }}"
        path = self.directory / "a.conf"
        path.with_suffix(".new").write_text(text)
        path.with_suffix(".new").rename(path)

    def start(self, *arguments: str) -> None:
        paths = [str(self.directory / "plugins"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        command = [sys.executable, "-m", "penstock", "run", *(arguments or ("-f", str(self.directory / "a.conf")))]
        command += ["--path.data", str(self.directory / "data")]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=(self.directory / "said").open("ab"), env=environment)

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def notes(self) -> list[str]:
        path = self.directory / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, *wanted: str) -> None:
        """Wait until all of these were noted behind the last look, or said."""
        self.wait(lambda: all(line in self.notes()[self.seen :] for line in wanted))

    def wait_until_said(self, text: str) -> None:
        self.wait(lambda: text in self.said())

    def wait(self, holds: Callable[[], bool]) -> None:
        end = time.monotonic() + LONGEST
        while not holds():
            assert time.monotonic() < end, (self.notes()[-20:], self.said())
            assert self.process.poll() is None, self.said()
            time.sleep(0.02)

    def said(self) -> str:
        return (self.directory / "said").read_text()

    def look(self) -> list[str]:
        """What was opened, connected and closed since the last look."""
        notes = self.notes()
        new, self.seen = notes[self.seen :], len(notes)
        return [line for line in new if not line.startswith("event")]

    def stop(self) -> list[str]:
        self.process.terminate()
        assert self.process.wait(LONGEST) == 0, self.said()
        return self.look()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.process.kill()
    made.process.communicate()


def test_unchanged_plugins_are_neither_closed_nor_connected_again(run: Run) -> None:
    run.configure("in", "out")
    run.start()
    run.wait_for("event in out")
    assert sorted(run.look()) == ["connect in", "connect out", "open in", "open out"]
    run.configure("in", "out more")
    run.reload()
    run.wait_for("event in more")
    assert run.look() == ["open more", "connect more"]
    run.configure("in", "more")
    run.reload()
    run.wait_for("close out")
    run.wait_for("event in more")
    assert run.look() == ["close out"]
    assert sorted(run.stop()) == ["close in", "close more"]


def test_an_exclusive_plugin_is_closed_before_its_successor_opens(run: Run) -> None:
    run.configure("in", "out")
    run.start()
    run.wait_for("event in out")
    run.look()
    run.configure("next", "out")
    run.reload()
    run.wait_for("event next out")
    assert run.look() == ["close in", "open next", "connect next"]
    run.stop()


@pytest.mark.parametrize("word", ["locked", "refused"])
@pytest.mark.parametrize("changed", ["input", "output"])
def test_what_cannot_start_is_rolled_back_and_nothing_stays_open(run: Run, changed: str, word: str) -> None:
    """A plugin that cannot be opened, or that a server refuses; the others had been carried over."""
    run.configure("in", "out kept")
    run.start()
    run.wait_for("event in out", "event in kept")
    run.look()
    run.configure(word if changed == "input" else "in", "out kept" if changed == "input" else f"{word} kept")
    run.reload()
    run.wait_until_said("rolled back")
    run.wait_for("connect kept")
    run.wait_for("event in kept")
    balance: dict[str, int] = {"in": 1, "out": 1, "kept": 1}
    for line in run.look():
        what, name = line.split()
        balance[name] = balance.get(name, 0) + {"open": 1, "close": -1}.get(what, 0)
        assert balance[name] in (0, 1), "it is opened once at a time"
    assert {name: count for name, count in balance.items() if name != "locked"} == {
        "in": 1, "out": 1, "kept": 1, **({"refused": 0} if word == "refused" else {})
    }  # fmt: skip
    run.configure("in", "kept")
    run.reload()
    run.wait_for("event in kept", "close out")
    run.stop()


def test_stdin_goes_on_through_a_reload_and_may_not_be_changed(run: Run) -> None:
    run.configure(rest="input { stdin { } }", outputs="one")
    run.start()
    assert run.process.stdin is not None
    run.process.stdin.write(b"a\n")
    run.process.stdin.flush()
    run.wait_for("event a one")
    run.configure(rest='input { stdin { tags => ["changed"] } }', outputs="two")
    run.reload()
    run.wait_until_said("an input that cannot be reloaded, such as stdin, was changed")
    run.configure(rest="input { stdin { } }", outputs="two")
    run.reload()
    run.wait_for("open two")
    run.process.stdin.write(b"b\n")
    run.process.stdin.flush()
    run.wait_for("event b two")
    run.process.stdin.close()
    assert run.process.wait(LONGEST) == 0


def test_pipelines_that_are_new_gone_or_changed_in_the_list_start_stop_and_start_again(run: Run) -> None:
    def listed(**words: str) -> None:
        one = 'input {{ noting {{ notes => "{0}/notes" word => "{1}" }} }} output {{ noting {{ notes => "{0}/notes" word => "{2}" }} }}'
        texts = {name: one.format(run.directory, word, name) for name, word in words.items()}
        lines = "".join(f"- pipeline.id: {name}\n  config.string: '{text}'\n" for name, text in texts.items())
        path = run.directory / "pipelines.yml"
        path.with_suffix(".new").write_text(lines)
        path.with_suffix(".new").rename(path)

    listed(a="one", b="two")
    run.start("--path.settings", str(run.directory))
    run.wait_for("event one a", "event two b")
    run.look()
    listed(a="one", c="three")
    run.reload()
    run.wait_for("event three c", "close two", "close b")
    assert not {"close one", "close a"} & set(run.look())
    listed(a="other", c="three")
    run.reload()
    run.wait_for("event other a", "close one")
    assert not {"close three", "close c"} & set(run.look())
    (run.directory / "pipelines.yml").write_text("- pipeline.id: [")
    run.reload()
    run.wait_until_said("pipelines.yml refused, nothing changes")
    run.look()
    run.wait_for("event other a", "event three c")
    assert sorted(run.stop()) == ["close a", "close c", "close other", "close three"]
