"""AWS without AWS: ElasticMQ speaks SQS; moto speaks SQS, SNS, S3, STS and the rest, in the memory of one process.

Neither keeps anything over its own end, and neither looks at credentials, unless moto is told to (``moto`` with ``asks``).
"""
from __future__ import annotations

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


def moto(home: Path, asks: bool = False) -> Server:
    """All services. ``asks``: credentials are looked at, but for those that make the first users."""
    (port,) = free_ports()
    command = [python("moto").with_name("moto_server"), "-H", LOOPBACK, "-p", str(port)]

    def is_ready() -> bool:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/moto-api/", timeout=1) as answer:
            return bool(answer.status == 200)

    environment = {"INITIAL_NO_AUTH_ACTION_COUNT": "6"} if asks else {}
    return Server(command, is_ready, home, environment=environment, port=port, url=f"http://{LOOPBACK}:{port}")


def client(service: str, port: int, **options: Any) -> Any:
    """A client of the tests' own."""
    import boto3

    return boto3.session.Session().client(
        service, region_name=REGION, endpoint_url=f"http://{LOOPBACK}:{port}",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"], aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"], **options,
    )


def fresh(kind: str = "t") -> str:
    """A name that no other test has."""
    return f"{kind}-{uuid.uuid4().hex[:12]}"
