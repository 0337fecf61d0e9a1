"""The filter mutate. The hard idea is the order: however the options are written, the operations
run in Logstash's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from ..dsl.event import add_tag
from ..dsl.literals import ESCAPES_REMEDY, misread_escape
from ..dsl.naming import FieldName
from ..dsl.reference import Event, FieldRef, current_escape_style, escape_style
from ..dsl.regex import RegexError
from ..dsl.template import Template
from ..dsl.unmade import UnmadeEvents
from ..dsl.values import ruby_text
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from ..plugins.former import renamed
from . import _mutate_code as code
from . import _mutations as operations
from . import _ruby as ruby
from ._mutate_code import Step
from ._mutations import Operation
from ._references import BrokenReference, named_field, named_template

_WORTH_A_LOOP = 256
"""After how many events the operations are compiled to one loop, which costs what a hundred events
do.
"""


class Mutate(Filter, name="mutate"):
    """Rename, set, convert and rewrite fields.

    The operations of one block always run in this order, whatever order they are written in:
    `coerce`, `rename`, `update`, `replace`, `convert`, `gsub`, `uppercase`, `capitalize`,
    `lowercase`, `strip`, `split`, `join`, `merge`, `copy`; then the common options `add_field`,
    `remove_field`, `add_tag` and `remove_tag`. Where another order is wanted, write several blocks.

    An operation that cannot be done (a field below a string, `@timestamp` set to a string) tags the
    event with `tag_on_failure`; the rest of the block, the common options included, is left undone,
    and what was done stays.

    `convert` takes of a string the number that it starts with: `12abc` is 12, `abc` is 0, `1,234.5`
    is 1234.5. To reject such strings, test them with `=~` first. Booleans are true, t, yes, y,
    1 and 1.0, false, f, no, n, 0, 0.0 and the empty text, in any case; another value stays as it
    is. Lists are converted item by item, null and maps stay.

    `gsub` reads its expressions in Ruby's syntax, and in the replacement `\\1` or `\\k<name>`
    stands for a group, `\\0` for the whole match. Backslashes are written once, as the language has
    no escapes in strings.

    Differs from Logstash: several fields merged into one that is not a list are all kept (Logstash
    keeps the last), and `1x0` is not the boolean 1.0.
    """

    former = renamed({"remove": "remove_field"})

    coerce: dict[str, Any] = option(
        "Values for fields that are there and null; templates are filled in.",
        default={},
        literal=True,
    )
    rename: dict[str, Any] = option(
        "New names of fields; templates are filled in on both sides.", default={}
    )
    update: dict[str, Any] = option(
        "New values of fields that are there; templates are filled in.", default={}, literal=True
    )
    replace: dict[str, Any] = option(
        "New values of fields, there or not; templates are filled in.", default={}, literal=True
    )
    convert: dict[str, str] = option(
        "The types of fields.", default={}, choices=tuple(operations.CONVERSIONS)
    )
    gsub: list[str] = option(
        "Groups of three: a field, a regular expression and a replacement.", default=[]
    )
    uppercase: list[str] = option("Fields to put in upper case.", default=[])
    capitalize: list[str] = option(
        "Fields to start with a capital, the rest in lower case.", default=[]
    )
    lowercase: list[str] = option("Fields to put in lower case.", default=[])
    strip: list[str] = option("Fields to take white space off, at both ends.", default=[])
    split: dict[str, Any] = option(
        "Fields to split, with their separators; empty last parts are dropped.",
        default={},
        literal=True,
    )
    join: dict[str, Any] = option(
        "Lists to join to one string, with their separators.", default={}, literal=True
    )
    merge: dict[str, Any] = option(
        "Lists or maps, each with the field or the fields to add to it.", default={}
    )
    copy: dict[str, Any] = option("Fields to copy, with the names of the copies.", default={})
    tag_on_failure: str = option(
        "The tag for an event on which an operation failed.", default="_mutate_error"
    )

    examples = (
        Example(
            "rename and convert",
            'mutate { rename => { "took" => "[event][duration]" } convert => { "[event][duration]"'
            ' => "integer" } }',
            before={"took": "17 ms"},
            after={"event": {"duration": 17}},
        ),
        Example(
            "swap two words, split a list",
            r'mutate { gsub => ["who", "^(\w+), (\w+)$", "\2 \1"] split => { "groups" => "," } }',
            before={"who": "Lovelace, Ada", "groups": "math,poetry"},
            after={"who": "Ada Lovelace", "groups": ["math", "poetry"]},
        ),
        Example(
            "what cannot be set is tagged",
            'mutate { replace => { "[host][name]" => "web1" } add_tag => ["named"] }',
            before={"host": "10.0.0.1"},
            after={"host": "10.0.0.1", "tags": ["_mutate_error"]},
        ),
    )

    def prepare(self) -> None:
        """Make the operations, in their fixed order."""
        self.matches = bool(self.gsub)
        self._steps: list[Step] = list(
            chain(self._settings(), self._rewritings(), self._collections())
        )
        self._operations: list[Operation] = [step.run for step in self._steps]
        self._style = current_escape_style()
        self._seen = 0
        self._loop: Callable[[list[Event]], None] | None = None

    @property
    def finite(self) -> bool:
        return not any(kind.startswith("float") for kind in self.convert.values())

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        by_name = (self.coerce, self.update, self.replace, self.convert, self.split, self.join)
        named = [name for option in by_name for name in option]
        targets = [ruby_text(name) for name in (*self.rename.values(), *self.copy.values())]
        renamed = [*self.rename, *targets, *self.merge]
        listed = [*self.gsub[::3], *self.uppercase, *self.capitalize, *self.lowercase, *self.strip]
        return self.changes_of(map(str, (*named, *renamed, *listed)))

    def _settings(self) -> Iterator[Step]:
        for name, value in self.coerce.items():
            field, filled = self._field("coerce", name), self._template("coerce", name, value)
            yield code.update(operations.coerce(field, filled.render), field, filled, True)
        self._warn_of_meetings()
        for old, new in self.rename.items():
            self._warn_of_several("rename", old, new, "renames it to their printed list")
            source, target = self._renamed(old, old), self._renamed_to(old, ruby_text(new))
            yield code.rename(operations.rename(source, target), source, target)
        for name, value in self.update.items():
            field, filled = self._field("update", name), self._template("update", name, value)
            yield code.update(operations.update(field, filled.render), field, filled)
        for name, value in self.replace.items():
            field, filled = self._field("replace", name), self._template("replace", name, value)
            yield code.replace(operations.replace(field, filled.render), field, filled)

    def _rewritings(self) -> Iterator[Step]:
        for name, kind in self.convert.items():
            field = self._field("convert", name)
            yield code.convert(operations.convert(field, kind), field, kind)
        yield from self._gsubs()
        cases = (("uppercase", str.upper), ("capitalize", str.capitalize), ("lowercase", str.lower))
        for case, change in cases:
            for at, name in enumerate(getattr(self, case)):
                field, expression = self._field(case, name, at), f"v.{change.__name__}()"
                yield code.on_text(operations.on_text(field, change), field, expression)
        for at, name in enumerate(self.strip):
            field = self._field("strip", name, at)
            stripped = f"v.lstrip({ruby.BLANK!r}).rstrip({ruby.BLANK_AT_END!r})"
            yield code.on_text(operations.strip(field), field, stripped)

    def _collections(self) -> Iterator[Step]:
        for name, separator in self.split.items():
            separator = self._separator("split", name, separator)
            field = self._field("split", name)
            yield code.split(operations.split(field, separator), field, separator)
        for name, separator in self.join.items():
            separator = self._separator("join", name, separator)
            field, run = self._field("join", name), f"{{join}}(v, {_literal(separator)})"
            join = operations.join(field, separator)
            yield code.on_type(join, field, "list", run, join=ruby.join)
        for name, sources in self.merge.items():
            several = sources if isinstance(sources, list) else [sources]
            added = [self._field("merge", str(each), name) for each in several]
            field = self._field("merge", name)
            yield code.merge(operations.merge(field, added), field, added)
        for origin, copied in self.copy.items():
            source, target = self._field("copy", origin), self._copied_to(origin, copied)
            yield code.copy(operations.copy(source, target), source, target)

    def _warn_of_meetings(self) -> None:
        """Warn of two fields that are renamed to one."""
        former: dict[FieldRef | None, str] = {}
        for old, new in self.rename.items():
            target = None if isinstance(new, list | dict) else FieldName(ruby_text(new)).constant
            if target in former and target is not None:
                self.problem(
                    "rename",
                    f"[{former[target]}] and [{old}] are both renamed to {target.canonical}; where"
                    f" both are there, [{old}] stays: the order of a hash is not that of its lines",
                    "rename them under conditions, or in two blocks",
                    path=(old,),
                    code="W308",
                )
            former[target] = old

    def _copied_to(self, origin: str, copied: Any) -> FieldRef:
        if not isinstance(copied, list):
            return self._field("copy", ruby_text(copied), origin)
        self._warn_of_several("copy", origin, copied, "copies to neither")
        return BrokenReference(ruby_text(copied), f"`copy` names [{origin}] twice")

    def _separator(self, option: str, name: str, given: Any) -> Any:
        """A separator; a list of several, which fails on each event, is left as it is."""
        self._warn_of_several(option, name, given, "fails on every event")
        return given if isinstance(given, list) else ruby_text(given)

    def _warn_of_several(self, option: str, name: str, given: Any, outcome: str) -> None:
        if isinstance(given, list | dict):
            self.problem(
                option,
                f"`{option}` names [{name}] twice; Logstash joins both values to a list, and"
                f" {outcome}",
                "keep one of the two",
                path=(name,),
                code="W306",
            )

    def _gsubs(self) -> Iterator[Step]:
        if len(self.gsub) % 3:
            last = len(self.gsub) - 1
            self.problem(
                "gsub",
                "`gsub` needs groups of three: a field, an expression and a replacement",
                path=(last,),
            )
            return
        for at in range(0, len(self.gsub), 3):
            name, needle, replacement = self.gsub[at : at + 3]
            pattern = self._needle(needle, at + 1)
            if pattern is not None:
                self._look_for_escapes(replacement, at + 2)
                rendered = self._template("gsub", at + 2, replacement)
                yield self._gsub(self._field("gsub", name, at), pattern, rendered)

    def _gsub(self, field: FieldRef, needle: Any, replacement: Template) -> Step:
        run = operations.gsub(field, needle, replacement, self.compiled)
        constant = operations.constant_gsub(needle, replacement)
        if constant is None:
            return code.step(run, None, field)
        plain, substitute = constant
        if not plain:
            return code.on_text(run, field, "{sub}({by}, v)", sub=needle.sub, by=substitute)
        new = _literal(substitute)
        return code.on_text(
            run, field, "v" + "".join(f".replace({_literal(old)}, {new})" for old in plain)
        )

    def _look_for_escapes(self, replacement: str, at: int) -> None:
        problem = misread_escape(replacement)
        if problem is not None and not self.context.settings.get("config.support_escapes"):
            self.problem("gsub", problem, ESCAPES_REMEDY, path=(at,), code="W305")

    def _needle(self, text: str, at: int) -> Any:
        if "%{" in text:
            return self._template("gsub", at, text)
        try:
            return self.compiled(text)
        except RegexError as error:
            self.problem("gsub", f"bad regular expression: {error}", path=(at,), code="E208")
            return None

    def _field(self, option: str, name: str, at: str | int | None = None) -> FieldRef:
        return named_field(self, option, name, (name if at is None else at,))

    def _renamed(self, old: str, at: str) -> FieldName:
        found = FieldName(old)
        if found.problem:
            self.problem("rename", found.problem, found.help, path=(at,), code="W304")
        return found

    def _renamed_to(self, old: str, new: str) -> FieldRef | Template:
        template = self._template("rename", old, new)
        return self._field("rename", new, old) if template.is_constant else template

    def _template(self, option: str, at: str | int, value: Any) -> Template:
        return named_template(self, option, ruby_text(value), (at,))

    @property
    def takes_rows(self) -> bool:
        return not self._steps and bool(self.removes)

    def run(self, events: list[Event]) -> list[Event]:
        """Run all operations on each event; the same list."""
        if type(events) is UnmadeEvents and events.rows is not None and self.takes_rows:
            events.rows.remove(self.removes)
            self._run_one_by_one(events.rows.events)
            return events
        if self._loop is not None:
            self._loop(events)
            return events
        self._seen += len(events)
        if self._seen > _WORTH_A_LOOP:
            self._loop = self._compiled()
        self._run_one_by_one(events)
        return events

    def _compiled(self) -> Callable[[list[Event]], None]:
        decorations: list[Step] = []
        if self.decorate is not None:
            with escape_style(self._style):
                decorations = code.decorations(
                    self.add_field, self.remove_field, self.add_tag, self.remove_tag
                )
        return code.compiled(self._steps, decorations, self.failed)

    def _run_one_by_one(self, events: list[Event]) -> None:
        steps, decorate = self._operations, self.decorate
        for event in events:
            try:
                for step in steps:
                    step(event)
                if decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which an operation failed."""
        self.failures += 1
        add_tag(event, self.tag_on_failure)
        where = self.context.where
        complain(
            where,
            "%s: mutate failed on an event, which is tagged %s: %s",
            where,
            self.tag_on_failure,
            error,
        )


def _literal(text: Any) -> str:
    """A text as code in an expression whose braces stand for names."""
    return repr(text).replace("{", "{{").replace("}", "}}")
