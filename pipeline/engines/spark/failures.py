"""What a task failed with, in a line: Spark wraps it in the tracebacks of two languages."""

from __future__ import annotations

import re

from ....plugins.errors import Undelivered

_RAISED = re.compile(r"^(?:[\w]+\.)*(\w*(?:Error|Exception|Exit|[a-z]ed)\w*): (.+)$")
_PYTHON = "Traceback (most recent call last):"


def reason_of(error: BaseException) -> BaseException:
    """The error of a task as Undelivered with its own message; any other error as it is."""
    text = str(error)
    if _PYTHON not in text:
        return error
    found = [match for line in text.splitlines() if (match := _RAISED.match(line.strip()))]
    own = [match for match in found if not match[1].startswith(("Py4J", "Spark"))]
    if not own:
        return error
    name, message = own[-1].groups()
    return Undelivered(f"a task failed: {name}: {message}")
