"""What holds for all tests."""
import pytest
from hypothesis import settings
from servers.shared import begin_run

from penstock.plugins import rate_limit

# An example takes as long as the machine is busy: a deadline would fail on load, not on a fault.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes; left out unless asked for with -m soak")
    begin_run()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "soak" in (config.getoption("markexpr") or ""):
        return
    left_out = [item for item in items if item.get_closest_marker("soak")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def repeated_warnings_are_heard_again() -> None:
    """Warnings come once a minute for each place; each test is to hear its own."""
    rate_limit.forget()
