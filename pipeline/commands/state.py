"""``penstock state``: look at what filters of event time keep, forget it, take it elsewhere."""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, closing
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from ...dsl.diagnostics import did_you_mean
from ...dsl.timestamp import Timestamp
from ...plugins.data_paths import STATE_FILE
from ..storage import state_view
from ..storage.state_store import StateStore
from .stores import counted, fail, json_line, say, size_text, store_directory

PATH = click.argument("path", type=click.Path())
json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def state() -> None:
    """Look at what filters of event time keep; forget, export and import it.

    PATH is a pipeline's directory of state, such as data/state/main, or the directory path.data
    where it holds one.
    """


@state.command("list")
@PATH
@json_option
def list_(path: str, as_json: bool) -> None:
    """List the filters that have state, and the positions of the inputs; it may be in use."""
    directory = store_directory(path, "state")
    try:
        found, positions = state_view.filters(directory), state_view.positions(directory)
    except OSError as error:
        fail(error)
    if as_json:
        filters = [msgspec.structs.asdict(each) for each in found]
        say(json_line({"path": str(directory), "filters": filters, "positions": positions}))
        return
    say(f"state {directory}")
    for each in found:
        mark = "no events yet" if each.watermark is None else f"watermark {_time(each.watermark)}"
        held = f"{counted(each.keys, 'key')}, {size_text(each.bytes)}"
        say(f"  {each.kind} {each.id}: {held}, {mark}")
    for at in positions:
        said = "the disk queue" if at["input"] == -1 else f"input {at['input']}, {at['partition']}"
        say(f"  {said}: taken in up to {at['offset']}")


def _time(millis: int) -> str:
    return str(Timestamp.of_millis(max(min(millis, 1 << 47), -(1 << 45))))


@state.command()
@PATH
@click.argument("name", metavar="ID")
@click.option("--key", metavar="JSON", help="Of this key alone: its value, or a list of them.")
@click.option("-n", "most", type=int, default=20, metavar="N", help="The most keys shown (20).")
@json_option
def show(path: str, name: str, key: str | None, most: int, as_json: bool) -> None:
    """Show what a filter holds, key by key."""
    directory = store_directory(path, "state")
    try:
        _must_be_known(name, [each.id for each in state_view.filters(directory)])
        rows = state_view.keys(directory, name)
        if key is not None:
            wanted = _key(key)
            rows = (row for row in rows if row[0] == wanted)
        shown = list(islice(rows, most if most > 0 else None))
    except OSError as error:
        fail(error)
    for values, held in shown:
        if as_json:
            say(json_line({"key": values, "state": held}))
        else:
            say(f"{json_line(values)}: {json_line(held)}")


def _must_be_known(name: str, known: list[str]) -> None:
    if name not in known:
        help = did_you_mean(name, known) or "there is state of " + (", ".join(known) or "no filter")
        raise click.UsageError(f"no state of a filter `{name}`: {help}")


def _key(text: str) -> Any:
    """A key as it is written on the command line: JSON, or a text as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


@state.command()
@PATH
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option("--key", metavar="JSON", help="Of this key alone: its value, or a list of them.")
@click.option("--all", "everything", is_flag=True, help="Of all filters, and the positions.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def forget(path: str, names: tuple[str, ...], key: str | None, everything: bool, yes: bool) -> None:
    """Forget what filters hold; the pipeline must not run.

    Positions stay, so that events that were taken in do not come again; with --all they go as well,
    and inputs begin where they themselves stand.
    """
    if everything == bool(names):
        raise click.UsageError("name filters by their id, or give --all")
    store = _store(path)
    try:
        known = [held.id for held in store.filters()]
        for name in names:
            _must_be_known(name, known)
        chosen = known if everything else list(names)
        if not yes:
            click.confirm(f"forget what {', '.join(chosen) or 'no filter'} holds?", abort=True)
        wanted = None if key is None else _key(key)
        gone = sum(state_view.forget(store, name, wanted) for name in chosen)
        if everything:
            store.forget_positions()
    except OSError as error:
        fail(error)
    finally:
        store.close()
    click.echo(f"{counted(gone, 'key')} forgotten", err=True)


def _store(path: str) -> StateStore:
    directory = store_directory(path, "state")
    if not (directory / STATE_FILE).exists():
        raise click.UsageError(f"no state at `{path}`")
    try:
        return StateStore(directory)
    except OSError as error:
        fail(error)


@state.command()
@PATH
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="The file; stdout otherwise.")
def export(path: str, output: str | None) -> None:
    """Write all state as lines of JSON; it may be in use."""
    directory = store_directory(path, "state")
    try:
        lines = state_view.export(directory, directory.name)
        if output is None:
            for line in lines:
                say(line)
            return
        with Path(output).open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        fail(error)


@state.command("import")
@PATH
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
def import_(path: str, file: str) -> None:
    """Put an export (FILE, - for stdin) in the place of all state at PATH; the pipeline must not
    run.

    PATH is the pipeline's directory of state, DATA/state/ID, or the directory path.data: then the
    state becomes that of the pipeline of the same name. Directories are made where they are not
    there. Positions are those of the files, queues and topics of where the export was made.
    """
    with ExitStack() as opened:
        try:
            lines = sys.stdin if file == "-" else opened.enter_context(_readable(file))
            head = lines.readline()
            directory = _place_of(Path(path), state_view.pipeline_of(head))
            store = opened.enter_context(closing(StateStore(directory)))
            count = state_view.import_lines(store, chain([head], lines))
        except (OSError, UnicodeDecodeError) as error:
            fail(error)
    click.echo(f"{counted(count, 'key')} imported to {directory}", err=True)


def _readable(file: str) -> TextIO:
    return Path(file).open(encoding="utf-8")


def _place_of(path: Path, pipeline: str) -> Path:
    """The directory of state that is meant by a path."""
    if (path / STATE_FILE).exists() or path.absolute().parent.name == "state":
        return path
    return path / "state" / pipeline
