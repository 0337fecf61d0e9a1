"""Notifications of a bucket in a queue of SQS: which objects were made.

They come as S3 writes them, inside of what SNS makes of a message, or as events of EventBridge. A
notification is deleted when all its objects are done; one that says nothing of new objects, such as
the test that S3 sends when it is set up, at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_plus

from ..clients.s3 import Object
from ._sqs_leases import Lease


class Notice:
    """A notification, and how many of its objects are not done."""

    __slots__ = ("lease", "left")

    def __init__(self, lease: Lease, left: int) -> None:
        self.lease, self.left = lease, left


def objects_of(text: str) -> list[Object]:
    """The objects that were made, of a notification. Raises ValueError where it is not one."""
    try:
        found = _objects(text)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a notification of S3: {type(error).__name__}: {error}") from error
    if not all(isinstance(text, str) for each in found for text in (each.bucket, each.key)):
        raise ValueError("not a notification of S3: a name is not a text")
    return found


def _objects(text: str) -> list[Object]:
    found = json.loads(text)
    if isinstance(found, dict) and found.get("Type") == "Notification" and "Message" in found:
        found = json.loads(found["Message"])
    if not isinstance(found, dict):
        raise ValueError("not a notification of S3")
    if found.get("Event") == "s3:TestEvent":
        return []
    if "detail" in found and "detail-type" in found:
        return list(_of_bridge(found))
    if "Records" not in found:
        raise ValueError("not a notification of S3")
    return list(_of_records(found["Records"]))


def _of_records(records: Any) -> Iterator[Object]:
    for record in records if isinstance(records, list) else ():
        if not isinstance(record, dict) or "s3" not in record:
            raise ValueError("a record is not one of S3")
        if str(record.get("eventName", "")).startswith(("ObjectCreated", "s3:ObjectCreated")):
            yield _object(record["s3"]["bucket"]["name"], record["s3"]["object"], "eTag")


def _of_bridge(found: Mapping[str, Any]) -> Iterator[Object]:
    if found["detail-type"] == "Object Created":
        detail = found["detail"]
        name = detail["bucket"]["name"]
        # EventBridge writes keys as they are; S3's own notifications write them as in a URL.
        made = detail["object"]
        yield Object(name, made["key"], str(made.get("etag", "")), None, int(made.get("size", 0)))


def _object(bucket: str, made: Mapping[str, Any], etag: str) -> Object:
    key = unquote_plus(made["key"])
    return Object(bucket, key, str(made.get(etag, "")).strip('"'), None, int(made.get("size", 0)))
