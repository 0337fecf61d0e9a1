"""The patterns of a grok filter: its library, and its expressions read, with what is wrong in them
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from ..dsl.grok import (
    Expression,
    GrokError,
    Library,
    UnknownPattern,
    compile_expression,
    shipped,
)
from ..dsl.grok.lint import unclosed
from ..dsl.regex import RegexError
from ..plugins.contract import Plugin


def shipped_library(ecs: bool) -> Library:
    """The library that comes with grok, with or without ECS."""
    return shipped("ecs-v1" if ecs else "legacy")


@lru_cache(maxsize=1024)
def shared_expression(pattern: str, ecs: bool, named_captures_only: bool) -> Expression:
    """An expression of the shipped library alone, the same for all filters."""
    return compile_expression(pattern, shipped_library(ecs), named_captures_only)


def extended_library(
    plugin: Plugin,
    library: Library,
    directories: Sequence[str],
    files: str,
    definitions: Mapping[str, str],
) -> Library:
    """The library with patterns of the user's; without them where a file cannot be read, which is
    reported.
    """
    try:
        return library.extended(directories, files, definitions)
    except OSError as error:
        plugin.problem(
            "patterns_dir",
            f"`{error.filename}` cannot be read: {error.strerror}",
            "check its owner and mode",
        )
    return library


def read_expression(
    plugin: Plugin, pattern: str, path: Sequence[str | int], read: Callable[[], Expression]
) -> Expression | None:
    """What ``read`` gives; None where it raises, which is reported for the pattern at this path."""
    try:
        expression = read()
    except UnknownPattern as error:
        near = " or ".join(f"%{{{name}}}" for name in error.suggestions[:3])
        help = (
            f"did you mean {near}?"
            if near
            else "define it in pattern_definitions, or in a file of patterns_dir"
        )
        plugin.problem("match", str(error), help, path, "E221")
        return None
    except (GrokError, RegexError) as error:
        plugin.problem("match", f"bad pattern: {error}", "", path, "E208")
        return None
    if literal := unclosed(pattern):
        help = f"write {literal}}}"
        plugin.problem(
            "match", f"`{literal}` is not closed: it is matched literally", help, path, "W312"
        )
    return expression
