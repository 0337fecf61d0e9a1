"""The log files of AWS: CloudTrail's and CloudFront's."""
from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

RECORD = {"eventTime": "2024-05-06T07:08:09Z", "eventName": "RunInstances", "awsRegion": "eu-west-1"}


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        (None, None),
        ({"a": 1}, {"a": 1}),
        ({"disableApiTermination": True}, {"disableApiTermination": {"value": True}}),
        ({"disableApiTermination": {"value": False}}, {"disableApiTermination": {"value": False}}),
    ],
)
def test_each_record_of_cloudtrail_is_an_event(codec: Any, parameters: Any, wanted: Any) -> None:
    records = [{**RECORD, "requestParameters": parameters}, {"eventName": "x"}]
    first, second = codec("cloudtrail").decode(json.dumps({"Records": records}).encode())
    assert first["@timestamp"] == "2024-05-06T07:08:09.000Z"
    assert "eventTime" not in first
    assert first["requestParameters"] == wanted
    assert second["eventName"] == "x"


@pytest.mark.parametrize("line", ["", "no json", "[]", '{"Records": 5}', '{"Records": [5]}', "{}", '{"Records": []} x'])
def test_what_is_no_document_of_cloudtrail_is_kept(codec: Any, line: str) -> None:
    assert codec("cloudtrail").decode(line.encode()) == [{"message": line, "tags": ["_jsonparsefailure"]}]


def test_no_records_are_no_events(codec: Any) -> None:
    assert codec("cloudtrail").decode(b'{"Records": []}') == []


HEAD = "#Version: 1.0\n#Fields: date time x-edge-location\n"
SAID = {"cloudfront_version": "1.0", "cloudfront_fields": "date time x-edge-location"}


@pytest.mark.parametrize(
    ("text", "events"),
    [
        (HEAD + "a\tb\n#c\n", [{"message": "a\tb", **SAID}, {"message": "#c", **SAID}]),
        (HEAD, []),
        ("a\n#Version: 2\n", [
            {"message": "a", "cloudfront_version": None, "cloudfront_fields": None},
            {"message": "#Version: 2", "cloudfront_version": None, "cloudfront_fields": None},
        ]),
        ("#Fields: x\na\n", [{"message": "a", "cloudfront_version": None, "cloudfront_fields": "x"}]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_lines_of_cloudfront_know_their_head_however_they_come(codec: Any, text: str, events: list[Any], size: int) -> None:
    made, data = codec("cloudfront"), gzip.compress(text.encode())
    found = [event for at in range(0, len(data), size) for event in made.decode(data[at : at + size])]
    assert [*found, *made.flush()] == events


def test_another_file_has_its_own_head(codec: Any) -> None:
    made = codec("cloudfront")
    made.decode(gzip.compress((HEAD + "a\n").encode()))
    (event,) = made.stream().decode(gzip.compress(b"b\n"))
    assert event["cloudfront_version"] is None


def test_what_is_not_packed_is_tagged(codec: Any) -> None:
    made = codec("cloudfront")
    (event,) = [*made.decode(b"plain\n"), *made.flush()]
    assert event["tags"] == ["_gzipparsefailure"]
