"""Fields that cannot be set: the event is tagged, what stands there stays, and nothing is lost."""

from collections.abc import Callable
from typing import Any

import pytest

Event = dict[str, Any]
Filtered = Callable[..., list[Event]]

PARENTS: list[Any] = ["a string", 5, True, None, [1], [], [{"b": 1}]]


@pytest.mark.parametrize("parent", PARENTS, ids=repr)
def test_rename_below_what_holds_no_fields_leaves_the_value(
    filtered: Filtered, parent: Any
) -> None:
    (event,) = filtered(
        'mutate { rename => { "s" => "[a][b]" } add_tag => ["done"] }', {"s": "v", "a": parent}
    )
    assert event == {"s": "v", "a": parent, "tags": ["_mutate_error"]}


NO_TARGETS = [
    "@timestamp",
    "@metadata",
    "[@timestamp][a]",
    "[tags][a]",
    "[l][-5]",
    "[l][99999999]",
    "[l][name]",
    "[l][0][x]",
    "a[b",
    "",
    "%{n}",
]


@pytest.mark.parametrize("target", NO_TARGETS)
@pytest.mark.parametrize("source", ["s", "[in][s]", "[many][1]", "[many][-1]"])
def test_rename_to_what_takes_no_such_value_leaves_it(
    filtered: Filtered, source: str, target: str
) -> None:
    given = {"s": "v", "in": {"s": 1}, "many": ["x", "y"], "l": [1], "n": "c]d", "tags": ["t"]}
    (event,) = filtered(f'mutate {{ rename => {{ "{source}" => "{target}" }} }}', given)
    assert event == given | {"tags": ["t", "_mutate_error"]}


BELOW_A_LIST = [
    ('mutate { add_field => { "[a][b]" => "x" } remove_field => ["s"] }', "_mutate_error"),
    ('mutate { replace => { "[a][b]" => "x" } remove_field => ["s"] }', "_mutate_error"),
    ('mutate { rename => { "s" => "[a][b]" } }', "_mutate_error"),
    ('mutate { copy => { "s" => "[a][b]" } remove_field => ["s"] }', "_mutate_error"),
    ('mutate { merge => { "[a][b]" => "s" } remove_field => ["s"] }', "_mutate_error"),
    ('date { match => ["s", "ISO8601"] target => "[a][b]" remove_field => ["s"] }',
     "_date_exception"),
    ('grok { match => { "s" => "%{DATA:[a][b]}$" } remove_field => ["s"] }', "_grok_exception"),
    ('kv { source => "s" target => "[a][b]" value_split => "-" remove_field => ["s"] }',
     "_kv_filter_error"),
    ('dissect { mapping => { "s" => "%{[a][b]}" } remove_field => ["s"] }', "_dissectfailure"),
    ('csv { source => "s" target => "[a][b]" remove_field => ["s"] }', "_csvparsefailure"),
    ('csv { source => "s" columns => ["[a][b]"] remove_field => ["s"] }', "_csvparsefailure"),
    ('json { source => "j" target => "[a][b]" remove_field => ["s"] }', "_jsonparsefailure"),
    ('translate { source => "s" target => "[a][b]" dictionary => { } fallback => "x"'
     ' remove_field => ["s"] }', "_translate_exception"),
    ('fingerprint { source => "s" target => "[a][b]" remove_field => ["s"] }',
     "_fingerprint_exception"),
    ('uuid { target => "[a][b]" remove_field => ["s"] }', "_uuid_exception"),
    ('bytes { source => "n" target => "[a][b]" remove_field => ["s"] }', "_bytes_exception"),
    ('xml { source => "x" target => "[a][b]" remove_field => ["s"] }', "_xml_exception"),
    ('json_encode { source => "s" target => "[a][b]" remove_field => ["s"] }',
     "_jsongeneratefailure"),
    ('split { field => "l" target => "[a][b]" remove_field => ["s"] }', "_split_exception"),
    ('python { code => "event.set(\'[a][b]\', 1)" remove_field => ["s"] }', "_pythonexception"),
    ('alter { coalesce => ["[a][b]", "x"] remove_field => ["s"] }', "_alter_exception"),
    ('range { ranges => ["n", 0, 9, "field:[a][b]:x"] remove_field => ["s"] }',
     "_range_exception"),
    ('syslog_pri { syslog_pri_field_name => "n" remove_field => ["s"]'
     ' add_field => { "[a][b]" => "x" } }', "_syslog_pri_exception"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "tag"), BELOW_A_LIST)
def test_a_write_below_a_list_by_a_name_fails_and_removes_nothing(
    filtered: Filtered, config: str, tag: str
) -> None:
    given = {"s": "2020-01-01T00:00:00Z", "a": [1], "j": "{}", "x": "<r/>", "n": "5", "l": [1, 2]}
    (event, *_) = filtered(config, given)
    assert {"s": event.get("s"), "a": event["a"]} == {"s": given["s"], "a": [1]}
    assert tag in event["tags"]


@pytest.mark.parametrize(
    ("config", "tag"),
    [
        ('mutate { add_field => { "[tags][env]" => "prod" } }', "_mutate_error"),
        ('mutate { rename => { "n" => "tags" } }', "_mutate_error"),
        ('mutate { copy => { "m" => "tags" } }', "_mutate_error"),
        ('mutate { copy => { "@timestamp" => "tags" } }', "_mutate_error"),
        ('csv { source => "c" target => "tags" }', "_csvparsefailure"),
        ('kv { source => "c" target => "tags" }', "_kv_filter_error"),
        ('json { source => "j" target => "tags" }', "_jsonparsefailure"),
        ('json { source => "j" }', "_jsonparsefailure"),
        ('date { match => ["c", "ISO8601"] target => "[tags][x]" }', "_dateparsefailure"),
        ("de_dot { nested => true }", "_de_dot_error"),
    ],
)
def test_tags_stay_strings(filtered: Filtered, config: str, tag: str) -> None:
    given = {"n": 5, "m": {"a": 1}, "c": "a=1", "j": '{"tags": ["a", 1], "k": 2}', "tags.x": 1}
    (event,) = filtered(config + ' mutate { add_tag => ["t"] }', given)
    assert event["tags"][-1] == "t"
    assert tag in event["tags"]
    assert all(type(each) is str for each in event["tags"])


ONE_OF_SEVERAL = [
    ("kv { }", "a=1 @timestamp=2020 c=3", "_kv_filter_error"),
    ("kv { }", "a=1 b[=2 @metadata=5 c=3", "_kv_filter_error"),
    ('json { source => "message" }', '{"a": "1", "x[": 2, "@metadata": 3, "c": "3"}',
     "_jsonparsefailure"),
    ('csv { columns => ["a", "@timestamp", "[s][x]", "c"] }', "1,2,4,3", "_csvparsefailure"),
    ('dissect { mapping => { "message" => "%{a} %{[s][x]} %{+[s][y]} %{[c]}" } }', "1 2 4 3",
     "_dissectfailure"),
    ('xml { source => "message" store_xml => false'
     ' xpath => ["/r/@a", "a", "/r/@b", "[s][x]", "/r/@c", "c"] force_array => false }',
     '<r a="1" b="2" c="3"/>', "_xml_exception"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "message", "tag"), ONE_OF_SEVERAL)
def test_a_key_that_cannot_be_set_keeps_back_no_other(
    filtered: Filtered, config: str, message: str, tag: str
) -> None:
    given = {"message": message, "s": "a string"}
    (event,) = filtered(config, given)
    event.pop("@metadata", None)
    assert {**event, "tags": [tag]} == given | {"a": "1", "c": "3", "tags": [tag]}
    assert tag in event["tags"]


def test_the_end_of_something_below_the_host_is_told(filtered: Filtered) -> None:
    config = 'elapsed { start_tag => "s" end_tag => "e" unique_id_field => "[host][id]"'
    *_, event = filtered(
        config + " new_event_on_match => true }",
        {"host": {"id": "x"}, "tags": ["s"]},
        {"host": {"id": "x"}, "tags": ["e"]},
    )
    assert event["host"] == {"id": "x"}
