"""Events for people to read, in the layout of Ruby's awesome_print, which Logstash shows on a
terminal.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ...dsl.values import ruby_float, to_text
from ..contract import Codec
from ..declaration import option
from ._json import bare
from ._rendering import utf8
from ._ruby import inspect

_DEEPEST = 200


class Rubydebug(Codec, name="rubydebug"):
    """Events laid out for people; for outputs only.

    A field on a line, names aligned at the right, maps and lists indented. `@metadata` is shown if
    `metadata` says so.
    """

    decodes: ClassVar[bool] = False

    metadata: bool = option("Whether `@metadata` is shown.", default=False)

    def encode(self, events: list[Event]) -> bytes:
        if self.metadata:
            shown = [
                event if "@metadata" in event else {**event, "@metadata": {}} for event in events
            ]
        else:
            shown = [bare(event) for event in events]
        return utf8("".join([awesome(event) + "\n" for event in shown]))


def awesome(value: Any, indent: int = 4) -> str:
    """A value as awesome_print shows it; ``indent``: where the items of a map or a list begin."""
    kind = type(value)
    if kind is str:
        return inspect(value)
    if value is None:
        return "nil"
    if kind is float:
        return ruby_float(value)
    if kind is dict:
        return _map(value, indent)
    if kind is list:
        return _list(value, indent)
    return to_text(value) if kind in (int, bool, Timestamp) else inspect(str(value))


def _map(value: dict[Any, Any], indent: int) -> str:
    if not value or indent > 4 * _DEEPEST:
        return "{}" if not value else "{…}"
    keys = [inspect(str(key)) for key in value]
    width = max(map(len, keys)) + indent
    lines = [
        f"{key:>{width}} => {awesome(item, indent + 4)}"
        for key, item in zip(keys, value.values(), strict=True)
    ]
    return "{\n" + ",\n".join(lines) + "\n" + " " * (indent - 4) + "}"


def _list(value: list[Any], indent: int) -> str:
    if not value or indent > 4 * _DEEPEST:
        return "[]" if not value else "[…]"
    width, margin = len(str(len(value) - 1)), " " * indent
    lines = [
        f"{margin}[{place:>{width}}] {awesome(item, indent + 4)}"
        for place, item in enumerate(value)
    ]
    return "[\n" + ",\n".join(lines) + "\n" + " " * (indent - 4) + "]"
