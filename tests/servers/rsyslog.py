"""rsyslog, as the receiver of what Penstock sends and as the sender of what it receives.

As a receiver it takes UDP and TCP on one port, and TLS on another where it is given certificates,
and writes each message to ``out`` as a line of JSON. As a sender it forwards what a test writes to
its socket of datagrams, ``input``.
"""
from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from .process import LOOPBACK, Server, accepts, free_ports

_PROPERTIES = ("msg", "rawmsg", "hostname", "app-name", "procid", "msgid", "structured-data", "pri", "timereported", "inputname")
_PATIENCE = 120.0


class Receiver(Server):
    """Facts: ``port``, and ``tls_port`` with certificates."""

    def events(self) -> list[dict[str, Any]]:
        """What it has written."""
        lines = (self.home / "out").read_bytes().split(b"\n")
        return [json.loads(line.decode("utf-8", "replace"), strict=False) for line in lines[:-1]]

    def messages(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> list[str]:
        """The texts of what it has received so far, all of it: a message that comes last tells."""
        mark = f"mark {time.monotonic_ns()}"
        with socket.socket(socket.AF_INET, kind) as made:
            made.connect((LOOPBACK, self.port))
            made.sendall(f"<13>Oct 11 22:14:15 test mark: {mark}\n".encode())
        end = time.monotonic() + _PATIENCE
        while mark not in (texts := [event["msg"].strip() for event in self.events()]):
            assert time.monotonic() < end, self.log()
            time.sleep(0.01)
        return [text for text in texts if not text.startswith("mark ")]


def receiver(home: Path, certificates: Path | None = None, client_names: str = "") -> Receiver:
    """A receiver, not started. ``client_names``: whoever shows no certificate with that name is turned away."""
    port, tls_port = free_ports(2)
    tls = "" if certificates is None else _tls(tls_port, client_names)
    properties = "".join(f'  property(outname="{name}" name="{name}" format="jsonf")\n' for name in _PROPERTIES)
    (home / "out").touch()
    return Receiver(
        _command(home, f"""
global(workDirectory="{home}" maxMessageSize="64k" {_files(certificates)})
module(load="imudp")
module(load="imtcp")
input(type="imudp" address="{LOOPBACK}" port="{port}")
input(type="imtcp" address="{LOOPBACK}" port="{port}" socketBacklog="100")
{tls}
template(name="json" type="list" option.jsonf="on") {{
{properties}}}
action(type="omfile" file="{home}/out" template="json" asyncWriting="off" flushOnTXEnd="on")
"""),
        accepts(port), home, port=port, tls_port=tls_port,
    )


def sender(home: Path, port: int, *, protocol: str = "tcp", framing: str = "traditional", template: str = "RSYSLOG_SyslogProtocol23Format",
           certificates: Path | None = None, permitted: str = "localhost") -> Server:
    """A sender to a port of this machine, not started; ``home / "input"`` is its socket."""
    tls = ""
    if certificates is not None:
        tls = f'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="{permitted}"'
    framed = f'TCP_Framing="{framing}"' if protocol == "tcp" else ""
    return Server(
        _command(home, f"""
global(workDirectory="{home}" {_files(certificates, "client")})
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{home}/input" CreatePath="off" RateLimit.Interval="0")
action(type="omfwd" target="localhost" port="{port}" protocol="{protocol}" {framed} template="{template}" {tls}
       action.resumeRetryCount="-1" action.resumeInterval="1" queue.type="LinkedList" queue.size="100000")
"""),
        (home / "input").is_socket, home,
    )


def submit(sending: Server, *messages: bytes) -> None:
    """Give messages to a sender."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.connect(os.fspath(sending.home / "input"))
        for message in messages:
            made.send(message)


def _command(home: Path, configuration: str) -> list[str]:
    path = home / "rsyslog.conf"
    path.write_text(configuration)
    return ["rsyslogd", "-n", "-f", str(path), "-i", str(home / "pid")]


def _files(certificates: Path | None, name: str = "server") -> str:
    if certificates is None:
        return ""
    return (
        f'DefaultNetstreamDriverCAFile="{certificates}/ca.pem" DefaultNetstreamDriverCertFile="{certificates}/{name}.pem"'
        f' DefaultNetstreamDriverKeyFile="{certificates}/{name}.key"'
    )


def _tls(port: int, client_names: str) -> str:
    mode = f'streamDriver.authMode="x509/name" permittedPeer="{client_names}"' if client_names else 'streamDriver.authMode="anon"'
    return f'input(type="imtcp" address="{LOOPBACK}" port="{port}" streamDriver.name="gtls" streamDriver.mode="1" {mode})'
