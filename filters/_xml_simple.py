"""XML documents as plain data, by the rules of Ruby's XmlSimple, which are Logstash's.

An element becomes a map of its attributes and its child elements by their names without prefix; one
that holds only text becomes the text. Children are lists unless asked for as single values; text
beside attributes is ``content``. The map is built while the parser goes, without a tree between. A
document that declares entities is refused, so that none can blow up; entities that nobody declared
stay as they are written. Source: the documentation of XmlSimple.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from ..dsl.diagnostics import PenstockError

_DEEPEST = 250
_BLANK_LINE = re.compile(r"^\s*$", re.MULTILINE)


class XmlError(PenstockError, ValueError):
    """A text that is not an XML document, or none that is safe to read."""


def guard(text: str) -> None:
    """Refuse a text that declares entities; raises XmlError."""
    if "<!DOCTYPE" in text and "<!ENTITY" in text:
        raise XmlError("the document declares entities")


class Mapping:
    """How documents become data.

    ``force_array``: single children are lists too; ``force_content``: text is always in
    ``content``; ``most``: how many elements and attributes there may be; ``suppress_empty``:
    elements without content are null, and left out where their parent has no attributes.
    """

    def __init__(
        self,
        force_array: bool = True,
        force_content: bool = False,
        suppress_empty: bool = True,
        most: int = 100_000,
    ) -> None:
        self.most = most
        self.force_array, self.force_content, self.suppress_empty = (
            force_array,
            force_content,
            suppress_empty,
        )

    def data(self, text: str) -> Any:
        """A document as data; raises XmlError."""
        guard(text)
        return _Building(self).built(text)


class _Element:
    """An element on its way: what is known of it so far."""

    __slots__ = ("children", "fields", "has_attributes", "texts")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.has_attributes = bool(fields)
        self.texts: list[str] = []
        self.children = False


class _Building:
    """One document being read."""

    def __init__(self, how: Mapping) -> None:
        self._how = how
        self._open: list[_Element] = []
        self._declared: dict[str, Any] = {}
        self._in_text = False
        self._left = how.most
        self._result: Any = None

    def built(self, text: str) -> Any:
        parser = expat.ParserCreate("utf-8", " ")
        parser.namespace_prefixes = True
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.UseForeignDTD(True)  # without it an entity that is not declared is an error
        parser.StartNamespaceDeclHandler = self._declare
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.DefaultHandler = self._other
        parser.CommentHandler = parser.StartCdataSectionHandler = self._part
        parser.ProcessingInstructionHandler = self._part
        try:
            parser.Parse(text.encode(), True)
        except (expat.ExpatError, UnicodeEncodeError) as error:
            raise XmlError(str(error)) from None
        return self._result

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self._declared[f"xmlns:{prefix}" if prefix else "xmlns"] = uri or ""

    def _start(self, name: str, attributes: list[str]) -> None:
        if len(self._open) >= _DEEPEST:
            raise XmlError(f"elements are nested more than {_DEEPEST} deep")
        self._left -= 1 + len(attributes) // 2
        if self._left < 0:
            raise XmlError(
                f"there are more than {self._how.most} elements and attributes"
                " (penstock.limits.fields)"
            )
        fields, self._declared = self._declared, {}
        for place in range(0, len(attributes), 2):
            fields[_expanded(attributes[place])] = attributes[place + 1]
        self._open.append(_Element(fields))
        self._in_text = False

    def _text(self, text: str) -> None:
        texts = self._open[-1].texts
        if self._in_text:
            texts[-1] += text
        else:
            texts.append(text)
            self._in_text = True

    def _other(self, text: str) -> None:
        if self._open and text.startswith("&"):
            self._text(text)
        else:
            self._in_text = False

    def _part(self, *content: str) -> None:
        self._in_text = False

    def _end(self, name: str) -> None:
        element = self._open.pop()
        self._in_text = False
        value = self._collapsed(element)
        if not self._open:
            self._result = value
            return
        parent = self._open[-1]
        parent.children = True
        if self._how.suppress_empty and not parent.has_attributes and _empty(value):
            return
        self._merge(parent.fields, _local(name), value)

    def _merge(self, fields: dict[str, Any], name: str, value: Any) -> None:
        if name not in fields:
            listed = isinstance(value, list) or (self._how.force_array and name != "content")
            fields[name] = [value] if listed else value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]

    def _collapsed(self, element: _Element) -> Any:
        fields, texts = element.fields, element.texts
        if element.children:
            if texts and not _BLANK_LINE.search("".join(texts).removesuffix("\n")):
                escaped = [text.replace("&", "&amp;").replace("<", "&lt;") for text in texts]
                fields["content"] = escaped if len(escaped) > 1 else escaped[0]
        elif texts:
            return self._with_text(element)
        lists = [value for value in fields.values() if isinstance(value, list)]
        if len(lists) == 1 and isinstance(fields.get("anon"), list):
            return lists[0]
        return None if self._how.suppress_empty and not fields else fields

    def _with_text(self, element: _Element) -> Any:
        """An element that holds text and no elements."""
        text = "".join(element.texts)
        if element.has_attributes or (self._how.force_content and not _empty(text)):
            self._merge(element.fields, "content", text)
            return element.fields
        return {} if _empty(text) else text


def _empty(value: Any) -> bool:
    return value is None or value == {} or (isinstance(value, str) and not value.strip())


def _local(name: str) -> str:
    """The local part of a name as expat gives it: ``uri local prefix``."""
    parts = name.split(" ")
    return parts[0] if len(parts) == 1 else parts[1]


def _expanded(name: str) -> str:
    """An attribute's name with its prefix."""
    parts = name.split(" ")
    return f"{parts[2]}:{parts[1]}" if len(parts) == 3 else parts[-1]
