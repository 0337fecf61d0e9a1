"""A grok expression is compiled when it is first looked for, and what was optimized is kept for the next start."""
from __future__ import annotations

from pathlib import Path

import pytest

from penstock.dsl.grok import Expression, Guard, compile_expression, shipped
from penstock.dsl.regex_escapes import RegexError

LIBRARY = shipped("ecs-v1")
LARGE = "%{HAPROXYHTTPBASE}|%{CISCOFW106001}"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of what is kept; all is worth it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("penstock.dsl.grok.pattern_cache._LEAST_SECONDS", 0)
    return tmp_path / "penstock" / "grok"


def fresh(text: str = LARGE) -> Expression:
    return compile_expression(text, LIBRARY)


def test_nothing_is_compiled_before_a_text_may_match(kept: Path) -> None:
    expression = fresh()
    assert expression.captures
    assert expression.needs
    assert not kept.exists()
    assert expression.find("no such line") is None
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize("text", [r"(?<a>x)\1", "(?<a>(?<=x*)y)"])
def test_what_python_may_refuse_is_compiled_at_once(text: str) -> None:
    with pytest.raises(RegexError):
        fresh(text)


def test_what_was_kept_is_read_again(kept: Path) -> None:
    first = fresh().pattern.pattern
    (file,) = kept.iterdir()
    assert file.read_text() == first
    other = first.replace("interface", "INTERFACE")
    file.write_text(other)
    assert fresh().pattern.pattern == other
    assert len(list(kept.iterdir())) == 1


@pytest.mark.parametrize("content", [b"", b"(", b"\xff\xfe", b"(a)"])
def test_a_broken_file_is_made_anew(kept: Path, content: bytes) -> None:
    wanted = fresh().pattern.pattern
    (file,) = kept.iterdir()
    file.write_bytes(content)
    assert fresh().pattern.pattern == wanted
    assert file.read_text() == wanted


def test_another_expression_or_other_modules_find_nothing(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fresh().find("x") is None
    assert fresh(LARGE + "|x").find("x") is not None
    monkeypatch.setattr("penstock.dsl.grok.pattern_cache._makers", lambda: "an earlier release")
    assert fresh().find("x") is None
    assert len(list(kept.iterdir())) == 3


def test_a_directory_that_cannot_be_written_does_no_harm(kept: Path) -> None:
    kept.parent.mkdir()
    kept.write_text("not a directory")
    assert fresh().find("x") is None


def test_old_files_make_room(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("penstock.dsl.grok.pattern_cache._MOST_FILES", 4)
    for n in range(9):
        assert fresh(f"%{{WORD:a}} {n}").find(f"a {n}") is not None
    assert len(list(kept.iterdir())) <= 4


def test_compiling_is_not_counted_as_a_match() -> None:
    expression = fresh(LARGE + "|x")
    with Guard(0.002) as guard:
        guard.turn = object()
        assert guard.finder(expression)("x") is not None
