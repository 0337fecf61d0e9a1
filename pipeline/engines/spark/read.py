"""What tasks read: ranges of files and of topics, and inputs that one task reads by itself.

The driver decides which bytes belong to a batch, and knows no more of them than where they are. The
task reads them with Penstock's own client or from the file, so that they never go through the JVM,
and an option of an input means what it means elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....plugins.input import Input
from ....plugins.inputs.file import File
from ...compile.instantiate import Assembly
from ..ranges import Range, boundary_of, ranges_of
from ..reading import Reading
from ..work import Packed, Work
from .pieces import Piece


def inputs_of(assembly: Assembly) -> list[Input]:
    """The inputs of a configuration, in the order of the text."""
    plugins = assembly.plugins(assembly.program.inputs)
    return [plugin for plugin in plugins if isinstance(plugin, Input)]


def bounded_pieces(assembly: Assembly, size: int) -> list[Piece]:
    """All that inputs which end will give, in the order in which one machine reads it; files in
    ranges of about ``size`` bytes.
    """
    pieces: list[Piece] = []
    for number, source in enumerate(inputs_of(assembly)):
        if not isinstance(source, File):
            pieces.append(Piece(number))
            continue
        for part in ranges_of(source.found(), boundary_of(source) is not None, size):
            pieces.append(Piece(number, part.path, start=part.start, end=part.end))
    return pieces


def packed(work: Work, piece: Piece) -> Iterator[Packed]:
    """Read a piece and work on it, chunk by chunk. Raises OSError, Disconnected."""
    source = work.inputs[piece.read]
    if piece.topic:
        from .topics import batches

        for batch in batches(source, piece):
            yield work.events(batch, piece.read)
        return
    is_file = isinstance(source, File)
    part = Range(piece.path, piece.start, piece.end) if is_file else None
    yield from Reading(piece.read, part)(work)
