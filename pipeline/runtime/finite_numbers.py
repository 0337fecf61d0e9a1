"""Whether all numbers of the events that reach the outputs are known to be finite.

JSON has no infinity, and what writes it puts null in its place: so its encoders look through all
that they wrote for a null, which costs as much as reading the lines does. Where events are read by
codecs and changed by filters that all say ``finite``, they need not look. Events that come another
way (out of the disk queue, given by an input as such) may hold anything: from the first of them on
encoders look again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...plugins.codec import Codec
from ...plugins.plugin import Plugin


class FiniteNumbers:
    """Tells the codecs that encode what they may rely on; ``makers`` are all plugins that put
    something into events.
    """

    def __init__(self, makers: Iterable[Plugin | None], writers: Sequence[Codec]) -> None:
        self._writers = writers
        self.are_known = all(maker is not None and maker.finite for maker in makers)
        self._tell()

    def forget(self) -> None:
        """Events come that were not made here."""
        if self.are_known:
            self.are_known = False
            self._tell()

    def _tell(self) -> None:
        for codec in self._writers:
            codec.writes_finite = self.are_known
