"""User agents told apart by the rules of uap-core, as the library ua-parser carries them.

The rules are some 1,300 regular expressions, tried in order. A rule is tried only where the text
holds a word that the rule needs (``_needles``), and compiled when it is first tried: an agent not
seen before costs a fourth of what it did.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from ua_parser import OS, Device, UserAgent
from ua_parser.loaders import load_lazy, load_lazy_builtins

from ..dsl.diagnostics import PenstockError
from ._literals_required import Index, grams_of

T = TypeVar("T")


class Agent(NamedTuple):
    """What a user agent's text tells; texts are None where it does not."""

    browser: UserAgent
    os: OS
    device: str


class RulesError(PenstockError):
    """A file of rules that cannot be used."""


class Parser:
    """Tells user agents apart; ``parse(text)`` gives an Agent, with "Other" for what no rule
    knows.
    """

    def __init__(self, rules: Path | None = None) -> None:
        """``rules``: a regexes.yaml of uap-core; the library's own unless given. Raises
        RulesError.
        """
        self._matchers: Any = _own_rules(rules) if rules else None
        self._rules: tuple[_Rules[UserAgent], _Rules[OS], _Rules[Device]] | None = None

    def parse(self, text: str) -> Agent:
        if self._rules is None:
            browsers, systems, devices = self._matchers or load_lazy_builtins()
            self._rules = _Rules(browsers), _Rules(systems), _Rules(devices)
        browser, system, device = self._rules
        lower = text.lower()
        grams = grams_of(lower)
        found = device.first(text, lower, grams)
        return Agent(
            browser.first(text, lower, grams) or UserAgent(),
            system.first(text, lower, grams) or OS(),
            found.family if found else "Other",
        )


class _Rules(Generic[T]):
    """Rules of one kind, in order."""

    def __init__(self, matchers: Sequence[Callable[[str], T | None]]) -> None:
        self._matchers = [_corrected(matcher) for matcher in matchers]
        self._index = Index([matcher.regex for matcher in self._matchers])

    def first(self, text: str, lower: str, grams: set[str]) -> T | None:
        """What the first rule says that matches."""
        matchers = self._matchers
        for place in self._index.candidates(lower, grams):
            found: T | None = matchers[place](text)
            if found is not None:
                return found
        return None


_CORRECTIONS = {
    # uap-core's issue 504: of several numbers the first is the version
    r"Mac OS X\s.{1,50}\s(\d+).(\d+).(\d+)": r"Mac OS X\s.{1,50}?\s(\d+).(\d+).(\d+)",
}


def _corrected(matcher: Any) -> Any:
    if matcher.regex not in _CORRECTIONS:
        return matcher
    corrected = copy.copy(matcher)
    corrected.regex = _CORRECTIONS[matcher.regex]
    return corrected


def _own_rules(path: Path) -> Any:
    import yaml

    try:
        with path.open("rb") as file:
            data = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        rules = load_lazy((data["user_agent_parsers"], data["os_parsers"], data["device_parsers"]))
        matchers: list[Any] = [*rules[0], *rules[1], *rules[2]]
        for matcher in matchers:
            re.compile(matcher.regex)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, re.error) as error:
        raise RulesError(
            f"`{path}` is not a valid rules file of uap-core: {type(error).__name__}: {error}"
        ) from error
    return rules
