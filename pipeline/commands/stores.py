"""What the commands on queues and dead letters share: finding the directory, showing sizes, events
and damage.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import click
import msgspec

from ...dsl.event import release
from ...dsl.reference import Event
from ...dsl.values import is_finite
from ...plugins.codecs._json import plain
from ...plugins.records.disk import FULL
from ...plugins.records.layout import parse_name
from ...plugins.records.lock import LOCK
from ...plugins.records.reader import Skipped
from ...plugins.records.segments import CHECKPOINT


def store_directory(path: str, what: str) -> Path:
    """The directory of a store: the one named, the only one in it, or the only one of the data in
    it; raises UsageError where that is not clear.
    """
    directory, none = Path(path), f"no {what} at `{path}`"
    if directory.is_file():
        raise click.UsageError(f"{none}: that is a file; name its directory, `{directory.parent}`")
    if not directory.is_dir():
        raise click.UsageError(f"{none}: the directory does not exist")
    if _is_store(directory):
        return directory
    inside = _stores_in(directory) or _stores_in(directory / _BELOW_DATA[what])
    if len(inside) == 1:
        return inside[0]
    if inside:
        raise click.UsageError(
            f"`{path}` contains several: name one of " + ", ".join(f"`{below}`" for below in inside)
        )
    raise click.UsageError(
        f"{none}: name its directory, such as `DATA/{_BELOW_DATA[what]}/main`, or `DATA` where"
        " path.data is DATA"
    )


_BELOW_DATA = {"queue": "queue", "state": "state", "dead letters": "dead_letter_queue"}


def _stores_in(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(below for below in directory.iterdir() if below.is_dir() and _is_store(below))


def _is_store(directory: Path) -> bool:
    return any(
        parse_name(file.name) or file.name in (LOCK, CHECKPOINT) for file in directory.iterdir()
    )


def fail(error: Exception) -> NoReturn:
    """Say what went wrong, and leave with 1."""
    if isinstance(error, BrokenPipeError):
        raise error
    reason = getattr(error, "strerror", None)
    where = getattr(error, "filename", None)
    click.echo(f"error: {f'`{where}`: ' if reason and where else ''}{reason or error}", err=True)
    if getattr(error, "errno", None) in FULL:
        click.echo("nothing is lost; free some space and run the command again", err=True)
    raise SystemExit(1)


def json_line(value: Any) -> str:
    """A value as one line of JSON, however odd it is."""
    try:
        if is_finite(value):
            return msgspec.json.encode(value, enc_hook=str).decode()
    except (TypeError, ValueError, OverflowError, RecursionError):
        pass
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))


def event_line(event: Event) -> str:
    """An event as one line of JSON, with its metadata where it has some."""
    try:
        return json_line(release(event))
    except RecursionError:
        return json_line(plain(event))


def say(text: str) -> None:
    """A line to stdout; raises BrokenPipeError where nobody reads, rather than going on."""
    sys.stdout.write(text + "\n")


def size_text(size: float) -> str:
    """A size for people: 1.2 KiB."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def counted(number: int, noun: str) -> str:
    """A number with its noun: 1 event, 2 events."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def skipped_data(skipped: Iterable[Skipped]) -> list[dict[str, Any]]:
    """What was left out, for machines."""
    return [asdict(one) for one in skipped]
