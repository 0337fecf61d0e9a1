"""Functions made of generated lines of Python: the one place where such text becomes code.

What is made of a configuration's statements, and is to show up in tracebacks at its place, goes
through ``pipeline.compile.lines`` instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_HEAD = re.compile(r"def (\w+)\(")


def function_of(lines: Sequence[str], place: str, scope: dict[str, Any]) -> Any:
    """The function that the lines define; ``scope`` has the values that it uses by their names, and
    stays its globals. ``place``: what a traceback calls it.
    """
    head = _HEAD.match(lines[0])
    assert head is not None, "the first line begins the function"
    exec(compile("\n".join(lines), f"<{place}>", "exec"), scope)
    return scope.pop(head[1])
