"""AWS without AWS: ElasticMQ speaks SQS; moto speaks SQS, SNS, S3, STS and the rest, in the memory of one process.

Neither keeps anything over its own end, and neither looks at credentials, unless moto is told to (``asking``).
"""
from __future__ import annotations

import json
import urllib.request
import uuid
from pathlib import Path
from typing import Any

from .packages import java, python
from .process import LOOPBACK, Server, accepts, free_ports

REGION = "eu-central-1"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "open sesame", "AWS_EC2_METADATA_DISABLED": "true"}
"""What emulators take, as the environment gives it."""

_ELASTICMQ = """
include classpath("application.conf")
node-address {{ protocol = http, host = "{host}", port = {port}, context-path = "" }}
rest-sqs {{ enabled = true, bind-port = {port}, bind-hostname = "{host}", sqs-limits = strict }}
rest-stats {{ enabled = false }}
"""


def elasticmq(home: Path) -> Server:
    """SQS: visibility, redrive to a queue of dead letters, FIFO."""
    (port,) = free_ports()
    config = home / "elasticmq.conf"
    config.write_text(_ELASTICMQ.format(host=LOOPBACK, port=port))
    command = [*java("elasticmq", f"-Dconfig.file={config}", heap="192m"), "org.elasticmq.server.Main"]
    return Server(command, accepts(port), home, port=port, url=f"http://{LOOPBACK}:{port}")


def moto(home: Path, free: int | None = None) -> Server:
    """All services. ``free``: after so many requests credentials are looked at."""
    (port,) = free_ports()
    command = [python("moto").with_name("moto_server"), "-H", LOOPBACK, "-p", str(port)]

    def is_ready() -> bool:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/moto-api/", timeout=1) as answer:
            return bool(answer.status == 200)

    environment = {} if free is None else {"INITIAL_NO_AUTH_ACTION_COUNT": str(free)}
    return Server(command, is_ready, home, environment=environment, port=port, url=f"http://{LOOPBACK}:{port}")


class _Asking(Server):
    """It has a user ann, who may do all, bob, who may do nothing, a topic and a bucket."""

    def start(self, waits: bool = True) -> _Asking:
        super().start(waits)
        iam = client("iam", self.port)
        users = {}
        for name in ("ann", "bob"):
            iam.create_user(UserName=name)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            users[name] = key["AccessKeyId"], key["SecretAccessKey"]
        everything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=everything)
        topic = client("sns", self.port).create_topic(Name="t")["TopicArn"]
        client("s3", self.port).create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.facts |= {"users": users, "topic": topic}
        return self


def asking(home: Path) -> Server:
    """A moto that looks at credentials."""
    made = moto(home, free=7)
    return _Asking(made.command, made._ready, home, environment=made._environment, **made.facts)


def client(service: str, port: int, **options: Any) -> Any:
    """A client of the tests' own."""
    import boto3

    login = {"aws_access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return boto3.session.Session().client(
        service, region_name=REGION, endpoint_url=f"http://{LOOPBACK}:{port}", **(login | options)
    )


def fresh(kind: str = "t") -> str:
    """A name that no other test has."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"
