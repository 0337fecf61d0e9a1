"""Formats that mean something else than they seem to, and names of formats that are nearly right."""

from __future__ import annotations

import pytest

from penstock.dsl.joda.pattern_lint import doubts, named_like


@pytest.mark.parametrize(
    ("pattern", "help"),
    [
        ("yyyy-mm-dd", "MM"),
        ("dd.MM.yyyy hh:mm:ss", "HH"),
        ("yyyy-MM-DD HH:mm", "dd"),
        ("%Y-%m-%d %H:%M:%S", "yyyy-MM-dd"),
    ],
)
def test_a_pattern_that_hardly_means_what_it_says_is_doubted(pattern: str, help: str) -> None:
    assert any(help in written for _, written in doubts(pattern))


@pytest.mark.parametrize(
    "pattern",
    ["yyyy-MM-dd HH:mm:ss", "MMM d HH:mm:ss", "hh:mm a", "yyyy.DDD", "mm:ss", "HH:mm dd", "ISO8601", "yyyy 'mm'", "100%"],
)
def test_others_are_not(pattern: str) -> None:
    assert doubts(pattern) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [("iso8601", "ISO8601"), ("ISO-8601", "ISO8601"), ("unix_ms", "UNIX_MS"), ("UnixMs", "UNIX_MS"), ("RFC822", None)],
)
def test_a_name_that_is_nearly_right_is_known(text: str, name: str | None) -> None:
    assert named_like(text) == name
