"""``penstock bench``: what a configuration costs on a sample of lines: by statement, for a core,
and which lines cost most.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence

import click

from ...dsl.diagnostics import ConfigError
from ...dsl.event import accept
from ...dsl.guard import standing_by
from ...dsl.reference import Event
from ...plugins.contract import Codec
from ..compile.profile import Profile, gathered, table
from ..runtime.garbage import rare_collections
from ..testing.cases import Given, Setup
from ..testing.harness import Compiled, Harness, framed
from .configuration import Chosen, configuration_options, refuse, show_findings

_BATCH_BYTES = 32 * 1024
_DEAREST = 10
_SHOWN = 100
_MOST_COPIES = 16
_MOST_EVENTS = 20_000
"""How many events the lines of a sample become, where they are measured one by one."""


@click.command()
@configuration_options
@click.argument("files", nargs=-1, metavar="[FILE]…")
@click.option(
    "--codec", default="", metavar="CODEC", help="The codec that reads lines, with its options."
)
@click.option(
    "--from",
    "through",
    default="",
    metavar="ID",
    help="The input through whose codec, type and tags lines come.",
)
@click.option(
    "--seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="CPU time to measure for: the sample goes through again until it is used up.",
)
def bench(
    chosen: Chosen,
    files: tuple[str, ...],
    codec: str,
    through: str,
    seconds: float,
) -> None:
    """Measure what each statement of a configuration costs on the lines of stdin.

    Filters run as they would, one core is used, and outputs are not opened. The sample goes through
    once before anything is measured. The table has CPU times, the conditions of branches with their
    places; the lines that cost most are measured one by one.
    """
    if sys.stdin.isatty():
        raise click.UsageError(
            "no sample: give lines on stdin, as in `penstock bench -f FILE < sample`"
        )
    lines = sys.stdin.buffer.read().decode(errors="replace").splitlines()
    if not lines:
        raise click.UsageError("the sample has no lines")
    try:
        one = chosen.also(files).pipeline()
        harness = Harness(Setup((), "", one.settings, {}, {}, frozenset()), one.sources())
        show_findings(harness.assembly.warnings)
        through = through or (next(iter(harness.inputs), "") if not codec else "")
        given = Given(through=through, codec=codec)
        chunks = list(_chunks(lines, harness.codec(given)))
        arrivals = Arrivals(harness, given)
        for chunk in chunks:
            _pass(harness, arrivals.of(chunk), harness.plain)
    except ConfigError as error:
        refuse(error)
    with rare_collections(), standing_by():  # as where a pipeline runs
        click.echo(_measured(harness, arrivals, chunks, seconds))
        click.echo(_dearest(harness, arrivals, lines, harness.codec(given)))


def _chunks(lines: Sequence[str], codec: Codec) -> Iterator[list[bytes]]:
    """The lines as an input gives them: several at once, in one piece where the codec reads lines,
    else each by itself.
    """
    chunk: list[bytes] = []
    size = 0
    for line in lines:
        piece = framed(line, codec).encode()
        if chunk and piece.endswith(b"\n"):
            chunk[-1] += piece
        else:
            chunk.append(piece)
        size += len(piece)
        if size >= _BATCH_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


class Arrivals:
    """Makes events of chunks, as they leave the input: by one codec, which holds nothing at the end
    of a chunk.
    """

    def __init__(self, harness: Harness, given: Given) -> None:
        self._codec, self._source = harness.codec(given), harness.input(given)
        self._now = harness.assembly.now()

    def of(self, chunk: Sequence[bytes]) -> list[Event]:
        """The events of a chunk."""
        events = [event for piece in chunk for event in self._codec.decode(piece)]
        events += self._codec.flush()
        decorate = None if self._source is None else self._source.decorate
        for event in events:
            if decorate is not None:
                decorate(event)
            accept(event, self._now)
        return events


def _measured(
    harness: Harness, arrivals: Arrivals, chunks: Sequence[Sequence[bytes]], seconds: float
) -> str:
    profile = Profile()
    compiled = harness.compiled(profile)
    decoded = profile.timed(
        profile.cost("decode", ""), arrivals.of, lambda *arguments: len(arguments[-1] or ())
    )
    events, started = 0, time.process_time()
    while True:
        for chunk in chunks:
            arrived = decoded(chunk)
            events += len(arrived)
            _pass(harness, arrived, compiled)
        spent = time.process_time() - started
        if spent >= seconds:
            break
    rows = [
        (cost.seconds, cost.events, what, place) for (what, place), cost in profile.costs.items()
    ]
    rows = sorted((row for row in rows if row[1]), key=lambda row: -row[0])
    rows = gathered(rows, spent)
    rows.append((max(spent - profile.total(), 0.0), 0, "all else", ""))
    rows.append((spent, events, "whole", ""))
    rate = events / spent if spent else 0.0
    return f"{table(rows, spent)}\n\n{rate:,.0f} events a second on one core"


def _pass(harness: Harness, events: list[Event], compiled: Compiled) -> None:
    """Events through filters and outputs, which must not keep them: what they keep is looked
    through for garbage, and some filter would pay for it.
    """
    out = compiled.filters.run(events)
    if out:
        compiled.outputs.run(out)
        harness.forget_outputs()


def _dearest(harness: Harness, arrivals: Arrivals, lines: Sequence[str], codec: Codec) -> str:
    """The lines that cost most, the lesser of two measurements each: of several copies at once, or
    what a batch costs would hide what its line does.
    """
    copies = max(1, min(_MOST_COPIES, _MOST_EVENTS // len(lines)))
    costs = [
        (min(_cost(harness, arrivals, framed(line, codec), copies) for _ in range(2)), number, line)
        for number, line in enumerate(lines, 1)
    ]
    shown = [f"\nthe dearest lines:\n{'µs':>8}  {'line':>6}  text"]
    for seconds, number, line in sorted(costs, key=lambda cost: -cost[0])[:_DEAREST]:
        text = line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
        shown.append(f"{1e6 * seconds:8.1f}  {number:6}  {text}")
    return "\n".join(shown)


def _cost(harness: Harness, arrivals: Arrivals, line: str, copies: int) -> float:
    """The seconds of a line, that of several in one batch."""
    pieces = [line.encode()] * copies
    started = time.thread_time()
    _pass(harness, arrivals.of(pieces), harness.plain)
    return (time.thread_time() - started) / copies
