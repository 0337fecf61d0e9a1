"""Several syntax errors of a text at once, and what else is wrong there; no echoes of one error."""
import pytest

from penstock.dsl.parser import parse_leniently
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect

MANY = """input { stdin { } }
filter {
  mutate {
    add_tag = "web"
  }
  grk { match => { "a" => "b" } }
  if [a] = 1 {
    drop { }
  }
  mutate { add_field => { "a" => } }
  mutate { add_tagg => "x" }
}
output {
  stdout { codec => rubydebg }
  file { path "x" }
}
"""


def found(text: str) -> list[str]:
    """Line and code of each finding."""
    return [f"{d.span.line if d.span else 0} {d.code}" for d in inspect([Source("a.conf", text)], settled(None))[1]]


def test_all_syntax_errors_and_all_else_come_at_once() -> None:
    assert found(MANY) == ["4 E101", "6 E201", "7 E101", "10 E101", "11 E203", "14 E201", "15 E101"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param('filter {\n  mutate { add_tag = "x" }\n}\noutput {\n  stdout { codc => 1 }\n}\n', ["2 E101", "5 E203"], id="in another section"),
        pytest.param('filter {\n  mutate { add_tag = "x" }\n  mutat { }\n}\n', ["2 E101", "3 E201"], id="on the next line"),
        pytest.param('filter {\n  mutate {\n    add_tag = "x" }\n  mutat { }\n}\n', ["3 E101", "4 E201"], id="closed on the line of its last option"),
        pytest.param("filter {\n  if [a] === 1 {\n    drop { }\n  }\n  mutat { }\n}\n", ["2 E101", "5 E201"], id="a condition"),
        pytest.param("filter { mutate { a b } }\noutput { stdout { codc => 1 } }\n", ["1 E101", "2 E203"], id="sections on a line each"),
    ],
)
def test_what_follows_an_error_is_looked_at(text: str, lines: list[str]) -> None:
    assert found(text) == lines


@pytest.mark.parametrize(
    "text",
    [
        "filter {\n  mutate {\n    add_tag => [\"a\"\n  }\n  drop { }\n}\n",
        "filter {\n  grok { match => { \"a\" => \"b }\n  }\n  drop { }\n}\n",
        "filter {\n  if [a] = 1 {\n    drop { }\n  } else {\n    drop { }\n  }\n}\n",
        "filter {\n  if [a] {\n    drop { }\n  mutate { }\n}\n",
        "filter {\n  drop { }\n}}\n",
        "filter { mutate { add_tag = \"x\" } drop { } }",
        "= = =\nfilter { drop { } }\n",
        "10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 1\n" * 30,
    ],
)
def test_one_error_is_told_once(text: str) -> None:
    assert len(found(text)) == 1


def test_places_are_those_of_the_text_as_it_was_written() -> None:
    source = Source("a.conf", MANY)
    made, problems = parse_leniently(source)
    assert made is not None
    assert all(problem.span is not None and problem.span.source is source for problem in problems)
    assert [section.kind for section in made.sections] == ["input", "filter", "output"]
    assert problems[0].span is not None
    assert problems[0].span.text == "="


def test_a_text_full_of_errors_ends() -> None:
    text = "filter {\n" + "  mutate { a = 1 }\n" * 500 + "}\n"
    assert 20 <= len(found(text)) <= 22
