"""The filter translate, and the dictionaries that it looks things up in."""
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.dsl.diagnostics import ConfigError
from penstock.filters._dictionaries import DictionaryError, DictionaryFile, load, substituting
from penstock.filters.translate import Translate

Filtered = Callable[..., list[dict[str, Any]]]
DICTIONARY = 'dictionary => { "1" => "one" "true" => "T" "a.b" => "dot" "l" => ["x", "y"] "1.5" => 1 }'

FOUND = [
    ("1", "one"), (1, "one"), (1.5, 1), (True, "T"), ("a.b", "dot"), (["1", "2"], "one"), ("l", ["x", "y"]),
]  # fmt: skip
NOT_FOUND = ["2", "aXb", "", None, [], ["2", "1"], {"k": 1}, " 1", False]


@pytest.mark.parametrize(("value", "found"), FOUND)
def test_values_are_looked_up_as_text(filtered: Filtered, value: Any, found: Any) -> None:
    config = f'translate {{ source => "s" target => "[t][u]" {DICTIONARY} add_tag => ["ok"] }}'
    assert filtered(config, {"s": value}) == [{"s": value, "t": {"u": found}, "tags": ["ok"]}]


@pytest.mark.parametrize("value", NOT_FOUND)
def test_what_is_not_found_gets_the_fallback_if_there_is_one(filtered: Filtered, value: Any) -> None:
    config = f'translate {{ source => "s" target => "t" {DICTIONARY} add_tag => ["ok"]'
    assert filtered(config + " }", {"s": value}) == [{"s": value}]
    (out,) = filtered(config + ' fallback => "no %{n}" }', {"s": value, "n": 1})
    assert (out["t"], out["tags"]) == ("no 1", ["ok"])
    assert filtered(config + ' fallback => "x" }', {"n": 1}) == [{"n": 1}]


@pytest.mark.parametrize(
    ("options", "ecs", "after"),
    [
        ("", "v8", {"s": "one", "t": 0, "translation": 0}),
        ("", "disabled", {"s": "1", "t": 0, "translation": 0}),
        ("override => true", "disabled", {"s": "1", "t": 0, "translation": "one"}),
        ('target => "t"', "v8", {"s": "1", "t": 0, "translation": 0}),
        ('target => "t" override => true', "v8", {"s": "1", "t": "one", "translation": 0}),
        ('target => "[s]"', "disabled", {"s": "one", "t": 0, "translation": 0}),
        ('target => "[s]" override => false', "v8", {"s": "1", "t": 0, "translation": 0}),
        ('destination => "d"', "v8", {"s": "1", "t": 0, "translation": 0, "d": "one"}),
    ],
)
def test_a_translation_goes_into_its_target(filtered: Filtered, options: str, ecs: str, after: dict[str, Any]) -> None:
    config = f'translate {{ source => "s" {DICTIONARY} {options} }}'
    assert filtered(config, {"s": "1", "t": 0, "translation": 0}, pipeline__ecs_compatibility=ecs) == [after]


def test_in_place_the_event_is_decorated_in_any_case(filtered: Filtered) -> None:
    assert filtered(f'translate {{ source => "s" {DICTIONARY} add_tag => ["t"] }}', {"s": "2"}) == [{"s": "2", "tags": ["t"]}]


def test_what_is_set_is_nobody_elses(filtered: Filtered) -> None:
    config = f'translate {{ source => "s" target => "t" {DICTIONARY} }} mutate {{ merge => {{ "t" => "s" }} }}'
    assert [out["t"] for out in filtered(config, {"s": "l"}, {"s": "l"})] == [["x", "y", "l"]] * 2


def test_keys_in_the_text_are_replaced(filtered: Filtered) -> None:
    config = 'translate { source => "s" target => "t" exact => false dictionary => { "a.b" => "X" "200" => 1 "z" => "z" } }'
    texts = ["a.b 200 aXb 2001", "none", "z"]
    assert [out.get("t") for out in filtered(config, *({"s": text} for text in texts))] == ["X 1 aXb 11", None, None]


def test_keys_may_be_expressions(filtered: Filtered) -> None:
    config = r'translate { source => "s" target => "t" regex => true dictionary => { "^2\d\d$" => "OK" "^b" => ["B"] } }'
    assert [out.get("t") for out in filtered(config, {"s": 204}, {"s": "a\nb"}, {"s": "2040"})] == ["OK", ["B"], None]


def test_items_of_a_list(filtered: Filtered) -> None:
    config = f'translate {{ iterate_on => "[l][m]" source => "[l][m]" target => "t" {DICTIONARY} add_tag => ["ok"]'
    event = {"l": {"m": [1, "2", "a.b"]}}
    assert filtered(config + " }", event)[0]["t"] == ["one", None, "dot"]
    assert filtered(config + ' fallback => "?" }', event)[0]["t"] == ["one", "?", "dot"]
    assert filtered(config + " }", {"l": {"m": "2"}}, {"l": 1}) == [{"l": {"m": "2"}, "t": [None]}, {"l": 1}]


def test_maps_of_a_list(filtered: Filtered) -> None:
    config = f'translate {{ iterate_on => "l" source => "[a][b]" target => "c" {DICTIONARY} add_tag => ["ok"]'
    event = {"l": [{"a": {"b": 1}}, {"a": {"b": 2}}, {"c": 0}]}
    assert filtered(config + " }", event)[0] == {"l": [{"a": {"b": 1}, "c": "one"}, *event["l"][1:]], "tags": ["ok"]}
    assert [m["c"] for m in filtered(config + ' fallback => "?" }', event)[0]["l"]] == ["one", "?", "?"]
    assert filtered(config + " }", {"l": [{"a": 1}]}, {}) == [{"l": [{"a": 1}]}, {}]


FILES = [
    ("d.yml", "a: 1\n'b': [x, {y: 2}]\n200: fine\ntrue: T\nd: 2020-01-01\n", {"a": 1, "b": ["x", {"y": 2}], "200": "fine", "true": "T", "d": "2020-01-01"}),
    ("d.yml", "1.10: a\n1.1: b\nNO: c\non: d\n007: e\n12:30: f\n0x1F: g\n1_000: h\n.5: i\n+5: j\nnull: k\n~: l\n",
     {"1.10": "a", "1.1": "b", "NO": "c", "on": "d", "007": "e", "12:30": "f", "0x1F": "g", "1_000": "h",
      ".5": "i", "+5": "j", "null": "k", "~": "l"}),
    ("d.yml", "a: {1.10: NO, x: 007}\nb: &m {1: 2}\nc: {<<: *m, 0x1F: yes}\n!!int 5: 1.10\n'6': ~\n2020-01-01: on\n",
     {"a": {"1.10": False, "x": 7}, "b": {"1": 2}, "c": {"1": 2, "0x1F": True}, "5": 1.1, "6": None, "2020-01-01": True}),
    ("d.yaml", "--- !!omap {a: 1}\n---\nb: 2\n", {"a": 1, "b": 2}),
    ("d.yml", "--- !!omap\n- a: 1\n- b: 2\n", {"a": 1, "b": 2}),
    ("d.yml", "", {}),
    ("d.json", '\ufeff{"a": 1.0, "b": {"c": null}}', {"a": 1.0, "b": {"c": None}}),
    ("d.csv", 'a,1\n"b,""c""","x\ny"\n\nd\n', {"a": "1", 'b,"c"': "x\ny", "d": None}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "entries"), FILES)
def test_a_dictionary_is_read_from_each_kind_of_file(tmp_path: Path, name: str, text: str, entries: dict[str, Any]) -> None:
    (tmp_path / name).write_text(text)
    assert load(tmp_path / name, 10_000) == entries


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [("d.yml", "a: [", "not valid YAML"), ("d.yml", "- a\n", "must be a map"), ("d.yml", "a: 1 # long", "more than 10"), ("d.yml", "!!x 1", "not valid YAML"),
     ("d.json", "{", "not valid JSON"), ("d.json", "[1]", "must be a map"), ("d.csv", 'a,"b', "not valid CSV"), ("d.json", "[" * 5000, "not valid JSON")],
)  # fmt: skip
def test_files_that_hold_no_dictionary(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DictionaryError, match=reason):
        load(tmp_path / name, 10)


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def write(path: Path, text: str, changed: int) -> None:
    path.write_text(text)
    os.utime(path, (changed, changed))


@pytest.mark.parametrize(("replaces", "entries"), [(True, {"b": "2"}), (False, {"a": "1", "b": "2"})])
def test_a_file_is_read_again_when_its_time_has_come(tmp_path: Path, replaces: bool, entries: dict[str, Any]) -> None:
    path, clock = tmp_path / "d.csv", Clock()
    write(path, "a,1\n", 1)
    file = DictionaryFile(path, 60, replaces, 100, clock)
    write(path, "b,2\n", 2)
    clock.time += 59
    assert not file.refreshed()
    clock.time += 1
    assert file.refreshed()
    assert file.entries == entries
    clock.time += 60
    assert not file.refreshed()


@pytest.mark.parametrize(("interval", "read"), [(300, False), (301, True), (0, False)])
def test_an_interval_of_more_than_300_reads_what_did_not_change(tmp_path: Path, interval: float, read: bool) -> None:
    path, clock = tmp_path / "d.csv", Clock()
    write(path, "a,1\n", 1)
    file = DictionaryFile(path, interval, True, 100, clock)
    write(path, "b,2\n", 1)
    clock.time += 1000
    assert file.refreshed() == read


def test_a_file_that_broke_leaves_the_dictionary_as_it_was(tmp_path: Path) -> None:
    path, clock = tmp_path / "d.json", Clock()
    write(path, '{"a": "b"}', 1)
    translate = Translate({"source": penstock.dsl.reference.FieldRef("s"), "dictionary_path": path, "refresh_interval": 9.0})
    translate.prepare()
    assert translate.file is not None
    translate.file.clock, translate.file.due = clock, 0
    for text in ("{", None):
        path.unlink() if text is None else write(path, text, 2)
        clock.time += 100
        assert translate.run([{"s": "a"}]) == [{"s": "b"}]
    write(path, '{"a": "c"}', 3)
    clock.time += 100
    assert translate.run([{"s": "a"}]) == [{"s": "c"}]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dictionaries")
    for name in ("d.txt", "bad.json", "d.json", "d.yml"):
        (path / name).write_text("{" if name == "bad.json" else "{}")
    return path


WRONG = [
    ('target => "t"', "E214"),
    ('source => "s" field => "t"', "E220"),
    ('source => "s" target => "t" destination => "u"', "E220"),
    ('source => "s" dictionary => { "a" => "b" } dictionary_path => "DIRECTORY/d.json"', "E220"),
    ('source => "s" dictionary_path => "DIRECTORY/none.json"', "E210"),
    ('source => "s" dictionary_path => "DIRECTORY/d.txt"', "E220"),
    ('source => "s" dictionary_path => "DIRECTORY/bad.json"', "E220"),
    ('source => "s" dictionary_path => "DIRECTORY/d.yml" yaml_dictionary_code_point_limit => 0', "E220"),
    ('source => "s" dictionary_path => "DIRECTORY/d.yml" yaml_dictionary_code_point_limit => 1', "E220"),
    ('source => "s" dictionary_path => "DIRECTORY/d.json" yaml_dictionary_code_point_limit => 9', "E220"),
    ('source => "s" regex => true dictionary => { "(" => "b" }', "E220"),
    ('source => "s" refresh_behaviour => "forget"', "E204"),
]


@pytest.mark.parametrize(("options", "code"), WRONG)
def test_wrong_options_are_refused(directory: Path, options: str, code: str) -> None:
    with pytest.raises(ConfigError) as refused:
        penstock.compile(f"filter {{ translate {{ {options.replace('DIRECTORY', str(directory))} }} }}")
    assert [found.code for found in refused.value.diagnostics if found.is_error] == [code]


def test_old_names_of_options_warn() -> None:
    stage = penstock.compile('filter { translate { field => "s" destination => "d" dictionary => { "a" => "b" } } }')
    assert [found.code for found in stage.warnings] == ["W301", "W301"]
    assert stage([{"s": "a"}])[0]["d"] == "b"


@given(st.dictionaries(st.text(min_size=1), st.text()), st.text())
def test_replacing_in_a_text_never_fails(entries: dict[str, Any], text: str) -> None:
    found = substituting(entries)(text)
    assert any(key in text for key in entries) or type(found) is not str


@pytest.mark.parametrize("target", ["t", "[t]", "[t][u]", "[t][u][w]", "tags", "[@metadata][u]"])
@pytest.mark.parametrize("override", ["true", "false"])
@pytest.mark.parametrize(
    "held",
    [{}, {"t": {}}, {"t": {"u": None}}, {"t": {"u": {"w": 1}}}, {"t": {"u": 1}}, {"t": "x"},
     {"t": None}, {"t": []}, {"t": [{"u": 1}]}, {"tags": ["a"]}, {"@metadata": {"u": 1}}],
)  # fmt: skip
def test_whole_keys_are_put_where_expressions_are(
    filtered: Filtered, target: str, override: str, held: dict[str, Any]
) -> None:
    options = f'source => "s" target => "{target}" override => {override} add_tag => ["ok"]'
    event = {"s": 1, **held}
    assert filtered(f'translate {{ {options} dictionary => {{ "1" => "one" }} }}', event) == filtered(
        f'translate {{ {options} regex => true dictionary => {{ "^1$" => "one" }} }}', event
    )
