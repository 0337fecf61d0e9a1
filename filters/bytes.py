"""The filter bytes: a size such as 1.5 GB as a number of bytes."""

from __future__ import annotations

import re

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ._ruby import to_f

_SIZE = re.compile(r"^([0-9 _,.]*)\s*([kmgtpe]?)b?$", re.IGNORECASE | re.MULTILINE | re.ASCII)
_PREFIXES = "kmgtpe"


class Bytes(Filter, name="bytes"):
    """Read a size with a unit, such as `32 MB`, `1.5gb` or `1,024`, as an integer of bytes.

    The unit is `k`, `m`, `g`, `t`, `p` or `e` in either case, with or without a `b`; it counts in
    1024s, or in 1000s with `conversion_method => metric`. Blanks, `_`, and whichever of `.` and `,`
    is not the decimal separator are skipped. What is not a size, a field that is missing or no
    text included, gets the tags of `tag_on_failure`. So does a number with several
    points as decimal separators; of several commas the first counts.
    """

    source: FieldRef = option("The field with the size.", default=FieldRef("message"))
    target: FieldRef = option("The field for the number of bytes.")
    conversion_method: str = option(
        "What a kilobyte is.", default="binary", choices=("binary", "metric")
    )
    decimal_separator: str = option("The decimal separator.", default=".", choices=(".", ","))
    tag_on_failure: list[str] = option(
        "Tags for an event without a size.", default=["_bytesparsefailure"]
    )

    examples = (
        Example(
            "binary units",
            'bytes { source => "size" target => "bytes" }',
            before=[{"size": "1.5 kB"}, {"size": "much"}],
            after=[
                {"size": "1.5 kB", "bytes": 1536},
                {"size": "much", "tags": ["_bytesparsefailure"]},
            ],
        ),
        Example(
            "metric units, written as in Germany",
            'bytes { source => "size" target => "bytes" conversion_method => metric'
            ' decimal_separator => "," }',
            before={"size": "1.234,5 MB"},
            after={"size": "1.234,5 MB", "bytes": 1234500000},
        ),
    )

    def prepare(self) -> None:
        base = 1024 if self.conversion_method == "binary" else 1000
        self._factors = {prefix: base**power for power, prefix in enumerate(("", *_PREFIXES))}
        other = "," if self.decimal_separator == "." else "."
        self._is_point = self.decimal_separator == "."
        self._clean = str.maketrans(
            {" ": None, "_": None, other: None, self.decimal_separator: "."}
        )

    def apply(self, event: Event) -> bool:
        text = self.source.get(event)
        size = self._size(text) if type(text) is str else None
        if size is None:
            self.failures += 1
            for tag in self.tag_on_failure:
                add_tag(event, tag)
            return False
        self.target.set(event, size)
        return True

    def _size(self, text: str) -> int | None:
        found = _SIZE.search(text.strip())
        number = found[1].translate(self._clean) if found else ""
        if found is None or not number or (self._is_point and number.count(".") > 1):
            return None
        value = to_f(number) * self._factors[found[2].lower()]
        return int(value + 0.5) if value < 2**52 else int(value)
