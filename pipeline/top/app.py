"""The live view: asks again and again, in a thread, and shows what ``view`` makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import ScrollableContainer
from textual.events import Resize
from textual.widgets import Footer, Static

from .client import Reading, Unreachable
from .model import Frame, frame
from .view import SORTS, Line, lines

_STYLES = {"title": "bold", "head": "bold cyan", "bad": "bold red", "quiet": "dim"}


class TopApp(App[None]):
    """``read`` gives a reading, or raises Unreachable; it is called in threads, one at a time."""

    TITLE = "penstock top"
    ENABLE_COMMAND_PALETTE = False
    CSS = "ScrollableContainer { scrollbar-size: 0 0; } Static { width: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "quit", "Quit"),
        Binding("p", "pause", "Pause"),
        Binding("s", "sort", "Sort filters"),
        Binding("n", "next_pipeline", "Next pipeline"),
    ]

    def __init__(self, read: Callable[[], Reading], interval: float = 2.0) -> None:
        super().__init__()
        self._read, self._interval = read, interval
        self._last: Reading | None = None
        self._frame: Frame | None = None
        self._problem = ""
        self._sort, self._only = 0, 0
        self._is_paused = self._is_asking = False

    def compose(self) -> ComposeResult:
        """The figures, which scroll, and the keys."""
        with ScrollableContainer(can_focus=True):
            yield Static("", id="figures", markup=False)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Ask at once, and then again and again."""
        self.look()
        self.set_interval(self._interval, self._look_again)

    def on_resize(self, event: Resize) -> None:
        """Another width makes other lines."""
        self._show(event.size.width)

    def _look_again(self) -> None:
        if not self._is_paused:
            self.look()

    def look(self) -> None:
        """Ask now, in a thread of its own; not while an answer is awaited, which a thread cannot be
        stopped from.
        """
        if not self._is_asking:
            self._is_asking = True
            self.run_worker(self._ask, thread=True, exit_on_error=False)

    def _ask(self) -> None:
        try:
            reading = self._read()
        except Unreachable as error:
            self.call_from_thread(self._failed, str(error))
        else:
            self.call_from_thread(self._came, reading)

    def _failed(self, problem: str) -> None:
        self._is_asking, self._problem = False, problem
        self._show(self.size.width)

    def _came(self, reading: Reading) -> None:
        self._is_asking, self._problem = False, ""
        self._frame, self._last = frame(self._last, reading), reading
        self._show(self.size.width)

    def _show(self, width: int) -> None:
        self.query_one("#figures", Static).update(_styled(self._lines(width)))

    def _lines(self, width: int) -> list[Line]:
        found = [Line(self._problem, "bad")] if self._problem else []
        if self._is_paused:
            found.append(Line("paused", "quiet"))
        if self._frame is None:
            return found or [Line("waiting for the first figures", "quiet")]
        return [*found, *lines(self._frame, width, SORTS[self._sort], self._chosen())]

    def _chosen(self) -> str | None:
        names = [row.name for row in self._frame.pipelines] if self._frame is not None else []
        return names[self._only - 1] if 0 < self._only <= len(names) else None

    def action_pause(self) -> None:
        """Hold the figures, or go on."""
        self._is_paused = not self._is_paused
        self._show(self.size.width)

    def action_sort(self) -> None:
        """Sort filters by the next of cost, rate and name."""
        self._sort = (self._sort + 1) % len(SORTS)
        self._show(self.size.width)

    def action_next_pipeline(self) -> None:
        """Show the next pipeline alone; behind the last one, all of them."""
        count = 0 if self._frame is None else len(self._frame.pipelines)
        self._only = (self._only + 1) % (count + 1)
        self._show(self.size.width)


def _styled(found: list[Line]) -> Text:
    text = Text(no_wrap=True)
    for number, line in enumerate(found):
        text.append(("\n" if number else "") + line.text, _STYLES.get(line.style, ""))
    return text
