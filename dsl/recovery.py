"""Going on behind a syntax error: the part in which it stands is taken out of the text, and the
rest keeps its places.

Where a part ends is told by the indentation and by the words that begin lines: brackets cannot be
trusted where one of them may be what is wrong.
"""

from __future__ import annotations

import re

_SECTION = re.compile(r"^[ \t]*(?:input|filter|output)[ \t]*\{", re.MULTILINE)
_GOES_ON = re.compile(r"\s*(?:\}\s*)?(?:else|elsif)\b")
_PLUGIN = re.compile(r"^([ \t]+)(?:[A-Za-z0-9_-]+[ \t]*\{|if\b)", re.MULTILINE)
"""Where a plugin begins, or a branch with all that stands in it."""


def without_part(text: str, at: int) -> str | None:
    """The text with blanks for the plugin that holds an error, or for its section; None where what
    to leave out cannot be told.
    """
    section = _last(_SECTION, text, at)
    if section is None:
        return None
    end = _section_end(text, section)
    part = _plugin_part(text, section, at, end)
    if part is None or not text[part[0] : part[1]].strip():
        part = section.start(), end
    if not part[0] <= at < part[1] or not text[part[0] : part[1]].strip():
        return None
    blank = re.sub(r"[^\r\n]", " ", text[part[0] : part[1]])
    return text[: part[0]] + blank + text[part[1] :]


def _last(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str] | None:
    """The last match that starts before a place."""
    return max(
        (match for match in pattern.finditer(text) if match.start() <= at),
        key=lambda match: match.start(),
        default=None,
    )


def _section_end(text: str, section: re.Match[str]) -> int:
    after = _SECTION.search(text, section.end())
    return after.start() if after is not None else len(text)


def _plugin_part(text: str, section: re.Match[str], at: int, end: int) -> tuple[int, int] | None:
    """The lines of the plugin that stands on lines of its own: up to the next line that is indented
    as much or less, with the bracket that closes it.
    """
    line_end = text.find("\n", at)
    head = _last(_PLUGIN, text[: len(text) if line_end < 0 else line_end], at)
    if head is None or head.start() <= section.start():
        return None
    indent = len(head[1].expandtabs())
    at_line = text.find("\n", head.end())
    while 0 <= at_line < end - 1:
        line = text[at_line + 1 : end].split("\n", 1)[0]
        depth = len(line.expandtabs()) - len(line.expandtabs().lstrip())
        if line.strip() and depth <= indent and not _GOES_ON.match(line):
            closes = depth == indent and line.strip() == "}" and not _is_closed(text, head, at_line)
            stop = at_line + 1 + len(line) if closes else at_line + 1
            return (head.start(), stop) if at < stop else None
        at_line = text.find("\n", at_line + 1)
    return None


def _is_closed(text: str, head: re.Match[str], until: int) -> bool:
    """Whether the plugin's last line closes it, so that a bracket below is not its own."""
    last = text[head.start() : until].rstrip().rsplit("\n", 1)[-1]
    return last.count("}") > last.count("{") or (
        last.rstrip().endswith("}") and text.rfind("\n", 0, until) < head.start()
    )
