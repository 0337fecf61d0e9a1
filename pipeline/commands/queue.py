"""``penstock queue``: look into a disk queue, empty it to stdout, put a damaged one in order."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import click

from ...dsl.reference import Event
from ...plugins.records.events import Unreadable, unpack
from ..delivery.spill import restored
from ..storage.backlog import Item
from ..storage.queue import DiskQueue
from ..storage.survey import QueueState, queue_state, repair_queue
from .stores import (
    counted,
    event_line,
    fail,
    json_line,
    say,
    size_text,
    skipped_data,
    store_directory,
)

json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def queue() -> None:
    """Look into a disk queue, empty it, repair it.

    PATH is the directory of the queue, such as data/queue/main, or the spill of an output, such as
    data/spill/main/ID.
    """


@queue.command()
@click.argument("path", type=click.Path())
@json_option
def inspect(path: str, as_json: bool) -> None:
    """Show what a queue holds, and what is damaged; it may be in use.

    Ends with 1 where something is damaged.
    """
    try:
        state = queue_state(store_directory(path, "queue"))
    except OSError as error:
        fail(error)
    if as_json:
        say(json_line(_data(state)))
    else:
        _show(state)
    if state.damage:
        raise SystemExit(1)


def _data(state: QueueState) -> dict[str, Any]:
    return {
        "path": str(state.directory),
        "in_use_by": state.owner,
        "waiting": {"records": state.waiting.total(), "events": state.events.total()},
        "checkpoint": {"low": state.checkpoint.low, "acknowledged": state.checkpoint.ranges},
        "segments": [
            {
                "file": segment.path.name,
                "bytes": segment.size,
                "records": segment.records,
                "events": segment.events,
                "first": segment.first,
                "last": segment.last,
                "damaged": segment.damaged,
                "waiting": state.waiting[segment.path],
            }
            for segment in state.segments
        ],
        "skipped": skipped_data(state.skipped),
        "put_aside": [file.name for file in state.aside],
    }


def _show(state: QueueState) -> None:
    say(f"queue {state.directory}" + (f", in use by process {state.owner}" if state.owner else ""))
    waiting = (
        f"{counted(state.events.total(), 'event')} in {counted(state.waiting.total(), 'record')}"
    )
    size = size_text(sum(segment.size for segment in state.segments))
    say(f"  {waiting} waiting; {size} in {counted(len(state.segments), 'segment')}")
    for segment in state.segments:
        numbers = f"{counted(segment.records, 'record')}, {state.waiting[segment.path]} waiting"
        say(
            f"    {segment.path.name}  {size_text(segment.size):>10}  {numbers}"
            + (", damaged" if segment.damaged else "")
        )
    if state.skipped:
        say("  left out:")
    for skipped in state.skipped:
        say(f"    {skipped}")
    if state.damage:
        say(
            f"  all else is handed out as it stands; `penstock queue repair {state.directory}` puts"
            " the damaged segments aside"
        )
    if state.aside:
        say("  put aside: " + ", ".join(file.name for file in state.aside))


@queue.command()
@click.argument("path", type=click.Path())
@click.option("--keep", is_flag=True, help="Leave the queue as it is.")
@json_option
def drain(path: str, keep: bool, as_json: bool) -> None:
    """Write what waits in a queue to stdout, and take it out.

    Events are written as lines of JSON. Bytes that are not events yet, or, in the spill of an
    output, no longer, are written as they are; with --json as an object with the bytes in base64.
    """
    directory = store_directory(path, "queue")
    try:
        waiting = DiskQueue(directory, interval=None, checkpoint_acks=1 << 30)
    except OSError as error:
        fail(error)
    try:
        events = _drain(waiting, keep, as_json)
    finally:
        waiting.close()
    click.echo(f"{counted(events, 'event')} {'shown' if keep else 'taken out'}", err=True)


def _drain(waiting: DiskQueue, keep: bool, as_json: bool) -> int:
    events = 0
    while (item := waiting.get(0)) is not None:
        try:
            data = _lines(item, as_json)
        except Unreadable as error:
            click.echo(f"the record {item.sequence} stays in the queue: {error}", err=True)
            continue
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        events += item.count
        if not keep:
            waiting.ack(item.sequence)
    return events


def _lines(item: Item, as_json: bool) -> bytes:
    if item.note.get("form", "events") == "events":
        return _event_lines(unpack(item.payload))
    if item.note["form"] == "data":
        payload = restored(item.note, item.payload, item.count)
        if payload.events is not None:
            return _event_lines(payload.events)
        return (json_line({"note": item.note, "data": payload.data}) + "\n").encode()
    if as_json:
        return (
            json_line({"note": item.note, "bytes": base64.b64encode(item.payload).decode()}) + "\n"
        ).encode()
    return item.payload if item.payload.endswith(b"\n") else item.payload + b"\n"


def _event_lines(events: list[Event]) -> bytes:
    return "".join(event_line(event) + "\n" for event in events).encode()


@queue.command()
@click.argument("path", type=click.Path())
@click.option(
    "--discard", is_flag=True, help="Delete the damaged segments, and those put aside before."
)
@json_option
def repair(path: str, discard: bool, as_json: bool) -> None:
    """Put the damaged segments of a queue aside, keeping every intact record.

    A queue with damage starts without this: it leaves out what is damaged, every time. Damaged
    segments are kept as NAME.damaged, for who wants to look at them, unless --discard.
    """
    directory = store_directory(path, "queue")
    try:
        before = repair_queue(directory)
        gone = _discarded(directory) if discard else 0
        after = queue_state(directory)
    except OSError as error:
        fail(error)
    if as_json:
        say(json_line({"before": _data(before), "after": _data(after)}))
        return
    for skipped in before.skipped:
        say(f"left out: {skipped}")
    say(
        f"{counted(after.events.total(), 'event')} in {counted(after.waiting.total(), 'record')}"
        " waiting, none damaged"
    )
    if after.aside or gone:
        say(
            counted(gone, "damaged segment") + " deleted"
            if gone
            else "put aside: " + ", ".join(file.name for file in after.aside)
        )


def _discarded(directory: Path) -> int:
    aside = queue_state(directory).aside
    for file in aside:
        file.unlink()
    return len(aside)
