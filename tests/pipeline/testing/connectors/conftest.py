"""The reference connectors are found as those of an installed package are, by entry points on the path; by these tests only."""
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.plugins import registry

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.append(str(HERE))  # for the modules beside this one


@pytest.fixture(autouse=True)
def reference_connectors_are_installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(HERE / "installed")
    forget_plugins()
    yield
    monkeypatch.undo()
    forget_plugins()


def forget_plugins() -> None:
    for cached in (registry._entry_points, registry.names, registry.plugin_class):
        cached.cache_clear()
