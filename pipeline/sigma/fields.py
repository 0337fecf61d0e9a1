"""Names of fields in rules, and the fields of events that they stand for."""

from __future__ import annotations

from collections.abc import Mapping

from ...dsl.reference import FieldRef, ReferenceSyntaxError
from .refusal import Refused

_UNFIT = frozenset("[]{}\"'`\\\n\r\t")


class Fields:
    """The mapping of a translation: names that are given, and a default for all others.

    By default a dot goes one level down: `process.command_line` is `[process][command_line]`.
    """

    def __init__(self, given: Mapping[str, str] | None = None) -> None:
        self._given = {name: _reference(name, text) for name, text in (given or {}).items()}

    def reference(self, name: str) -> str:
        """The field of events, with brackets; raises Refused."""
        if name in self._given:
            return self._given[name]
        return _reference(name, name)


def _reference(name: str, text: str) -> str:
    help = f"give its field: --field '{name}=[a][b]'"
    if text.startswith("["):
        try:
            FieldRef(text)
        except ReferenceSyntaxError as error:
            raise Refused(f"`{text}` is not a valid field reference: {error}", help) from None
        return text
    parts = text.split(".")
    if not all(parts) or _UNFIT.intersection(text) or "${" in text:
        raise Refused(f"`{text}` is not a valid field name", help)
    return "".join(f"[{part}]" for part in parts)
