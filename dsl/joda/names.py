"""The names of months and days, in the language of a locale.

English is at hand; other languages come from Babel's copy of the Unicode CLDR, which is what Java
has its names from. A name may be written as the locale has it, in small letters, or in capitals.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from ..diagnostics import PenstockError
from .moment import MONTHS, WEEKDAYS


class UnknownLocaleError(PenstockError, ValueError):
    """A locale whose names are not to be had."""


class Names(msgspec.Struct, frozen=True):
    """What each accepted spelling of a name means: months and weekdays from 1 (Monday), eras and
    halves from 0.
    """

    months: Mapping[str, int]
    weekdays: Mapping[str, int]
    halves: Mapping[str, int]
    eras: Mapping[str, int]


def _spellings(first: int, *forms: Sequence[str]) -> dict[str, int]:
    return {
        spelling: number
        for names in forms
        for number, name in enumerate(names, first)
        for spelling in (name, name.lower(), name.upper())
    }


def _short(names: Sequence[str]) -> list[str]:
    return [name[:3] for name in names]


ENGLISH = Names(
    months=_spellings(1, MONTHS, _short(MONTHS)),
    weekdays=_spellings(1, WEEKDAYS, _short(WEEKDAYS)),
    halves=_spellings(0, ("AM", "PM")),
    eras=_spellings(0, ("BC", "AD"), ("BCE", "CE")),
)


def _subtags(tag: str) -> list[str]:
    return [part for part in re.split("[-_]", re.split("[.@]", tag)[0]) if part]


def is_english(tag: str) -> bool:
    """Whether a locale asks for English as it is written in the United States, or for nothing in
    particular.
    """
    subtags = [part.lower() for part in _subtags(tag)]
    return subtags in ([], ["en"], ["en", "us"], ["c"], ["posix"], ["root"], ["und"])


@lru_cache(maxsize=64)
def names_of(tag: str) -> Names:
    """The names of a locale such as `de`, `pt-BR` or `fr_FR.UTF-8`; English for a language that
    CLDR does not know.

    Raises UnknownLocaleError where Babel is needed and not installed.
    """
    if is_english(tag):
        return ENGLISH
    subtags = _subtags(tag)
    try:
        from babel import Locale
        from babel import UnknownLocaleError as NotInCldr
    except ImportError:
        raise UnknownLocaleError(
            f"the names of the locale `{tag}` need the package Babel: pip install babel"
        ) from None
    while subtags:
        try:
            return _from_cldr(Locale.parse("_".join(subtags)))
        except (NotInCldr, ValueError):
            subtags.pop()
    return ENGLISH


def _from_cldr(locale: Any) -> Names:
    months, days = locale.months["format"], locale.days["format"]
    wide, short = _in_order(months["wide"]), _in_order(months["abbreviated"])
    periods = locale.day_periods["format"]
    halves = [
        (periods[form]["am"], periods[form]["pm"])
        for form in ("wide", "abbreviated")
        if "am" in periods.get(form, {})
    ]
    return Names(
        months=_spellings(1, wide, short, _dotted(short, wide) if locale.language != "en" else ()),
        weekdays=_spellings(1, _in_order(days["wide"]), _in_order(days["abbreviated"])),
        halves=_spellings(0, ("AM", "PM"), *halves),
        eras=_spellings(0, _in_order(locale.eras["abbreviated"])),
    )


def _dotted(short: Sequence[str], wide: Sequence[str]) -> list[str]:
    """Short names with a full stop: editions of CLDR differ in whether they write it."""
    return [name if name.endswith(".") or name in wide else f"{name}." for name in short]


def _in_order(names: Mapping[int, str]) -> list[str]:
    return [names[key] for key in sorted(names)]


def platform_locale() -> str:
    """The locale of this machine for dates, from the environment; English if it says none."""
    for variable in ("LC_ALL", "LC_TIME", "LANG"):
        if os.environ.get(variable):
            return os.environ[variable]
    return "en"
