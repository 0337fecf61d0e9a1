"""Ruby of a configuration, ready to run: compiled where it can be, in a real ruby where it cannot.

The filters ruby and aggregate share this: how a text of an option is compiled, with the places of
the configuration; what is said of code that neither route can run; how an error is explained.
"""

from __future__ import annotations

import linecache
import logging
import re
import shutil
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from ..dsl.diagnostics import PenstockError
from ..dsl.guard import signals_reach
from ..plugins.context import OptionProblem
from ..plugins.contract import Filter

log = logging.getLogger("penstock")

INSTALL = (
    "install a real ruby (`apt install ruby`, `brew install ruby`), which then runs this block"
)


class Piece:
    """A text of Ruby: the option that holds it, its text, and the parameters it is given."""

    def __init__(self, option: str, text: str, parameters: tuple[str, ...] = ()) -> None:
        self.option, self.text, self.parameters = option, text, parameters


def is_installed() -> bool:
    """Whether the packages are there that the compiler reads Ruby with."""
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("tree_sitter", "tree_sitter_ruby"))


def compiled(
    owner: Filter,
    pieces: Sequence[Piece],
    names: dict[str, str] | None = None,
    ticks: bool | None = None,
) -> Any:
    """The pieces compiled; raises NotCompiled for what takes another route, OptionProblem for what
    no route can run. ``names`` gives a piece another file's name than the configuration's;
    ``ticks``: whether blocks look at the clock, which they must where no signal ends them.
    """
    if not is_installed():
        raise OptionProblem(
            pieces[-1].option,
            "Ruby needs the packages `tree-sitter` and `tree-sitter-ruby`, which are not installed",
            "pip install 'penstock[ruby]'",
        )
    from ..dsl.ruby import NotCompiled, Outdated, RubySyntaxError, Unit, compile_units

    units = [Unit(p.text, _origin(owner, p, names or {}), p.parameters) for p in pieces]
    try:
        looks = not signals_reach() if ticks is None else ticks
        return compile_units(units, surroundings(owner), _logger(owner), looks)
    except RubySyntaxError as error:
        raise _placed(error, pieces, names or {}) from None
    except Outdated as error:
        help = "write event.get('field'), and event.set('field', value)"
        raise _placed(error, pieces, names or {}, help) from None
    except NotCompiled as error:
        piece = pieces[error.unit]  # type: ignore[attr-defined]
        error.option = piece.option  # type: ignore[attr-defined]
        error.where = _line_of(error, piece, names or {})  # type: ignore[attr-defined]
        raise


def _placed(
    error: Any, pieces: Sequence[Piece], names: dict[str, str], help: str = ""
) -> OptionProblem:
    """A problem at its place in the configuration, or with its line in the file of a script."""
    piece = pieces[error.unit]
    where = _line_of(error, piece, names)
    part = None if where else (error.start, error.end)
    return OptionProblem(piece.option, f"{error}{where}", help, part=part)


def _line_of(error: Any, piece: Piece, names: dict[str, str]) -> str:
    """The line of a script in a file of its own; nothing for code of the configuration."""
    if piece.option not in names:
        return ""
    line = piece.text.count("\n", 0, error.start) + 1
    return f" (line {line} of `{names[piece.option]}`)"


def _origin(owner: Filter, piece: Piece, names: dict[str, str]) -> Any:
    from ..dsl.ruby import Origin

    if piece.option in names:
        return Origin(names[piece.option])
    span = owner.context.spans.get(piece.option)
    if span is None:
        name = f"<{piece.option} of {owner.name} at {owner.context.where or 'nowhere'}>"
        linecache.cache[name] = (len(piece.text), None, piece.text.splitlines(True), name)
        return Origin(name)
    text = span.source.text
    linecache.cache[span.source.name] = (len(text), None, text.splitlines(True), span.source.name)
    return Origin(span.source.name, span.line, span.column)


def surroundings(owner: Filter) -> dict[tuple[str, str], Any]:
    """The clock, and new events, as the filter's settings have them."""
    from ..dsl.ruby import new_event
    from ..dsl.ruby.standard_library import context
    from ..dsl.ruby.timestamps import new_timestamp

    now = owner.context.now
    return context(now, new_event(now), new_timestamp(now))


def keeps_state(*texts: str) -> bool:
    """Whether code that is not compiled sets instance, class or global variables."""
    if not is_installed():
        return any(_SETS.search(text) for text in texts)
    from ..dsl.ruby import RubySyntaxError
    from ..dsl.ruby.facts import facts_of
    from ..dsl.ruby.syntax import Tree

    try:
        return facts_of([Tree(text) for text in texts]).keeps_state
    except RubySyntaxError:
        return any(_SETS.search(text) for text in texts)


_SETS = re.compile(r"[@$]\w+\s*(?:[-+*/|&<>]{0,2}=(?![=~])|<<)")


def _logger(owner: Filter) -> Any:
    from ..dsl.ruby import Logger

    levels = {"fatal": logging.CRITICAL, "trace": logging.DEBUG, "warn": logging.WARNING}

    def write(level: str, message: str) -> None:
        number = levels.get(level) or logging.getLevelNamesMapping()[level.upper()]
        log.log(number, "%s: %s", owner.context.where, message)

    return Logger(write)


def route(owner: Filter, error: Any, engine: str) -> str:
    """The program that runs what is not compiled; raises OptionProblem where there is none."""
    from ..dsl.ruby.errors import NoJava

    where = getattr(error, "where", "")
    part = None if where else (error.start, error.end)
    if isinstance(error, NoJava):
        raise OptionProblem(
            error.option,  # type: ignore[attr-defined]
            f"{error} names a class of Java, which is not there{where}",
            "write it with Ruby's own classes, such as Time, IPAddr or SecureRandom",
            part=part,
        )
    allowed = owner.context.settings.get("penstock.ruby.process", True)
    found = shutil.which("ruby")
    if engine != "compiled" and allowed and found:
        return found
    if engine == "compiled":
        help = 'leave out engine => "compiled", and a real ruby runs this block'
    elif not allowed:
        help = (
            "the setting `penstock.ruby.process` is false; without it a real ruby runs this block"
        )
    else:
        help = INSTALL
    what = f"{error} is not compiled{where}"
    raise OptionProblem(error.option, what, help, part=part)


def explained(error: BaseException, names: Sequence[str]) -> str:
    """An error that code raised, with the line that is to blame."""
    from ..dsl.ruby.errors import RubyException
    from ..dsl.ruby.translation import translated

    shown = error if isinstance(error, RubyException | PenstockError) else translated(error)
    kind = shown.ruby if isinstance(shown, RubyException) else type(error).__name__
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename in names]
    where = f" in line {frames[-1].lineno}: {(frames[-1].line or '').strip()}" if frames else ""
    return f"{kind}: {shown}{where}"


def message_of(error: BaseException) -> str:
    """What an exception says, in Ruby's words."""
    from ..dsl.ruby.errors import RubyException
    from ..dsl.ruby.translation import translated

    return str(error if isinstance(error, RubyException | PenstockError) else translated(error))


Emit = Callable[[Any], None]
