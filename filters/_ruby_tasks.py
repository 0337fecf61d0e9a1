"""Ruby in the filter aggregate: ``code`` and ``timeout_code`` compiled, and ``map_meta``.

Tasks live in the filter, so that there is no route through a real ruby here: what is not compiled
is a problem of the configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..plugins.context import OptionProblem
from ._aggregate_options import AggregateOptions
from ._ruby_scripts import Piece, compiled, explained
from ._scripting import (
    ScriptError,
    ScriptEvent,
    explain,
    function_of,
    namespace,
    plain_value,
)
from ._tasks import Task

_CLASS = "Aggregate::Element"
_READ = ("task_id", "creation_timestamp", "lastevent_timestamp", "timeout", "inactivity_timeout")

Functions = tuple[Callable[..., Any], Callable[..., Any], Callable[[BaseException, str], str]]


def functions(owner: AggregateOptions) -> Functions:
    """What runs ``code`` on an event, what runs ``timeout_code``, and what explains an error."""
    names = [span.source.name for span in owner.context.spans.values()]
    try:
        pieces = [Piece("code", owner.code, ("event", "map", "map_meta", "new_event_block"))]
        if owner.timeout_code is not None:
            pieces.append(Piece("timeout_code", owner.timeout_code, ("event",)))
        made = _compiled(owner, pieces)
    except OptionProblem as problem:
        owner.context.problems.append(problem)
        return _nothing, _nothing, _explain
    finish = made[1] if len(made) > 1 else _nothing
    limit = owner.context.limit("match") / 1000
    code, finished = _on_event(made[0], limit), _on_map(finish, limit)
    return code, finished, lambda error, place: explained(error, names)


def python_functions(owner: AggregateOptions) -> Functions:
    """The same of code in Python."""
    names = namespace(owner.context.now)

    def made(option: str, code: str, place: str, arguments: tuple[str, ...]) -> Callable[..., Any]:
        try:
            return function_of(code, place, arguments, names)
        except ScriptError as error:
            owner.problem(option, str(error))
            return _nothing

    call = made("code", owner.code, owner.place, ("event", "map", "map_meta", "emit"))
    finish = made("timeout_code", owner.timeout_code or "", owner.timeout_place, ("event",))
    return call, finish, explain


def _nothing(*given: Any) -> None:
    """Stands for code that cannot be used."""


def _explain(error: BaseException, place: str) -> str:
    return explained(error, ())


def _compiled(owner: AggregateOptions, pieces: list[Piece]) -> list[Callable[..., Any]]:
    from ..dsl.ruby.errors import NotCompiled

    try:
        made = compiled(owner, pieces, ticks=True)
    except NotCompiled as error:
        help = 'write it another way, or in Python with language => "python"'
        option = error.option  # type: ignore[attr-defined]
        part = (error.start, error.end)
        raise OptionProblem(option, f"{error} is not compiled", help, part=part) from None
    _declare()
    functions: list[Callable[..., Any]] = made.functions
    return functions


def _on_event(code: Callable[..., Any], limit: float) -> Callable[..., Any]:
    from ..dsl.ruby.errors import Jump
    from ..dsl.ruby.events import RubyEvent
    from ..dsl.ruby.objects import Proc, Shape
    from ..dsl.ruby.operators import BUDGET
    from ..dsl.ruby.translation import translated

    def call(handle: ScriptEvent, task_map: dict[str, Any], task: Task, emit: Any) -> None:
        event = RubyEvent(handle.data)
        block = Proc(lambda other: emit(ScriptEvent(other.data)), Shape(1))
        BUDGET.renew(limit)
        try:
            code(event, task_map, task, block)
        except Jump as jump:
            raise translated(jump) from None
        finally:
            handle.cancelled = event.cancelled

    return call


def _on_map(code: Callable[..., Any], limit: float) -> Callable[..., Any]:
    from ..dsl.ruby.errors import Jump
    from ..dsl.ruby.events import RubyEvent
    from ..dsl.ruby.operators import BUDGET
    from ..dsl.ruby.translation import translated

    def finish(handle: ScriptEvent) -> None:
        BUDGET.renew(limit)
        try:
            code(RubyEvent(handle.data))
        except Jump as jump:
            raise translated(jump) from None

    return finish


def fields_of(task_map: dict[Any, Any], is_ruby: bool) -> dict[str, Any]:
    """The fields of the event that a map becomes."""
    if is_ruby:
        from ..dsl.ruby.events import as_field

        return as_field(task_map)  # type: ignore[no-any-return]
    return plain_value(task_map)  # type: ignore[no-any-return]


def _reader(name: str) -> Callable[[Any], Any]:
    return lambda self: getattr(self, name)


def _writer(name: str) -> Callable[[Any, Any], None]:
    return lambda self, value: setattr(self, name, value)


def _declare() -> None:
    """The methods of ``map_meta``, once."""
    from ..dsl.ruby.dispatch import CLASS_OF, define

    if Task in CLASS_OF:
        return
    CLASS_OF[Task] = _CLASS
    for name in _READ:
        define(_CLASS, name)(_reader(name))
    for name in _READ[-2:]:
        define(_CLASS, f"{name}=")(_writer(name))
