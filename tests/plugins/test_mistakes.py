"""Mistakes of who writes a plugin: each is said in one line that names the plugin and, where code raised, its line."""
from __future__ import annotations

import logging
from typing import Any

import pytest

from penstock.dsl.reference import Event
from penstock.plugins.contract import Filter
from penstock.plugins.declaration import option


class ListWithoutReshapes(Filter, name="mistaken"):
    """Give two events, and not say so."""

    def apply(self, event: Event) -> Any:
        return [event, dict(event)]


class ReshapesWithoutList(Filter, name="mistaken"):
    """Say that events are reshaped, and give none."""

    reshapes = True

    def apply(self, event: Event) -> Any:
        return True


class WithoutApply(Filter, name="mistaken"):
    """Do nothing at all."""


class Raises(Filter, name="mistaken"):
    """Look for a field that is not there."""

    def apply(self, event: Event) -> Any:
        return event["nope"]


@pytest.mark.parametrize(
    ("cls", "words"),
    [
        (ListWithoutReshapes, "`apply` gave a list: a filter that does says reshapes = True"),
        (ReshapesWithoutList, "`apply` of a filter that reshapes gives a list, not bool"),
        (WithoutApply, "the filter `mistaken` has no method `apply`"),
        (Raises, "KeyError: 'nope' (test_mistakes.py, line 38)"),
    ],
)
def test_a_filter_that_is_mistaken_tags_the_event_and_says_why(cls: type[Filter], words: str, caplog: pytest.LogCaptureFixture) -> None:
    (event,) = cls({}).run([{"message": "kept"}])
    assert (event["message"], event["tags"]) == ("kept", ["_mistaken_exception"])
    assert words in caplog.text


def test_the_traceback_is_in_the_log_for_who_looks_for_the_fault(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "penstock"):
        Raises({}).run([{}])
    assert 'return event["nope"]' in caplog.text


def test_an_option_without_a_type_is_refused() -> None:
    with pytest.raises(TypeError, match="the option `length` of `untyped` has no type"):

        class Untyped(Filter, name="untyped"):
            """Forget an annotation."""

            length = option("The length.", default=1)
