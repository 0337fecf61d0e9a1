"""What becomes of a request when the client library has reported all of its messages."""

from __future__ import annotations

import pytest

from penstock.plugins.outputs._kafka_delivery import Request


def reported(error: Exception | None = None, fault: Exception | None = None) -> Request:
    """A request of one message that was handed over and reported, with what is made of that."""

    def ended(request: Request) -> Exception | None:
        if fault is not None:
            raise fault
        return error

    request = Request([b"value"], "topic", 5, ended)
    request.tick()
    assert not request.future.done()
    request.tick()
    return request


def test_it_ends_with_its_last_report() -> None:
    assert reported().future.result(0) is None


@pytest.mark.parametrize(
    "request_", [reported(OSError("gone")), reported(fault=OSError("gone"))], ids=["told", "raised"]
)
def test_it_fails_with_what_its_reports_mean_also_where_that_cannot_be_told(
    request_: Request,
) -> None:
    with pytest.raises(OSError, match="gone"):
        request_.future.result(0)
