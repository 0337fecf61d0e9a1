"""A frame as text: widths, units, order, what stands out."""
from __future__ import annotations

import pytest

from penstock.pipeline.top.model import frame
from penstock.pipeline.top.view import lines, number, short_time, shortened, size, span

from .conftest import SHOP

FRAME = frame(SHOP[1], SHOP[2])


@pytest.mark.parametrize(("width", "most"), [(40, 80), (80, 80), (100, 100), (200, 200)])
def test_no_line_is_wider_than_the_terminal_from_80_columns_on(width: int, most: int) -> None:
    assert max(len(line.text) for line in lines(FRAME, width)) == most


def test_it_is_readable_at_80_columns() -> None:
    shown = lines(FRAME, 80)
    assert max(len(line.text) for line in shown) <= 80
    assert not any("…" in line.text for line in shown if line.style == "plain")


def filters(sort: str, only: str | None = None) -> list[str]:
    texts = [line.text for line in lines(FRAME, 80, sort, only)]
    start = next(n for n, text in enumerate(texts) if text.startswith("FILTER"))
    return [text.split()[-6] if only else text.split()[2] for text in texts[start + 1 : start + 4]]


@pytest.mark.parametrize(("sort", "order"), [("cost", ["parts", "where", "old"]), ("rate", ["old", "parts", "where"]), ("name", ["old", "where", "parts"])])
def test_filters_are_sorted(sort: str, order: list[str]) -> None:
    assert filters(sort) == order


def test_one_pipeline_alone_is_shown_without_its_name_before_plugins() -> None:
    texts = [line.text for line in lines(FRAME, 80, only="orders")]
    assert not any("access" in text for text in texts)
    assert any(text.startswith("kafka orders ") for text in texts)


def test_what_is_wrong_stands_out() -> None:
    bad = [line.text.split()[0] for line in lines(FRAME, 80) if line.style == "bad"]
    assert bad == ["pipeline", "orders", "access:", "orders:"]  # why it is not ready, a failed reload, failures, an open circuit


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0, "0"), (0.0001, "0.00"), (0.125, "0.12"), (3.4, "3.4"), (9.96, "10"), (120, "120"), (999.6, "1.0k"), (1234, "1.2k"), (34_000_000, "34M"), (5e15, "5000T")],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (3 << 20, "3 MiB"), (5 << 40, "5.0 TiB")])
def test_sizes_have_units(value: float | None, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (65, "1 min"), (3700, "1 h 1 min"), (100_000, "1 d 3 h")])
def test_spans_have_two_units(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (5e-6, "5 µs"), (0.075, "75 ms"), (2, "2 s")])
def test_short_times_have_a_unit(seconds: float | None, text: str) -> None:
    assert short_time(seconds) == text


@pytest.mark.parametrize(("text", "width", "short"), [("abc", 3, "abc"), ("abcdef", 5, "ab…ef"), ("abcdef", 4, "ab…f"), ("abcdef", 1, "a…f")])
def test_long_texts_lose_their_middle(text: str, width: int, short: str) -> None:
    assert shortened(text, width) == short
