"""What cannot be kept of a rule, said so that its author can mend it."""

from __future__ import annotations

from ...dsl.diagnostics import PenstockError


class Refused(PenstockError):
    """A rule, or a part of it, that has no translation with the same meaning."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.help = help

    def shown(self, path: str, rule: str) -> str:
        """The refusal as text: the file and the rule, what is wrong, what to write instead."""
        where = f"{path}: rule `{rule}`" if rule else path
        said = f"{where}: {self.message}"
        return f"{said}\n  help: {self.help}" if self.help else said
