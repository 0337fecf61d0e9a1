"""``penstock dlq``: look into dead letters, send them through a pipeline again, delete them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ...dsl.diagnostics import ConfigError, did_you_mean
from ...dsl.options import Misfit, read
from ...dsl.reference import Event
from ...dsl.spec import Kind
from ...dsl.timestamp import Timestamp, parse_timestamp
from ...plugins.records.dead_letter import DeadLetter, DeadLetterReader
from ...plugins.records.disk import Disk
from ...plugins.records.lock import owner_of
from ...plugins.records.reader import Skipped
from ...plugins.records.segments import DAMAGED, survey
from ..storage.purge import purge_letters
from .configuration import PATH, Chosen, configuration_options, refuse
from .settings_flags import SettingsCommand
from .stores import counted, event_line, fail, json_line, say, store_directory


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are meant."""

    since: Timestamp | None
    before: Timestamp | None
    plugin: str | None
    reason: str | None

    def __call__(self, letter: DeadLetter) -> bool:
        return (
            (self.since is None or letter.time >= self.since)
            and (self.before is None or letter.time < self.before)
            and (self.plugin is None or self.plugin in (letter.plugin_type, letter.plugin_id))
            and (self.reason is None or self.reason in letter.reason)
        )

    @property
    def is_all(self) -> bool:
        """Whether nothing was chosen."""
        return self.since is self.before is self.plugin is self.reason is None


def choice_options(command: Callable[..., None]) -> Callable[..., None]:
    """--since, --before, --plugin, --reason."""
    options = [
        click.option(
            "--since",
            metavar="TIME",
            help="Not older: 2025-09-04T12:00, or 2h for the last two hours.",
        ),
        click.option(
            "--before",
            metavar="TIME",
            help="Older: 2025-09-04T12:00, or 7d for more than seven days ago.",
        ),
        click.option("--plugin", metavar="NAME", help="Of this plugin: its name or its id."),
        click.option("--reason", metavar="TEXT", help="With this text in the reason."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _choice(given: dict[str, Any]) -> Choice:
    return Choice(
        _time(given["since"], "--since"),
        _time(given["before"], "--before"),
        given["plugin"],
        given["reason"],
    )


def _time(text: str | None, option: str) -> Timestamp | None:
    """An instant, or a duration before now."""
    if text is None or (instant := parse_timestamp(text)) is not None:
        return None if text is None else instant
    try:
        return Timestamp.of_nanos(Timestamp.now().nanos() - int(read(Kind("duration"), text) * 1e9))
    except Misfit:
        raise click.UsageError(
            f"{option}: `{text}` is not a valid time: write 2025-09-04T12:00 or 2h"
        ) from None


def _letters(directory: Path, wanted: Callable[[DeadLetter], bool]) -> Iterator[DeadLetter]:
    """The letters that are there now; damage is told on stderr."""
    letters = DeadLetterReader(directory)
    try:
        while found := letters.read():
            yield from filter(wanted, found)
    finally:
        letters.close()
        for skipped in _left_out(letters):
            click.echo(f"left out: {skipped}", err=True)


def _left_out(letters: DeadLetterReader) -> list[Skipped]:
    """Damage that was met, and files in which nothing could be; but not the end of one that is
    being written.
    """
    met, found = (
        {(one.file, one.offset) for one in letters.skipped},
        survey(Disk(), letters.directory),
    )
    written = (
        str(found.segments[-1].path)
        if found.segments and owner_of(letters.directory) is not None
        else None
    )
    others = (one for one in found.skipped if (one.file, one.offset) not in met)
    return [*letters.skipped, *(one for one in others if not (one.torn and one.file == written))]


json_option = click.option("--json", "as_json", is_flag=True, help="For machines.")


@click.group()
def dlq() -> None:
    """Look into dead letters, replay them, delete them.

    PATH is the directory of one pipeline's dead letters, such as data/dead_letter_queue/main.
    """


@dlq.command("list")
@click.argument("path", type=PATH)
@choice_options
@json_option
def list_(path: str, as_json: bool, **given: Any) -> None:
    """Count dead letters by plugin and reason."""
    groups: dict[tuple[str, str, str, str], list[Any]] = {}
    for letter in _letters(store_directory(path, "dead letters"), _choice(given)):
        key = (letter.plugin_type, letter.plugin_id, letter.place, letter.reason)
        group = groups.setdefault(key, [0, letter.time, letter.time])
        group[0], group[2] = group[0] + 1, letter.time
    rows = sorted(groups.items(), key=lambda row: -row[1][0])
    for (plugin, plugin_id, place, reason), (count, first, last) in rows:
        if as_json:
            about = {
                "plugin_type": plugin,
                "plugin_id": plugin_id,
                "place": place,
                "reason": reason,
            }
            say(json_line(about | {"count": count, "first": str(first), "last": str(last)}))
        else:
            say(
                f"{count:>8}  {plugin}  {place}\n          {first} to {last}\n         "
                f" {_brief(reason)}"
            )
    if not as_json:
        say(counted(sum(group[0] for group in groups.values()), "dead letter"))
    if given["plugin"] and not rows:
        _say_plugins(store_directory(path, "dead letters"), given["plugin"])


def _say_plugins(directory: Path, wanted: str) -> None:
    """Which plugins there are, where none is the one that was asked for."""
    everything = _letters(directory, Choice(None, None, None, None))
    known = {name for letter in everything for name in (letter.plugin_type, letter.plugin_id)}
    if known and wanted not in known:
        others = did_you_mean(wanted, known) or "there are " + ", ".join(sorted(known))
        click.echo(f"no dead letter of the plugin `{wanted}`: {others}", err=True)


def _brief(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:159] + "…"


@dlq.command()
@click.argument("path", type=PATH)
@choice_options
@click.option("-n", "--last", type=click.IntRange(1), metavar="N", help="The last N of them.")
@json_option
def show(path: str, last: int | None, as_json: bool, **given: Any) -> None:
    """Show dead letters whole: why, where, when, and the event as it was."""
    chosen = list(_letters(store_directory(path, "dead letters"), _choice(given)))
    for letter in chosen[-last:] if last else chosen:
        if as_json:
            say(f'{{"letter":{json_line(_about(letter))},"event":{event_line(letter.event)}}}')
        else:
            say(f"{letter.time}  {letter.plugin_type} ({letter.plugin_id})  {letter.place}")
            say(f"  {letter.reason}\n  {event_line(letter.event)}\n")


def _about(letter: DeadLetter) -> dict[str, Any]:
    return {"sequence": letter.sequence, **letter.about(), "entry_time": str(letter.time)}


@dlq.command(cls=SettingsCommand)
@click.argument("path", type=PATH)
@choice_options
@click.option("--remove", is_flag=True, help="Delete the letters that were delivered.")
@configuration_options
def replay(
    path: str,
    remove: bool,
    chosen: Chosen,
    **given: Any,
) -> None:
    """Send dead letters through a configuration (-f or -e), its inputs left out; without one, write
    them to stdout.

    On stdout they are lines of JSON, with `[@metadata][dead_letter_queue]`. An event that fails
    again becomes a new dead letter, where the configuration has dead letters on.
    """
    directory = store_directory(path, "dead letters")
    letters = list(_letters(directory, _choice(given)))
    events = [_replayed(letter) for letter in letters]
    if chosen.named:
        try:
            one = chosen.pipeline()
            _through(one.sources(), one.settings, events)
        except ConfigError as error:
            refuse(error)
    else:
        for event in events:
            say(event_line(event))
        sys.stdout.flush()
    done = counted(len(events), "dead letter") + " replayed"
    if remove:
        sequences = {letter.sequence for letter in letters}
        done += f", {_removed(directory, lambda letter: letter.sequence in sequences)} deleted"
    click.echo(done, err=True)


def _replayed(letter: DeadLetter) -> Event:
    event = letter.marked()
    if isinstance(event["@metadata"], dict):
        event["@metadata"]["dead_letter_queue"]["replayed"] = True
    return event


def _through(sources: list[Any], settled: dict[str, Any], events: list[Event]) -> None:
    from ...plugins.errors import Undelivered
    from ..observe.logging import start_logging
    from ..runtime.replay import replay_events

    start_logging(settled["log.level"], settled["log.format"])
    try:
        replay_events(sources, settled, events)
    except (Undelivered, OSError) as error:
        fail(error)


def _removed(directory: Path, wanted: Callable[[DeadLetter], bool]) -> int:
    try:
        return purge_letters(directory, wanted)
    except OSError as error:
        fail(error)


@dlq.command()
@click.argument("path", type=PATH)
@choice_options
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def purge(path: str, everything: bool, yes: bool, **given: Any) -> None:
    """Delete dead letters; the pipeline that writes them must not run."""
    directory, choice = store_directory(path, "dead letters"), _choice(given)
    if choice.is_all and not everything:
        raise click.UsageError("say which: --before 7d, --plugin NAME, --reason TEXT, or --all")
    if not yes and sys.stdin.isatty():
        number = sum(1 for _ in _letters(directory, choice))
        click.confirm(f"delete {counted(number, 'dead letter')}?", abort=True, err=True)
    click.echo(f"{counted(_removed(directory, choice), 'dead letter')} deleted", err=True)
    if aside := sorted(file.name for file in directory.iterdir() if file.name.endswith(DAMAGED)):
        click.echo("damaged segments that were set aside remain: " + ", ".join(aside), err=True)
