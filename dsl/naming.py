"""Field references that a template names: ``[by_host][%{host}]``. One without a template is read
once.

A reference that is none raises ReferenceSyntaxError when it is used, not before: Logstash takes
such a configuration and fails event by event. ``problem`` says it beforehand, for a warning.
"""

from __future__ import annotations

from collections.abc import Callable

from .reference import (
    Event,
    FieldRef,
    ReferenceSyntaxError,
    current_escape_style,
    reference,
)
from .template import Template


class FieldName:
    """The field that a text names; ``of(event)`` gives the reference for one event."""

    __slots__ = ("constant", "help", "of", "problem", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.constant: FieldRef | None = None
        template = Template(text)
        self.problem: str | None = template.problem
        self.help = template.help
        self.of: Callable[[Event], FieldRef]
        if not template.is_constant:
            render = template.render
            style = current_escape_style()
            self.of = lambda event: reference(render(event), style)
            return
        try:
            self.constant = ref = reference(text)
            self.of = lambda event: ref
        except ReferenceSyntaxError as error:
            self.problem = str(error)
            self.of = lambda event: FieldRef(text)

    def __repr__(self) -> str:
        return f"FieldName({self.text!r})"
