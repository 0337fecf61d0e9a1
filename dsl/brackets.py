"""A rough reading of a text that does not parse: its tokens up to a place, and the brackets that
are open there.

A scan cannot know what was meant, but indentation often does: a closing bracket that starts its
line further left than the line of the bracket it closes was written for an outer one.
``Reading.askew`` is the first such bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

import msgspec

from .source import Source

CLOSER = {"{": "}", "[": "]", "(": ")"}
_TOKENS = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>"(?:[^"\\]|[\\]"?)*+"|'(?:[^'\\]|[\\]'?)*+')
      | (?P<arrow>=>) | (?P<regexp>(?<=~)\s*/(?:[^/\\]|[\\]/?)*+/)
      | (?P<unclosed>["']) | (?P<open>[{\[(]) | (?P<close>[}\])])
      | (?P<name>[A-Za-z0-9_-]+) | (?P<other>\S)""",
    re.VERBOSE,
)


class Token(msgspec.Struct, frozen=True):
    """A piece of text and what it looks like: string, name, arrow, open, close, regexp, unclosed,
    other.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.start + len(self.text)


class Reading:
    """The tokens of a source before an offset."""

    def __init__(self, source: Source, end: int) -> None:
        self.source, self.end = source, end
        self.tokens: list[Token] = []
        self.unclosed: Token | None = None
        for token in _tokens(source.text):
            if token.start > end or (token.start == end and token.kind != "unclosed"):
                break
            if token.kind == "unclosed":
                self.unclosed = token
                break
            self.tokens.append(token)

    @cached_property
    def _matched(self) -> tuple[list[Token], list[tuple[Token, Token]]]:
        opened: list[Token] = []
        pairs: list[tuple[Token, Token]] = []
        for token in self.tokens:
            if token.kind == "open":
                opened.append(token)
            elif token.kind == "close" and opened:
                pairs.append((opened.pop(), token))
        return opened, pairs

    @property
    def opened(self) -> list[Token]:
        """The brackets that are open at the end, outermost first."""
        return self._matched[0]

    @property
    def askew(self) -> Token | None:
        """The first bracket whose closer stands further left than the line of the bracket: its own
        closer is missing.
        """
        for opener, closer in sorted(self._matched[1], key=lambda pair: pair[1].start):
            margin = self._margin(closer)
            if margin == closer.start - self._line_start(closer) and margin < self._margin(opener):
                return opener
        return None

    def last(self, back: int = 1) -> Token | None:
        """The token at the end, or one further back."""
        return self.tokens[-back] if len(self.tokens) >= back else None

    def row(self, token: Token) -> int:
        """The line of a token."""
        return self.source.place(token.start)[0]

    def title(self, opener: Token) -> str:
        """What a reader calls a bracket: the statement that it opens, with it."""
        line = self.source.text[self._line_start(opener) : opener.start]
        head = re.split(r"[{}]", line)[-1].strip()
        if not head:
            before = next(
                (token for token in reversed(self.tokens) if token.end <= opener.start), None
            )
            head = before.text if before is not None and before.kind == "name" else ""
        return f"{head} {opener.text}" if head else opener.text

    def opener(self) -> str:
        """The title of the innermost open bracket, or nothing."""
        return self.title(self.opened[-1]) if self.opened else ""

    def _line_start(self, token: Token) -> int:
        return self.source.text.rfind("\n", 0, token.start) + 1

    def _margin(self, token: Token) -> int:
        line = self.source.line(self.row(token))
        return len(line) - len(line.lstrip())


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKENS.finditer(text):
        assert match.lastgroup is not None
        if match.lastgroup != "comment":
            yield Token(match.lastgroup, match[0], match.start())
