"""What holds for all tests."""

import itertools
import os
import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings
from servers import soak
from servers.shared import begin_run, run_directory

from penstock.dsl import secrets
from penstock.plugins import rate_limit

# An example takes as long as the machine is busy: a deadline would fail on load, not on a fault.
settings.register_profile("penstock", deadline=None)
settings.load_profile("penstock")

TIERS = {
    "servers": "restarts and pauses real servers, twenty kills each",
    "soak": "takes minutes, two hundred kills each",
}


def pytest_configure(config: pytest.Config) -> None:
    for tier, what in TIERS.items():
        config.addinivalue_line(
            "markers", f"{tier}: {what}; left out unless asked for with -m {tier}"
        )
    begin_run()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked_for = config.getoption("markexpr") or ""
    left_out = [item for item in items if not is_asked_for(tiers_of(item), asked_for)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
    for item in items:
        if needs_other_processes(item) and not item.get_closest_marker("soak"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def tiers_of(item: pytest.Item) -> list[str]:
    return [tier for tier in TIERS if item.get_closest_marker(tier)]


def is_asked_for(tiers: list[str], asked_for: str) -> bool:
    """Whether a test runs: it is in no tier, or in one that is named."""
    return not tiers or any(tier in asked_for for tier in tiers)


def needs_other_processes(item: pytest.Item) -> bool:
    """Whether a test starts servers or programs. On a machine with many times more work than cores,
    one of sixteen thousand such tests may run into its deadline: it is run once more, and the
    closing lines name it as RERUN. A test that fails twice fails; one of the soak tier at once, as
    what it found once in two hundred kills would be gone.
    """
    named = vars(getattr(item, "module", None) or object).values()
    modules = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in named}
    return any(str(name).partition(".")[0] in {"servers", "subprocess"} for name in modules)


def pytest_runtest_setup(item: pytest.Item) -> None:
    soak.describe(item)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    soak.note(report)


@pytest.fixture
def found(record_property: Callable[[str, object], None]) -> soak.Found:
    """Tells what a test of the soak tier saw."""
    return soak.teller(record_property)


_STATES = itertools.count()


@pytest.fixture(autouse=True)
def no_state_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an earlier run of this user keeps, or another test, is not for a test without
    `path.data` to go on with.
    """
    name = f"state-{os.getpid()}-{next(_STATES)}"
    monkeypatch.setenv("XDG_STATE_HOME", str(run_directory() / name))


@pytest.fixture(autouse=True)
def repeated_warnings_are_heard_again() -> None:
    """Warnings come once a minute for each place; each test is to hear its own."""
    rate_limit.forget()


@pytest.fixture(autouse=True)
def passwords_of_other_tests_are_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test has for a password is a word of a message in another."""
    monkeypatch.setattr(secrets, "_secrets", set())
    secrets._pattern.cache_clear()


@pytest.fixture(autouse=True)
def signals_are_handled_as_before() -> Iterator[None]:
    """A run in this process ignores signals when it has ended, as it is about to end itself; what
    later tests start would inherit that, and a JVM is not ended by a signal that it was told to
    ignore.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    yield
    if threading.current_thread() is threading.main_thread():
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)


_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
