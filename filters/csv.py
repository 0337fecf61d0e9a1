"""The filter csv: the columns of a row as fields."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from ..dsl.diagnostics import did_you_mean
from ..dsl.event import add_tag
from ..dsl.joda.zones import find_zone, platform_zone
from ..dsl.reference import Event, FieldError, FieldRef, ReferenceSyntaxError
from ..plugins.contract import Ecs, Filter
from ..plugins.csv_rows import MalformedRowError, Reader, Row
from ..plugins.csv_values import Conversion, conversions
from ..plugins.declaration import Example, option
from ..plugins.former import renamed
from ._csv_loop import Loop, row_loop
from ._references import NAMES_APART, BrokenReference, field

Setter = Callable[[Event, Any], None]


class Csv(Ecs, Filter, name="csv"):
    """Split a string into columns and set them as fields.

    The first row of the text is read as Ruby's CSV library reads it: an empty column is null, a
    quoted empty one is an empty string; a quote inside a column that is not quoted, a string behind
    a closing quote and a quote that is never closed are errors, as is a field that is not a string.
    Such an event gets the tag `_csvparsefailure`, and so does an empty string, unless
    `skip_empty_rows` says otherwise. An event without the field passes untouched. A column that
    cannot be set tags the event, too; the others are set.

    Columns are named by `columns`, in order, and `column3`, `column4` … beyond. A name in brackets
    is a field reference, below `target` if there is one: `[a][b]`.

    `convert` turns columns into `integer`, `float`, `boolean`, `date` or `date_time`; a string that
    cannot be converted stays as it is. A date starts at midnight in the platform's zone (the
    setting `penstock.timezone`), a time without an offset is in UTC.

    The language has no escapes in strings: the separator of tab-separated text is a real tab
    between the quotes, unless the setting `config.support_escapes` is on.

    With `autodetect_column_names` the first event that comes names the columns and is dropped; as
    with `skip_header`, this needs all events in one place, one worker.

    Differs from Logstash: a null in a column that is converted to boolean stays null and is not a
    failure.
    """

    former = renamed({"fields": "columns"})

    source: FieldRef = option("The field with the string.", default=FieldRef("message"))
    target: FieldRef | None = option(
        "The field to put the columns in. Default: the top level of the event.", default=None
    )
    columns: list[str] = option("The names of the columns.", default=[])
    separator: str = option(
        "What stands between columns; one character or more.", default=",", literal=True
    )
    quote_char: str = option("What quotes a column; `\\x00` for nothing.", default='"')
    convert: dict[str, str] = option(
        "Columns to convert, with the type to convert them to: integer, float, boolean, date or"
        " date_time.",
        default={},
    )
    autodetect_column_names: bool = option(
        "Whether the first event names the columns.", default=False
    )
    autogenerate_column_names: bool = option(
        "Whether columns without a name get one, or are left out.", default=True
    )
    skip_empty_columns: bool = option("Whether to leave out columns that are empty.", default=False)
    skip_empty_rows: bool = option(
        "Whether an empty string is only tagged `_csvskippedemptyfield`.", default=False
    )
    skip_header: bool = option(
        "Whether to drop events whose columns are the names of the columns.", default=False
    )

    examples = (
        Example(
            "named columns, two of them converted",
            'csv { columns => ["user", "bytes", "ok"] convert => { "bytes" => "integer" "ok" =>'
            ' "boolean" } }',
            before={"message": 'jo,5120,"true"'},
            after={"message": 'jo,5120,"true"', "user": "jo", "bytes": 5120, "ok": True},
        ),
        Example(
            "columns without names, below a field",
            'csv { target => "row" separator => ";" skip_empty_columns => true }',
            before={"message": '1;;"a ""b"""'},
            after={"message": '1;;"a ""b"""', "row": {"column1": "1", "column3": 'a "b"'}},
        ),
        Example(
            "a row that is none",
            "csv { }",
            before={"message": 'a,"b'},
            after={"message": 'a,"b', "tags": ["_csvparsefailure"]},
        ),
    )

    @property
    def finite(self) -> bool:
        return "float" not in self.convert.values()

    def prepare(self) -> None:
        quote = "\0" if self.quote_char == "\\x00" else self.quote_char
        if len(quote) != 1:
            self.problem(
                "quote_char", "`quote_char` must be one character", 'write "\\x00" to have none'
            )
        if not self.separator:
            self.problem("separator", "`separator` is empty", "give one character or more")
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
        if len(quote) == 1 and self.separator:
            reader = Reader(self.separator, quote, self.context.limit("fields"))
            self._first_row, self._quoted_line = reader.first_row, reader.quoted_line
        self._quote = quote
        self._longest = self.context.limit("fields")
        self._name_columns(self.columns)
        self._may_drop = self.autodetect_column_names or self.skip_header
        self.reshapes = self._may_drop

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        if self._may_drop or (self.target is None and self.autogenerate_column_names):
            return None
        return self.changes_of(self.columns if self.target is None else [str(self.target)])

    def _name_columns(self, names: Sequence[str | None]) -> None:
        self._header = list(names)
        self._setters: list[tuple[Setter, Conversion | None] | None] = []
        self._keys: list[str | None] | None = []
        self._converted: dict[str, Conversion] = {}
        for name in names:
            self._add_column(name)

    def _add_column(self, name: str | None = None) -> None:
        """One more column, behind those that are known."""
        if name is None and self.autogenerate_column_names:
            name = f"column{len(self._setters) + 1}"
        ref = None if name is None else self._reference(name)
        if name is None or ref is None:
            self._setters.append(None)
        else:
            self._setters.append((ref.set, self._conversions.get(name)))
        if ref is not None and not self._is_plain(ref):
            self._keys = None
        if self._keys is None:
            return
        self._keys.append(None if ref is None else ref.keys[-1])
        if ref is not None and name in self._conversions:
            self._converted[ref.keys[-1]] = self._conversions[name]

    def _reference(self, name: str) -> FieldRef:
        """The field of a column."""
        below = name if name.startswith("[") and name.endswith("]") else f"[{name}]"
        return field((self.target.canonical if self.target else "") + below)

    def _is_plain(self, ref: FieldRef) -> bool:
        """Whether a column is a field of the event, or of the target, that takes any value."""
        if isinstance(ref, BrokenReference):
            return False
        above = () if self.target is None else self.target.keys
        is_apart = ref.keys[0] in NAMES_APART and (len(above) < 2 or above[0] != "@metadata")
        return len(ref.keys) == len(above) + 1 and not is_apart

    def run(self, events: list[Event]) -> list[Event]:
        """Read the row of each event; the same list, unless events may be dropped."""
        if self._loop is None:
            return super().run(events)
        left: list[Event] = []
        self._loop(events, left, self._quoted_line, self._other_row, self._decorated)
        super().run(left)
        return events

    @cached_property
    def _loop(self) -> Loop | None:
        """The loop over rows of one line, where all columns are plain keys."""
        keys = [key for key in self._keys or () if key is not None]
        is_plain = bool(keys) and len(keys) == len(self._keys or ()) <= self._longest
        if self._may_drop or self._converted or not is_plain or not self._is_near():
            return None
        target = None if self.target is None else self.target.keys[0]
        quote, skips, decorates = self._quote, self.skip_empty_columns, self.decorate is not None
        source = self.source.keys[0]
        return row_loop(source, target, keys, self.separator, quote, skips, decorates)

    def _is_near(self) -> bool:
        """Whether the text and the target are fields of the event itself that take any value."""
        refs = [self.source] if self.target is None else [self.source, self.target]
        return all(len(ref.keys) == 1 and ref.keys[0] not in NAMES_APART for ref in refs)

    def _other_row(self, row: Row) -> dict[Any, Any] | None:
        """The columns of a row that does not have as many as are named, None where it has more."""
        keys = self._keys or ()
        if len(row) > len(keys):
            return None
        columns = zip(keys, row, strict=False)
        if self.skip_empty_columns:
            return {key: value for key, value in columns if value}
        return {key: value or None for key, value in columns}

    def _decorated(self, event: Event) -> None:
        if self.decorate is not None:
            self.decorated(event, self.decorate)

    def apply(self, event: Event) -> bool | list[Event]:
        goes_on, handled = self._read(event)
        if not self._may_drop:
            return handled
        if handled and self.decorate is not None:
            self.decorate(event)
        return [event] if goes_on else []

    def _read(self, event: Event) -> tuple[bool, bool]:
        """Whether the event goes on, and whether it was handled."""
        text = self.source.get(event)
        if text is None or text is False:
            return True, False
        try:
            row = self._first_row(text) if type(text) is str else _refuse_value(text)
            if self._may_drop and self._names_columns(row):
                return False, False
            if row is None and self.skip_empty_rows:
                add_tag(event, "_csvskippedemptyfield")
                return True, False
            if row is None:
                raise MalformedRowError("the text is empty")
            self._set(event, row)
        except (MalformedRowError, FieldError, ReferenceSyntaxError):
            add_tag(event, "_csvparsefailure")
            return True, False
        return True, True

    def _names_columns(self, row: Row | None) -> bool:
        """Whether the row is the header, and not an event's."""
        if self.autodetect_column_names and not self._header and row:
            self._name_columns(row)
            return True
        return self.skip_header and bool(self._header) and row == self._header

    def _set(self, event: Event, row: Row) -> None:
        while len(self._setters) < len(row):
            self._add_column()
        if self._keys is None or not self._set_at_once(event, row, self._keys):
            self._set_each(event, row)

    def _set_at_once(self, event: Event, row: Row, keys: list[str | None]) -> bool:
        """Set columns that are plain keys together; whether it could be done."""
        target = self.target
        into: Any = event if target is None else target.get(event)
        if type(into) is not dict and (target is None or target.has(event)):
            return False
        columns = zip(keys, row, strict=False)
        found: dict[Any, Any]
        if self.skip_empty_columns:
            found = {key: value for key, value in columns if value}
        else:
            found = dict(columns)
        found.pop(None, None)
        try:
            for key, convert in self._converted.items():
                if found.get(key) is not None:
                    found[key] = convert(found[key])
        except ValueError:
            return False
        if into is not None:
            into.update(found)
        elif target is not None and found:
            target.set(event, found)
        return True

    def _set_each(self, event: Event, row: Row) -> None:
        setters, skip = self._setters, self.skip_empty_columns
        refused: FieldError | ReferenceSyntaxError | None = None
        for column, value in zip(setters, row, strict=False):
            if column is None or (skip and not value):
                continue
            put, convert = column
            try:
                put(event, value if convert is None or value is None else convert(value))
            except (FieldError, ReferenceSyntaxError) as error:
                refused = error
        if refused is not None:
            raise refused


def _refuse_value(value: Any) -> Row:
    raise MalformedRowError("the field is not a string")
