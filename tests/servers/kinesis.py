"""Kinesis and DynamoDB as emulators, in one Node process: kinesalite for the streams, dynalite for the table of leases.

Both keep what they have in a directory, so that a kill loses nothing that they confirmed. They look at no credentials and have no limits. A client
that is killed in the middle of a request would end them, were that error not caught here.
"""
from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config

from .certificates import Certificates
from .packages import npm_module
from .process import LOOPBACK, Server, accepts, free_ports

_PROGRAM = """
const net = require('net'), tls = require('tls'), fs = require('fs')
process.on('uncaughtException', error => { if (error.code !== 'ECONNRESET') throw error })
const [kinesis, dynamo, kinesisTls, dynamoTls, home, name] = process.argv.slice(1)
const quick = {createStreamMs: 20, updateStreamMs: 20, deleteStreamMs: 20, createTableMs: 20, deleteTableMs: 20, shardLimit: 1000}
require('kinesalite')({...quick, path: home + '/streams'}).listen(kinesis, '127.0.0.1')
require('dynalite')({...quick, path: home + '/tables'}).listen(dynamo, '127.0.0.1')
const pair = {key: fs.readFileSync(`${home}/${name}.key`), cert: fs.readFileSync(`${home}/${name}.pem`)}
const front = (port, target) => tls.createServer(pair, near => {
  const far = net.connect(target, '127.0.0.1')
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
}).listen(port, '127.0.0.1').on('tlsClientError', () => {})
front(kinesisTls, kinesis)
front(dynamoTls, dynamo)
"""


def server(home: Path, certificate: str = "server") -> Server:
    """``kinesis`` and ``dynamo`` are ports, ``kinesis_tls`` and ``dynamo_tls`` the same with TLS, with that certificate."""
    Certificates(home)
    ports = free_ports(4)
    kinesis, dynamo, kinesis_tls, dynamo_tls = ports

    def ready() -> bool:
        return all(accepts(port)() for port in ports)

    return Server(
        ["node", "-e", _PROGRAM, *map(str, ports), home, certificate],
        ready,
        home,
        environment={"NODE_PATH": str(npm_module("kinesalite").parent)},
        kinesis=kinesis,
        dynamo=dynamo,
        kinesis_tls=kinesis_tls,
        dynamo_tls=dynamo_tls,
        certificates=str(home),
    )


KEYS = {"AWS_ACCESS_KEY_ID": "penstock", "AWS_SECRET_ACCESS_KEY": "open sesame"}
"""Credentials for the environment: any will do."""


def client(service: str, port: int) -> Any:
    """A client of one of the two."""
    return boto3.client(
        service, region_name="us-east-1", endpoint_url=f"http://{LOOPBACK}:{port}", aws_access_key_id="penstock",
        aws_secret_access_key="open sesame", config=Config(retries={"total_max_attempts": 1}),
    )


class Stream:
    """A stream of a test's own. ``name`` is also that of its table of leases."""

    def __init__(self, server: Any, shards: int = 2) -> None:
        self.server, self.name = server, f"s-{uuid4().hex[:12]}"
        self.client, self.table = client("kinesis", server.kinesis), client("dynamodb", server.dynamo)
        self.make(shards)

    def make(self, shards: int) -> None:
        self.client.create_stream(StreamName=self.name, ShardCount=shards)
        self._await("ACTIVE")

    def make_anew(self, shards: int = 1) -> None:
        """Another stream of that name."""
        self.client.delete_stream(StreamName=self.name)
        while self.name in self.client.list_streams(Limit=1000)["StreamNames"]:
            time.sleep(0.02)
        self.make(shards)

    def _await(self, status: str) -> None:
        while self.client.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]["StreamStatus"] != status:
            time.sleep(0.02)

    def put(self, messages: Sequence[str | bytes], key: str = "") -> None:
        """Have records, in this order; each with a key of its own, unless there is one."""
        records = [
            {"Data": message.encode() if isinstance(message, str) else message, "PartitionKey": key or f"k{uuid4().hex}"} for message in messages
        ]
        for piece in pieces(records):
            self.client.put_records(StreamName=self.name, Records=piece)

    def shards(self) -> list[Any]:
        found: list[Any] = self.client.list_shards(StreamName=self.name)["Shards"]
        return found

    def open_shards(self) -> list[str]:
        return [shard["ShardId"] for shard in self.shards() if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]

    def split(self, shard: str) -> None:
        """Split a shard in the middle."""
        (hashes,) = (each["HashKeyRange"] for each in self.shards() if each["ShardId"] == shard)
        middle = (int(hashes["StartingHashKey"]) + int(hashes["EndingHashKey"])) // 2
        self.client.split_shard(StreamName=self.name, ShardToSplit=shard, NewStartingHashKey=str(middle))
        self._await("ACTIVE")

    def merge(self, one: str, other: str) -> None:
        self.client.merge_shards(StreamName=self.name, ShardToMerge=one, AdjacentShardToMerge=other)
        self._await("ACTIVE")

    def read(self) -> list[dict[str, Any]]:
        """All records, by shard."""
        found: list[dict[str, Any]] = []
        for shard in self.shards():
            iterator = self.client.get_shard_iterator(StreamName=self.name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            while iterator:
                answer = self.client.get_records(ShardIterator=iterator)
                found += [{**record, "ShardId": shard["ShardId"]} for record in answer["Records"]]
                iterator = answer.get("NextShardIterator") if answer["Records"] else None
        return found

    def leases(self) -> dict[str, dict[str, Any]]:
        """The table of leases, by shard; empty where there is none."""
        try:
            items = self.table.scan(TableName=self.name, ConsistentRead=True)["Items"]
        except self.table.exceptions.ResourceNotFoundException:
            return {}
        return {item["leaseKey"]["S"]: {name: next(iter(value.values())) for name, value in item.items()} for item in items}

    def owners(self) -> list[str]:
        """Who has the leases of shards that have not ended; an empty text for nobody."""
        left = (lease for lease in self.leases().values() if lease["checkpoint"] != "SHARD_END")
        return sorted(lease.get("leaseOwner", "") for lease in left)

    def options(self) -> str:
        """How both plugins reach it."""
        return f'endpoint => "http://{LOOPBACK}:{self.server.kinesis}" access_key_id => "penstock" secret_access_key => "open sesame"'

    def input(self, more: str = "", **settings: int) -> str:
        """An input that reads it, with short times."""
        short = {"failover_time_millis": 1500, "idle_time_between_reads_in_millis": 100, **settings}
        pairs = " ".join(f"{name} => {value}" for name, value in short.items())
        return (
            f'kinesis {{ kinesis_stream_name => "{self.name}" application_name => "{self.name}" {self.options()}'
            f' dynamodb_endpoint => "http://{LOOPBACK}:{self.server.dynamo}" additional_settings => {{ {pairs} }} {more} }}'
        )

    def output(self, more: str = "") -> str:
        """An output that writes it."""
        return f'kinesis {{ stream_name => "{self.name}" {self.options()} {more} }}'


def pieces(records: Sequence[Any]) -> list[Sequence[Any]]:
    """Records in requests of up to 500 and four megabytes."""
    found, size = [[]], 0  # type: ignore[var-annotated]
    for record in records:
        if len(found[-1]) == 500 or (found[-1] and size + len(record["Data"]) > 4_000_000):
            found.append([])
            size = 0
        found[-1].append(record)
        size += len(record["Data"])
    return [piece for piece in found if piece]
