"""Which pipeline and which plugin a place in a configuration belongs to, so that the log can name
them: lines about a plugin begin with its place.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_PLACE = re.compile(r"(.+?:\d+:\d+)(?=: |$)")


class Owner(NamedTuple):
    """A plugin: its pipeline, its kind, and its id, which is empty where none was given."""

    pipeline: str
    plugin: str
    id: str


_owners: dict[str, Owner] = {}


def note_place(where: str, owner: Owner, *, is_inner: bool = False) -> None:
    """A plugin stands at a place; where several pipelines have the same file, all are named. One
    that ``is_inner``, such as the codec that an input has by default, may have another's place.
    """
    known = _owners.get(where)
    if is_inner and known is not None:
        return
    names = [] if known is None else known.pipeline.split(",")
    if names and owner.pipeline not in names:
        names.append(owner.pipeline)
    if names:
        owner = owner._replace(pipeline=",".join(names))
    _owners[where] = owner


def place_of(message: str) -> tuple[str, Owner] | None:
    """The place that a message begins with, and whose it is; None where there is none."""
    found = _PLACE.match(message)
    owner = _owners.get(found[1]) if found is not None else None
    return None if found is None or owner is None else (found[1], owner)
