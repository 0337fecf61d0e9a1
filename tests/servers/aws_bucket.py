"""A bucket of S3, as tests fill it and look into it."""
from __future__ import annotations

from typing import Any

from . import aws


class Bucket:
    """A new bucket."""

    def __init__(self, port: int) -> None:
        self.client = aws.client("s3", port)
        self.name = aws.fresh("b")
        self.client.create_bucket(Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": aws.REGION})

    def put(self, key: str, data: str | bytes, **more: Any) -> None:
        body = data.encode() if isinstance(data, str) else data
        self.client.put_object(Bucket=self.name, Key=key, Body=body, **more)

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents") or ()]

    def head(self, key: str) -> Any:
        return self.client.head_object(Bucket=self.name, Key=key)

    def notify(self, queue_arn: str) -> None:
        """Have new objects told to a queue."""
        configuration = {"QueueConfigurations": [{"QueueArn": queue_arn, "Events": ["s3:ObjectCreated:*"]}]}
        self.client.put_bucket_notification_configuration(Bucket=self.name, NotificationConfiguration=configuration)
