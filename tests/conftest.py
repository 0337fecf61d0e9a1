"""What holds for all tests."""
import pytest

from penstock.plugins import contract


@pytest.fixture(autouse=True)
def complaints_are_forgotten() -> None:
    """Warnings come once a minute for each place; each test is to hear its own."""
    contract._complaints.clear()
