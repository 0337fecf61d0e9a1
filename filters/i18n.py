"""The filter i18n: accented letters as plain ones."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Filter
from ..plugins.declaration import Example, option

_SPECIAL = {
    "Æ": "AE",
    "æ": "ae",
    "Ð": "D",
    "ð": "d",
    "×": "x",
    "Ø": "O",
    "ø": "o",
    "Þ": "Th",
    "þ": "th",
    "ß": "ss",
    "Đ": "D",
    "đ": "d",
    "Ħ": "H",
    "ħ": "h",
    "ı": "i",
    "Ĳ": "IJ",
    "ĳ": "ij",
    "ĸ": "k",
    "Ŀ": "L",
    "ŀ": "l",
    "Ł": "L",
    "ł": "l",
    "ŉ": "'n",
    "Ŋ": "NG",
    "ŋ": "ng",
    "Œ": "OE",
    "œ": "oe",
    "Ŧ": "T",
    "ŧ": "t",
}
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def _letter(char: str) -> str:
    """The plain letter or letters for one of the Latin letters up to U+017E, `?` for another
    character.
    """
    if char in _SPECIAL:
        return _SPECIAL[char]
    plain = unicodedata.normalize("NFD", char)[0] if "\u00c0" <= char <= "\u017e" else "?"
    return plain if plain.isascii() else "?"


def transliterated(text: str) -> str:
    """A text in ASCII. Composed and decomposed letters are the same."""
    if text.isascii():
        return text
    return _BEYOND_ASCII.sub(lambda found: _letter(found[0]), unicodedata.normalize("NFC", text))


class I18n(Filter, name="i18n"):
    """Write strings in ASCII: letters without their accents, and `?` for what has no likeness.

    The letters of the Latin script of Europe are known; `ß` becomes `ss`, `Æ` becomes `AE`. Lists
    are rewritten item by item; values that are not strings stay.
    """

    transliterate: list[FieldRef] = option("The fields to rewrite.", default=[])

    examples = (
        Example(
            "accents taken off",
            'i18n { transliterate => ["name", "towns"] }',
            before={"name": "José Strauß", "towns": ["Ærøskøbing", "Łódź"]},
            after={"name": "Jose Strauss", "towns": ["AEroskobing", "Lodz"]},
        ),
        Example(
            "letters without a likeness",
            'i18n { transliterate => "name" }',
            before={"name": "Ω 5 €"},
            after={"name": "? 5 ?"},
        ),
    )

    def apply(self, event: Event) -> bool:
        for ref in self.transliterate:
            value = ref.get(event)
            if type(value) is list:
                ref.set(event, [_rewritten(item) for item in value])
            elif type(value) is str:
                ref.set(event, transliterated(value))
        return True


def _rewritten(item: Any) -> Any:
    return transliterated(item) if type(item) is str else item
