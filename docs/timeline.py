"""Draws when windows end: events in the order of their arrival, windows of a minute, the watermark.

The events are run through a real window, so that the drawing says what the program does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import penstock

BASE = 1_756_972_800  # 2025-09-04T08:00:00Z
LATENESS = 10
ARRIVALS = (5, 31, 22, 47, 58, 66, 55, 74, 95, 40, 132)
"""Seconds behind 08:00, in the order in which the events arrive."""

WINDOW = 'window { id => "w" size => "1m" lateness => "10s" }'

LEFT, TOP, STEP, SECOND, WIDTH = 60, 46, 26, 4.6, 700


def told() -> tuple[list[bool], list[tuple[int, int, int]]]:
    """Whether each event was late, and each window: its start in seconds, how many events it has,
    and behind which event it was told.
    """
    late: list[bool] = []
    windows: list[tuple[int, int, int]] = []
    logging.getLogger("penstock").addHandler(logging.NullHandler())  # late events are wanted here
    with penstock.compile(f"filter {{ {WINDOW} }}") as stage:
        for number, second in enumerate(ARRIVALS):
            out = stage([{"@timestamp": _stamp(second), "n": number}])
            late.append("_windowlate" in out[0].get("tags", []))
            windows += [_window(event, number) for event in out[1:]]
    return late, windows


def _stamp(second: int) -> str:
    return f"2025-09-04T08:{second // 60:02}:{second % 60:02}Z"


def _window(event: dict[str, Any], number: int) -> tuple[int, int, int]:
    start = event["event"]["start"]
    seconds = int(start[14:16]) * 60 + int(start[17:19])
    return seconds, event["window"]["count"], number


def drawing() -> str:
    """The picture, as SVG."""
    late, windows = told()
    height = TOP + STEP * len(ARRIVALS) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_bands(height),
        *_watermark(),
        *_events(late),
        *_told(windows),
        f'<text x="{LEFT}" y="{height - 10}" fill="#555">event time →   (arrival: from top to'
        " bottom)</text>",
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(second: float) -> float:
    return round(LEFT + second * SECOND, 1)


def _y(number: float) -> float:
    return round(TOP + STEP * (number + 0.5), 1)


def _bands(height: int) -> Iterator[str]:
    for minute in range(2):
        fill = "#eef5f9" if minute % 2 == 0 else "#f8f8f0"
        x = _x(60 * minute)
        yield (
            f'<rect x="{x}" y="{TOP - 14}" width="{60 * SECOND:.1f}" height="{height - TOP - 16}" '
            f'fill="{fill}"/>'
        )
        yield f'<text x="{x + 6}" y="{TOP - 20}" fill="#333">08:0{minute}–08:0{minute + 1}</text>'


def _watermark() -> Iterator[str]:
    points, top = [], 0
    for number, second in enumerate(ARRIVALS):
        points.append(f"{_x(max(top - LATENESS, 0))},{_y(number)}")
        top = max(top, second)
        points.append(f"{_x(max(top - LATENESS, 0))},{_y(number)}")
    yield f'<polyline points="{" ".join(points)}" fill="none" stroke="#c05000" stroke-width="2"/>'
    yield (
        f'<text x="{WIDTH - 12}" y="{_y(len(ARRIVALS) - 1) + 24}" fill="#c05000" text-anchor="end">'
        "watermark = latest time − 10 s</text>"
    )


def _events(late: list[bool]) -> Iterator[str]:
    for number, (second, is_late) in enumerate(zip(ARRIVALS, late, strict=True)):
        color = "#c02020" if is_late else "#0b6e99"
        yield f'<circle cx="{_x(second)}" cy="{_y(number)}" r="5" fill="{color}"/>'
        yield f'<text x="8" y="{_y(number) + 4}" fill="#555">event {number + 1}</text>'
        if is_late:
            yield f'<text x="{_x(second) + 9}" y="{_y(number) + 4}" fill="{color}">late</text>'


def _told(windows: list[tuple[int, int, int]]) -> Iterator[str]:
    for start, count, number in windows:
        y = _y(number + 0.5)
        x, end = _x(start), _x(start + 60)
        yield f'<line x1="{x}" y1="{y}" x2="{end}" y2="{y}" stroke="#333" stroke-dasharray="4 3"/>'
        yield (
            f'<text x="{x + 6}" y="{y - 3}" fill="#333">told behind event {number + 1}:'
            f" {count} events</text>"
        )


if __name__ == "__main__":
    print(drawing(), end="")
