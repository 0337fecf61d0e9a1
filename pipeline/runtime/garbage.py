"""How often Python looks for circles of objects while events stream."""

from __future__ import annotations

import gc


class rare_collections:  # noqa: N801  (reads as a word in `with`)
    """While events stream, objects that live long are not looked at again, and young ones seldom:
    events hold no circles.
    """

    def __enter__(self) -> None:
        self._before = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(200_000, 20, 100)

    def __exit__(self, *problem: object) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
