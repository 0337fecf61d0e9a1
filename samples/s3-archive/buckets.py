"""Makes the buckets of the sample, fills one, half of it packed, and shows both.

buckets.py fill URL FILE
buckets.py show URL
"""

import gzip
import sys
import time
from pathlib import Path

import boto3
import botocore.exceptions

command, url, *files = sys.argv[1:]
s3 = boto3.client("s3", region_name="eu-central-1", endpoint_url=url)


def make(name: str) -> None:
    """Make a bucket; the server may just be starting."""
    where = {"LocationConstraint": "eu-central-1"}
    for _ in range(100):
        try:
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=where)
        except botocore.exceptions.EndpointConnectionError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"{url} does not answer: start the server first")


def keys(name: str) -> list[str]:
    """The keys of a bucket."""
    return [each["Key"] for each in s3.list_objects_v2(Bucket=name).get("Contents", [])]


if command == "fill":
    make("incoming")
    make("archive")
    lines = Path(files[0]).read_bytes().splitlines(keepends=True)
    half = len(lines) // 2
    s3.put_object(Bucket="incoming", Key="alb/1.log", Body=b"".join(lines[:half]))
    s3.put_object(Bucket="incoming", Key="alb/2.log.gz", Body=gzip.compress(b"".join(lines[half:])))
else:
    for key in keys("archive"):
        data = gzip.decompress(s3.get_object(Bucket="archive", Key=key)["Body"].read()).decode()
        print(f"{key.rpartition('/')[0]}: {len(data.splitlines())}")
        print(data, end="")
    print(f"left in incoming: {len(keys('incoming'))}")
