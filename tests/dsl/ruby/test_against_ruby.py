"""Compiled Ruby does what Ruby does: tables of snippets, by class and method, and of control flow."""
import importlib.util
import os
import sys
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("penstock_tests_real_ruby", HERE / "real_ruby.py")
assert _spec is not None
assert _spec.loader is not None
real_ruby = importlib.util.module_from_spec(_spec)
sys.modules["penstock_tests_real_ruby"] = real_ruby
_spec.loader.exec_module(real_ruby)

pytestmark = pytest.mark.usefixtures("utc")


@pytest.fixture(scope="module")
def utc() -> None:
    import time

    if real_ruby.RUBY is None and not os.environ.get("CI"):
        pytest.skip("no `ruby` is installed: apt-get install ruby")
    os.environ["TZ"] = "UTC"
    time.tzset()


def snippets(name: str) -> list[str]:
    """The snippets of a table: one a line; a heredoc goes on to its end."""
    found: list[str] = []
    open_heredoc = False
    for line in (HERE / name).read_text(encoding="utf-8").split("\n"):
        if open_heredoc:
            found[-1] += f"\n{line}"
            open_heredoc = line != "X"
        elif line.strip() and not line.startswith("#"):
            found.append(line)
            open_heredoc = "<<~X" in line
    return found


@cache
def answers(name: str) -> dict[str, dict[str, str]]:
    """What Ruby says to each snippet of a table."""
    given = snippets(name)
    return dict(zip(given, real_ruby.asked(given), strict=True))


TABLES = ("methods.txt", "control.txt", "blocks.txt", "mixed.txt")
CASES = [(name, snippet) for name in TABLES for snippet in snippets(name)]


@pytest.mark.parametrize(("table", "snippet"), CASES, ids=[snippet for _, snippet in CASES])
def test_a_snippet_gives_what_ruby_gives(table: str, snippet: str) -> None:
    ours, theirs = real_ruby.compiled(snippet), answers(table)[snippet]
    assert real_ruby.same(ours, theirs), f"compiled: {ours}\nruby:     {theirs}"


CLASSES = ("String", "Symbol", "Integer", "Float", "Array", "Hash", "Set", "Range", "Time", "Regexp", "MatchData", "Proc", "NilClass")


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_of_a_class_is_compiled_or_known_not_to_be(name: str) -> None:
    from penstock.dsl.ruby.dispatch import ANCESTORS, METHODS, WITHOUT

    owners = (name, *ANCESTORS.get(name, ()), "Object")
    known = {method for owner in owners for method in (*METHODS.get(owner, {}), *WITHOUT.get(owner, ()))}
    (answer,) = real_ruby.asked([f"{name}.instance_methods.map(&:to_s) - {sorted(known)!r}.map(&:to_s)"])
    assert answer == {"value": "[]"} or not _is_as_new_as_known()


def _is_as_new_as_known() -> bool:
    """Newer versions of Ruby have methods that 3.1 had not."""
    (answer,) = real_ruby.asked(["RUBY_VERSION < '3.2'"])
    return bool(answer == {"value": "true"})
