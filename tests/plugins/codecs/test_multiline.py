"""Lines joined to events: config, what comes in, what comes out."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.plugins.codecs import multiline

INDENTED = {"pattern": r"^\s", "what": "previous"}


def joined(codec: Any, text: str, **options: Any) -> list[tuple[str, list[str]]]:
    made = codec("multiline", ecs=False, **options)
    return [(e["message"], e.get("tags", [])) for e in [*made.decode(text.encode()), *made.flush()]]


@pytest.mark.parametrize(
    ("options", "text", "events"),
    [
        (INDENTED, "a\n b\n c\nd\n", ["a\n b\n c", "d"]),
        (INDENTED, " a\n b\nc", [" a\n b", "c"]),
        (INDENTED, "", []),
        (INDENTED, "a\n\n b\n", ["a", "\n b"]),
        ({"pattern": r"\\$", "what": "next"}, "a \\\nb \\\nc\nd\n", ["a \\\nb \\\nc", "d"]),
        ({"pattern": r"\\$", "what": "next"}, "a \\\nb \\\n", ["a \\\nb \\"]),
        ({"pattern": ";$", "negate": True, "what": "next"}, "get a\nfrom b;\nget c;\n", ["get a\nfrom b;", "get c;"]),
        (
            {"pattern": "^%{TIMESTAMP_ISO8601} ", "negate": True, "what": "previous"},
            "2020-01-01T00:00:00Z a\n at x\n2020-01-01T00:00:01Z b\n",
            ["2020-01-01T00:00:00Z a\n at x", "2020-01-01T00:00:01Z b"],
        ),
    ],
)
def test_lines_that_belong_together_are_one_event(
    codec: Any, options: dict[str, Any], text: str, events: list[str]
) -> None:
    assert joined(codec, text, **options) == [(m, ["multiline"] if "\n" in m else []) for m in events]


@pytest.mark.parametrize(
    ("limit", "first", "tag"),
    [
        ({"max_lines": 2}, "a\n b\n c", "multiline_codec_max_lines_reached"),
        ({"max_bytes": 3}, "a\n b", "multiline_codec_max_bytes_reached"),
    ],
)
def test_an_event_that_grows_too_large_is_handed_on(codec: Any, limit: dict[str, int], first: str, tag: str) -> None:
    assert joined(codec, "a\n b\n c\n d\n", **INDENTED, **limit)[0] == (first, ["multiline", tag])


def test_the_tag_may_be_another_or_none(codec: Any) -> None:
    assert joined(codec, "a\n b\n", **INDENTED, multiline_tag="ml") == [("a\n b", ["ml"])]
    assert joined(codec, "a\n b\n", **INDENTED, multiline_tag="") == [("a\n b", [])]


def test_the_whole_text_is_kept_with_ecs(codec: Any) -> None:
    made = codec("multiline", **INDENTED)
    made.decode(b"a\n b\n")
    assert made.flush() == [{"message": "a\n b", "event": {"original": "a\n b"}, "tags": ["multiline"]}]


def test_an_event_is_complete_when_nothing_comes_for_a_while(codec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(multiline.time, "monotonic", lambda: now[0])
    made = codec("multiline", ecs=False, **INDENTED, auto_flush_interval=2)
    assert made.decode(b"a\n b\nhalf a li") == []
    now[0] = 101.5
    assert made.idle() == []
    now[0] = 102.0
    assert [e["message"] for e in made.idle()] == ["a\n b"]
    assert made.idle() == []
    assert made.decode(b"ne\nx\n") == [{"message": "half a line"}]


def test_an_event_waits_for_ever_without_an_interval(codec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = codec("multiline", **INDENTED)
    made.decode(b"a\n b\n")
    monkeypatch.setattr(multiline.time, "monotonic", lambda: 1e9)
    assert made.idle() == []


def test_patterns_of_one_s_own_are_found(codec: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("ARROW -+>\n")
    assert joined(codec, "a\n-> b\nc\n", pattern="^%{ARROW} ", what="previous", patterns_dir=[str(tmp_path)]) == [
        ("a\n-> b", ["multiline"]),
        ("c", []),
    ]


@pytest.mark.parametrize(("pattern", "code"), [("%{TIMESTAMP_ISO8602}", "E221"), ("(", "E208")])
def test_a_bad_pattern_is_refused(problems: Any, pattern: str, code: str) -> None:
    assert [problem.code for problem in problems("multiline", pattern=pattern, what="next")] == [code]
