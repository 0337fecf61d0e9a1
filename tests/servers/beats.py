"""Lumberjack by the library that Filebeat is built from: its client sends lines, its server receives events.

The program is the Go module beside this file; ``packages.py`` builds it.
"""
from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .packages import built, require
from .process import LOOPBACK, Server, accepts, free_ports


class Failed(Exception):
    """The client ended with an error. ``acknowledged``: the lines that were before."""

    def __init__(self, message: str, acknowledged: list[str]) -> None:
        super().__init__(message)
        self.acknowledged = acknowledged


def command(kind: str, port: int, *options: str, host: str = LOOPBACK) -> list[str]:
    """The command of a client (``send``), which reads lines and prints those that are acknowledged, or of a server (``receive``)."""
    require("beats")
    return [str(built("beats")), kind, "-addr", f"{host}:{port}", *options]


def send(port: int, lines: Sequence[str], *options: str) -> list[str]:
    """Send lines (those in braces are events as they are); the acknowledged ones, all of them. Raises Failed."""
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(command("send", port, *options), input=text, capture_output=True, text=True, timeout=120, check=False)
    acknowledged = done.stdout.split("\n")[:-1]
    if done.returncode:
        raise Failed(done.stderr.strip(), acknowledged)
    return acknowledged


def authority(ca: Path, pair: tuple[Path, Path] | None = None) -> list[str]:
    """The options of TLS."""
    shown = [] if pair is None else ["-cert", str(pair[0]), "-key", str(pair[1])]
    return ["-ca", str(ca), *shown]


class Receiver(Server):
    """A server of Lumberjack; what it acknowledged stays when it is started again. Fact: ``port``."""

    def events(self) -> list[dict[str, Any]]:
        """What has come so far."""
        lines = (self.home / "server.log").read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines if line.startswith(b"{")]


def receiver(home: Path, *options: str) -> Receiver:
    """A server, not started; its home is made."""
    home.mkdir(exist_ok=True)
    (home / "server.log").touch()
    (port,) = free_ports()
    return Receiver(command("receive", port, *options), accepts(port), home, port=port)
