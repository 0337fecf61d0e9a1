"""The live view, driven by the library's own pilot."""
from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from html import unescape
from itertools import chain, pairwise, repeat
from pathlib import Path

from textual.app import App
from textual.pilot import Pilot

from penstock.pipeline.top.app import TopApp
from penstock.pipeline.top.client import Reading, Unreachable

from .conftest import SHOP

PAGE = Path(__file__).parents[3] / "docs" / "monitoring.md"
Answers = Iterator[Reading | Unreachable]
Steps = Callable[[Pilot[None], TopApp], Awaitable[None]]


def screen(app: App[None]) -> str:
    """What the terminal shows, as text: from the library's own picture of it."""
    found: dict[float, str] = {}
    picture = app.export_screenshot()
    for x, y, length, text in re.findall(r'<text class="[^"]*-r\d+" x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"[^>]*>(.*?)</text>', picture):
        shown = unescape(text).replace("\xa0", " ")
        column = round(float(x) / (float(length) / len(shown)))
        found[float(y)] = found.get(float(y), "").ljust(column) + shown
    height = min(below - above for above, below in pairwise(sorted(found)))
    first = min(found)
    rows = {round((y - first) / height): text.rstrip() for y, text in found.items()}
    return "\n".join(rows.get(row, "") for row in range(max(rows) + 1))


def shown(answers: Answers, steps: Steps, size: tuple[int, int] = (80, 24)) -> str:
    """What is on the screen after some steps; each reading is asked for by hand."""

    def read() -> Reading:
        answer = next(answers)
        if isinstance(answer, Unreachable):
            raise answer
        return answer

    async def go() -> str:
        app = TopApp(read, interval=3600)
        async with app.run_test(size=size) as pilot:
            await settled(app, pilot)
            await steps(pilot, app)
            return screen(app)

    return asyncio.run(go())


async def settled(app: TopApp, pilot: Pilot[None]) -> None:
    await app.workers.wait_for_complete()
    await pilot.pause()


def looks(*keys: str) -> Steps:
    """Ask once more, then press keys."""

    async def steps(pilot: Pilot[None], app: TopApp) -> None:
        app.look()
        await settled(app, pilot)
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return steps


def readings() -> Answers:
    return chain(SHOP[1:3], repeat(SHOP[3]))


def test_the_page_shows_what_80_columns_show() -> None:
    (block,) = re.findall(r'^```text title="top"\n(.*?)^```$', PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert shown(readings(), looks()).splitlines() == block.splitlines()


def test_a_narrow_terminal_scrolls_sideways_and_a_wide_one_is_filled() -> None:
    assert "81k events" in shown(readings(), looks(), (110, 24))
    assert "PIPELINE" in shown(readings(), looks(), (40, 24))


def test_keys_sort_filters_and_choose_a_pipeline() -> None:
    by_cost, by_rate = shown(readings(), looks()), shown(readings(), looks("s"))
    assert by_cost.index("grok parts") < by_cost.index("drop old")
    assert by_rate.index("drop old") < by_rate.index("grok parts")
    orders = shown(readings(), looks("n", "n"))
    assert "kafka orders" in orders
    assert "grok parts" not in orders
    assert shown(readings(), looks("n", "n", "n")) == by_cost


def test_it_can_be_paused() -> None:
    assert "paused" in shown(readings(), looks("p"))
    assert "paused" not in shown(readings(), looks("p", "p"))


def test_a_process_that_goes_away_is_said_and_the_last_figures_stay() -> None:
    gone = Unreachable("http://127.0.0.1:9600 cannot be reached: Connection refused")
    text = shown(iter([SHOP[1], gone]), looks())
    assert text.startswith("http://127.0.0.1:9600 cannot be reached: Connection refused\n")
    assert "kafka orders" in text


def test_a_process_that_comes_back_is_shown_again() -> None:
    text = shown(iter([Unreachable("gone"), SHOP[2]]), looks())
    assert "gone" not in text
    assert "kafka orders" in text


def test_it_does_not_ask_again_while_it_waits_for_an_answer() -> None:
    asked: list[int] = []
    answers = threading.Event()

    def read() -> Reading:
        asked.append(threading.get_ident())
        answers.wait()
        return SHOP[1]

    async def go() -> None:
        app = TopApp(read, interval=3600)
        async with app.run_test() as pilot:
            app.look()
            app.look()
            answers.set()
            await settled(app, pilot)
            assert len(asked) == 1
            app.look()
            await settled(app, pilot)
            assert len(asked) == 2

    asyncio.run(go())


def test_q_ends_it() -> None:
    async def go() -> bool:
        app = TopApp(lambda: SHOP[1], interval=3600)
        async with app.run_test() as pilot:
            await pilot.press("q")
            await pilot.pause()
            return not app.is_running

    assert asyncio.run(go())
