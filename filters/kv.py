"""The filter kv: keys and values out of a text such as ``user=ann action="log in"``. Finding the
pairs is ``_kv_scanner``'s.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.regex import RegexError
from ..dsl.template import Template
from ..dsl.values import copy
from ..plugins.contract import Ecs, Filter, complain
from ..plugins.declaration import Example, option
from ..plugins.former import renamed
from . import _ruby as ruby
from ._kv_changes import CASES, Change, Changes, Names, add_again, all_of, removing, trimming
from ._kv_rows import rows
from ._kv_scanner import BRACKETS, QUOTES, Pair, Scanner, Splitters
from ._references import NAMES_APART, set_all

if TYPE_CHECKING:
    from ..dsl.guard import Guard

Pairs = Callable[[str], list[Pair]]
Cut = Callable[[str], dict[str, str] | None]
_ESCAPES = "in a set of characters, write a backslash before [ ] \\ ^ and -"
DEEPEST = 64
"""How deep `recursive` goes; what is below stays text."""


class Kv(Ecs, Filter, name="kv"):
    """Take keys and values out of a string such as `user=ann action="log in"`.

    A value ends at the next field splitter, unless it stands in double or single quotes or, with
    `include_brackets`, in `( )`, `[ ]` or `< >`, which are taken off. A backslash keeps the
    splitter behind it from splitting, and stays. What has no value splitter is skipped, and so
    is a key without a value, unless `allow_empty_values`. A key that comes again makes a list. A
    key in brackets, `[a][b]`, is a field reference.

    `field_split` and `value_split` are sets of characters, as in a character class of a regular
    expression: several characters are several splitters, and `[`, `]`, `\\`, `^` and `-` want a
    backslash. For a splitter of more than one character there are `field_split_pattern` and
    `value_split_pattern`.

    Each pair goes through, in this order: `trim_key`, `remove_char_key`, `transform_key`,
    `include_keys`, `exclude_keys`, `prefix`, `trim_value`, `remove_char_value`, `transform_value`,
    `allow_duplicate_values`, `recursive`.

    If nothing was found and there are no `default_keys`, the event stays as it is and gets no
    decoration.

    Differs from Logstash: groups in the patterns of splitters are of no effect (there they turn up
    as values); without `allow_duplicate_values`, a value that is only part of an earlier one is
    kept; `recursive` goes 64 deep; the time limit applies to patterns only, as sets of characters
    are always fast, and counts CPU time.
    """

    former = renamed(
        {
            "trim": "trim_value",
            "trimkey": "trim_key",
            "fields": "source",
            "container": "target",
        }
    )

    source: FieldRef = option(
        "The field to parse, a string or a list of strings.", default=FieldRef("message")
    )
    target: FieldRef | None = option("Where the pairs go. Default: the event itself.", default=None)
    field_split: str = option("The characters that end a pair.", default=" ")
    field_split_pattern: str | None = option("A regular expression that ends a pair.", default=None)
    value_split: str = option("The characters between key and value.", default="=")
    value_split_pattern: str | None = option(
        "A regular expression between key and value.", default=None
    )
    whitespace: str = option(
        "Whether blanks may stand around the value splitter.",
        default="lenient",
        choices=("strict", "lenient"),
    )
    include_brackets: bool = option(
        "Whether brackets hold a value together, as quotes do.", default=True
    )
    allow_empty_values: bool = option(
        "Whether a key without a value is kept, with an empty string.", default=False
    )
    allow_duplicate_values: bool = option("Whether a pair that comes again is kept.", default=True)
    recursive: bool = option(
        "Whether values are parsed, too; the pairs in them become a map.", default=False
    )
    include_keys: list[str] = option(
        "The keys to keep. Default: all. Templates are filled in.", default=[]
    )
    exclude_keys: list[str] = option("The keys to drop. Templates are filled in.", default=[])
    default_keys: dict[str, Any] = option("Values for keys that are not found.", default={})
    prefix: Template = option("A prefix for every key.", default=Template(""))
    trim_key: str | None = option("Characters to take off both ends of keys.", default=None)
    trim_value: str | None = option("Characters to take off both ends of values.", default=None)
    remove_char_key: str | None = option("Characters to take out of keys.", default=None)
    remove_char_value: str | None = option("Characters to take out of values.", default=None)
    transform_key: str | None = option(
        "A change of case for keys.", default=None, choices=tuple(CASES)
    )
    transform_value: str | None = option(
        "A change of case for values.", default=None, choices=tuple(CASES)
    )
    tag_on_failure: list[str] = option(
        "Tags for an event on which the filter failed.", default=["_kv_filter_error"]
    )
    tag_on_timeout: str = option(
        "A tag for an event whose parsing took too long.", default="_kv_filter_timeout"
    )
    timeout_millis: int = option(
        "How long the patterns may take for an event, in milliseconds; 0 for no limit.",
        default=30000,
        at_least=0,
    )

    examples = (
        Example(
            "quotes and brackets hold a value together",
            "kv { }",
            before={"message": 'user=ann action="log in" from=[10.0.0.1] and so on'},
            after={
                "message": 'user=ann action="log in" from=[10.0.0.1] and so on',
                "user": "ann",
                "action": "log in",
                "from": "10.0.0.1",
            },
        ),
        Example(
            "a query string",
            'kv { source => "[url][query]" field_split => "&" target => "[url][params]"'
            ' exclude_keys => ["token"] }',
            before={"url": {"query": "q=fish&page=2&token=s3cret&q=chips"}},
            after={
                "url": {
                    "query": "q=fish&page=2&token=s3cret&q=chips",
                    "params": {"q": ["fish", "chips"], "page": "2"},
                }
            },
        ),
        Example(
            "a log of a mail server",
            'kv { trim_value => "<>," remove_field => ["message"] }',
            before={"message": "to=<a@example.com>, delay=2.2, dsn=2.0.0"},
            after={"to": "a@example.com", "delay": "2.2", "dsn": "2.0.0"},
        ),
    )

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        return None if self.target is None else self.changes_of([str(self.target)])

    @property
    def finite(self) -> bool:
        return not self.default_keys

    def prepare(self) -> None:
        """Build the scanner and the changes of keys and values."""
        self.guard: Guard | None = None
        self.too_long: tuple[type[Exception], ...] = ()
        splitters = self._splitters()
        if splitters is not None:
            self.scanner = Scanner(splitters)
            self.pairs: Pairs = self.scanner.pairs
            if splitters.by_pattern and self.timeout_millis:
                self._set_guard(self.timeout_millis / 1000)
        self.change_key = self._changes("key")
        self.change_value = self._changes("value")
        self.included = Names(self.include_keys)
        self.excluded = Names(self.exclude_keys)
        self.most = self.context.limit("fields")
        self.put = self.target.set if self.target is not None else _put_all
        special = (
            self.change_key
            or self.change_value
            or self.include_keys
            or self.exclude_keys
            or self.prefix.text
        )
        is_plain = not special and not self.recursive and self.allow_duplicate_values
        self.collect = self._collect_plain if is_plain else self._collect
        self.cut = self.scanner.cut if splitters is not None and not self.recursive else None
        self.known = known = rows(splitters) if splitters is not None else None
        self.rows = known if is_plain else None
        self.changes_pairs = None if is_plain else Changes(self.change_key, self.change_value)
        if known is not None and not is_plain and not self.recursive:
            self.pairs = partial(known.pairs, self.scanner.pairs)

    def _set_guard(self, seconds: float) -> None:
        from ..dsl.guard import Guard, MatchTimeout

        self.guard = Guard(seconds)
        self.too_long = (MatchTimeout, TimeoutError)

    def _splitters(self) -> Splitters | None:
        """The splitters, None where one of them is wrong."""
        given = ("field_split", "value_split", "field_split_pattern", "value_split_pattern")
        usable = [self._is_splitter(name) for name in given]
        if not all(usable):
            return None
        return Splitters(
            field=self.field_split_pattern or self.field_split,
            value=self.value_split_pattern or self.value_split,
            field_by_pattern=self.field_split_pattern is not None,
            value_by_pattern=self.value_split_pattern is not None,
            lenient=self.whitespace == "lenient",
            quotes=QUOTES + BRACKETS if self.include_brackets else QUOTES,
        )

    def _is_splitter(self, option: str) -> bool:
        given = getattr(self, option)
        if given is None:
            return True
        if given == "":
            self.problem(
                option,
                "the splitter is empty",
                "remove it, or give a character",
            )
            return False
        return (
            self._compiled(option, given if option.endswith("_pattern") else f"[{given}]")
            is not None
        )

    def _compiled(self, option: str, expression: str) -> Any:
        try:
            return ruby.pattern(expression)
        except RegexError as error:
            self.problem(option, f"bad regular expression: {error}", _ESCAPES, code="E208")
            return None

    def _changes(self, what: str) -> Change | None:
        """What trim_…, remove_char_… and transform_… do, in this order; None for nothing."""
        trimmed, removed, case = (
            getattr(self, f"{name}_{what}") for name in ("trim", "remove_char", "transform")
        )
        changes: list[Change] = []
        if trimmed and self._compiled(f"trim_{what}", f"[{trimmed}]"):
            changes.append(trimming(trimmed))
        if removed and self._compiled(f"remove_char_{what}", f"[{removed}]"):
            changes.append(removing(removed))
        if case:
            changes.append(CASES[case])
        if len(changes) < 2:
            return changes[0] if changes else None
        return lambda text: all_of(changes, text)

    def run(self, events: list[Event]) -> list[Event]:
        """Parse the source of each event; the same list."""
        if self.guard is None:
            return self._loop(events, self.pairs)
        if threading.current_thread() is not threading.main_thread():
            seconds = self.guard.seconds
            return self._loop(events, lambda text: self.scanner.pairs_within(text, seconds))
        with self.guard:
            return self._loop(events, self.scanner.pairs)

    def _loop(self, events: list[Event], pairs: Pairs) -> list[Event]:
        get, put, decorate, guard = self.source.get, self.put, self.decorate, self.guard
        find = None if self.rows is None else self.rows.find
        defaults, most = self.default_keys, self.most
        for event in events:
            try:
                if guard is not None:
                    guard.turn = event
                value = get(event)
                if type(value) is str and len(value) > most and self._has_many(value):
                    raise ValueError(
                        f"the text may hold more than {most} pairs (penstock.limits.fields)"
                    )
                found: Event | None = None
                if find is not None and type(value) is str:
                    found = find(value)
                if found is None:
                    found = self._found(value, event, pairs)
                if defaults:
                    found = {**copy(defaults), **found}
                if found:
                    put(event, found)
                    if decorate is not None:
                        decorate(event)
            except self.too_long:
                self.failures += 1
                add_tag(event, self.tag_on_timeout)
            except Exception as error:
                self.failed(event, error)
        return events

    def _found(self, value: Any, event: Event, pairs: Pairs) -> Event:
        """The pairs of a value, of which not all is known before."""
        found: Event | None = None
        if self.cut is not None and type(value) is str:
            if self.changes_pairs is None:
                found = self.cut(value)
            else:
                found = self._changed(value, event, self.cut, self.changes_pairs)
        if found is None:
            found = {}
            for text in value if type(value) is list else (value,):
                if type(text) is str:
                    self.collect(text, event, found, pairs)
        if self.rows is not None and type(value) is str:
            self.rows.learn(value, found)
        return found

    def _changed(self, text: str, event: Event, cut: Cut, changes: Changes) -> Event | None:
        """The pairs of a plain text, changed; None where they go one by one."""
        found = self.known.find(text) if self.known is not None else None
        if found is None:
            found = cut(text)
            if found is None:
                return None
            if self.known is not None:
                self.known.learn(text, found)
        prefix, included = self.prefix.render(event), self.included.of(event)
        return changes.of(found, prefix, included, self.excluded.of(event))

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which the filter failed."""
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)
        complain(self.context.where, "%s: kv failed on an event: %s", self.context.where, error)

    def _has_many(self, text: str) -> bool:
        """Whether a text may have more pairs than the limit: as many places where a value could
        begin.
        """
        value = ruby.pattern(self.value_split_pattern or f"[{self.value_split}]")
        return next(islice(value.finditer(text), self.most, None), None) is not None

    def _collect_plain(self, text: str, event: Event, found: Event, pairs: Pairs) -> None:
        """Add pairs as they are."""
        empty = self.allow_empty_values
        every = pairs(text)
        if not found:
            found.update(every)
            if len(found) == len(every) and (empty or "" not in found.values()):
                return
            found.clear()
        for key, value in every:
            if value or empty:
                if key in found:
                    add_again(found, key, value)
                else:
                    found[key] = value

    def _collect(self, text: str, event: Event, found: Event, pairs: Pairs, depth: int = 0) -> None:
        """Add pairs with all that the options ask for."""
        prefix = self.prefix.render(event)
        included, excluded = self.included.of(event), self.excluded.of(event)
        change_key, change_value, recursive = self.change_key, self.change_value, self.recursive
        for key, value in pairs(text):
            if not value and not self.allow_empty_values:
                continue
            if change_key is not None:
                key = change_key(key)
            if (included and key not in included) or key in excluded:
                continue
            if change_value is not None:
                value = change_value(value)
            name = prefix + key
            if recursive or name in found:
                self._add(found, name, value, event, pairs, depth)
            else:
                found[name] = value

    def _add(
        self, found: Event, key: str, value: str, event: Event, pairs: Pairs, depth: int
    ) -> None:
        held = found.get(key)
        if not self.allow_duplicate_values and (
            held == value or (type(held) is list and value in held)
        ):
            return
        inner: Event = {}
        if self.recursive and depth < DEEPEST:
            self._collect(value, event, inner, pairs, depth + 1)
        if key in found:
            add_again(found, key, inner or value)
        else:
            found[key] = inner or value


def _put_all(event: Event, found: Event) -> None:
    """Set fields by their names, in brackets or not."""
    names = "".join(found)
    if "[" not in names and "]" not in names and NAMES_APART.isdisjoint(found):
        event.update(found)
        return
    set_all(event, found)
