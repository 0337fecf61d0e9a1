"""What becomes of the events of a payload that is sent in requests, when a server has answered.

What is sent in one request is a *span* of the payload. An answer decides over its span alone.
"""

from __future__ import annotations

from collections import deque

from ..clients.http import Response
from ..errors import Rejected, Retry

TOO_LARGE = 413
BUSY = (429, 503)
_SHOWN = 200


class Results:
    """What became of the events of a payload so far, by index."""

    def __init__(self) -> None:
        self.rejected: dict[int, str] = {}
        self.again: list[int] = []
        self.reason = ""
        self.after: float | None = None

    def reject(self, span: range, reason: str) -> None:
        """The server never takes these."""
        self.rejected |= dict.fromkeys(span, reason)

    def retry(self, span: range, reason: str, after: float | None = None) -> None:
        """These are to be sent again."""
        self.again += span
        self.reason, self.after = reason, after

    def tell(self) -> None:
        """Raise what the runtime has to know."""
        if self.rejected:
            raise Rejected(self.rejected, self.again, self.after)
        if self.again:
            raise Retry(self.reason, self.again, self.after)


def halves(span: range) -> list[range]:
    """The two halves of a span that is longer than one."""
    middle = span.start + len(span) // 2
    return [range(span.start, middle), range(middle, span.stop)]


def retry_rest(
    spans: deque[range], results: Results, reason: str, after: float | None = None
) -> None:
    """Leave the server alone: what was not sent yet is sent again later."""
    while spans:
        results.retry(spans.popleft(), reason, after)


def said_by(answer: Response) -> str:
    """The status of an answer, and the start of its text."""
    text = " ".join(answer.body[: 4 * _SHOWN].decode("utf-8", "replace").split())[:_SHOWN]
    status = f"the status is {answer.status} {answer.reason}".rstrip()
    return f"{status}: {text}" if text else status
