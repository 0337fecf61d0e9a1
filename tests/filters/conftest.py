"""Filters are tested as their users meet them: a configuration, an event, what comes out."""
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any

import pytest

import penstock

Event = dict[str, Any]
Filtered = Callable[..., list[Event]]


@pytest.fixture(scope="session")
def filtered() -> Filtered:
    """``filtered(config, event, …)``: the events that leave the filters, without the fields that every event has."""

    def run(config: str, *events: Event, **settings: Any) -> list[Event]:
        named = {key.replace("__", "."): value for key, value in settings.items()}
        stage = penstock.compile(f"filter {{ {config} }}", named)
        given = chain(events, repeat({}))
        return [plain(event, before) for event, before in zip([*stage(events), *stage.flush()], given, strict=False)]

    return run


def plain(event: Event, given: Event) -> Event:
    """An event without ``@version`` and ``@timestamp``, unless it came with them."""
    return {key: value for key, value in event.items() if key not in ("@timestamp", "@version") or key in given}
