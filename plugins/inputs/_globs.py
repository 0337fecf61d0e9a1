"""Names of files from patterns, read as Ruby's ``Dir.glob`` reads them.

``*``, ``?``, ``[a-z]``, ``{one,two}`` and ``**/`` for directories of any depth; a backslash takes a
sign's meaning away. A name that starts with a dot is found only by a pattern that does, and ``**/``
does not go through symbolic links, so that a link to a directory above cannot send it round in
circles.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence

Match = Callable[[str], object]
_Step = str | Match | None  # a plain part of the path, a pattern for one name, or None for ``**/``

_SPECIAL = re.compile(r"[*?\[]")


class Glob:
    """One pattern of the option ``path``; a relative one starts in the directory where Penstock
    runs.
    """

    def __init__(self, pattern: str) -> None:
        ways = [_steps(os.path.abspath(one)) for one in braces(pattern)]
        self._ways = [steps for steps in ways if steps]

    def matches(self, path: str) -> bool:
        """Whether the pattern means this path, be there such a file or not."""
        return any(_meets(steps, path.split("/")[1:]) for steps in self._ways)

    def paths(self, directories: set[str]) -> Iterator[str]:
        """What there is under the pattern, directories and doubles included; the directories looked
        into are added to ``directories``.
        """
        for steps in self._ways:
            yield from _walk("/", steps, directories)


def name_matcher(patterns: Sequence[str]) -> Match:
    """Whether the last part of a path matches one of the patterns."""
    matches = [_matcher(one) for pattern in patterns for one in braces(pattern)]
    return lambda name: any(match(name) for match in matches)


def braces(pattern: str) -> list[str]:
    """``a{b,c}`` as its alternatives, from left to right; braces may hold others."""
    depth, cuts = 0, [0]
    for at, sign in _signs(pattern):
        if sign == "{":
            depth += 1
            if depth == 1:
                cuts = [at]
        elif sign == "," and depth == 1:
            cuts.append(at)
        elif sign == "}" and depth:
            depth -= 1
            if not depth:
                head, tail = pattern[: cuts[0]], pattern[at + 1 :]
                middles = [
                    pattern[start + 1 : end]
                    for start, end in zip(cuts, [*cuts[1:], at], strict=True)
                ]
                return [whole for middle in middles for whole in braces(head + middle + tail)]
    return [pattern]


def _signs(pattern: str) -> Iterator[tuple[int, str]]:
    """The signs that no backslash stands before."""
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 2
            continue
        yield at, pattern[at]
        at += 1


def _steps(pattern: str) -> list[_Step]:
    steps: list[_Step] = []
    parts = [part for part in pattern.split("/") if part]
    for place, part in enumerate(parts):
        if part == "**" and place < len(parts) - 1:
            if not steps or steps[-1] is not None:
                steps.append(None)
        elif _SPECIAL.search(part.replace("\\", "")):
            steps.append(_matcher(part))
        else:
            _add_plain(steps, re.sub(r"\\(.)", r"\1", part))
    return steps


def _add_plain(steps: list[_Step], part: str) -> None:
    if steps and isinstance(steps[-1], str):
        steps[-1] = f"{steps[-1]}/{part}"
    else:
        steps.append(part)


def _matcher(part: str) -> Match:
    return re.compile(
        ("" if part.startswith(".") else r"(?!\.)") + _regex(part), re.DOTALL
    ).fullmatch


def _regex(part: str) -> str:
    out, at = [], 0
    while at < len(part):
        sign = part[at]
        at += 1
        if sign == "*":
            out.append(".*")
        elif sign == "?":
            out.append(".")
        elif sign == "\\" and at < len(part):
            out.append(re.escape(part[at]))
            at += 1
        elif sign == "[" and "]" in part[at + 1 :]:
            end = part.index("]", at + 1)
            out.append(_set(part[at:end]))
            at = end + 1
        else:
            out.append(re.escape(sign))
    return "".join(out)


def _set(inside: str) -> str:
    negated = inside[0] in "^!"
    signs = inside[1:] if negated else inside
    escaped = re.sub(r"[\\\[\]^&~|]", r"\\\g<0>", signs)
    return f"[{'^' if negated else ''}{escaped}]"


def _walk(directory: str, steps: Sequence[_Step], directories: set[str]) -> Iterator[str]:
    step, rest = steps[0], steps[1:]
    if isinstance(step, str):
        path = os.path.join(directory, step)
        if rest:
            yield from _walk(path, rest, directories)
        else:
            directories.add(os.path.dirname(path))
            yield path
        return
    if step is None:
        yield from _walk(directory, rest, directories)
    directories.add(directory)
    for entry in _entries(directory):
        if step is None:
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, steps, directories)
        elif step(entry.name):
            if not rest:
                yield entry.path
            elif entry.is_dir():
                yield from _walk(entry.path, rest, directories)


def _meets(steps: Sequence[_Step], names: Sequence[str]) -> bool:
    if not steps or not names:
        return not steps and not names
    step, rest = steps[0], steps[1:]
    if step is None:
        return any(_meets(rest, names[skipped:]) for skipped in range(len(names)))
    if isinstance(step, str):
        plain = step.split("/")
        return list(names[: len(plain)]) == plain and _meets(rest, names[len(plain) :])
    return bool(step(names[0])) and _meets(rest, names[1:])


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return []
