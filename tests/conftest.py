"""What holds for all tests."""
import pytest
from hypothesis import settings
from servers.shared import begin_run

from penstock.plugins import rate_limit

# An example takes as long as the machine is busy: a deadline would fail on load, not on a fault.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")


def pytest_configure(config: pytest.Config) -> None:
    begin_run()


@pytest.fixture(autouse=True)
def repeated_warnings_are_heard_again() -> None:
    """Warnings come once a minute for each place; each test is to hear its own."""
    rate_limit.forget()
