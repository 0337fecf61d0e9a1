"""Kafka: one KRaft node with a listener for each way to log in, three nodes, or 3.9 with ZooKeeper.

A node starts without the storage tool's "format": what that would write is written by hand, which
saves a JVM. Its checkpoint turns the features of the release on (without it the new group protocol
gives no messages and no error), is the same for every node, and is made once and kept.

Clients go where the broker says that it is, so that a proxy in front must be what it advertises:
``proxied`` lends one of a few such listeners.
"""
from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .certificates import Certificates
from .packages import java, root
from .process import LOOPBACK, Server, accepts, free_ports
from .proxy import Proxy

PASSWORD = "open sesame"
_PROXIED = 4
_LOG = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
_SMALL = """
offsets.topic.replication.factor={copies}
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={majority}
default.replication.factor={copies}
min.insync.replicas={majority}
offsets.topic.num.partitions=2
transaction.state.log.num.partitions=2
num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
replica.lag.time.max.ms=5000
num.network.threads=2
num.io.threads=2
log.cleaner.dedupe.buffer.size=2097152
auto.create.topics.enable=true
"""
_KRAFT = """
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=500
"""
_LOGIN = 'org.apache.kafka.common.security.{} required'


def server(home: Path) -> Server:
    """One node; ``port`` and ``address`` are open to all, ``ports`` has the other listeners:
    ``tls``, ``mutual`` (asks for a client's certificate), ``sasl`` (alice, ``PASSWORD``; mallory
    has the same) and ``sasl_tls``. ``certificates``: the directory of ``Certificates``.
    """
    certificates = Certificates(home)
    names = ["plain", "tls", "mutual", "sasl", "sasl_tls", *(f"proxied{i}" for i in range(_PROXIED))]
    found = free_ports(len(names) + _PROXIED + 1)
    ports = dict(zip(names, found, strict=False))
    fronts = dict(zip(names[-_PROXIED:], found[len(names) :], strict=False))
    config = _listeners(ports, fronts, found[-1]) + _secured(home, certificates)
    node = _node(home, home, 1, f"1@{LOOPBACK}:{found[-1]}", config, ports["plain"], 1)
    node.facts |= {"ports": ports, "fronts": fronts, "certificates": str(home), "password": PASSWORD}
    return node


def _listeners(ports: Mapping[str, int], fronts: Mapping[str, int], control: int) -> str:
    kinds = {"tls": "SSL", "mutual": "SSL", "sasl": "SASL_PLAINTEXT", "sasl_tls": "SASL_SSL"}
    listeners = [f"{name.upper()}://{LOOPBACK}:{port}" for name, port in ports.items()]
    told = [f"{name.upper()}://{LOOPBACK}:{fronts.get(name, port)}" for name, port in ports.items()]
    protocols = [f"{name.upper()}:{kinds.get(name, 'PLAINTEXT')}" for name in [*ports, "control"]]
    return (
        f"listeners={','.join([*listeners, f'CONTROL://{LOOPBACK}:{control}'])}\n"
        f"advertised.listeners={','.join(told)}\n"
        f"listener.security.protocol.map={','.join(protocols)}\n"
        "inter.broker.listener.name=PLAIN\n"
    )


def _secured(home: Path, certificates: Certificates) -> str:
    certificate, key = certificates.pair("server")
    store = home / "server-store.pem"
    store.write_bytes(key.read_bytes() + certificate.read_bytes())
    users = " ".join(f'user_{name}="{PASSWORD}"' for name in ("alice", "mallory"))
    plain = _LOGIN.format("plain.PlainLoginModule") + f" {users};"
    scram = _LOGIN.format("scram.ScramLoginModule") + ";"
    logins = "".join(
        f"listener.name.{name}.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n"
        f"listener.name.{name}.plain.sasl.jaas.config={plain}\n"
        f"listener.name.{name}.scram-sha-512.sasl.jaas.config={scram}\n"
        for name in ("sasl", "sasl_tls")
    )
    return logins + (
        f"ssl.keystore.type=PEM\nssl.keystore.location={store}\n"
        f"ssl.truststore.type=PEM\nssl.truststore.location={certificates.ca}\n"
        "listener.name.mutual.ssl.client.auth=required\n"
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
        "allow.everyone.if.no.acl.found=true\nsuper.users=User:ANONYMOUS\n"
    )


def nodes(home: Path, count: int = 3) -> list[Server]:
    """A KRaft cluster; start all of them with ``started``."""
    ports, control = free_ports(2 * count)[:count], free_ports(count)
    voters = ",".join(f"{i + 1}@{LOOPBACK}:{port}" for i, port in enumerate(control))
    made, cluster = [], _new_id()
    for i in range(count):
        directory = home / f"node{i + 1}"
        directory.mkdir()
        config = _listeners({"plain": ports[i]}, {}, control[i])
        made.append(_node(home, directory, i + 1, voters, config, ports[i], count, cluster))
    return made


def with_zookeeper(home: Path) -> list[Server]:
    """ZooKeeper and one broker of Kafka 3.9, in the order of their start."""
    zookeeper, port = free_ports(2)
    (home / "zookeeper").mkdir()
    (home / "broker").mkdir()
    file = home / "zookeeper" / "zookeeper.properties"
    file.write_text(
        f"dataDir={home / 'zookeeper'}\nclientPort={zookeeper}\nclientPortAddress={LOOPBACK}\n"
        "admin.enableServer=false\nmaxClientCnxns=0\n"
    )
    command = [*java("kafka39", _LOG, heap="128m"), "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(file)]
    config = (
        f"broker.id=1\nzookeeper.connect={LOOPBACK}:{zookeeper}\nlisteners=PLAINTEXT://{LOOPBACK}:{port}\n"
        f"log.dirs={home / 'broker' / 'data'}\n{_SMALL.format(copies=1, majority=1)}"
    )
    return [
        Server(command, accepts(zookeeper), home / "zookeeper"),
        _server("kafka39", home / "broker", config, port),
    ]


@contextlib.contextmanager
def started(servers: list[Server]) -> Iterator[list[Server]]:
    """Servers that need each other: all are started, then waited for, and stopped at the end."""
    try:
        for each in servers:
            each.start(waits=not each.facts)  # ZooKeeper is there before its broker
        for each in servers:
            each.wait()
        yield servers
    finally:
        for each in reversed(servers):
            each.kill()


@contextlib.contextmanager
def proxied(broker: Any, directory: Path) -> Iterator[Proxy]:
    """A proxy that is all of the cluster for its clients; the file locks in ``directory`` keep others
    from the same listener meanwhile.
    """
    with contextlib.ExitStack() as held:
        lock = held.enter_context((directory / "kafka-proxies.lock").open("a"))
        front = _lend(directory, held, lock)
        name = f"proxied{front}"
        yield held.enter_context(Proxy(broker.ports[name], port=broker.fronts[name]))


def _lend(directory: Path, held: contextlib.ExitStack, last: Any) -> int:
    for number in range(_PROXIED - 1):
        file = (directory / f"kafka-proxy-{number}.lock").open("a")
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held.enter_context(file)
            return number
        file.close()
    fcntl.flock(last, fcntl.LOCK_EX)  # all are lent: wait for the last one
    return _PROXIED - 1


def _node(
    home: Path, directory: Path, number: int, voters: str, listeners: str, port: int, count: int, cluster: str = ""
) -> Server:
    data = directory / "data"
    data.mkdir()
    shutil.copy(_checkpoint("kafka"), data / "bootstrap.checkpoint")
    (data / "meta.properties").write_text(
        f"version=1\ncluster.id={cluster or _new_id()}\nnode.id={number}\ndirectory.id={_new_id()}\n"
    )
    copies = min(3, count)
    config = (
        f"process.roles=broker,controller\nnode.id={number}\ncontroller.quorum.voters={voters}\n"
        f"controller.listener.names=CONTROL\nlog.dirs={data}\n"
        f"{listeners}{_SMALL.format(copies=copies, majority=copies // 2 + 1)}{_KRAFT}"
    )
    return _server("kafka", directory, config, port)


def _server(jars: str, directory: Path, config: str, port: int) -> Server:
    file = directory / "node.properties"
    file.write_text(config)
    command = [*java(jars, _LOG), "kafka.Kafka", str(file)]
    return Server(command, accepts(port), directory, port=port, address=f"{LOOPBACK}:{port}")


def _new_id() -> str:
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def _checkpoint(jars: str) -> Path:
    kept = root() / "made" / f"{jars}.bootstrap.checkpoint"
    if kept.exists():
        return kept
    kept.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        config = Path(directory) / "node.properties"
        config.write_text(
            f"process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@{LOOPBACK}:9\n"
            f"controller.listener.names=C\nlisteners=P://{LOOPBACK}:8,C://{LOOPBACK}:9\n"
            "listener.security.protocol.map=P:PLAINTEXT,C:PLAINTEXT\ninter.broker.listener.name=P\n"
            f"log.dirs={directory}/data\n"
        )
        command = [*java(jars, _LOG), "kafka.tools.StorageTool", "format", "-t", _new_id(), "-c", str(config)]
        subprocess.run(command, check=True, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        copy = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(Path(directory) / "data" / "bootstrap.checkpoint", copy)
        copy.replace(kept)  # another test run may have made it meanwhile
    return kept
