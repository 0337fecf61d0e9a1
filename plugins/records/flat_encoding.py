"""Data that MessagePack, or the interpreter's stack, has no room for, as a flat list of steps.

A step is a plain value, or a list of a letter and an argument: ``m``/``l`` a map or list of so many
steps that follow, ``i`` a large number in hexadecimal, ``s`` text with half surrogates, ``t`` an
instant, ``x`` anything else, as text. Neither way recurses, so that no nesting is too deep.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from ...dsl.timestamp import Timestamp

T = TypeVar("T")

_PLAIN = frozenset({bool, float, bytes, type(None)})


def flattened(value: Any) -> list[Any]:
    """The steps from which ``rebuilt`` makes the value again."""
    steps: list[Any] = []
    todo = [value]
    while todo:
        item = todo.pop()
        if type(item) is dict:
            steps.append(["m", len(item)])
            todo += [part for pair in reversed(item.items()) for part in (pair[1], pair[0])]
        elif type(item) in (list, tuple):
            steps.append(["l", len(item)])
            todo += reversed(item)
        else:
            steps.append(_scalar(item))
    return steps


def _scalar(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 64 else ["i", f"{value:x}"]
    if kind is str:
        return (
            value
            if value.isascii() or not _has_half(value)
            else ["s", value.encode("utf-8", "surrogatepass")]
        )
    if kind is Timestamp:
        return ["t", str(value)]
    return value if kind in _PLAIN else ["x", str(value).encode("utf-8", "replace").decode()]


def _has_half(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "i": lambda text: int(text, 16),
    "s": lambda data: data.decode("utf-8", "surrogatepass"),
    "t": Timestamp,
    "x": str,
}


def rebuilt(steps: list[Any]) -> Any:
    """The value that was flattened; raises ValueError, IndexError or KeyError where the steps make
    none.
    """
    done: list[Any] = []
    for step in reversed(
        steps
    ):  # from the end, so that what a map or list holds is there when its step comes
        if type(step) is not list:
            done.append(step)
        elif step[0] == "l":
            done.append([done.pop() for _ in range(step[1])])
        elif step[0] == "m":
            done.append({done.pop(): done.pop() for _ in range(step[1])})
        else:
            done.append(_SCALARS[step[0]](step[1]))
    (value,) = done
    return value


def with_room(work: Callable[[], T]) -> T:
    """What ``work`` gives on a stack of its own."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise ValueError(str(errors[0])) from errors[0]
    return results[0]
