"""The filter extractnumbers: the numbers in a text as fields."""

from __future__ import annotations

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option
from ..plugins.strict_numbers import integer, number


class Extractnumbers(Filter, name="extractnumbers"):
    """Set a field for each number that stands alone in a string.

    Words of the text that are integers become `int1`, `int2` and so on, other numbers
    `float1`, `float2`. A number with anything beside it but blanks (`5ms`, `10.0.0.1`, `a=3`) is
    none; `0x1f` and `017` are read as Ruby reads them. Of a list the first item is taken.

    Differs from Logstash: the common options take effect when there was a number.
    """

    source: FieldRef = option("The field with the string.", default=FieldRef("message"))

    examples = (
        Example(
            "two integers and one other number",
            "extractnumbers { }",
            before={"message": "sent 120 of 300 in 1.5 s"},
            after={"message": "sent 120 of 300 in 1.5 s", "int1": 120, "int2": 300, "float1": 1.5},
        ),
        Example(
            "none",
            "extractnumbers { }",
            before={"message": "took 5ms"},
            after={"message": "took 5ms"},
        ),
    )

    def apply(self, event: Event) -> bool:
        text = self.source.get(event)
        if type(text) is list:
            text = text[0] if text else None
        if type(text) is not str:
            return False
        integers, floats = _numbers(text)
        for place, value in enumerate(integers, 1):
            event[f"int{place}"] = value
        for place, other in enumerate(floats, 1):
            event[f"float{place}"] = other
        return bool(integers or floats)


def _numbers(text: str) -> tuple[list[int], list[float]]:
    integers: list[int] = []
    floats: list[float] = []
    for word in text.split():
        if word[0] not in "+-.0123456789":
            continue
        whole = integer(word)
        if whole is not None:
            integers.append(whole)
        elif (value := number(word)) is not None:
            floats.append(value)
    return integers, floats
