"""What holds for all tests."""
import pytest

from penstock.plugins import rate_limit


@pytest.fixture(autouse=True)
def repeated_warnings_are_heard_again() -> None:
    """Warnings come once a minute for each place; each test is to hear its own."""
    rate_limit.forget()
