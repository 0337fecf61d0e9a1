"""Elasticsearch's bulk requests as events."""
from __future__ import annotations

from typing import Any

from penstock.dsl.reference import FieldRef

REQUEST = b"""{"index":{"_index":"t","_id":"1"}}
{"f":"v"}

{"delete":{"_id":"2"}}
{"update":{"_id":"3"}}
{"doc":{"f":"w"}}
"""


def test_a_document_is_an_event_with_what_is_to_be_done(codec: Any) -> None:
    assert codec("es_bulk", ecs=False).decode(REQUEST) == [
        {"f": "v", "@metadata": {"action": "index", "_index": "t", "_id": "1"}},
        {"@metadata": {"action": "delete", "_id": "2"}},
        {"doc": {"f": "w"}, "@metadata": {"action": "update", "_id": "3"}},
    ]
    (first, *_) = codec("es_bulk").decode(REQUEST)
    assert first["@metadata"] == {"codec": {"es_bulk": {"action": "index", "_index": "t", "_id": "1"}}}


def test_a_document_goes_under_a_target(codec: Any) -> None:
    (event,) = codec("es_bulk", target=FieldRef("x")).decode(b'{"index":{}}\n{"f":"v"}\n')
    assert event["x"] == {"f": "v"}


def test_lines_that_are_not_an_action_are_kept_and_tagged(codec: Any) -> None:
    bulk = codec("es_bulk", ecs=False)
    lines = ["text", "5", "{}", '{"index":1}', '{"index":{}} {}']
    data = "\n".join([*lines, '{"index":{}}', '{"f":1}', ""])
    assert bulk.decode(data.encode()) == [
        *[{"message": line, "tags": ["_esbulkparsefailure"]} for line in lines],
        {"f": 1, "@metadata": {"action": "index"}},
    ]


def test_text_behind_a_document_is_not_lost(codec: Any) -> None:
    (event,) = codec("es_bulk", ecs=False).decode(b'{"index":{}}\n{"f":1} {"g":2}\n')
    assert (event["message"], event["tags"]) == ('{"f":1} {"g":2}', ["_jsonparsefailure"])


def test_a_document_that_is_broken_is_kept_and_leaves_the_others_alone(codec: Any) -> None:
    assert codec("es_bulk", ecs=False).decode(b'{"index":{}}\n{"f":\n{"create":{}}\n{"f":2}\n') == [
        {"message": '{"f":', "tags": ["_jsonparsefailure"], "@metadata": {"action": "index"}},
        {"f": 2, "@metadata": {"action": "create"}},
    ]


def test_a_new_request_starts_anew(codec: Any) -> None:
    bulk = codec("es_bulk", ecs=False)
    assert [*bulk.decode(b'{"index":{}}\n'), *bulk.flush()] == []
    assert [*bulk.decode(REQUEST[:45]), *bulk.flush()] == [{"f": "v", "@metadata": {"action": "index", "_index": "t", "_id": "1"}}]
