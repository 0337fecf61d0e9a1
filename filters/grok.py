"""The filter grok: texts taken apart by named patterns.

Everything is decided beforehand: expressions compiled, captures bound to fields. The loop looks for
a text without which nothing can match, matches, and puts the captures in place. A guard ends a
match that takes too long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

from ..dsl.event import add_tag
from ..dsl.grok import Expression, Guard, Library, MatchTimeout, compile_expression
from ..dsl.grok.captures import Assign, assigner
from ..dsl.grok.loops import Fill, Loop, matching_loop
from ..dsl.reference import (
    Event,
    FieldError,
    FieldRef,
    PassedOverError,
    ReferenceSyntaxError,
)
from ..dsl.unmade import UnmadeEvents
from ..dsl.values import ruby_text
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, Pattern, option
from ..plugins.decoration import decorating
from ..plugins.former import renamed
from ._grok_patterns import (
    extended_library,
    read_expression,
    shared_expression,
    shipped_library,
)
from ._prefilter import Choose, chooser
from ._whole_events import WholeEvents

Get = Callable[[Event], Any]
Find = Callable[[str], re.Match[str] | None]
Finder = Callable[[Expression], Find]


class Attempt:
    """An expression and what puts its captures into an event, made when the first event comes."""

    def __init__(self, expression: Expression, make: Callable[[Expression], Assign]) -> None:
        self.expression, self._make = expression, make

    @cached_property
    def assign(self) -> Assign:
        """Puts a match into an event."""
        return self._make(self.expression)


class Tries(NamedTuple):
    """What is tried on a value: expressions, and what chooses among them."""

    choose: Choose
    each: list[tuple[Find, Assign]]


class Grok(Ecs, Filter, name="grok"):
    """Take text apart with named patterns and keep the parts as fields.

    A pattern is a regular expression in which `%{NAME}` stands for a pattern of the library and
    `%{NAME:field}` keeps what it matched in a field; `%{NAME:field:int}` and `:float` convert it.
    The patterns of a field are tried in order; the first that matches wins. The library is the one
    of Logstash: field names follow the Elastic Common Schema unless `ecs_compatibility` is
    `disabled`. A name that only pygrok knows is found in pygrok's own files.

    A field that is there already becomes a list of the old and the new value, unless `overwrite`
    names it. A missing field is matched as an empty string, a list item by item. A capture into
    `@timestamp` or `[@metadata]` itself fails: these take no text.

    A pattern ends where it may, if nothing in the expression follows it: `%{TIMESTAMP_ISO8601}`
    takes `23:59:6` of `23:59:60Z`, `%{IP}` takes `::ffff:192` of `::ffff:192.0.2.128`, `%{URI}`
    takes `https://` of `https://[::1]/`, as in Logstash. Write what follows, or `$` at the end:
    then it takes all or does not match.

    Differs from Logstash: `timeout_millis` counts the CPU time of the process, not the time on the
    wall.
    """

    former = renamed(unused=("singles",))

    match: dict[str, Any] = option(
        "Fields, each with a pattern or a list of patterns to try in order.", default={}
    )
    break_on_match: bool = option(
        "Stop at the first pattern, and the first field, that matches.", default=True
    )
    keep_empty_captures: bool = option(
        "Keep captures that are empty or took no part.", default=False
    )
    named_captures_only: bool = option(
        "Keep only named captures; if false `%{WORD}` is kept as `WORD`.", default=True
    )
    overwrite: list[str] = option("Fields whose old value is replaced.", default=[])
    pattern_definitions: dict[str, str] = option(
        "Patterns of your own, by name; they come before the library's.", default={}
    )
    patterns_dir: list[Pattern] = option(
        "Directories (or globs) of files with more patterns, one `NAME regex` a line.", default=[]
    )
    patterns_files_glob: str = option(
        "A glob for the file names in those directories.", default="*"
    )
    pattern: list[str] = option(
        "Removed.", default=[], obsolete='write match => { "message" => "PATTERN" }'
    )
    tag_on_failure: list[str] = option(
        "Tags for an event that no pattern matched.", default=["_grokparsefailure"]
    )
    tag_on_timeout: str = option(
        "A tag for an event on which a pattern took too long.", default="_groktimeout"
    )
    target: str | None = option("A field under which all captures go.", default=None)
    timeout_millis: int = option(
        "How long a match may take, in milliseconds; 0 for no limit.", default=30000, at_least=0
    )
    timeout_scope: str = option(
        "Whether the limit is for each pattern or for all of an event.",
        default="pattern",
        choices=("pattern", "event"),
    )

    examples = (
        Example(
            "a request line",
            'grok { match => { "message" => "%{IP:[client][ip]} %{WORD:[http][request][method]}'
            ' %{NUMBER:took:float}" } }',
            before={"message": "55.3.244.1 GET 0.043"},
            after={
                "message": "55.3.244.1 GET 0.043",
                "client": {"ip": "55.3.244.1"},
                "http": {"request": {"method": "GET"}},
                "took": 0.043,
            },
        ),
        Example(
            "a pattern of your own",
            """grok {
  pattern_definitions => { "QUEUEID" => "[0-9A-F]{10,11}" }
  match => { "message" => "^%{QUEUEID:queue_id}: %{GREEDYDATA:message}" }
  overwrite => ["message"]
}""",
            before={"message": "BEF25A72965: message-id=<20130101142543.5828399CCAF@mail.example>"},
            after={
                "queue_id": "BEF25A72965",
                "message": "message-id=<20130101142543.5828399CCAF@mail.example>",
            },
        ),
        Example(
            "nothing matches",
            'grok { match => { "message" => "^%{INT:number}$" } }',
            before={"message": "no number"},
            after={"message": "no number", "tags": ["_grokparsefailure"]},
        ),
    )

    def prepare(self) -> None:
        library = self._library()
        self._fields = [
            self._field(name, patterns, library) for name, patterns in self.match.items()
        ]
        self._guard = Guard(self.timeout_millis / 1000) if self.timeout_millis else None

    @property
    def finite(self) -> bool:
        attempts = (attempt for _, attempts in self._fields for attempt in attempts)
        return not any(attempt.expression.has_floats for attempt in attempts)

    @cached_property
    def _choices(self) -> list[Choose]:
        """For each field, what chooses among its expressions."""
        return [chooser([each.expression for each in attempts]) for _, attempts in self._fields]

    @cached_property
    def _is_single(self) -> bool:
        """Whether one field is matched, up to the first match, which is what most groks do."""
        if len(self._fields) != 1 or self.timeout_scope != "pattern":
            return False
        return len(attempts := self._fields[0][1]) == 1 or (bool(attempts) and self.break_on_match)

    @property
    def _expressions(self) -> list[Expression]:
        """The expressions of the first field."""
        return [attempt.expression for attempt in self._fields[0][1]]

    @cached_property
    def _fill(self) -> Fill:
        return Fill(self.target or "", frozenset(self.overwrite), self.keep_empty_captures)

    @cached_property
    def _only(self) -> Loop | None:
        """The loop over one field."""
        if not self._is_single:
            return None
        keys = FieldRef(next(iter(self.match))).keys
        decoration = decorating(self.decorate, self.removes)
        return matching_loop(self._expressions, keys, self._fill, decoration)

    @property
    def takes_lines(self) -> bool:
        return self._is_single and FieldRef(next(iter(self.match))).keys == ("message",)

    @cached_property
    def _whole(self) -> WholeEvents:
        """What makes events of lines."""
        decoration = decorating(self.decorate, self.removes)
        return WholeEvents(self._expressions, self._fill, decoration)

    def _library(self) -> Library:
        if not self.patterns_dir and not self.pattern_definitions:
            return shipped_library(self.ecs)
        added = self.patterns_dir, self.patterns_files_glob, self.pattern_definitions
        return extended_library(self, shipped_library(self.ecs), *added)

    def _field(self, name: str, given: Any, library: Library) -> tuple[Get, list[Attempt]]:
        patterns = given if isinstance(given, list) else [given]
        attempts = []
        for number, pattern in enumerate(patterns):
            path = (name, number) if isinstance(given, list) else (name,)
            attempt = self._attempt(str(pattern), library, path)
            if attempt is not None:
                attempts.append(attempt)
        try:
            return FieldRef(name).get, attempts
        except ReferenceSyntaxError as error:
            self.problem(
                "match",
                str(error),
                "write a field as name, [name] or [outer][inner]",
                (name,),
                "E207",
            )
            return lambda event: None, attempts

    def _attempt(self, pattern: str, library: Library, path: Sequence[str | int]) -> Attempt | None:
        expression = read_expression(self, pattern, path, lambda: self._compiled(pattern, library))
        return None if expression is None else Attempt(expression, self._assigner)

    def _assigner(self, expression: Expression) -> Assign:
        overwrite = frozenset(self.overwrite)
        return assigner(expression, self.target or "", overwrite, self.keep_empty_captures)

    def _compiled(self, pattern: str, library: Library) -> Expression:
        """A compiled pattern; those of the shipped library alone are compiled once for all
        filters.
        """
        if self.patterns_dir or self.pattern_definitions:
            return compile_expression(pattern, library, self.named_captures_only)
        return shared_expression(pattern, self.ecs, self.named_captures_only)

    def run(self, events: list[Event]) -> list[Event]:
        if not events:
            return events  # a flush, for which nothing need be compiled
        if self._guard is None:
            return self._loop(events, _unguarded)
        with self._guard as guard:
            return self._loop(events, guard.finder)

    def _loop(self, events: list[Event], finder: Finder) -> list[Event]:
        if type(events) is UnmadeEvents and not events.is_made and self._make(events, finder):
            return events
        if self._only is not None:
            ((get, attempts),) = self._fields
            finds = [finder(attempt.expression) for attempt in attempts]
            return self._only(
                events,
                get,
                finds,
                self._choices[0],
                self._assign,
                self.decorate,
                self._unmatched,
                partial(self._other, finds),
                self._timed_out,
                self.failed,
            )
        fields = [
            (get, Tries(self._choices[place], [(finder(x.expression), x.assign) for x in attempts]))
            for place, (get, attempts) in enumerate(self._fields)
        ]
        decorate, guard = self.decorate, self._guard if self.timeout_scope == "event" else None
        for event in events:
            try:
                if guard is not None:
                    guard.turn = event
                if not self._matched(event, fields):
                    self._unmatched(event)
                elif decorate is not None:
                    decorate(event)
            except MatchTimeout:
                self._timed_out(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _make(self, lines: UnmadeEvents, finder: Finder) -> bool:
        """Make the events of lines; whether their captures are in them."""
        finds = [finder(expression) for expression in self._expressions]
        loop = self._whole.loop(lines, finds)
        if loop is None:
            lines.make()
            return False
        given = self.decorate, self._unmatched, self._timed_out, self.failed
        if lines.may_wait:
            lines.rows = self._whole.rows(lines, finds[0], loop, given, self.removes)
        if lines.rows is None:
            lines.become(loop(lines, lines.now, lines.pattern.values, finds, *given))
        return True

    def _assign(self, place: int, event: Event, match: re.Match[str]) -> None:
        """Put a match of one expression into an event; made for those that match only."""
        self._fields[0][1][place].assign(event, match)

    def _other(self, finds: Sequence[Find], event: Event, value: Any) -> None:
        """What the loop over one field does with a value that is not a string."""
        assigns = [attempt.assign for attempt in self._fields[0][1]]
        tries = Tries(self._choices[0], list(zip(finds, assigns, strict=True)))
        if not self._found(tries, value, event):
            self._unmatched(event)
        elif self.decorate is not None:
            self.decorate(event)

    def _timed_out(self, event: Event) -> None:
        self.failures += 1
        add_tag(event, self.tag_on_timeout)

    def _unmatched(self, event: Event) -> None:
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)

    def _matched(self, event: Event, fields: list[tuple[Get, Tries]]) -> bool:
        matched = False
        for get, tries in fields:
            try:
                found = self._found(tries, get(event), event)
            except PassedOverError:
                raise
            except (FieldError, ReferenceSyntaxError) as error:
                self.tell(event, error)
                continue
            if found:
                matched = True
                if self.break_on_match:
                    break
        return matched

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which the filter raised; a match with a capture that cannot be set counts
        as none, as in Logstash. What Logstash passes over in silence is an exception.
        """
        is_none = isinstance(error, FieldError | ReferenceSyntaxError)
        if not is_none or isinstance(error, PassedOverError):
            super().failed(event, error)
            return
        self._unmatched(event)
        self.tell(event, error)

    def _found(self, tries: Tries, value: Any, event: Event) -> bool:
        if type(value) is list:
            hits = [
                self._try(tries, item, event) for item in value
            ]  # each item is matched, whatever the others do
            return any(hits)
        return self._try(tries, value, event)

    def _try(self, tries: Tries, value: Any, event: Event) -> bool:
        text = value if type(value) is str else ruby_text(value)
        matched = False
        for place in tries.choose(text):
            find, assign = tries.each[place]
            match = find(text)
            if match is not None:
                assign(event, match)
                matched = True
                if self.break_on_match:
                    break
        return matched


def _unguarded(expression: Expression) -> Find:
    return expression.find
