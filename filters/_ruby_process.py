"""Ruby in a real ruby: one process for a filter, which is given batches over a pipe.

The process is started when the filter opens, and again when it dies. A batch on which it died, or
that took longer than allowed, is tried once more in a new process, and then tagged.
"""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import time
from pathlib import Path
from typing import Any

from ..dsl.diagnostics import PenstockError
from ..dsl.event import accept, add_tag
from ..dsl.reference import Event
from ..dsl.timestamp import Timestamp
from ..plugins.context import OptionProblem
from ..plugins.contract import complain
from ._ruby_options import RubyOptions

DRIVER = Path(__file__).with_name("ruby_driver.rb")
_INSTANT, _FLOAT = "\0t", "\0f"
_START = 30.0


class Died(PenstockError):
    """The process ended, or did not answer in time."""


class RubyProcess:
    """A real ruby that runs the code of a filter."""

    def __init__(self, program: str, owner: RubyOptions, script: str | None) -> None:
        self.program, self.owner = program, owner
        span = owner.context.spans.get("code")
        self.given = {
            "init": owner.init,
            "code": owner.code,
            "script": script,
            "path": str(owner.path),
            "params": owner.script_params,
            "file": span.source.name if span is not None else None,
            "line": span.line if span is not None else None,
        }
        self.seconds = owner.context.limit("match") / 1000
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._check()

    def _check(self) -> None:
        """Whether the code is Ruby at all; nothing of it is run."""
        for option, text in (
            ("init", self.given["init"]),
            ("code", self.given["code"]),
            ("path", self.given["script"]),
        ):
            if text is None:
                continue
            done = subprocess.run(
                [self.program, "-c"], input=str(text).encode(), capture_output=True, timeout=_START
            )
            if done.returncode:
                reason = done.stderr.decode("utf-8", "replace").strip().split("\n")[0]
                raise OptionProblem(option, f"not valid Ruby: {reason}")

    def failures(self) -> list[str]:
        """What the `test` blocks of the script say that is not so."""
        if "test" not in str(self.given["script"] or ""):
            return []
        self._launch()
        try:
            answer = self._asked({**self.given, "tests": True}, _START)
        except Died as error:
            return [f"the tests of the script were not run: {error}"]
        finally:
            self.stop()
        found: list[str] = [answer["error"]] if "error" in answer else answer["failures"]
        return found

    def start(self) -> None:
        """Start the process; raises OptionProblem if `init` or `register` fails."""
        self._launch()
        try:
            answer = self._asked(self.given, _START)
        except Died as error:
            raise OptionProblem("code", f"the ruby process did not start: {error}") from None
        if "error" in answer:
            self.stop()
            raise OptionProblem("init" if self.owner.init else "code", answer["error"])

    def _launch(self) -> None:
        self._rest = b""
        self._process = subprocess.Popen(
            [self.program, "-EUTF-8:UTF-8", str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        try:
            process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def run(self, events: list[Event]) -> list[Event]:
        """Run the code on a batch; twice, if the process dies."""
        if not events:
            return events
        sent = [_marked(event) for event in events]
        reason: Exception | None = None
        for _ in range(2):
            try:
                if self._process is None:
                    self.start()
                return self._taken(events, self._asked(sent, self.seconds * max(len(events), 1)))
            except (Died, OSError) as error:
                reason = error
                self._kill()
        for event in events:
            self._tag(event, f"the ruby process failed: {reason}", "")
        return events

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
        self.stop()

    def _asked(self, given: Any, seconds: float) -> Any:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        line = json.dumps(given, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError as error:
            raise Died(f"it ended ({error})") from None
        return json.loads(self._line(process.stdout.fileno(), seconds))

    def _line(self, descriptor: int, seconds: float) -> bytes:
        import os

        parts, until = [self._rest], time.monotonic() + seconds
        while b"\n" not in parts[-1]:
            left = until - time.monotonic() if seconds else None
            if left is not None and left <= 0:
                raise Died(f"it took longer than {seconds:g} s")
            if not select.select([descriptor], [], [], left)[0]:
                continue
            part = os.read(descriptor, 1 << 20)
            if not part:
                raise Died("it ended")
            parts.append(part)
        line, _, self._rest = b"".join(parts).partition(b"\n")
        return line

    def _taken(self, events: list[Event], answers: Any) -> list[Event]:
        out: list[Event] = []
        now = self.owner.context.now()
        for event, answer in zip(events, answers, strict=True):
            fields, removed, cancelled, made, error = answer or _UNCHANGED
            _changed(event, fields, removed)
            if error is not None:
                kind, message, place = error
                self._tag(event, message, f"{kind}: {message} at {place}")
            elif self.owner.decorate is not None and not cancelled:
                self.owner.decorate(event)
            if error is not None or not cancelled:
                out.append(event)
            out += [accept(_unmarked(other), now) for other in made]
        return out

    def _tag(self, event: Event, message: str, shown: str) -> None:
        owner = self.owner
        owner.failures += 1
        add_tag(event, owner.tag_on_exception)
        if owner.tag_with_exception_message:
            add_tag(event, f"{owner.tag_on_exception}: {message}")
        where = owner.context.where
        complain(where, "%s: the code raised on an event: %s", where, shown or message)


_UNCHANGED: tuple[dict[str, Any], list[str], bool, list[Any], None] = ({}, [], False, [], None)
"""What the driver answers 0 for."""


def _changed(event: Event, fields: dict[str, Any], removed: list[str] | bool) -> None:
    """Have an event as the code left it; a field that was removed and set again stands last."""
    if removed is True:
        event.clear()
    elif removed:
        for name in removed:
            event.pop(name, None)
    for name, value in fields.items():
        event[name] = value if type(value) in _PLAIN else _unmarked(value)


_PLAIN = frozenset({str, int, bool, type(None)})


def _marked(value: Any) -> Any:
    """A value for JSON, in which instants can be told from text."""
    kind = type(value)
    if kind is dict:
        return {k: v if type(v) in _PLAIN else _marked(v) for k, v in value.items()}
    if kind is list:
        return [_marked(item) for item in value]
    if kind is Timestamp:
        return {_INSTANT: str(value)}
    return {_FLOAT: "NaN"} if kind is float and value != value else value


def _unmarked(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        if len(value) == 1:
            if _INSTANT in value:
                return Timestamp(value[_INSTANT])
            if _FLOAT in value:
                return float(value[_FLOAT].lower().replace("infinity", "inf"))
        return {k: v if type(v) in _PLAIN else _unmarked(v) for k, v in value.items()}
    return [_unmarked(item) for item in value] if kind is list else value
