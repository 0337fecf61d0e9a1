"""XPath on documents, forgiving ones that are broken; results are texts, as Nokogiri writes them.

An element is written as XML, without the namespaces that are declared outside of it; a text as XML
too, with its special characters escaped; an attribute bare.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from ..dsl.values import float_text
from ._xml_simple import XmlError, guard


class Paths:
    """XPath expressions, compiled for the namespaces that a document declares at its root.

    ``namespaces``: prefixes to use in place of those; ``strict``: broken documents raise XmlError.
    """

    def __init__(
        self, paths: list[str], namespaces: Mapping[str, str], remove_namespaces: bool, strict: bool
    ) -> None:
        self._paths = paths
        self._namespaces = dict(namespaces)
        self._remove_namespaces = remove_namespaces
        self._parser = etree.XMLParser(
            recover=not strict,
            resolve_entities=False,
            no_network=True,
            encoding="utf-8",
            strip_cdata=False,
        )
        self._compiled: dict[frozenset[tuple[str, str]], list[Any]] = {}
        self._compile({})

    def results(self, text: str) -> Iterator[list[str]]:
        """What each path selects, as texts. Raises XmlError for a document that cannot be read."""
        guard(text)
        try:
            root = etree.fromstring(text.encode(), self._parser)
        except (etree.XMLSyntaxError, UnicodeEncodeError) as error:
            raise XmlError(str(error)) from None
        if root is None:
            return iter([])
        if self._remove_namespaces:
            _strip_namespaces(root)
        tree = root.getroottree()
        declared = {prefix or "xmlns": uri for prefix, uri in root.nsmap.items()}
        return (
            _texts(self._evaluated(path, tree))
            for path in self._compile(self._namespaces or declared)
        )

    @staticmethod
    def _evaluated(path: Any, tree: Any) -> Any:
        try:
            return path(tree)
        except etree.XPathError as error:
            raise XmlError(f"XPath: {error}") from None

    def _compile(self, namespaces: dict[str, str]) -> list[Any]:
        """The paths for some namespaces; raises etree.XPathSyntaxError."""
        key = frozenset(namespaces.items())
        if key not in self._compiled:
            if len(self._compiled) > 100:
                self._compiled.clear()
            self._compiled[key] = [
                etree.XPath(path, namespaces=namespaces, regexp=False) for path in self._paths
            ]
        return self._compiled[key]


def syntax_problem(path: str) -> str:
    """What is wrong with an XPath expression; nothing if it is none."""
    try:
        etree.XPath(path)
    except etree.XPathSyntaxError as error:
        return str(error)
    return ""


def _texts(result: Any) -> list[str]:
    if isinstance(result, list):
        return [_text(item) for item in result]
    if isinstance(result, bool):
        return ["true"] if result else []
    return [float_text(result) if isinstance(result, float) else str(result)]


def _text(item: Any) -> str:
    if isinstance(item, str):
        return str(item) if getattr(item, "is_attribute", False) else escape(item)
    if isinstance(item, tuple):
        return str(item[1])
    return written(item)


def escape(text: str, quotes: bool = False) -> str:
    """A text as XML; ``quotes``: as the value of an attribute."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        text.replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;") if quotes else text
    )


def written(element: Any, depth: int = 0, formatted: bool = True) -> str:
    """An element as XML; elements that hold no text beside elements are indented by two blanks."""
    if not isinstance(element.tag, str):
        return str(etree.tostring(element, encoding="unicode", with_tail=False))
    name = _name(element, element.tag)
    head = "".join([f" {key}={value}" for key, value in _declared(element)])
    head += "".join(
        [f' {_name(element, key)}="{escape(value, True)}"' for key, value in element.attrib.items()]
    )
    children = list(element)
    if not children and element.text is None:
        return f"<{name}{head}/>"
    formatted = formatted and element.text is None and all(child.tail is None for child in children)
    lead = "\n" + "  " * (depth + 1) if formatted else ""
    inner = "".join(
        [
            lead + written(child, depth + 1, formatted) + escape(child.tail or "")
            for child in children
        ]
    )
    tail = "\n" + "  " * depth if formatted and children else ""
    return f"<{name}{head}>{escape(element.text or '')}{inner}{tail}</{name}>"


def _declared(element: Any) -> Iterator[tuple[str, str]]:
    """The namespaces that an element itself declares."""
    parent = element.getparent()
    outside = parent.nsmap if parent is not None else {}
    for prefix, uri in element.nsmap.items():
        if outside.get(prefix) != uri:
            yield (f"xmlns:{prefix}" if prefix else "xmlns"), f'"{escape(uri, True)}"'


def _name(element: Any, tag: str) -> str:
    if not tag.startswith("{"):
        return tag
    uri, _, local = tag[1:].partition("}")
    if uri == "http://www.w3.org/XML/1998/namespace":
        return f"xml:{local}"
    prefix = (
        element.prefix
        if tag == element.tag
        else next((p for p, u in element.nsmap.items() if u == uri and p), None)
    )
    return f"{prefix}:{local}" if prefix else local


def _strip_namespaces(root: Any) -> None:
    for element in root.iter(etree.Element):
        if "}" in element.tag:
            element.tag = element.tag.partition("}")[2]
        for key in [key for key in element.attrib if "}" in key]:
            element.attrib[key.partition("}")[2]] = element.attrib.pop(key)
    etree.cleanup_namespaces(root)
