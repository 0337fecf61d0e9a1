"""What tasks read: ranges of files and of topics, and inputs that one task reads by itself.

The driver decides which bytes belong to a batch, and knows no more of them than where they are. The
task reads them with Penstock's own client or from the file, so that they never go through the JVM,
and an option of an input means what it means elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....plugins.errors import EndOfInput
from ....plugins.input import Input
from ....plugins.inputs.file import File
from ...compile.instantiate import Assembly
from ...runtime.opening import open_plugin
from ..ranges import Range, chunks_of, content_of, ranges_of
from ..work import Packed, Work
from .pieces import Piece

_WAIT = 1.0


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
        for part in ranges_of(source.found(), _boundary(source) is not None, size):
            pieces.append(Piece(number, part.path, start=part.start, end=part.end))
    return pieces


def _boundary(source: Input) -> bytes | None:
    """After which bytes the streams of an input may be cut."""
    codec = source.decoder()
    return None if codec is None else codec.boundary()


def packed(work: Work, piece: Piece) -> Iterator[Packed]:
    """Read a piece and work on it, chunk by chunk. Raises OSError, Disconnected."""
    source = work.inputs[piece.read]
    if piece.topic:
        from .topics import batches

        for batch in batches(source, piece):
            yield work.events(batch, piece.read)
    elif isinstance(source, File):
        yield from _file(work, source, piece)
    else:
        yield from _whole_input(work, source, piece.read)


def _file(work: Work, source: File, piece: Piece) -> Iterator[Packed]:
    part, codec, boundary = (
        Range(piece.path, piece.start, piece.end),
        source.codec_of(piece.path),
        _boundary(source),
    )
    if boundary is None:
        yield from work.whole(codec, content_of(part), piece.read)
        return
    yield from work.range(chunks_of(part, boundary, codec.longest), codec.origin, piece.read)


def _whole_input(work: Work, source: Input, number: int) -> Iterator[Packed]:
    """All that an input gives until it ends."""
    open_plugin(source)
    try:
        source.connect()
        while True:
            batch = source.read(_WAIT)
            if batch is not None:
                yield work.events(batch, number)
    except EndOfInput:
        return
    finally:
        source.close()
