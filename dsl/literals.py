"""Literals of the tree as Python values: escapes, ``${VARIABLES}``, repeated options merged.

Substitution follows Logstash: keystore and environment, then the default after the colon, else an
error; in values, not in keys. What a variable holds is never expanded again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from . import tree
from .diagnostics import Diagnostic, did_you_mean
from .source import Span
from .values import in_java_order
from .variables import VARIABLE, UnreadableSecretError, content_of, names_a_file

Report = Callable[[Diagnostic], None]

_ESCAPES = {"\\": "\\", '"': '"', "'": "'", "n": "\n", "r": "\r", "t": "\t", "0": "\0"}
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


_MISREAD = re.compile(r"\\([nrt])")
_NAMED = {"n": "line break", "r": "carriage return", "t": "tab"}
_WINDOWS_PATH = re.compile(r"(?:^|[\s\"'=(])(?:[A-Za-z]:|\\)\\")
ESCAPES_REMEDY = "write the character itself between the quotes, or set config.support_escapes"


def misread_escape(text: str) -> str | None:
    """What is wrong with a text in which `\\n` is not a line break, though it looks like one; a
    path of Windows does not.
    """
    found = _MISREAD.search(text)
    if found is None or _WINDOWS_PATH.search(text):
        return None
    return (
        f"`{found[0]}` is a backslash followed by the letter `{found[1]}`, not a"
        f" {_NAMED[found[1]]}:"
        " escape sequences are off"
    )


class Literals:
    """Reads literals for one configuration: with or without escapes, with these variables; reports
    what is wrong with them.
    """

    def __init__(self, variables: Mapping[str, str], escapes: bool, report: Report) -> None:
        self.variables = variables
        self.escapes = escapes
        self.report = report

    def value(self, node: tree.Value) -> Any:
        """A literal as text, number, list or dict; a plugin (a codec with options) stays a part of
        the tree.
        """
        if isinstance(node, tree.Text):
            return self.text(node)
        if isinstance(node, tree.Bareword):
            return self.substituted(node.value, node.span)
        if isinstance(node, tree.Number):
            return node.value
        if isinstance(node, tree.Array):
            return [self.value(item) for item in node.items]
        if isinstance(node, tree.Hash):
            return self._hash(node)
        return node

    def text(self, node: tree.Text) -> str:
        """A string, unescaped and substituted."""
        return self.substituted(self.unescaped(node.value), node.span)

    def unescaped(self, text: str) -> str:
        """A string's text with its escapes read, where the setting asks for it; unknown ones
        stay.
        """
        if not self.escapes or "\\" not in text:
            return text
        return _ESCAPED.sub(lambda m: _ESCAPES.get(m[1], m[0]), text)

    def substituted(self, text: str, span: Span) -> str:
        """A text with its ``${…}`` filled in."""
        if "${" not in text:
            return text
        return VARIABLE.sub(lambda match: self._variable(match, span), text)

    def _variable(self, match: re.Match[str], span: Span) -> str:
        name, default = match[1], match[2]
        if names_a_file(name, default):
            return self._file(match, span)
        if name in self.variables:
            return self.variables[name]
        if default is not None:
            return self.substituted(default, span)
        where = _place(match, span)
        help = (
            did_you_mean(name, self.variables) or f"set it, or give a default: ${{{name}:default}}"
        )
        self.report(
            Diagnostic("E206", f"the variable `{name}` is not set and has no default", where, help)
        )
        return match[0]

    def _file(self, match: re.Match[str], span: Span) -> str:
        try:
            return content_of(match[2])
        except UnreadableSecretError as error:
            self.report(Diagnostic("E206", str(error), _place(match, span), error.help))
            return match[0]

    def _hash(self, node: tree.Hash) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entry in node.entries:
            key = (
                self.unescaped(entry.key.value)
                if isinstance(entry.key, tree.Text)
                else str(entry.key.value)
            )
            if key in found:
                self.report(
                    Diagnostic(
                        "E205",
                        f"the key `{key}` is given twice",
                        entry.key.span,
                        "keep one of the two",
                    )
                )
            found[key] = self.value(entry.value)
        return in_java_order(found)


def _place(match: re.Match[str], span: Span) -> Span:
    """Where a variable stands in the text of a literal."""
    at = span.text.find(match[0])
    return span.part(at, at + len(match[0])) if at >= 0 else span


def merged(first: Any, second: Any) -> Any:
    """The value of an option given twice: hashes joined, lists appended, different scalars a
    list.
    """
    if isinstance(first, dict) and isinstance(second, dict):
        both = first | second
        return in_java_order(
            {
                k: merged(first[k], second[k]) if k in first and k in second else both[k]
                for k in both
            }
        )
    if isinstance(first, list) and isinstance(second, list):
        return first + second
    if isinstance(first, list):
        return [*first, second]
    return first if first == second else [first, second]


def paired(items: list[Any]) -> dict[str, Any]:
    """A flat list of keys and values as a dict; a repeated key collects its values."""
    found: dict[str, Any] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        found[str(key)] = merged(found[str(key)], value) if str(key) in found else value
    return found
