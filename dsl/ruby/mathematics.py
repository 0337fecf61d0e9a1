"""The module Math, whole roots, and random numbers."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

from .dispatch import singleton
from .errors import (
    DomainError,
)
from .inspection import floating, integer
from .objects import Range


def _math(name: str, function: Callable[..., Any]) -> None:
    @singleton("Math", name)
    def method(*values: Any) -> Any:
        numbers = [floating(value) for value in values]
        try:
            return function(*numbers)
        except ValueError:
            raise DomainError(f"Numerical argument is out of domain - {name}") from None
        except OverflowError:
            return math.inf


def _log(a: float, base: float | None = None) -> float:
    if a < 0 or (base is not None and base < 0):
        raise ValueError
    if a == 0:
        return -math.inf
    if base is not None:
        return math.log(a) / math.log(base)
    return math.log(a)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt,
    "cbrt": lambda a: math.copysign(round(abs(a) ** (1 / 3), 15), a) if a else a,
    "log": _log,
    "log2": lambda a: math.log2(a) if a else -math.inf,
    "log10": lambda a: math.log10(a) if a else -math.inf,
    "exp": math.exp,
    "pow": math.pow,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "atan2": math.atan2,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
    "hypot": math.hypot,
    "erf": math.erf,
    "gamma": math.gamma,
}
for _name, _function in _FUNCTIONS.items():
    _math(_name, _function)


@singleton("Integer", "sqrt")
def isqrt(a: Any) -> int:
    """The whole square root."""
    number = integer(a)
    if number < 0:
        raise DomainError("Numerical argument is out of domain - isqrt")
    return math.isqrt(number)


@singleton("Random", "rand")
@singleton("Kernel", "rand")
def rand(limit: Any = 0) -> Any:
    """A random number: below 1, below a limit, or in a range."""
    if type(limit) is Range:
        if type(limit.first) is float or type(limit.last) is float:
            return random.uniform(limit.first, limit.last)
        top = limit.last - (1 if limit.exclusive else 0)
        return None if top < limit.first else random.randint(limit.first, top)
    number = abs(integer(0 if limit is None else limit))
    return random.random() if number == 0 else random.randrange(number)
