"""Mocks: tables, pieces of configuration, nothing."""
from typing import Any

import pytest

PIPELINE = """
filter {
  geoip { id => geo source => "[client][ip]" target => "x" database => "/nowhere.mmdb" add_tag => ["found"] remove_field => ["gone"] }
  metricize { id => users statement => "select" }
  dns { resolve => ["host"] }
}
"""


def outcome(directory: Any, mocks: str, given: str, expect: str) -> list[str]:
    """What differs, or what is wrong."""
    tests = f"pipeline: pipeline.conf\nmocks: {mocks}\ntests: [{{name: a, input: {given}, expect: {expect}}}]"
    (result,) = directory.run(tests, PIPELINE)
    return [f"{problem.message}; {problem.help}" for problem in result.problems] + [f"{d.field} {d.message}" for d in result.differences]


REST = "users: null, dns: null"


@pytest.mark.parametrize(
    ("mocks", "given", "expect"),
    [
        ("geo: {1.2.3.4: {'[source][geo][country]': GB}}", "{client: {ip: 1.2.3.4}, gone: 1}", "{'[source][geo][country]': GB, tags: found, absent: gone}"),
        ("geo: {1.2.3.4: {a: 1}}", "{client: {ip: 5.6.7.8}, gone: 1}", "{absent: a, tags: _geoip_lookup_failure, gone: 1}"),
        ("geo: {1.2.3.4: {a: 1}}", "{}", "{absent: a, tags: _geoip_lookup_failure}"),
        ("geo: {1.2.3.4: null}", "{client: {ip: 1.2.3.4}}", "{tags: _geoip_lookup_failure}"),
        ("geo: {1.2.3.4: {tags: [x, y]}}", "{client: {ip: 1.2.3.4}, tags: [x]}", "{tags: [x, y, found]}"),
        ("geo: {field: b, table: {'5': {c: [1, 2]}}}", "{b: 5}", "{c: [1, 2], tags: found}"),
        ("geo: {field: b, table: {}, otherwise: {c: none}}", "{b: 5}", "{c: none, tags: []}"),
        ("geo: null", "{client: {ip: 1.2.3.4}}", "{tags: []}"),
        ("geo: ''", "{client: {ip: 1.2.3.4}}", "{tags: []}"),
        ("geo: 'mutate { add_field => { \"m\" => \"x\" } }'", "{}", "{m: x, tags: []}"),
        ("geo: 'if [a] { mutate { add_tag => [\"one\"] } } mutate { add_tag => [\"two\"] }'", "{a: 1}", "{tags: [one, two]}"),
    ],
)  # fmt: skip
def test_a_mock_stands_for_a_filter(directory: Any, mocks: str, given: str, expect: str) -> None:
    assert outcome(directory, f"{{{mocks}, {REST}}}", given, expect) == []


def test_the_values_of_a_table_are_not_shared_between_events(directory: Any) -> None:
    pipeline = 'filter { geoip { id => geo source => "ip" } mutate { add_field => { "[a]" => "more" } } }'
    tests = """
        pipeline: pipeline.conf
        mocks: {geo: {x: {a: [1]}}}
        tests: [{name: a, input: [{ip: x}, {ip: x}], each: {a: [1, more]}}]
    """
    (result,) = directory.run(tests, pipeline)
    assert result.differences == []


@pytest.mark.parametrize(
    ("mocks", "words"),
    [
        ("geoo: null", "did you mean `geo`?"),
        ("users: {x: {a: 1}}, geo: null, dns: null", "must say which field `metricize` looks up"),
        ("geo: null, dns: null", "or mock it, by its id"),
        ("geo: 'mutat { }', users: null, dns: null", "did you mean `mutate`?"),
    ],
)
def test_what_is_wrong_with_a_mock(directory: Any, mocks: str, words: str) -> None:
    assert any(words in found for found in outcome(directory, f"{{{mocks}}}", "x", "1"))


def test_what_is_wrong_with_mocks_is_said_at_once_and_at_each(directory: Any) -> None:
    tests = """pipeline: pipeline.conf
mocks:
  users: {a: {b: 1}}
  geo: null
  dns: {h: {'[ip]': 10.0.0.1}}
  nobody: null
tests: [{name: a, input: x, expect: 1}]
"""
    pipeline = PIPELINE.replace('resolve => ["host"]', 'resolve => ["host", "other"]')
    (result,) = directory.run(tests, pipeline)
    assert [problem.place for problem in result.problems] == ["p.test.yml:6:3"]
    (result,) = directory.run(tests.replace("  nobody: null\n", ""), pipeline)
    assert [problem.place for problem in result.problems] == ["p.test.yml:3:3", "p.test.yml:5:3"]
    assert "which field `dns` looks up" in result.problems[1].message


@pytest.mark.parametrize("option", ["resolve", "reverse"])
def test_a_table_for_dns_is_looked_up_by_the_one_field_it_names(option: str, directory: Any) -> None:
    tests = "pipeline: pipeline.conf\nmocks: {dns: {h1: {host: h1.example.org}}}\ntests: [{name: a, input: {host: h1}, expect: {host: h1.example.org}}]"
    (result,) = directory.run(tests, f'filter {{ dns {{ {option} => ["host"] action => "replace" }} }}')
    assert result.verdict == "passed", result.problems
