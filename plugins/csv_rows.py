"""Rows of CSV as Ruby's library reads them, which is how Logstash does.

It is stricter than most: a quote stands at the start of a field or nowhere, and nothing but a
separator follows the closing one. An empty field is null, a quoted empty one is an empty text. The
first line break of the text says what ends a row, whatever it is. Source: the documentation of
Ruby's CSV and RFC 4180.
"""

from __future__ import annotations

import re

from ..dsl.diagnostics import PenstockError

Row = list[str | None]

_BREAK = re.compile(r"\r\n?|\n")


class MalformedRowError(PenstockError, ValueError):
    """A text that is not a row of CSV."""


class Reader:
    """Reads the first row of a text. ``separator`` has one character or more, ``quote`` one;
    ``most``: the most fields.
    """

    def __init__(self, separator: str, quote: str, most: int = 100_000) -> None:
        self._separator, self._quote, self._most = separator, quote, most
        self._fields = {row_end: self._field(row_end) for row_end in ("\r\n", "\n", "\r")}

    def _bare(self) -> str:
        quote, separator = re.escape(self._quote), re.escape(self._separator)
        if len(self._separator) == 1:
            return rf"[^{quote}\r\n{separator}]*+"
        return rf"(?:(?!{separator})[^{quote}\r\n])*+"

    def _field(self, row_end: str) -> re.Pattern[str]:
        quote, separator = re.escape(self._quote), re.escape(self._separator)
        end = rf"(?P<end>{separator}|{row_end}|\Z)"
        return re.compile(
            rf"(?:{quote}(?P<quoted>(?:[^{quote}]++|{quote}{quote})*+){quote}"
            rf"|(?P<bare>{self._bare()})){end}"
        )

    def first_row(self, text: str) -> Row | None:
        """The first row; None of an empty text, no fields of a blank line. Raises
        MalformedRowError.
        """
        if not text:
            return None
        found = _BREAK.search(text) if "\n" in text or "\r" in text else None
        row_end = found[0] if found else "\n"
        if self._quote in text:
            row = None if found else self.quoted_line(text)
            return self._quoted_row(text, row_end) if row is None else row
        line = text[: found.start()] if found else text
        if not line:
            return []
        if len(line) > self._most and line.count(self._separator) >= self._most:
            raise MalformedRowError(
                f"the row has more than {self._most} fields (penstock.limits.fields)"
            )
        return [field or None for field in line.split(self._separator)]

    def quoted_line(self, text: str) -> Row | None:
        """The row of a text of one line with quotes, cut at these and then at separators; None
        where it is not a row, or has very many fields.
        """
        quote, separator = self._quote, self._separator
        before, *pieces = text.split(quote)
        last = len(pieces) - 1
        row: Row = [field or None for field in before.split(separator)]
        if quote in separator or last % 2 == 0 or row.pop() is not None:
            return None
        # By turns what stands within quotes and what stands between them.
        held = pieces[0]
        for at in range(1, len(pieces), 2):
            between = pieces[at]
            if not between and at < last:  # a quote that was doubled
                held = f"{held}{quote}{pieces[at + 1]}"
                continue
            fields = between.split(separator)
            if fields[0] or (at < last and fields.pop()):
                return None
            row.append(held)
            row += [field or None for field in fields[1:]]
            held = pieces[at + 1] if at < last else ""
        return None if len(row) > self._most else row

    def _quoted_row(self, text: str, row_end: str) -> Row:
        if text.startswith(row_end):
            return []
        match, quote = self._fields[row_end].match, self._quote
        row: Row = []
        at, end = 0, self._separator
        while end == self._separator:
            field = match(text, at)
            if field is None:
                raise MalformedRowError(
                    f"the field at character {at + 1} is badly quoted, or is not closed"
                )
            quoted = field["quoted"]
            row.append(
                field["bare"] or None if quoted is None else quoted.replace(quote + quote, quote)
            )
            at, end = field.end(), field["end"]
            if len(row) > self._most:
                raise MalformedRowError(
                    f"the row has more than {self._most} fields (penstock.limits.fields)"
                )
        return row
