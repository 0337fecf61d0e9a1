"""What can be said of the functions of a window before events come."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

from ..dsl.reference import FieldRef, ReferenceSyntaxError
from ..plugins.contract import OptionProblem
from ._scripting import ScriptError, function_of, namespace
from ._window_columns import Limits
from ._window_functions import Function
from ._window_options import WindowOptions

FUNCTIONS = (
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "first",
    "last",
    "distinct",
    "percentiles",
    "collect",
    "frequent",
    "top",
    "reduce",
)

_WHOLE_TEXTS = frozenset({("message",), ("event", "original")})
_ECS = ("kind", "id", "start", "end", "duration")
_WINDOW = ("name", "count", "reason", "revision", "overflow")
_PLAIN = ("start", "end", "id")


def functions_of(window: WindowOptions) -> list[Function]:
    """The functions that a window is told to compute."""
    return [
        Function(name, FieldRef(target), source)
        for name in FUNCTIONS
        for target, source in getattr(window, name).items()
    ]


def limits_of(window: WindowOptions) -> Limits:
    """What bounds the functions of a window; raises OptionProblem."""
    try:
        reduce = reduce_function(window)
    except ScriptError as error:
        raise OptionProblem("reduce_code", str(error)) from None
    return Limits(
        tuple(percent for percent in window.percents if 0 < percent <= 100),
        window.collect_max,
        window.frequent_max,
        window.top_max,
        tuple(window.top_fields),
        reduce,
        window.keep,
    )


def check_options(window: WindowOptions) -> None:
    """Report options that do not go together, and results that cannot be written."""
    check_results(window)
    if not window.size:
        for name in ("every", "timezone", "empty", "offset"):
            if name in window.given:
                window.problem(name, f"`{name}` requires `size`", "leave it out", code="W305")
    if window.longest is not None and window.gap is None:
        window.problem("longest", "`longest` requires `gap`", "leave it out", code="W305")
    for place, percent in enumerate(window.percents):
        if not 0 < percent <= 100:
            window.problem(
                "percents",
                f"{percent:g} is not a valid percentile",
                "give more than 0, and at most 100",
                path=(place,),
            )


def check_results(window: WindowOptions) -> None:
    """Report results that cannot be written, or that overwrite each other."""
    taken: list[tuple[tuple[str, ...], str]] = [(ref.keys, "by") for ref in window.by]
    taken += [(keys, "window") for keys in _own_fields(window)]
    for name in FUNCTIONS:
        for target, source in getattr(window, name).items():
            keys = _keys_of(window, name, target)
            if keys is None:
                continue
            for path in _written(window, name, keys):
                _check_free(window, name, target, path, taken)
                taken.append((path, name))
            _check_size(window, name, target, source)
    if bool(window.reduce) != (window.reduce_code is not None):
        option = "reduce" if window.reduce else "reduce_code"
        other = "reduce_code" if window.reduce else "reduce"
        window.problem(option, f"`{option}` requires `{other}`", f"give `{other}`, too")


def _own_fields(window: WindowOptions) -> Iterator[tuple[str, ...]]:
    """The fields that every result has."""
    yield ("@timestamp",)
    yield ("@version",)
    yield from (("window", name) for name in _WINDOW)
    if window.ecs:
        yield from (("event", name) for name in _ECS)
    else:
        yield from (("window", name) for name in _PLAIN)


def _keys_of(window: WindowOptions, name: str, target: str) -> tuple[str, ...] | None:
    try:
        return FieldRef(target).keys
    except ReferenceSyntaxError as error:
        window.problem(name, str(error), "write [a][b]", path=(target,), code="E207")
        return None


def _written(window: WindowOptions, name: str, keys: tuple[str, ...]) -> list[tuple[str, ...]]:
    if name != "percentiles":
        return [keys]
    return [(*keys, f"p{percent:g}") for percent in window.percents]


def _check_free(
    window: WindowOptions, name: str, target: str, path: tuple[str, ...], taken: list[Any]
) -> None:
    """Report a result that stands where another one, or a part of it, stands."""
    for other, owner in taken:
        shorter = min(len(path), len(other))
        if path[:shorter] != other[:shorter]:
            continue
        shown = "".join(f"[{key}]" for key in path)
        if owner == "by":
            message = f"the result `{shown}` is also a field of `by`"
        elif owner == "window":
            message = f"the result `{shown}` is a field that every result has"
        else:
            message = f"two functions write `{shown}`"
        window.problem(name, message, "choose another name", path=(target,), code="E244")
        return


def _check_size(window: WindowOptions, name: str, target: str, source: FieldRef) -> None:
    if name == "distinct" and source.keys in _WHOLE_TEXTS:
        window.problem(
            name,
            f"`distinct` of `{source.canonical}` holds up to 10,000 values a key and window",
            "count a field with fewer values",
            path=(target,),
            code="W324",
        )


def reduce_function(window: WindowOptions) -> Callable[[Any, Any], Any] | None:
    """The function of ``reduce_code``, an expression or statements that return; raises
    ScriptError.
    """
    code = window.reduce_code
    if code is None:
        return None
    place = f"<reduce_code at {window.context.where or 'nowhere'}>"
    try:
        ast.parse(code.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError):
        pass
    else:
        code = f"return ({code.strip()})"
    return function_of(code, place, ("a", "b"), namespace(window.context.now))
