"""What the code of a configuration is given: events behind Logstash's event API, and functions made
of its text.

A text of code becomes the body of a function, so that it may `return`; its lines are kept, so that
a traceback shows them. Values that are set are made plain: events hold texts, numbers, truth
values, null, lists and maps, and nothing else.
"""

from __future__ import annotations

import ast
import linecache
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from inspect import isgeneratorfunction
from typing import Any

from ..dsl.diagnostics import PenstockError
from ..dsl.event import accept, add_tag, release
from ..dsl.reference import Event, reference
from ..dsl.template import Template
from ..dsl.timestamp import Timestamp, parse_timestamp
from ..dsl.values import copy, json_text, plain

_template = lru_cache(maxsize=1024)(Template)


class ScriptError(PenstockError, ValueError):
    """Code that cannot be used; says why, and where in it."""


class ScriptEvent:
    """An event as code sees it. Fields are named as in configurations: `name`, `[name]`,
    `[outer][inner]`.

    What `get` and `event[…]` give is the value itself: lists and maps may be changed in place.
    """

    __slots__ = ("cancelled", "data")

    def __init__(self, data: Event) -> None:
        self.data = data
        self.cancelled = False

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a field; `default` where there is none, or null."""
        value = reference(name).get(self.data)
        return default if value is None else value

    def set(self, name: str, value: Any) -> None:
        """Set a field; raises FieldError where it cannot be set."""
        ref = reference(name)
        made = plain_value(value)
        if ref.keys == ("@timestamp",) and type(made) is str:
            made = parse_timestamp(made) or made
        ref.set(self.data, made)

    def remove(self, name: str) -> Any:
        """Take a field out, and give what it held."""
        return reference(name).remove(self.data)

    def include(self, name: str) -> bool:
        """Whether a field is there, be it null."""
        return reference(name).has(self.data)

    def tag(self, *tags: str) -> None:
        """Give tags; one that is there is not given twice."""
        for tag in tags:
            add_tag(self.data, str(tag))

    def cancel(self) -> None:
        """Drop the event."""
        self.cancelled = True

    def uncancel(self) -> None:
        """Keep the event after all."""
        self.cancelled = False

    def sprintf(self, text: str) -> str:
        """A text with its templates filled in: `%{field}`, `%{+yyyy.MM.dd}`."""
        return _template(text).render(self.data)

    def to_hash(self) -> Event:
        """A copy of the fields as plain data, without metadata."""
        return {name: plain(value) for name, value in self.data.items() if name != "@metadata"}

    def to_hash_with_metadata(self) -> Event:
        """A copy of the fields as plain data, with metadata if there are any."""
        return release(self.data)

    def to_json(self) -> str:
        """The event as JSON."""
        return json_text(self.to_hash())

    def clone(self) -> ScriptEvent:
        """A copy that shares nothing with the event."""
        return ScriptEvent(copy(self.data))

    @property
    def timestamp(self) -> Timestamp | None:
        """The time of the event; may be set to an instant, a datetime or a text in ISO 8601."""
        at = self.data.get("@timestamp")
        return at if type(at) is Timestamp else None

    @timestamp.setter
    def timestamp(self, value: Any) -> None:
        self.set("@timestamp", value)

    def __getitem__(self, name: str) -> Any:
        if not self.include(name):
            raise KeyError(name)
        return reference(name).get(self.data)

    def __setitem__(self, name: str, value: Any) -> None:
        self.set(name, value)

    def __delitem__(self, name: str) -> None:
        if not self.include(name):
            raise KeyError(name)
        self.remove(name)

    def __contains__(self, name: str) -> bool:
        return self.include(name)

    def __iter__(self) -> Iterator[str]:
        return iter(list(self.data))

    def __repr__(self) -> str:
        return f"Event({self.to_hash_with_metadata()!r})"


def plain_value(value: Any) -> Any:
    """A value as events hold it: what is none of theirs becomes a list, a number or text."""
    kind = type(value)
    if (
        kind is str
        or kind is int
        or kind is float
        or kind is bool
        or value is None
        or kind is Timestamp
    ):
        return value
    if isinstance(value, ScriptEvent):
        return copy(value.data)
    if isinstance(value, Mapping):
        return {str(key): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | Iterator):
        return [plain_value(item) for item in value]
    if isinstance(value, datetime):
        return Timestamp.of(value)
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    for base in (bool, int, float):
        if isinstance(value, base):
            return base(value)
    return str(value)


def event_of(value: Any, now: Timestamp) -> Event:
    """The event that code hands out: one of its events, or a map of fields. Raises TypeError for
    anything else.
    """
    if isinstance(value, ScriptEvent):
        return value.data
    if isinstance(value, Mapping):
        made: Event = plain_value(value)
        return accept(made, now)
    raise TypeError(f"expected an event or a map of fields, not a {type(value).__name__}")


def namespace(now: Callable[[], Timestamp]) -> dict[str, Any]:
    """The globals that code starts with: `Event(fields)` makes an event."""

    def make(fields: Mapping[str, Any] | None = None) -> ScriptEvent:
        return ScriptEvent(event_of(fields or {}, now()))

    make.__name__ = make.__qualname__ = "Event"
    return {"__builtins__": __builtins__, "__name__": "penstock_code", "Event": make}


def function_of(
    code: str, place: str, arguments: tuple[str, ...], names: dict[str, Any]
) -> Callable[..., Any]:
    """Code as a function of some arguments. ``place`` names the text in tracebacks. Raises
    ScriptError.
    """
    tree = _parsed(code, place)
    signature = ast.arguments([], [ast.arg(name) for name in arguments], None, [], [], None, [])
    function = ast.FunctionDef("code", signature, tree.body or [ast.Pass()], [], None)
    _execute(ast.Module([function], []), place, names)
    made: Callable[..., Any] = names.pop("code")
    if isgeneratorfunction(made):
        raise ScriptError("`yield` does not emit events; call emit(event)")
    return made


def execute(code: str, place: str, names: dict[str, Any]) -> None:
    """Run code once, for what it defines. Raises ScriptError."""
    _execute(_parsed(code, place), place, names)


def _parsed(code: str, place: str) -> ast.Module:
    first, _, rest = code.partition("\n")
    problem: Exception | None = None
    for text in (
        textwrap.dedent(code),
        f"{first.strip()}\n{textwrap.dedent(rest)}",
    ):  # the first line stands behind a quote
        try:
            tree = ast.parse(text, place)
        except (SyntaxError, ValueError, RecursionError) as error:
            problem = problem or error
        else:
            linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
            return tree
    assert problem is not None
    raise ScriptError(_syntax(problem)) from None


def _execute(tree: ast.Module, place: str, names: dict[str, Any]) -> None:
    try:
        compiled = compile(ast.fix_missing_locations(tree), place, "exec")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ScriptError(_syntax(error)) from None
    try:
        exec(compiled, names)
    except Exception as error:
        raise ScriptError(explain(error, place)) from error


def _syntax(error: Exception) -> str:
    if not isinstance(error, SyntaxError):
        return str(error)
    line = (error.text or "").strip()
    return f"{error.msg} in line {error.lineno}" + (f": {line}" if line else "")


def explain(error: BaseException, place: str) -> str:
    """An error that code raised, with the line of it that is to blame."""
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place
    ]
    if not frames:
        return reason
    return f"{reason} in line {frames[-1].lineno}: {(frames[-1].line or '').strip()}"
