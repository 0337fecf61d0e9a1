"""What a task failed with, in a line: Spark wraps it in the tracebacks of two languages."""

from __future__ import annotations

import re

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from ....plugins.errors import Undelivered

_RAISED = re.compile(r"^(?:[\w]+\.)*(\w*(?:Error|Exception|Exit|[a-z]ed)\w*): (.+)$")
_PYTHON = "Traceback (most recent call last):"


def reason_of(error: BaseException) -> BaseException:
    """An error of Spark as Undelivered, with the message of the task that failed where there is
    one; any other error as it is.
    """
    if not isinstance(error, PySparkException | Py4JError):
        return error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    found = [match for line in lines if (match := _RAISED.match(line))]
    own = [match for match in found if not match[1].startswith(("Py4J", "Spark", "PySpark"))]
    if _PYTHON in str(error) and own:
        return Undelivered(f"a task failed: {own[-1][1]}: {own[-1][2]}")
    return Undelivered(f"Spark failed: {lines[0] if lines else type(error).__name__}")
