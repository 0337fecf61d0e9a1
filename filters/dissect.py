"""The filter dissect: a text cut at fixed delimiters. What a dissection is and does,
``_dissection`` says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ..dsl.diagnostics import did_you_mean
from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.template import REMEDY
from ..dsl.values import to_text
from ..plugins.contract import Filter, complain
from ..plugins.declaration import Example, option
from . import _ruby as ruby
from ._dissection import Dissection, DissectionError
from ._references import named_field


class Dissect(Filter, name="dissect"):
    """Cut a string at fixed delimiters into fields.

    `%{name}` is a field: it takes the text up to the delimiter that follows it, which is what
    stands between two fields; the last field takes the rest. Delimiters are looked for from left to
    right, and all of them must be there. Where one comes twice in a row, the field between is
    empty.

    `%{}` and `%{?name}` skip a field. `%{+name}` appends to a field, with the delimiter that stood
    before it in between; `%{+name/2}` says which comes first. `%{&name}` is set under the name that
    the field `name` holds: `%{?key}=%{&key}`. `%{name->}` lets the delimiter behind it come several
    times, as in columns filled up with blanks. Text before the first field must start the text,
    text behind the last one ends it; what follows that is not looked at.

    A string that does not fit, or is empty, gets the tags of `tag_on_failure` and no fields. A
    field of `mapping` that is not there is skipped. `convert_datatype` comes after all mappings:
    what cannot be converted stays, tagged `_dataconversionuncoercible_FIELD_TYPE`, or
    `_dataconversionnullvalue_FIELD_TYPE` where there is nothing. `float` leaves integers whole.

    Two traps, kept from Logstash: where the text starts with the delimiter behind the first field,
    the first field is empty and the delimiter is found again for the second. And the entries of
    `mapping` do not come in the order in which they are written: to dissect what another mapping
    found, write a second filter.

    Differs from Logstash: several mappings that fit decorate the event once, after the conversions.
    """

    mapping: dict[str, str] = option(
        "The fields to dissect, each with its dissection.", default={}, literal=True
    )
    convert_datatype: dict[str, str] = option(
        "The fields to convert, each to `int` or `float`.", default={}
    )
    tag_on_failure: list[str] = option(
        "Tags for an event with a text that does not fit.", default=["_dissectfailure"]
    )

    examples = (
        Example(
            "a line of syslog",
            'dissect { mapping => { "message" => "%{ts} %{+ts} %{+ts} %{host} %{program}[%{pid}]:'
            ' %{message}" } convert_datatype => { "pid" => "int" } }',
            before={"message": "Mar 16 00:01:25 evita postfix/smtpd[1713]: connect from unknown"},
            after={
                "ts": "Mar 16 00:01:25",
                "host": "evita",
                "program": "postfix/smtpd",
                "pid": 1713,
                "message": "connect from unknown",
            },
        ),
        Example(
            "columns",
            'dissect { mapping => { "line" => "%{name->} %{size->} %{?unit}" } remove_field =>'
            ' ["line"] }',
            before=[{"line": "web    12  kB"}, {"line": "web"}],
            after=[{"name": "web", "size": "12"}, {"line": "web", "tags": ["_dissectfailure"]}],
        ),
        Example(
            "a field names another",
            'dissect { mapping => { "line" => "%{?key}=%{&key}" } }',
            before={"line": "colour=red"},
            after={"line": "colour=red", "colour": "red"},
        ),
    )

    def prepare(self) -> None:
        """Make the dissections and conversions."""
        found = [
            (named_field(self, "mapping", name, (name,)), self._dissection(name))
            for name in self.mapping
        ]
        self.dissections = [
            (ref, dissection.dissect) for ref, dissection in found if dissection is not None
        ]
        self.conversions = [
            self._conversion(name, kind) for name, kind in self.convert_datatype.items()
        ]

    def _dissection(self, name: str) -> Dissection | None:
        try:
            dissection = Dissection(self.mapping[name]) if self.mapping[name] else None
        except DissectionError as error:
            self.problem("mapping", f"bad dissection: {error}", path=(name,))
            return None
        for problem in dissection.broken if dissection else ():
            self.problem("mapping", problem, REMEDY, path=(name,), code="W304")
        if dissection and dissection.never:
            help = "put the delimiter of the log between them"
            self.problem("mapping", dissection.never, help, path=(name,), code="W305")
        return dissection

    def _conversion(self, name: str, kind: str) -> Callable[[Event], None]:
        if kind.lower() not in _CONVERSIONS:
            help = did_you_mean(kind, _CONVERSIONS) or "write `int` or `float`"
            self.problem(
                "convert_datatype",
                f"unknown type `{kind}` for it",
                help,
                path=(name,),
                code="E204",
            )
            return lambda event: None
        return _converting(named_field(self, "convert_datatype", name, (name,)), kind)

    def run(self, events: list[Event]) -> list[Event]:
        """Dissect the fields of each event; the same list."""
        dissections, conversions, decorate = self.dissections, self.conversions, self.decorate
        for event in events:
            try:
                fits = False
                for ref, dissect in dissections:
                    value = ref.get(event)
                    if type(value) is not str:
                        if value is None and not ref.has(event):
                            continue
                        value = ruby.to_s(value)
                    if value and dissect(event, value):
                        fits = True
                    else:
                        self._tag(event)
                for convert in conversions:
                    convert(event)
                if fits and decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _tag(self, event: Event) -> None:
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)

    def failed(self, event: Event, error: Exception) -> None:
        """Tag an event on which the filter raised."""
        self._tag(event)
        complain(
            self.context.where, "%s: dissect failed on an event: %s", self.context.where, error
        )


_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,9})?", re.ASCII)


def _to_float(text: str) -> int | float:
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(_checked(text))
    if number - number != 0:
        raise ValueError(f"{text} is too large for a float")
    return number


def _to_int(text: str) -> int:
    if _WHOLE.fullmatch(text):
        return int(text)
    number = Decimal(_checked(text))
    if number.adjusted() > 4000:
        raise ValueError(f"{text} is too large")
    return int(number)


def _checked(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"`{text}` is not a valid number")
    return text


_CONVERSIONS: dict[str, Callable[[str], int | float]] = {"int": _to_int, "float": _to_float}


def _converting(ref: FieldRef, kind: str) -> Callable[[Event], None]:
    convert = _CONVERSIONS[kind.lower()]

    def run(event: Event) -> None:
        value = ref.get(event)
        try:
            number = convert(value if type(value) is str else _number_text(value))
        except (ValueError, ArithmeticError):
            what = "nullvalue" if value is None else "uncoercible"
            add_tag(event, f"_dataconversion{what}_{ref}_{kind}")
        else:
            ref.set(event, number)

    return run


def _number_text(value: Any) -> str:
    if type(value) not in (int, float):
        raise ValueError(f"a {type(value).__name__} is not a number")
    return to_text(value)
