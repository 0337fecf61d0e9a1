"""Comma-separated values: a row for each event."""

from __future__ import annotations

from typing import Any

from ...dsl.diagnostics import did_you_mean
from ...dsl.joda.zones import find_zone, platform_zone
from ...dsl.reference import Event, FieldError, FieldRef, reference
from ...dsl.values import ruby_text
from ..contract import Codec, Ecs
from ..csv_rows import Reader, Row
from ..csv_values import conversions
from ..declaration import option
from ._charset import charset_option
from ._framing import MARK
from ._rendering import utf8
from ._target import check_target, placed

_BREAKS = frozenset("\r\n")


class Csv(Ecs, Codec, name="csv"):
    """Comma-separated values, one row for each payload or line.

    Decoding: the first row of a payload is an event, each column a field, named by `columns`, or
    `column3`, `column4` … beyond; what follows the row is ignored, but with ECS the whole text is
    in `[event][original]`. With `autodetect_column_names` the first payload (or line) names the
    columns and is not an event. A row that is badly quoted is an event with the text as `message`,
    tagged `_csvparsefailure`. An empty column is null, a quoted empty one an empty string.

    Encoding: the fields of `columns`, or all fields, as a row.
    """

    by_line = True

    columns: list[str] = option("The names of the columns; the fields to write.", default=[])
    separator: str = option("What stands between columns.", default=",", literal=True)
    quote_char: str = option("What quotes a column.", default='"')
    convert: dict[str, str] = option(
        "Columns to convert, with the type to convert them to: integer, float, boolean, date or"
        " date_time.",
        default={},
    )
    autodetect_column_names: bool = option(
        "Whether the first row names the columns.", default=False
    )
    autogenerate_column_names: bool = option(
        "Whether columns without a name get one, or are left out.", default=True
    )
    skip_empty_columns: bool = option("Whether to leave out columns that are empty.", default=False)
    include_headers: bool = option(
        "Whether the names of the columns are written once, as the first row.", default=False
    )
    target: FieldRef | None = option(
        "The field to put the columns under, instead of the event's root.", default=None
    )
    charset: str = option("The character set of the bytes.", default="UTF-8")

    def prepare(self) -> None:
        self._text = charset_option(self).text
        check_target(self)
        if len(self.quote_char) != 1:
            self.problem("quote_char", "`quote_char` must be one character")
        elif not self.separator:
            self.problem("separator", "`separator` is empty", "give one character or more")
        else:
            self._first_row = Reader(
                self.separator, self.quote_char, self.context.limit("fields")
            ).first_row
        self._quoted = (*_BREAKS, self.separator, self.quote_char)
        known = conversions(
            find_zone(str(self.context.settings.get("penstock.timezone"))) or platform_zone()
        )
        for name, kind in self.convert.items():
            if kind not in known:
                help = did_you_mean(kind, known) or "one of " + ", ".join(known)
                self.problem(
                    "convert", f"columns cannot be converted to `{kind}`", help, path=(name,)
                )
        self._conversions = {
            name: known[kind] for name, kind in self.convert.items() if kind in known
        }
        self._fields = [reference(name) for name in self.columns]

    def start(self) -> None:
        self._names: list[str | None] = list(self.columns)
        self._headed = not self.include_headers
        self._marked = not self.begun

    def decode(self, data: bytes) -> list[Event]:
        text = self._text(data)
        if self._marked:
            self._marked, text = False, text.removeprefix(MARK)
        try:
            row = self._first_row(text)
            if row is None:
                return []
            if self.autodetect_column_names and not self._names:
                self._names = row
                return []
            return [self._event(row, text)]
        except (ValueError, FieldError):
            return [{"message": text, "tags": ["_csvparsefailure"]}]

    def _event(self, row: Row, text: str) -> Event:
        event = placed(self.target, dict(self._columns(row)), self.context.now())
        if self.ecs and type(event.setdefault("event", {})) is dict:
            event["event"]["original"] = text
        return event

    def _columns(self, row: Row) -> list[tuple[str, Any]]:
        found = []
        for place, value in enumerate(row):
            name = self._names[place] if place < len(self._names) else None
            if (self.skip_empty_columns and not value) or (
                name is None and not self.autogenerate_column_names
            ):
                continue
            name = name or f"column{place + 1}"
            convert = self._conversions.get(name)
            found.append((name, value if convert is None or value is None else convert(value)))
        return found

    def encode(self, events: list[Event]) -> bytes:
        rows = [self._row(self._values(event)) for event in events]
        if not self._headed and events:
            self._headed = True
            names = self.columns or [key for key in events[0] if key != "@metadata"]
            rows.insert(0, self._row(names))
        return utf8("".join(rows))

    def _values(self, event: Event) -> list[Any]:
        if self._fields:
            return [field.get(event) for field in self._fields]
        return [value for key, value in event.items() if key != "@metadata"]

    def _row(self, values: list[Any] | list[str]) -> str:
        return (
            self.separator.join(
                ["" if value is None else self._cell(ruby_text(value)) for value in values]
            )
            + "\n"
        )

    def _cell(self, text: str) -> str:
        if text and not any(part in text for part in self._quoted):
            return text
        quote = self.quote_char
        return quote + text.replace(quote, quote + quote) + quote
