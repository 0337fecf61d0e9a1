"""Rounding: ``round``, ``floor``, ``ceil`` and ``truncate``, with digits and halves."""

from __future__ import annotations

import math
from decimal import (
    ROUND_CEILING,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Decimal,
)
from typing import Any

from .dispatch import define
from .errors import (
    ArgumentError,
    FloatDomainError,
)
from .inspection import float_text, integer
from .objects import Symbol

_HALF = {"up": ROUND_HALF_UP, "even": ROUND_HALF_EVEN, "down": ROUND_HALF_DOWN}


@define("Numeric", "round")
def round_(a: Any, digits: Any = 0, half: Any = None) -> Any:
    """Rounded to digits behind the point."""
    name = half.name if type(half) is Symbol else str(half)
    if half is None:
        name = "up"
    if name not in _HALF:
        raise ArgumentError(f"invalid rounding mode: {name}")
    return _rounded(a, integer(digits), _HALF[name])


@define("Numeric", "floor")
def floor(a: Any, digits: Any = 0) -> Any:
    """Rounded down."""
    return _rounded(a, integer(digits), ROUND_FLOOR)


@define("Numeric", "ceil")
def ceil(a: Any, digits: Any = 0) -> Any:
    """Rounded up."""
    return _rounded(a, integer(digits), ROUND_CEILING)


@define("Numeric", "truncate")
def truncate(a: Any, digits: Any = 0) -> Any:
    """Cut off."""
    return floor(a, digits) if a >= 0 else ceil(a, digits)


def _rounded(a: Any, places: int, mode: str) -> Any:
    if type(a) is int:
        return a if places >= 0 else _integer_rounded(a, places, mode)
    if a - a != 0:
        if places > 0:
            return a
        raise FloatDomainError(float_text(a))
    if places > 0:
        return a if places >= 17 else _decimal_rounded(a, places, mode)
    whole = int(Decimal(a).quantize(Decimal(1), mode) if abs(a) < 1e25 else Decimal(a))
    return (
        whole
        if places == 0
        else _integer_rounded(
            int(a) if mode not in (ROUND_FLOOR, ROUND_CEILING) else whole, places, mode
        )
    )


def _decimal_rounded(a: float, places: int, mode: str) -> float:
    # Ruby rounds what is printed where that is short of half: 2.675 is 2.68 here, as there.
    if mode == ROUND_HALF_UP:
        return _half_up(a, places)
    exact = Decimal(a) if mode in (ROUND_FLOOR, ROUND_CEILING) else Decimal(repr(a))
    made = float(exact.quantize(Decimal(1).scaleb(-places), mode)) if abs(a) < 1e10 else a
    shown = Decimal(repr(a))
    if shown == shown.quantize(Decimal(1).scaleb(-places)) if abs(a) < 1e10 else True:
        return a
    return made


def _half_up(a: float, places: int) -> float:
    scale = 10.0**places
    scaled = abs(a) * scale
    if math.isinf(scaled) or scaled >= 2**53:
        return a
    whole = math.floor(scaled + 0.5) if scaled != 0.49999999999999994 else 0.0
    if (whole - 0.5) / scale > abs(a) or (whole and (whole + 0.5) / scale <= abs(a)):
        whole = whole - 1 if (whole - 0.5) / scale > abs(a) else whole + 1
    return math.copysign(whole / scale, a)


def _integer_rounded(a: int, places: int, mode: str) -> int:
    unit = int(10**-places)
    below = a // unit * unit
    rest = a - below
    if mode == ROUND_FLOOR or rest == 0:
        return below
    if mode == ROUND_CEILING or rest * 2 > unit:
        return below + unit
    if rest * 2 < unit:
        return below
    up = {
        ROUND_HALF_UP: a > 0,
        ROUND_HALF_DOWN: a < 0,
        ROUND_HALF_EVEN: below // unit % 2 == 1,
    }[mode]
    return below + unit if up else below
