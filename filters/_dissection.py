"""A dissection: ``%{ts} %{+ts} [%{level}] %{msg}``, made once into a matcher of texts and a setter
of fields.

The delimiters are looked for from left to right, each from where the one before it ended; the text
between two of them is a field. That is one regular expression without alternatives. Only a text
that starts with the delimiter behind the first field is walked by hand, for there Logstash does
something that no expression says: the first field is empty, and the delimiter is found again for
the next one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

from ..dsl.diagnostics import PenstockError
from ..dsl.reference import Event, FieldError, ReferenceSyntaxError
from ..dsl.values import java_text
from ._references import NAMES_APART, BrokenReference, field, set_named

Values = Sequence[str]
Step = Callable[[Event, Values], None]

_PART = re.compile(r"(.*?)%\{([^}]*)\}", re.DOTALL)
_NAME = re.compile(
    r"(.*?)(?:/(?P<order>\d{1,2}))?(?P<padded>->)?(?:/(?P<late>\d{1,2}))?", re.DOTALL
)


class DissectionError(PenstockError, ValueError):
    """A text that is not a dissection."""


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a dissection. ``kind`` is what stands before its name: nothing, ``?``, ``+`` or
    ``&``; ``before`` is the delimiter in front of it; ``padded``: the delimiter behind it may come
    several times.
    """

    kind: str
    name: str
    order: int
    before: str
    padded: bool

    @property
    def is_plain(self) -> bool:
        """Whether its value is set under its name, and nothing more."""
        return (
            not self.kind
            and "[" not in self.name
            and "]" not in self.name
            and self.name not in NAMES_APART
        )


class Dissection:
    """``dissect(event, text)`` sets the fields and says whether the text fits; it sets none where
    it does not.

    Raises DissectionError where the text of the dissection is none. ``never`` says why nothing will
    ever fit, if so; ``broken`` says of names that are not field references why they are not: those
    raise when they are set.
    """

    def __init__(self, text: str) -> None:
        self.parts = _parts(text)
        self.delimiters = [part.before for part in self.parts[1:]]
        self.never = (
            ""
            if all(self.delimiters)
            else "two fields without a delimiter between them never match"
        )
        named = [field(part.name) for part in self.parts if part.kind != "?" and part.name]
        self.broken = [ref.problem for ref in named if isinstance(ref, BrokenReference)]
        self._match = re.compile(_expression(self.parts), re.DOTALL).fullmatch
        plain = [i for i, part in enumerate(self.parts) if part.is_plain]
        self._names = [self.parts[i].name for i in plain]
        self._pick = _picker(plain)
        self._steps = _steps(self.parts)

    def dissect(self, event: Event, text: str) -> bool:
        """Set the fields of a text that fits, and say whether it does. Raises where a field cannot
        be set, once the others are.
        """
        found = self._match(text)
        if found is not None:
            values: Values = found.groups()
        elif (
            self.never
            or self.parts[0].before
            or not text.startswith(self.delimiters[0] if self.delimiters else " ")
        ):
            return False
        else:
            walked = self._walk(text)
            if walked is None:
                return False
            values = walked
        event.update(zip(self._names, self._pick(values), strict=False))
        refused: ReferenceSyntaxError | FieldError | None = None
        for step in self._steps:
            try:
                step(event, values)
            except (ReferenceSyntaxError, FieldError) as error:
                refused = refused or error
        if refused is not None:
            raise refused
        return True

    def _walk(self, text: str) -> list[str] | None:
        """The values of a text that starts with its first delimiter."""
        values, left = [], 0
        for part, delimiter in zip(self.parts, self.delimiters, strict=False):
            end = text.find(delimiter, left)
            if end < 0:
                return None
            values.append(text[left:end])
            if end > 0:
                left = end + len(delimiter)
            while part.padded and text.startswith(delimiter, left):
                left += len(delimiter)
        return [*values, text[left:]]


def _parts(text: str) -> list[Part]:
    """The fields of a dissection; text behind the last one becomes a field that is skipped."""
    found = [_part(match[2], match[1]) for match in _PART.finditer(text)]
    if not found:
        raise DissectionError("it has no field: write %{name} for each")
    rest = text[text.rindex("}") + 1 :]
    return [*found, Part("?", "", 0, rest, False)] if rest else found


def _part(field: str, before: str) -> Part:
    kind = field[:1] if field[:1] in ("?", "+", "&") else ""
    match = _NAME.fullmatch(field[len(kind) :])
    assert match is not None
    name = match[1]
    if kind in ("+", "&") and not name:
        raise DissectionError(f"`%{{{field}}}` has no name")
    if field[:2] in ("+&", "&+"):
        raise DissectionError(
            f"`%{{{field}}}` is both appended and named by another field; only one is allowed"
        )
    order = int(match["order"] or match["late"] or 0)
    # `%{}` is skipped; `%{->}` is set under the name that is left of it, the empty one.
    skipped = not field or kind == "?"
    return Part("?" if skipped else kind, name, order, before, match["padded"] is not None)


def _expression(parts: Sequence[Part]) -> str:
    written = [re.escape(parts[0].before)]
    for number, (part, following) in enumerate(pairwise(parts)):
        delimiter = following.before
        empty = "" if number or parts[0].before else f"(?!{re.escape(delimiter)})"
        written.append(f"{empty}({_up_to(delimiter)}){re.escape(delimiter)}")
        if part.padded:
            written.append(f"(?:{re.escape(delimiter)})*+")
    return "".join(written) + "(.*)"


def _up_to(delimiter: str) -> str:
    """Matches what stands before the next delimiter; nothing at all where there is none between two
    fields.
    """
    if not delimiter:
        return "(?!)"
    first, rest = f"[^{re.escape(delimiter[0])}]*+", re.escape(delimiter[1:])
    return f"{first}(?:{re.escape(delimiter[0])}(?!{rest}){first})*+" if rest else first


def _picker(indexes: Sequence[int]) -> Callable[[Values], Values]:
    """Picks some of the values, and perhaps more behind them."""
    if list(indexes) == list(range(len(indexes))):
        return lambda values: values
    if len(indexes) == 1:
        (only,) = indexes
        return lambda values: (values[only],)
    return itemgetter(*indexes)


def _steps(parts: Sequence[Part]) -> list[Step]:
    """What is done with the values of all but plain fields: those that are appended come in order,
    the indirect last.
    """
    steps = [
        _setting(i, part) for i, part in enumerate(parts) if part.kind == "" and not part.is_plain
    ]
    appended: dict[str, list[int]] = {}
    for _, i in sorted((part.order, i) for i, part in enumerate(parts) if part.kind == "+"):
        appended.setdefault(parts[i].name, []).append(i)
    steps += [_appending(name, several, parts) for name, several in appended.items()]
    return [
        *steps,
        *[_indirect(i, part, parts) for i, part in enumerate(parts) if part.kind == "&"],
    ]


def _setting(at: int, part: Part) -> Step:
    name = part.name
    return lambda event, values: set_named(event, name, values[at])


def _appending(name: str, several: Sequence[int], parts: Sequence[Part]) -> Step:
    """Appends values, each with the delimiter in front of it; the first needs none if the field is
    not there yet.
    """
    joints = [(parts[i].before or " ", i) for i in several]
    get = field(name).get

    def append(event: Event, values: Values) -> None:
        text = "".join([joint + values[i] for joint, i in joints])
        held = get(event)
        set_named(
            event,
            name,
            text.removeprefix(joints[0][0]) if held is None else java_text(held) + text,
        )

    return append


def _indirect(at: int, part: Part, parts: Sequence[Part]) -> Step:
    named_by = next(
        (i for i, other in enumerate(parts) if other.name == part.name and i != at), None
    )
    get = field(part.name).get

    def set_indirect(event: Event, values: Values) -> None:
        held = get(event)
        name = "" if named_by is None else values[named_by]
        if held is not None:
            name = java_text(held)
        if name:
            set_named(event, name, values[at])

    return set_indirect
