"""Names of months and days by locale."""

from __future__ import annotations

import sys

import pytest

from penstock.dsl.joda.names import ENGLISH, UnknownLocaleError, names_of, platform_locale


@pytest.mark.parametrize("tag", ["en", "en-US", "en_US.UTF-8", "C", "C.UTF-8", "POSIX", "", "tlh", "?"])
def test_english_is_what_is_had_without_a_known_language(tag: str) -> None:
    assert names_of(tag) is ENGLISH


@pytest.mark.parametrize("tag", ["de", "de-DE", "de_AT.UTF-8", "de-Latn-DE-1996", "de@euro"])
def test_a_tag_is_read_as_far_as_it_is_known(tag: str) -> None:
    assert names_of(tag).months["März"] == 3


def test_names_are_numbered_from_monday_and_january() -> None:
    names = names_of("fr")
    assert (names.months["janvier"], names.months["DÉC."]) == (1, 12)
    assert (names.weekdays["lundi"], names.weekdays["dim."]) == (1, 7)
    assert (names.halves["AM"], names.halves["PM"]) == (0, 1)
    assert (names.eras["av. J.-C."], names.eras["ap. J.-C."]) == (0, 1)


def test_short_names_may_have_a_full_stop_that_this_edition_does_not_write() -> None:
    assert names_of("nl").months["mrt"] == names_of("nl").months["mrt."] == 3
    assert "Nov." not in ENGLISH.months


def test_a_language_that_needs_babel_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    names_of.cache_clear()
    monkeypatch.setitem(sys.modules, "babel", None)
    with pytest.raises(UnknownLocaleError, match="pip install babel"):
        names_of("it")


def test_the_environment_says_the_locale_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LC_ALL", "LC_TIME", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    assert platform_locale() == "en"
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert platform_locale() == "de_DE.UTF-8"
    monkeypatch.setenv("LC_TIME", "fr_FR")
    assert platform_locale() == "fr_FR"
