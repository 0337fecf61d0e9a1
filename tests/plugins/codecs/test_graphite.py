"""Graphite's lines."""
from __future__ import annotations

from typing import Any

import pytest

from penstock.dsl.timestamp import Timestamp

AT = Timestamp("2014-05-13T16:53:20.000Z")


@pytest.mark.parametrize(
    ("line", "event"),
    [
        ("a.b 5 1400000000", {"a.b": 5.0, "@timestamp": AT}),
        ("a.b\t-1.5e3  1400000000 more", {"a.b": -1500.0, "@timestamp": AT}),
        ("a.b x 1400000000.9", {"a.b": 0.0, "@timestamp": AT}),
        ("a.b 1_000x", {"a.b": 1000.0, "@timestamp": Timestamp("1970-01-01T00:00:00.000Z")}),
        ("a.b", {"a.b": 0.0, "@timestamp": Timestamp("1970-01-01T00:00:00.000Z")}),
        ("a.b 1 " + "9" * 5000, {"a.b": 1.0, "@timestamp": Timestamp.of_millis(10**15)}),
    ],
)
def test_a_line_is_a_measurement(codec: Any, line: str, event: dict[str, Any]) -> None:
    graphite = codec("graphite")
    assert [*graphite.decode(f"\n{line}\n{line}".encode()), *graphite.flush()] == [event, event]


EVENT = {"@timestamp": AT, "@version": "1", "@metadata": {"x": 1}, "host": "h", "load": 1.5, "name": "%{nope}", "big": 10**20}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, ""),
        ({"metrics": {"%{host}.load": "%{load}", "n": 3}}, "h.load 1.5 1400000000\nn 3.0 1400000000\n"),
        ({"metrics": {"%{nope}.load": "%{load}"}}, ""),
        ({"metrics": {"a": "1", "b": "2"}, "include_metrics": ["^a"], "metrics_format": "x.*.*"}, "x.a.a 1.0 1400000000\n"),
        ({"metrics": {"a": "1"}, "metrics_format": "%{host}.*.%{nope}"}, "h.a.%{nope} 1.0 1400000000\n"),
        ({"metrics": {"a": "1"}, "metrics_format": "%{ho*t}"}, "%{hoat} 1.0 1400000000\n"),
        ({"metrics": {"a": "1", "b": "2"}, "exclude_metrics": ["a"]}, "b 2.0 1400000000\n"),
        (
            {"fields_are_metrics": True, "exclude_metrics": ["name"]},
            "host 0.0 1400000000\nload 1.5 1400000000\nbig 1.0e+20 1400000000\n",
        ),
        ({"fields_are_metrics": True, "include_metrics": [], "exclude_metrics": ["o"]}, "name 0.0 1400000000\nbig 1.0e+20 1400000000\n"),
    ],
)
def test_metrics_are_written(codec: Any, options: dict[str, Any], text: str) -> None:
    assert codec("graphite", **options).encode([EVENT]).decode() == text


def test_bad_expressions_are_refused_one_by_one(problems: Any) -> None:
    found = problems("graphite", include_metrics=["a", "("], exclude_metrics=[")"])
    assert [(problem.option, problem.path, problem.code) for problem in found] == [
        ("include_metrics", (1,), "E208"),
        ("exclude_metrics", (0,), "E208"),
    ]
