"""Several formats: the first that fits reads a text, and what was read once is known."""

from __future__ import annotations

from penstock.dsl.joda.formats import Formats
from penstock.dsl.joda.parse import Parser, parser
from penstock.dsl.timestamp import Timestamp


def test_the_first_format_that_fits_is_taken() -> None:
    formats = Formats([parser("UNIX"), parser("UNIX_MS"), parser("yyyy-MM-dd")])
    assert formats.read("1000000000") == "2001-09-09T01:46:40.000Z"
    assert formats.read("1000000000123") == "2001-09-09T01:46:40.123Z"
    assert formats.read("2013-11-24") == "2013-11-24T00:00:00.000Z"
    assert formats.read("24.11.2013") == ""
    assert formats.read_number(1000000000123) == "2001-09-09T01:46:40.123Z"
    assert Formats([parser("yyyy")]).read_number(2013) is None


def test_what_was_read_or_not_is_known_until_it_is_forgotten() -> None:
    formats = Formats([parser("yyyy")])
    assert (formats.read("2013"), formats.read("x")) == ("2013-01-01T00:00:00.000Z", "")
    assert formats.known == {"2013": "2013-01-01T00:00:00.000Z", "x": ""}
    formats.forget()
    assert formats.known == {}


def test_what_is_known_is_bounded() -> None:
    formats = Formats([Parser(lambda text: Timestamp.of_millis(int(text)))])
    for number in range(20_000):
        assert formats.read(str(number)) == Timestamp.of_millis(number)
    assert 0 < len(formats.known) < 10_000
