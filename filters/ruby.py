"""The filter ruby: code of the configuration, or a script, run on every event. The compiler is
``dsl.ruby``; what it does not compile runs in a real ruby (``_ruby_process``).
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any

from ..dsl.event import accept, add_tag
from ..dsl.guard import Guard, signals_reach
from ..dsl.reference import Event
from ..dsl.values import copy
from ..plugins.context import OptionProblem
from ..plugins.contract import complain
from ..plugins.declaration import Example
from ._ruby_options import RubyOptions
from ._ruby_scripts import Piece, compiled, explained, keeps_state, message_of, route


class Ruby(RubyOptions, name="ruby"):
    """Run Ruby on every event.

    `code` is run on each event, as `event`, with `get(field)`, `set(field, value)`,
    `remove(field)`, `include?(field)`, `tag(tag)`, `cancel`, `sprintf(text)`, `to_hash`, `clone`
    and `timestamp`. `new_event_block.call(other)` sends out a further event, made by
    `LogStash::Event.new(hash)` or by `clone`, behind this one. `init` is run once, and may define
    methods, constants and instance variables.

    `path` names a script instead. It defines `filter(event)`, which gives the events that go on, as
    an array; `register(params)`, if there is one, is called once before, with `script_params`. Its
    `test` blocks are run when the configuration is checked.

    The code is compiled to Python when the pipeline starts, and an error points into the
    configuration. What the compiler does not know runs in a real `ruby`, if one is installed: one
    process for each filter, which is given whole batches. `engine` chooses one of the two; the
    setting `penstock.ruby.process` closes the second. The page [ruby](../../ruby.md) says what is
    compiled. The compiler needs the packages of `pip install 'penstock[ruby]'`.

    An event on which the code raises is tagged with `tag_on_exception`, and goes on. The common
    options are applied where it did not raise, and not to what it sent out. Code that keeps
    something from event to event, in instance or global variables, needs one worker; what `init` or
    `register` sets once and is only read later does not count.

    Differs from Logstash: Ruby is that of version 3.1, without Java; gems are not there.
    """

    matches = True
    reshapes = True

    examples = (
        Example(
            "arithmetic",
            "ruby { code => \"event.set('ms', event.get('s').to_f * 1000)\" }",
            before={"s": "1.5"},
            after={"s": "1.5", "ms": 1500.0},
        ),
        Example(
            "one event for each pair of a hash",
            """ruby {
  init => "SKIPPED = ['debug']"
  code => "
    event.remove('counters').each do |name, value|
      next if SKIPPED.include?(name)
      new_event_block.call(LogStash::Event.new('counter' => name, 'value' => value))
    end
    event.cancel
  "
}""",
            before={"counters": {"in": 3, "out": 2, "debug": 9}},
            after=[{"counter": "in", "value": 3}, {"counter": "out", "value": 2}],
        ),
    )

    def prepare(self) -> None:
        """Compile the code, or start on the other route."""
        self.call: Any = None
        self.process: Any = None
        self.in_part = False
        self.names = [span.source.name for span in self.context.spans.values()]
        if (self.code is None) == (self.path is None):
            self.problem(
                "code" if self.code is not None else "path",
                "one of `code` and `path` is required",
                "give one of the two",
            )
            return
        seconds = self.context.limit("match") / 1000
        self.guard = Guard(seconds) if seconds else None
        self._choose(seconds)
        self.ruby_route = "compiled" if self.process is None else "process"

    def _choose(self, seconds: float) -> None:
        from ..dsl.ruby.errors import NotCompiled
        from ..dsl.ruby.operators import BUDGET
        from ..dsl.ruby.patterns import LIMITS

        BUDGET.seconds = LIMITS.seconds = seconds
        self.budget = BUDGET
        script = self._script_text()
        try:
            if self.engine == "process":
                raise _chosen(self)
            self._compile(script)
        except NotCompiled as error:
            self._take_process(error, script)
            for failure in self.process.failures():
                self.problem("path", failure, "correct the script or its test")

    def _take_process(self, error: Any, script: str | None) -> None:
        """Take the route through a real ruby; raises OptionProblem where it is closed."""
        from ._ruby_process import RubyProcess

        program = route(self, error, self.engine)
        if keeps_state(script or "", self.init or "", self.code or ""):
            self.keyed_by = ()
        self.call, self.in_part = None, False
        self.process = RubyProcess(program, self, script)

    def _script_text(self) -> str | None:
        if self.path is None:
            return None
        try:
            return self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise OptionProblem("path", f"`{self.path}` cannot be read: {error}") from None

    def _compile(self, script: str | None) -> None:
        from ._ruby_tests import run_tests, without_tests

        if script is not None:
            bare, tests = without_tests(script)
            self.call = self._script(bare)
            run_tests(self, tests, partial(self._tried, bare))
            return
        pieces = [Piece("init", self.init)] if self.init is not None else []
        pieces.append(Piece("code", self.code or "", ("event", "new_event_block")))
        made = compiled(self, pieces)
        self._note(made)
        if self.init is not None:
            self._initialize(made.functions[0])
        code = made.functions[-1]
        self.call = code

    def _initialize(self, init: Any) -> None:
        from ..dsl.ruby.errors import NotCompiled

        try:
            init()
        except NotCompiled as error:
            error.option = "init"  # type: ignore[attr-defined]
            raise
        except Exception as error:
            raise OptionProblem("init", explained(error, self.names)) from None

    def _note(self, made: Any) -> None:
        self.in_part = made.in_part and self.engine == "auto"
        if made.keeps_state:
            self.keyed_by = ()  # what it keeps is one state of all events

    def _script(self, text: str, params: dict[str, Any] | None = None) -> Any:
        """The script, registered, as a function like that of inline code."""
        from ..dsl.ruby.errors import NotCompiled

        name = str(self.path)
        self.names = [*self.names, name]
        made = compiled(self, [Piece("path", text)], {"path": name})
        self._note(made)
        try:
            made.functions[0]()
            register = made.methods.get("register")
            if register is not None:
                register(copy(self.script_params if params is None else params))
        except NotCompiled as error:
            error.option = "path"  # type: ignore[attr-defined]
            raise
        except Exception as error:
            raise OptionProblem("path", explained(error, self.names)) from None
        filter_ = made.methods.get("filter")
        if filter_ is None:
            raise OptionProblem("path", "the script defines no `filter(event)`")
        return lambda event, block: _hand_out(event, filter_(event), block)

    def _tried(self, script: str, params: Any, fields: dict[str, Any]) -> list[Event]:
        """What a script makes of an event of these fields; raises what the script raises."""
        tried = type(self)({"path": self.path, "script_params": params}, self.context)
        tried.names, tried.guard, tried.budget, tried.process = [], None, self.budget, None
        tried.call = tried._script(script, params)
        return tried.run([accept(fields, self.context.now())])

    def open(self) -> None:
        """Start the process, where there is one."""
        if not signals_reach():
            self.guard = None
            self.prepare()
        if self.process is not None:
            self.process.start()

    def close(self) -> None:
        """End the process."""
        if getattr(self, "process", None) is not None:
            self.process.stop()

    def run(self, events: list[Event]) -> list[Event]:
        """Run the code on each event, and give what goes on."""
        if self.process is not None:
            return self.process.run(events)  # type: ignore[no-any-return]
        if self.in_part:
            return self._in_part(events)
        if self.guard is None:
            return self._each(events)
        with self.guard:
            return self._each(events)

    def _in_part(self, events: list[Event]) -> list[Event]:
        """The same of code of which only values show whether all of it is compiled."""
        from ..dsl.ruby.errors import NotCompiled

        out: list[Event] = []
        for at, event in enumerate(events):
            kept = copy(event)
            try:
                with self.guard or nullcontext():
                    out += self._each([event])
            except NotCompiled as error:
                event.clear()
                event.update(kept)
                if not self._switched(error):
                    self.failed(event, error)
                    return [*out, event, *self.run(events[at + 1 :])]
                return [*out, *self.run(events[at:])]
        return out

    def _switched(self, error: Any) -> bool:
        """Go over to a real ruby, where one may be used; what variables held is lost."""
        error.option = "code" if self.code is not None else "path"
        error.start = error.end = 0
        try:
            self._take_process(error, self._script_text())
            self.process.start()
        except OptionProblem:
            self.in_part = False
            return False
        complain(
            self.context.where,
            "%s: %s is not compiled; a real ruby runs the code from here on",
            self.context.where,
            error,
        )
        self.ruby_route = "process"
        return True

    def _each(self, events: list[Event]) -> list[Event]:
        from ..dsl.ruby.errors import Jump, NotCompiled
        from ..dsl.ruby.events import RubyEvent
        from ..dsl.ruby.objects import Proc, Shape

        out: list[Event] = []
        sent: list[Any] = []
        block = Proc(sent.append, Shape(1))
        call, decorate, budget, guard = self.call, self.decorate, self.budget, self.guard
        for event in events:
            handle = RubyEvent(event)
            budget.steps = 0
            if guard is not None:
                guard.turn = event
            try:
                call(handle, block)
                if decorate is not None and not handle.cancelled:
                    decorate(event)
            except (Exception, Jump) as error:
                if self.in_part and type(error) is NotCompiled:
                    raise
                self.failed(event, error)
                handle.cancelled = False
            if not handle.cancelled:
                out.append(event)
            if sent:
                out += [self._emitted(made, event) for made in sent]
                sent.clear()
        return out

    def _emitted(self, made: Any, event: Event) -> Event:
        data = made.data
        return copy(data) if data is event else data  # type: ignore[no-any-return]

    def failed(self, event: Event, error: BaseException) -> None:
        """Tag an event on which the code raised."""
        self.failures += 1
        add_tag(event, self.tag_on_exception)
        if self.tag_with_exception_message:
            add_tag(event, f"{self.tag_on_exception}: {message_of(error)}")
        complain(
            self.context.where,
            "%s: the code raised on an event: %s",
            self.context.where,
            explained(error, self.names),
        )


def _chosen(owner: Ruby) -> Any:
    """The reason for the process where it was asked for."""
    from ..dsl.ruby.errors import NotCompiled

    error = NotCompiled('what engine => "process" asks for')
    error.option = "code" if owner.code is not None else "path"  # type: ignore[attr-defined]
    return error


def _hand_out(event: Any, given: Any, block: Any) -> None:
    """Send out what a script's filter gives; the event itself goes on if it is among them."""
    from ..dsl.ruby.errors import TypeError_

    if type(given) is not list:
        raise TypeError_("`filter` must return an array of events")
    if not any(one is event for one in given):
        event.cancelled = True
    for one in given:
        if one is not event:
            block.fn(one)
