"""Program to plugins: what plugins find wrong stands at its place, beside what the language finds."""
from typing import Any

import pytest

import penstock
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.contract import Input


def found(text: str) -> list[tuple[str, str]]:
    """The findings of a text: code and the text under the caret."""
    findings = inspect([Source("test.conf", text)], settled(None))[1]
    return [(finding.code, finding.span.text if finding.span else "") for finding in findings]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('filter { grok { match => { "message" => ["%{IP:a}", "%{NOSUCH:b}"] } } }', [("E221", '"%{NOSUCH:b}"')]),
        ('filter { grok { match => ["message", "%{NOSUCH:b}"] } }', [("E221", '"%{NOSUCH:b}"')]),
        ('filter { date { match => ["t", "yyyy", "BB"] } }', [("E222", '"BB"')]),
        ('filter { mutate { add_field => { "a[b" => "x" } } }', [("W304", '"x"')]),
        ('filter { mutate { add_field => { "a" => "%{b[c}" } } }', [("W304", '"%{b[c}"')]),
        ('filter { mutate { add_field => { "a" => ["%{+BB}", "b"] } } }', [("W304", '"%{+BB}"')]),
        ('filter { mutate { add_tag => ["a", "%{+BB}"] } }', [("W304", '"%{+BB}"')]),
        ('input { stdin { add_field => { "a" => "%{+BB}" } } }', [("W304", '"%{+BB}"')]),
        ('input { stdin { codec => multiline { pattern => "(" what => previous } } }', [("E208", '"("')]),
        ('filter { if [a] { if [b] { date { match => ["t", "BB"] } } } }', [("E222", '"BB"')]),
    ],
)
def test_what_plugins_find_wrong_is_blamed_where_it_stands(text: str, wanted: list[tuple[str, str]]) -> None:
    assert found(text) == wanted


LITERAL = [
    ('filter { split { terminator => "\\n" } }', ['"\\n"']),
    ('filter { csv { separator => "\\t" } cidr { network => ["::/0"] address => ["a"] separator => "\\n" } }', ['"\\t"', '"\\n"']),
    ('filter { mutate { split => { "a" => "\\t" } join => { "b" => "\\r\\n" } replace => { "c" => "x\\ny" } } }',
     ['"\\t"', '"\\r\\n"', '"x\\ny"']),
    ('filter { mutate { gsub => ["a", "\\n", "-", "b", ",", "\\n"] } }', ['"\\n"']),
    ('filter { mutate { add_field => { "a" => ["b", "%{c}\\n%{d}"] } } }', ['"%{c}\\n%{d}"']),
    ('filter { dissect { mapping => { "m" => "%{a}\\t%{b}" } } }', ['"%{a}\\t%{b}"']),
    ('input { file { path => "/x" delimiter => "\\n" } stdin { codec => json_lines { delimiter => "\\n" } } }', ['"\\n"', '"\\n"']),
    ('input { stdin { codec => line { delimiter => "\\r\\n" } } } output { stdout { codec => line { format => "%{a}\\n" } } }',
     ['"\\r\\n"', '"%{a}\\n"']),
    ('filter { mutate { replace => { "a" => "C:\\temp\\new" "b" => "see \\\\server\\new" } } }', []),
    ('filter { grok { match => { "m" => "a\\n" } } kv { field_split => "\\n" } }', []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), LITERAL)
def test_an_escape_that_is_none_is_warned_of(text: str, wanted: list[str]) -> None:
    assert found(text) == [("W305", each) for each in wanted]
    escaped = inspect([Source("test.conf", text)], settled({"config.support_escapes": True}))[1]
    assert [finding.code for finding in escaped if finding.code == "W305"] == []


ONLY_READ = ["netflow", "es_bulk", "collectd", "gzip_lines", 'multiline { pattern => "x" what => "next" }']


@pytest.mark.parametrize("codec", ONLY_READ)
def test_a_codec_that_only_reads_is_not_for_outputs(codec: str) -> None:
    name = codec.split()[0]
    assert found(f"output {{ stdout {{ codec => {codec} }} }}") == [("E220", name)]
    assert found(f'output {{ if [a] {{ file {{ path => "x" codec => {codec} }} }} }}') == [("E220", name)]
    assert found(f"input {{ stdin {{ codec => {codec} }} }}") == []


@pytest.mark.parametrize("codec", ["dots", "rubydebug"])
def test_a_codec_that_only_writes_is_not_for_inputs(codec: str) -> None:
    assert found(f'input {{ stdin {{ codec => {codec} }} file {{ path => "/x" codec => "{codec}" }} }}') == [
        ("E220", codec), ("E220", f'"{codec}"'),
    ]  # fmt: skip
    assert found(f"output {{ stdout {{ codec => {codec} }} }}") == []
    assert penstock.codec(codec).encode([{"a": 1}])


def test_an_option_that_is_wrong_is_not_missed_as_well() -> None:
    text = 'filter { geoip { source => "ip" target => "geo" database => "no-such-file.mmdb" } }'
    assert found(text) == [("E210", '"no-such-file.mmdb"')]


def test_problems_of_the_language_and_of_plugins_come_together_in_order() -> None:
    text = 'filter { date { match => ["t", "BB"] } nothing { } grok { match => { "a" => "%{NOSUCH}" } bad => 1 } }'
    assert [code for code, _ in found(text)] == ["E222", "E201", "E221", "E203"]


def test_a_file_that_does_not_parse_does_not_hide_the_others() -> None:
    sources = [Source("a.conf", "filter {"), Source("b.conf", "filter { nothing { } }")]
    assembly, findings = inspect(sources, settled(None))
    assert assembly is None
    assert [(f.code, f.place) for f in findings] == [("E101", "a.conf:1:8"), ("E201", "b.conf:1:10")]


def test_only_errors_refuse() -> None:
    with pytest.raises(penstock.ConfigError) as refused:
        penstock.compile('filter { mutate { add_field => { "a[b" => "x" } } nothing { } }')
    assert [finding.code for finding in refused.value.diagnostics] == ["E201"]
    stage = penstock.compile('filter { mutate { add_field => { "a[b" => "x" } } }')
    assert [warning.code for warning in stage.warnings] == ["W304"]


def test_plugins_stand_in_the_order_of_the_text_those_of_branches_among_them() -> None:
    text = "filter { drop { id => 'a' } if [x] { drop { id => 'b' } } else { drop { id => 'c' } } drop { id => 'd' } }"
    assembly = assemble([Source("test.conf", text)], settled(None))
    assert [plugin.context.id for plugin in assembly.plugins(assembly.program.filters)] == ["a", "b", "c", "d"]


def test_a_plugin_knows_its_place() -> None:
    assembly = assemble([Source("test.conf", "filter {\n  drop { }\n}")], settled(None))
    (plugin,) = assembly.plugins(assembly.program.filters)
    assert plugin.context.where == "test.conf:2:3"


def streamed(text: str, data: bytes, ecs: str = "v8") -> list[dict[str, Any]]:
    """What an input makes of a stream."""
    settings = settled({"pipeline.ecs_compatibility": ecs})
    (source,) = assemble([Source("test.conf", text)], settings).made.values()
    assert isinstance(source, Input)
    codec = source.new_codec()
    return [*codec.decode(data), *codec.flush()]


STDIN, FILE = "input { stdin { codec => json } }", 'input { file { path => "/x" codec => json } }'


WITH_MORE = [
    ('{"a":1}{"b":2}', {"a": 1}),
    ('{"a":1} x', {"a": 1}),
    ('{"a":1}}', {"a": 1}),
    ('{"a":1},', {"a": 1}),
    ('[{"a":1}][{"b":2}]', {"a": 1}),
    ('{"message":"m"}{"b":2}', {}),
    ("[]1", {}),
]


@pytest.mark.parametrize("config", [STDIN, FILE])
@pytest.mark.parametrize(("line", "first"), WITH_MORE)
def test_text_behind_the_json_of_a_payload_is_a_failure(config: str, line: str, first: dict[str, Any]) -> None:
    assert streamed(config, f'{{"n":1}}\n{line}\n'.encode(), "disabled") == [
        {"n": 1}, {**first, "message": line, "tags": ["_jsonparsefailure"]},
    ]  # fmt: skip


def test_the_payloads_of_a_file_are_kept_as_they_were() -> None:
    data = b'{"a": 1}\n[{"b": 1}]\n[{"c": 1}, {"c": 2}]\n{"event": {"original": "x"}}\n{"event": 5}'
    kept = [
        {"a": 1, "event": {"original": '{"a": 1}'}},
        {"b": 1, "event": {"original": '[{"b": 1}]'}},
        {"c": 1}, {"c": 2}, {"event": {"original": "x"}}, {"event": 5},
    ]  # fmt: skip
    assert streamed(FILE, data) == kept
    assert streamed(FILE, b'{"a": 1}\n{"d": 1.50}\n') == [
        {"a": 1, "event": {"original": '{"a": 1}'}}, {"d": 1.5, "event": {"original": '{"d": 1.50}'}},
    ]  # fmt: skip
    for other in (streamed(FILE, data, "disabled"), streamed(FILE.replace("json", "json_lines"), data)):
        assert other[0] == {"a": 1}
