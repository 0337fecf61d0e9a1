"""What the compiler knows while it writes a function: its variables, its loops, its lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

Place = tuple[int, int, int, int]


class Line(NamedTuple):
    """A line of Python, and where in the Ruby text it comes from: rows and byte columns."""

    indent: int
    text: str
    at: Place


class Code(str):
    """An expression in Python; ``kind`` is the kind of its value, where that is known."""

    kind: str

    def __new__(cls, text: str, kind: str = "") -> Code:
        made = super().__new__(cls, text)
        made.kind = kind
        return made


class Loop:
    """A loop of Python's that is being written; ``result`` takes the value of ``break``."""

    def __init__(self, result: str | None) -> None:
        self.result = result


class Frame:
    """A function of Python's that is being written.

    ``kind`` is code, method, lambda or block. A block sees the variables of ``outer``; a variable
    of an outer function that it sets is declared ``nonlocal``.
    """

    def __init__(self, kind: str, outer: Frame | None = None) -> None:
        self.kind, self.outer = kind, outer
        self.variables: dict[str, str] = {}
        self.parameters: set[str] = set()
        self.nonlocals: set[str] = set()
        self.functions: list[Line] = []
        self.loops: list[Loop] = []
        self.break_tag: str | None = None
        self.return_tag: str | None = None
        self.error: str | None = None
        self.event: str | None = None

    def find(self, name: str) -> tuple[Frame, str] | None:
        """The function that has a variable, and what it is called in Python."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.variables:
                return frame, frame.variables[name]
            frame = frame.outer
        return None

    def declare(self, name: str, is_parameter: bool = False) -> str:
        """A new variable here."""
        made = self.variables[name] = f"v_{name}"
        if is_parameter:
            self.parameters.add(made)
        return made

    def assigned(self, name: str) -> str:
        """The variable that an assignment sets."""
        found = self.find(name)
        if found is None:
            return self.declare(name)
        frame, made = found
        if frame is not self:
            self.nonlocals.add(made)
        return made

    def method(self) -> Frame:
        """The function that ``return`` ends: a method, a lambda, or the code as a whole."""
        frame = self
        while frame.kind == "block" and frame.outer is not None:
            frame = frame.outer
        return frame

    def opening(self, indent: int, at: Place) -> list[Line]:
        """The lines at the start of the function: variables, then the functions in it."""
        lines: list[Line] = []
        if self.nonlocals:
            lines.append(Line(indent, f"nonlocal {', '.join(sorted(self.nonlocals))}", at))
        fresh = [name for name in self.variables.values() if name not in self.parameters]
        if fresh:
            lines.append(Line(indent, f"{' = '.join(fresh)} = None", at))
        return [*lines, *self.functions]


class Writer:
    """Writes lines of Python; ``captured`` sets some aside."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.indent = 0
        self.at: Place = (0, 0, 0, 0)
        self.frame = Frame("code")
        self._temporaries = 0

    def emit(self, text: str) -> None:
        """Write a line."""
        self.lines.append(Line(self.indent, text, self.at))

    def temporary(self) -> str:
        """A name for a value on its way."""
        self._temporaries += 1
        return f"t{self._temporaries}"

    @contextmanager
    def captured(self, deeper: int = 1) -> Iterator[list[Line]]:
        """Set aside the lines that are written, indented."""
        before, self.lines = self.lines, []
        self.indent += deeper
        try:
            yield self.lines
        finally:
            self.lines = before
            self.indent -= deeper

    @contextmanager
    def indented(self, head: str) -> Iterator[None]:
        """Write lines below a head; nothing at all becomes ``pass``."""
        self.emit(head)
        self.indent += 1
        count = len(self.lines)
        try:
            yield
        finally:
            if len(self.lines) == count:
                self.emit("pass")
            self.indent -= 1

    def place(self, head: str, lines: list[Line]) -> None:
        """Write lines that were set aside below a head."""
        self.emit(head)
        self.lines += lines or [Line(self.indent + 1, "pass", self.at)]
