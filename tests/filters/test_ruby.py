"""The filter ruby: what the error says, and how far Ruby is translated."""
import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.filters._ruby_to_python import needed, translated

TRANSLATED = [
    ("event.set('a', event.get('[b][c]').to_i + 1)", "event.set('a', int(event.get('[b][c]')) + 1)"),
    ("event.cancel", "event.cancel()"),
    ("event.tag('x') unless event.include?('b')", "if not (event.include('b')):\n    event.tag('x')"),
    ("x = event.remove('a').strip.upcase", "x = event.remove('a').strip().upper()"),
    ("event.set('s', \"#{event.get('a')}-#{x.length}\")", "event.set('s', f\"{event.get('a')}-{len(x)}\")"),
    ("event.set('k', {'a' => nil, :b => true})", "event.set('k', {'a': None, 'b': True})"),
    ("if a.nil? && !b\n  x = 1\nelsif c || d\n  x = 2 # two\nelse\n  x = 3\nend",
     "if a is None and not b:\n    x = 1\nelif c or d:\n    x = 2  # two\nelse:\n    x = 3"),
    ("event.get('l').each { |x| new_event_block.call(LogStash::Event.new('a' => x)) }",
     "for x in event.get('l'):\n    emit(Event({'a': x}))"),
    ("# all\nevent.to_hash.each do |k, v|\n  event.remove(k) if v.empty?\nend",
     "# all\nfor k, v in event.to_hash().items():\n    if not v:\n        event.remove(k)"),
    ("map['n'] ||= 0; map['n'] += 1", "map.setdefault('n', 0)\nmap['n'] += 1"),
    ("begin\n  f(x)\nrescue => e\n  event.tag('bad')\nend", "try:\n    f(x)\nexcept Exception as e:\n    event.tag('bad')"),
    ("event.set('a', b.gsub(/x+/, 'y')) if b =~ /x/", "if re.search(r'x', b):\n    event.set('a', re.sub(r'x+', 'y', b))"),
    ("l << 1\nevent.set('i', l.include?(2))", "l.append(1)\nevent.set('i', 2 in l)"),
    ("event.set('s', 'if a; end # no')", "event.set('s', 'if a; end # no')"),
]  # fmt: skip


@pytest.mark.parametrize(("ruby", "python"), TRANSLATED)
def test_common_forms_are_translated(ruby: str, python: str) -> None:
    assert translated(ruby) == python
    ast.parse(python)


def test_what_is_still_ruby_is_said_to_be() -> None:
    made = translated("x = 1\nlist.select { |a| a }.max\nevent.cancel")
    assert made == "x = 1\npass  # still Ruby: list.select { |a| a }.max\nevent.cancel()"


def test_what_code_needs_is_known() -> None:
    assert needed(translated("@n += 1\nevent.set('t', Time.now)\nx.gsub(/a/, 'b')")) == ["import re", "import time", "state = {}"]
    assert needed("event.set('retime', 1)") == []


def test_the_error_stands_at_the_code_and_shows_python() -> None:
    config = """filter {
  ruby {
    code => "event.set('n', event.get('a').size) if event.get('a') =~ /x/"
  }
}"""
    with pytest.raises(ConfigError) as refused:
        penstock.compile(config)
    (found,) = refused.value.diagnostics
    assert (found.code, found.place) == ("E220", "(config):3:13")
    assert 'write python { code => … }, and init => "import re":' in found.help
    assert "      if re.search(r'x', event.get('a')):\n          event.set('n', len(event.get('a')))" in found.help


@pytest.mark.parametrize(
    ("options", "count"),
    [('path => "/a.rb"', 1), ('init => "@a = 1" code => "event.cancel"', 2), ("", 1), ('code => "" tag_on_exception => "x"', 1)],
)
def test_each_piece_of_code_is_refused(options: str, count: int) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ ruby {{ {options} }} }}")
    assert [found.message for found in refused.value.diagnostics] == ["there is no Ruby here"] * count


@given(st.text() | st.text(alphabet="if end else\n .each{|x|}#'\";nil?to_s()[]=>!&@:/"))
def test_no_text_is_too_strange(code: str) -> None:
    assert isinstance(translated(code), str)
