"""Patterns of rules as regular expressions of the configuration language, which are Ruby's.

Strings with wildcards are written anew, character by character. Regular expressions of rules are
RE2's (pySigma accepts nothing else), and differ from Ruby's in a few signs: `^` and `$` are the
ends of the text and not of a line, `(?s)` is `(?m)` in Ruby, `[` and `&&` mean something inside a
set, `{,3}` is literal, named classes are of ASCII. What has no counterpart is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RE2RegexEngine
from sigma.types import (
    Placeholder,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SpecialChars,
)

from .refusal import Refused

_SAFE = re.compile(r"[A-Za-z0-9_ ,:;=<>@%'\"!~`-]|[^\x00-\x7f]")
_QUANTIFIER = re.compile(r"(\{\d+(?:,\d*)?\})(\??)")
_FLAGS = re.compile(r"\(\?([a-zA-Z-]*)([:)])")
_ESCAPED = re.compile(r"\\(x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|[pP]\{\^?\w+\}|.)", re.DOTALL)
_NAMED = re.compile(r"\[:(\^?\w+):\]")
_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "space": "\\s\\x0b",
    "upper": "A-Z",
    "word": "a-zA-Z0-9_",
    "xdigit": "a-fA-F0-9",
}
"""Named classes are of ASCII in RE2, and of Unicode in Ruby."""
_KEPT = frozenset("wWdDsSbAztnrfavpPx")
_LITERAL = re.compile(r"[\W_]")


class QuietRegexes(RE2RegexEngine):
    """RE2, whose library writes nothing to stderr of an expression that is not valid: the rule is
    refused with what it would say.
    """

    def compile(self, pattern: str, flags: int = 0) -> Any:
        given = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}
        letters = "".join(letter for flag, letter in given.items() if flags & flag)
        options = self._re2.Options()
        options.log_errors = False
        try:
            return self._re2.compile(f"(?{letters}){pattern}" if letters else pattern, options)
        except self._re2.error as error:
            said = error.args[0] if error.args else ""
            raise self._re2.error(said.decode() if isinstance(said, bytes) else said) from None

    def __deepcopy__(self, memo: dict[int, Any]) -> QuietRegexes:
        return self  # pySigma copies the conditions of filters, which hold it; it holds a module


POLICY = SigmaPolicy(regex_engine=QuietRegexes())
"""How pySigma reads the rules."""


def wildcard_pattern(value: SigmaString, cased: bool) -> str:
    """A string of a rule, with its wildcards, as a pattern between slashes."""
    parts = list(value.s)
    begins = not parts or parts[0] is not SpecialChars.WILDCARD_MULTI
    ends = not parts or parts[-1] is not SpecialChars.WILDCARD_MULTI
    inner = parts[0 if begins else 1 :]
    if not ends and inner:
        inner = inner[:-1]
    flags = "" if cased else "i"
    if any(isinstance(part, SpecialChars) for part in inner):
        flags = f"m{flags}"
    head = f"(?{flags})" if flags else ""
    start = r"\A" if begins else ""
    end = r"\z" if ends else ""
    return _between_slashes(f"{head}{start}{''.join(map(_part, inner))}{end}")


def _between_slashes(text: str) -> str:
    # A backslash before the last slash would take it in, although it is escaped itself.
    if text.endswith("\\\\"):
        text = f"{text[:-2]}\\x5c"
    return f"/{text}/"


def _part(part: str | SpecialChars | Placeholder) -> str:
    if isinstance(part, Placeholder):
        raise _placeholder(part.name)
    if isinstance(part, SpecialChars):
        return ".*" if part is SpecialChars.WILDCARD_MULTI else "."
    return "".join(map(_character, part))


def _character(character: str) -> str:
    if _SAFE.match(character):
        return character
    if character < " " or character == "\x7f":
        return f"\\x{ord(character):02x}"
    return f"\\{character}"


def _placeholder(name: str) -> Refused:
    return Refused(
        f"the placeholder `%{name}%` has no value here",
        "write the values themselves, and leave the modifier `expand` out",
    )


def regex_pattern(value: SigmaRegularExpression) -> str:
    """A regular expression of a rule as a pattern between slashes; raises Refused."""
    if value.contains_placeholder():
        raise _placeholder("…")
    text, flags = value.to_plain(), set(value.flags)
    while found := _FLAGS.match(text):
        if found[2] == ":" or "-" in found[1]:
            break
        flags |= {_flag(sign) for sign in found[1]}
        text = text[found.end() :]
    signs = "m" if SigmaRegularExpressionFlag.DOTALL in flags else ""
    signs += "i" if SigmaRegularExpressionFlag.IGNORECASE in flags else ""
    head = f"(?{signs})" if signs else ""
    lines = SigmaRegularExpressionFlag.MULTILINE in flags
    return _between_slashes(f"{head}{_Rewriter(text, lines).text()}")


def _flag(sign: str) -> SigmaRegularExpressionFlag:
    known = {
        "i": SigmaRegularExpressionFlag.IGNORECASE,
        "s": SigmaRegularExpressionFlag.DOTALL,
        "m": SigmaRegularExpressionFlag.MULTILINE,
    }
    if sign not in known:
        raise _unkept(f"(?{sign})")
    return known[sign]


def _unkept(part: str) -> Refused:
    return Refused(
        f"the regular expression has `{part}`, which Ruby's expressions do not have",
        "write the expression without it",
    )


class _Rewriter:
    """One way through the text of an expression."""

    def __init__(self, source: str, lines: bool) -> None:
        self.source, self.lines, self.at, self.in_set = source, lines, 0, False
        self.made: list[str] = []

    def text(self) -> str:
        while self.at < len(self.source):
            sign = self.source[self.at]
            step = self._steps().get(sign)
            if step is None:
                self._put(self._plain(sign), 1)
            else:
                step()
        return "".join(self.made).replace("${", "$\\{")

    def _steps(self) -> dict[str, Callable[[], None]]:
        if self.in_set:
            return {"\\": self._escape, "[": self._class, "]": self._close, "&": self._and}
        return {
            "\\": self._escape,
            "[": self._open,
            "(": self._group,
            "{": self._brace,
            "^": lambda: self._put("^" if self.lines else "\\A", 1),
            "$": lambda: self._put("$" if self.lines else "\\z", 1),
        }

    def _put(self, text: str, length: int) -> None:
        self.made.append(text)
        self.at += length

    def _plain(self, sign: str) -> str:
        if sign == "/":
            return "\\/"
        return f"\\x{ord(sign):02x}" if sign < " " else sign

    def _escape(self) -> None:
        found = _ESCAPED.match(self.source, self.at)
        if found is None:
            raise _unkept("\\")
        escape = found[1]
        if escape[0] in "pP" and len(escape) == 1:
            raise _unkept(self.source[self.at : self.at + 3])
        if escape.startswith("x{"):
            self._put(f"\\u{{{escape[2:-1]}}}", len(found[0]))
        elif escape[0] in _KEPT or _LITERAL.fullmatch(escape):
            self._put(found[0], len(found[0]))
        else:
            raise _unkept(found[0])

    def _open(self) -> None:
        """The beginning of a set: `]` right behind it is a member."""
        self.in_set = True
        head = re.compile(r"\[\^?").match(self.source, self.at)
        assert head is not None
        self._put(head[0], len(head[0]))
        if self.source.startswith("]", self.at):
            self._put("\\]", 1)

    def _class(self) -> None:
        named = _NAMED.match(self.source, self.at)
        if named is None:
            self._put("\\[", 1)
        elif named[1] in _CLASSES:
            self._put(_CLASSES[named[1]], len(named[0]))
        else:
            raise _unkept(named[0])

    def _close(self) -> None:
        self.in_set = False
        self._put("]", 1)

    def _and(self) -> None:
        self._put("\\&", 1)

    def _brace(self) -> None:
        found = _QUANTIFIER.match(self.source, self.at)
        if found is None:
            self._put("\\{", 1)
            return
        if self.made and self.made[-1].endswith("$"):
            raise _unkept(f"${found[1]}")
        # `{2}?` is two, lazily; Ruby takes it for two or nothing.
        lazy = found[2] if "," in found[1] else ""
        self._put(f"{found[1]}{lazy}", len(found[0]))

    def _group(self) -> None:
        if self.source.startswith("(?P<", self.at):
            self._put("(?<", 4)
            return
        found = _FLAGS.match(self.source, self.at)
        if found is not None and (found[2] == ")" or set(found[1]) - {"i", "-"}):
            # In Ruby, flags in the middle reach over the alternatives that follow.
            raise _unkept(found[0])
        self._put("(", 1)
