"""The filter prune: fields are kept or dropped by their names or values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..dsl.reference import Event
from ..dsl.regex import RegexError
from ..dsl.template import Template
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from . import _ruby as ruby
from ._references import named_template

Matches = Callable[[str], Any]
_MOST_NAMES = 4096


class Prune(Filter, name="prune"):
    """Keep or drop fields by their names, or by their values.

    Names and values are matched by regular expressions, anywhere in them: `name` matches
    `firstname`, too. Only fields at the top are looked at. A field is dropped where
    `whitelist_names` are given and none matches, where any of `blacklist_names` matches, or where
    its value fails its expression in `whitelist_values` or matches that in `blacklist_values`. Of a
    list, the items are dropped one by one; the field, when none is left. What is to be dropped is
    found out before anything is.

    `@timestamp`, `@version` and `tags` are fields like others: a whitelist that does not match them
    drops them. Unless `blacklist_names` is given, it drops fields whose names still have an
    unfilled `%{template}`.

    With `interpolate`, templates in names and expressions are filled in for each event, which is
    slow.
    """

    matches = True

    whitelist_names: list[str] = option("Expressions for the names of fields to keep.", default=[])
    blacklist_names: list[str] = option(
        "Expressions for the names of fields to drop.", default=[r"%\{[^}]+\}"]
    )
    whitelist_values: dict[str, str] = option(
        "Fields, each with an expression for values to keep.", default={}
    )
    blacklist_values: dict[str, str] = option(
        "Fields, each with an expression for values to drop.", default={}
    )
    interpolate: bool = option("Whether templates are filled in.", default=False)

    examples = (
        Example(
            "keep some fields",
            'prune { whitelist_names => ["^@timestamp$", "^message$", "^http_"] }',
            before={"message": "hi", "http_method": "GET", "pid": 4},
            after={"message": "hi", "http_method": "GET"},
        ),
        Example(
            "drop items of a list",
            'prune { blacklist_values => { "headers" => "(?i)^(cookie|authorization):" } }',
            before={"headers": ["Host: a.example", "Cookie: secret"]},
            after={"headers": ["Host: a.example"]},
        ),
    )

    def prepare(self) -> None:
        """Compile the expressions, unless each event has its own."""
        self.kept = self._of_names("whitelist_names")
        self.dropped = self._of_names("blacklist_names")
        self.values = [
            (name, expression, keep)
            for keep, of in ((True, "whitelist_values"), (False, "blacklist_values"))
            for name, expression in self._of_values(of)
        ]

    def _of_names(self, option: str) -> _Names | None:
        """The names that an option matches; None where it is not given."""
        expressions = [
            self._expression(option, text, at) for at, text in enumerate(getattr(self, option))
        ]
        if not expressions:
            return None
        return _Names([expression for expression in expressions if expression is not None])

    def _of_values(self, option: str) -> Iterable[tuple[Template, _Expression]]:
        for name, text in getattr(self, option).items():
            expression = self._expression(option, text, name)
            template = self._template(option, name, name)
            if expression is not None:
                yield template, expression

    def _expression(self, option: str, text: str, at: str | int) -> _Expression | None:
        try:
            return _Expression(self._template(option, text, at), self.compiled)
        except RegexError as error:
            self.problem(option, f"bad regular expression: {error}", path=(at,), code="E208")
            return None

    def _template(self, option: str, text: str, at: str | int) -> Template:
        return named_template(self, option, text, (at,)) if self.interpolate else _constant(text)

    def run(self, events: list[Event]) -> list[Event]:
        """Prune each event; the same list."""
        decorate = self.decorate
        for event in events:
            try:
                self._prune(event)
                if decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _prune(self, event: Event) -> None:
        gone: set[str] = set()
        if self.kept is not None:
            kept = self.kept.of(event)
            gone.update([name for name in event if not kept(name)])
        if self.dropped is not None:
            dropped = self.dropped.of(event)
            gone.update([name for name in event if dropped(name)])
        left = self._values_left(event) if self.values else {}
        gone.discard("@metadata")
        for name in gone:
            del event[name]
        for name, value in left.items():
            if name not in gone:
                if value is None:
                    del event[name]
                else:
                    event[name] = value

    def _values_left(self, event: Event) -> Event:
        """The fields that lose items or all, with what is left of them."""
        left: Event = {}
        for name_of, expression, keep in self.values:
            name = name_of.render(event)
            value = left.get(name, event.get(name))
            if value is None or value is False or name == "@metadata":
                continue
            matches = expression.of(event)
            items = value if type(value) is list else [value]
            stay = [item for item in items if bool(matches(ruby.to_s(item))) == keep]
            if len(stay) < len(items):
                left[name] = stay or None
        return left


class _Expression:
    """A regular expression that may be a template; ``of(event)`` gives how to search with it."""

    def __init__(self, template: Template, compiled: Callable[[str], Any]) -> None:
        self.template, self.compiled = template, compiled
        self.constant: Matches | None = (
            compiled(template.render({})).search if template.is_constant else None
        )

    def of(self, event: Event) -> Matches:
        """The search for an event. Raises RegexError where what is filled in makes it no
        expression.
        """
        if self.constant is not None:
            return self.constant
        search: Matches = self.compiled(self.template.render(event)).search
        return search


class _Names:
    """Expressions for names. Names come again and again: what was found of them is kept."""

    def __init__(self, expressions: list[_Expression]) -> None:
        self.expressions = expressions
        self.is_constant = all(expression.constant for expression in expressions)
        self.known: dict[str, bool] = {}

    def of(self, event: Event) -> Callable[[str], bool]:
        """Whether any expression matches a name."""
        if self.is_constant:
            return self._matches
        searches = [expression.of(event) for expression in self.expressions]
        return lambda name: any(search(name) for search in searches)

    def _matches(self, name: str) -> bool:
        known = self.known.get(name)
        if known is None:
            if len(self.known) >= _MOST_NAMES:
                self.known.clear()
            tests = [expression.constant for expression in self.expressions]
            known = self.known[name] = any(test is not None and test(name) for test in tests)
        return known


def _constant(text: str) -> Template:
    """A text with nothing to fill in, whatever it looks like."""
    template = Template("")
    template.text, template.is_constant, template.render = text, True, lambda event: text
    return template
