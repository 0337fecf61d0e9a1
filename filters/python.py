"""The filter python: code of the configuration, or a script, run on every event. The event API is
``_scripting``'s.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.contract import complain
from ..plugins.declaration import Example, option
from ._script_options import ScriptOptions
from ._scripting import ScriptError, ScriptEvent, event_of, execute, explain, function_of, namespace

Emit = Callable[[Any], None]


class Python(ScriptOptions, name="python"):
    """Run Python on every event: as the filter `ruby`, in Python.

    `code` is the body of a function with two arguments. `event` has `get(name)`, `set(name,
    value)`, `remove(name)`, `include(name)`, `tag(tag)`, `cancel()`, `sprintf(text)`, `to_hash()`,
    `to_json()`, `clone()` and `timestamp`; names are those of configurations, such as
    `[user][name]`, and `event["[user][name]"]`, `in` and `del` work, too. `emit(other)` sends out a
    further event, a map of fields or one made by `Event(fields)`, behind this one. `return` ends
    the code. What `init` defines and imports, once, can be used in it; to keep something from event
    to event, put it into a list or map that `init` made.

    `path` names a script instead. It defines `filter(event)`, which gives the events that go on, as
    a list; none given means the event itself. `register(params)`, if there is one, is called once
    before, with `script_params`. Functions of the script named `test_…` are run when the
    configuration is checked. They get `run(fields, params)`, which gives the events that a fresh
    script makes of an event, as maps, and say by `assert` what is to come out.

    An event on which the code raises is tagged with `tag_on_exception`, and goes on. The common
    options are applied where it did not raise, and not to what it sent out. Values that events do
    not know become what is next to them: tuples and sets lists, times instants, anything else text.

    Differs from Logstash: the code is Python, not Ruby, and sees the values of the event
    themselves, not copies.
    """

    matches = True
    reshapes = True

    tag_on_exception: str = option(
        "The tag for an event on which the code raised.", default="_pythonexception"
    )

    examples = (
        Example(
            "arithmetic",
            "python { code => \"event.set('ms', round(event.get('seconds') * 1000))\" }",
            before=[{"seconds": 1.25}, {"seconds": None}],
            after=[{"seconds": 1.25, "ms": 1250}, {"seconds": None, "tags": ["_pythonexception"]}],
        ),
        Example(
            "one event for each pair of a map",
            """python {
  init => "skipped = {'debug'}"
  code => "
    for name, value in event.remove('counters').items():
        if name not in skipped:
            emit({'counter': name, 'value': value})
    event.cancel()
  "
}""",
            before={"counters": {"in": 3, "out": 2, "debug": 9}},
            after=[{"counter": "in", "value": 3}, {"counter": "out", "value": 2}],
        ),
    )

    def prepare(self) -> None:
        """Compile the code, or load the script and run its tests."""
        self.place = (
            f"<python at {self.context.where or 'nowhere'}>"
            if self.path is None
            else str(self.path)
        )
        if (self.code is None) == (self.path is None):
            self.problem(
                "code" if self.code else "path",
                "one of `code` and `path` is required",
                "give one of the two",
            )
            return
        self.names = namespace(self.context.now)
        self._run_init()
        try:
            if self.path is None:
                code = function_of(self.code or "", self.place, ("event", "emit"), self.names)
                self.call: Callable[[ScriptEvent, Emit], Any] = code
            else:
                self._load(self.path)
        except ScriptError as error:
            self.problem("code" if self.path is None else "path", str(error))

    def _run_init(self) -> None:
        if self.init is not None:
            try:
                execute(self.init, f"<init of {self.place}>", self.names)
            except ScriptError as error:
                self.problem("init", str(error))

    def _load(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ScriptError(f"`{path}` cannot be read: {error}") from None
        self.call = self._script(text, self.script_params)
        for name in [
            name for name in self.names if name.startswith("test_") and callable(self.names[name])
        ]:
            self._test(name, text)

    def _script(self, text: str, params: dict[str, Any]) -> Callable[[ScriptEvent, Emit], Any]:
        """A script, fresh and registered, as a function like that of inline code."""
        self.names.update(namespace(self.context.now))
        execute(text, self.place, self.names)
        filter_, register = self.names.get("filter"), self.names.get("register")
        if not callable(filter_):
            raise ScriptError("the script defines no `filter(event)`")
        if callable(register):
            try:
                register(params)
            except Exception as error:
                raise ScriptError(f"`register` failed: {explain(error, self.place)}") from error
        return lambda event, emit: _hand_out(event, filter_(event), emit)

    def _test(self, name: str, text: str) -> None:
        """Run one of the script's tests on a script of its own."""
        tested = Python({"path": self.path, "script_params": self.script_params}, self.context)
        tested.place, tested.names = self.place, namespace(self.context.now)

        def run(fields: Event, params: dict[str, Any] | None = None) -> list[Event]:
            tested.call = tested._script(text, self.script_params if params is None else params)
            event = event_of(fields, self.context.now())
            return [ScriptEvent(made).to_hash_with_metadata() for made in tested.apply(event)]

        try:
            self.names[name](run)
        except Exception as error:
            self.problem(
                "path",
                f"`{name}` failed: {explain(error, self.place)}",
                "correct the script or its test",
            )

    def run(self, events: list[Event]) -> list[Event]:
        """Run the code on each event, and give what goes on."""
        apply = self.apply
        return [out for event in events for out in apply(event)]

    def apply(self, event: Event) -> list[Event]:
        """The event, unless it is dropped, and what the code sent out."""
        handle, sent = ScriptEvent(event), list[Event]()
        now = self.context.now

        def emit(other: Any) -> None:
            made = event_of(other, now())
            sent.append(copy(made) if any(made is gone for gone in (event, *sent)) else made)

        try:
            self.call(handle, emit)
            if self.decorate is not None and not handle.cancelled:
                self.decorate(event)
        except Exception as error:
            self.failed(event, error)
            return [event, *sent]
        return sent if handle.cancelled else [event, *sent]

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which the code raised."""
        self.failures += 1
        add_tag(event, self.tag_on_exception)
        if self.tag_with_exception_message:
            add_tag(event, f"{self.tag_on_exception}: {error}")
        complain(
            self.context.where,
            "%s: the code raised on an event: %s",
            self.context.where,
            explain(error, self.place),
        )


def _hand_out(event: ScriptEvent, given: Any, emit: Emit) -> None:
    """Send out what a script's filter gives; the event itself goes on if it is among them, or if
    nothing is given.
    """
    if given is None:
        return
    if not isinstance(given, list | tuple):
        raise TypeError(f"`filter` gives a list of events, not a {type(given).__name__}")
    if not any(one is event for one in given):
        event.cancel()
    for one in given:
        if one is not event:
            emit(one)
