"""The filter xml: a document as fields, and parts of it by XPath."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..dsl.diagnostics import did_you_mean
from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, option
from ._references import set_each
from ._xml_simple import Mapping, XmlError

if TYPE_CHECKING:
    from ._xml_paths import Paths

_PARSE_OPTIONS = (
    "strict",
    "recover",
    "noent",
    "dtdload",
    "dtdattr",
    "dtdvalid",
    "noerror",
    "nowarning",
    "pedantic",
    "noblanks",
    "sax1",
    "xinclude",
    "nonet",
    "nodict",
    "nsclean",
    "nocdata",
    "noxincnode",
    "compact",
    "old10",
    "nobasefix",
    "huge",
    "big_lines",
    "default_xml",
    "default_xslt",
    "default_html",
    "default_schema",
)
_FORGIVING = {"recover", "default_xml", "default_xslt", "default_html"}


class Xml(Ecs, Filter, name="xml"):
    """Parse XML into fields.

    With `store_xml` the document becomes the value of `target`: an element is a map of its
    attributes and its child elements, and a string where it has only text. A child is a list of all
    that have its name, unless `force_array` is off; text beside attributes is called `content`.
    Elements without content are left out (null where their parent has attributes), or are empty
    maps when `suppress_empty` is off. The name of the root element is not kept. Text between
    elements is kept if it has no blank line in it.

    `xpath` sets fields to what XPath expressions select, as lists of strings; an element is written
    as XML again. The prefixes that the root element declares can be used, or those of `namespaces`;
    `remove_namespaces` takes all of them off first. Documents that are not well-formed are repaired
    as far as that goes, unless `parse_options` says `strict`. XPath needs the package lxml: `pip
    install 'penstock[xml]'`.

    A document that is not well-formed gets the tag `_xmlparsefailure` and no `target`, as does a
    value that is neither a string nor a list of one text. An empty text passes untouched.

    Differs from Logstash: a document that declares entities, or nests elements more than 250 deep,
    is refused, so that none can exhaust the machine, and of `parse_options` only `strict` and
    `recover` have an effect.
    """

    source: FieldRef = option("The field with the document.")
    target: FieldRef | None = option(
        "The field for the document; needed unless `store_xml` is off.", default=None
    )
    store_xml: bool = option("Whether to store the document.", default=True)
    xpath: dict[str, str] = option(
        "XPath expressions, each with the field for what it selects.", default={}
    )
    namespaces: dict[str, str] = option("Prefixes for XPath, with their namespaces.", default={})
    remove_namespaces: bool = option(
        "Whether to take namespaces off before XPath looks.", default=False
    )
    force_array: bool = option(
        "Whether single children, and single results of XPath, are lists too.", default=True
    )
    force_content: bool = option("Whether text is always below `content`.", default=False)
    suppress_empty: bool = option("Whether to leave out elements without content.", default=True)
    parse_options: str | None = option(
        "Names of Nokogiri's options, with commas or | between.", default=None
    )

    examples = (
        Example(
            "a document as fields",
            'xml { source => "message" target => "doc" }',
            before={"message": '<order id="7"><item>tea</item><item>milk</item></order>'},
            after={
                "message": '<order id="7"><item>tea</item><item>milk</item></order>',
                "doc": {"id": "7", "item": ["tea", "milk"]},
            },
        ),
        Example(
            "a part of a document",
            'xml { source => "message" store_xml => false force_array => false xpath => {'
            ' "/order/@id" => "order" } }',
            before={"message": '<order id="7"><item>tea</item></order>'},
            after={"message": '<order id="7"><item>tea</item></order>', "order": "7"},
        ),
    )

    def prepare(self) -> None:
        if self.store_xml and self.target is None:
            message = "xml needs a `target`, unless `store_xml` is off"
            self.problem(
                "target", message, 'write target => "…" or store_xml => false', code="E214"
            )
        self._strict = self._read_parse_options()
        self._mapping = Mapping(
            self.force_array, self.force_content, self.suppress_empty, self.context.limit("fields")
        )
        self._paths: Paths | None = None
        self._results: list[FieldRef] = []
        if self.xpath:
            self._prepare_paths()

    def _read_parse_options(self) -> bool:
        """Whether documents must be well-formed."""
        if self.parse_options is None:
            return False
        names = [name.strip().lower() for name in re.split(r"[,|]", self.parse_options)]
        for name in names:
            if name not in _PARSE_OPTIONS:
                help = did_you_mean(name, _PARSE_OPTIONS) or "one of " + ", ".join(_PARSE_OPTIONS)
                self.problem("parse_options", f"unknown parse option `{name}`", help)
        return not _FORGIVING & {*names}

    def _prepare_paths(self) -> None:
        try:
            from ._xml_paths import Paths, syntax_problem
        except ModuleNotFoundError:
            self.problem(
                "xpath",
                "XPath needs the package `lxml`",
                "pip install 'penstock[xml]'",
                code="E202",
            )
            return
        from ..dsl.reference import ReferenceSyntaxError

        bad = {path: said for path in self.xpath if (said := syntax_problem(path))}
        for path, said in bad.items():
            self.problem("xpath", f"`{path}` is not a valid XPath expression: {said}", path=(path,))
        for path, name in self.xpath.items():
            try:
                self._results.append(FieldRef(name))
            except ReferenceSyntaxError as error:
                self.problem(
                    "xpath", str(error), "write a field as [a][b]", path=(path,), code="E207"
                )
        if not bad:
            self._paths = Paths(
                list(self.xpath), self.namespaces, self.remove_namespaces, self._strict
            )

    def apply(self, event: Event) -> bool:
        text = self.source.get(event)
        if text is None and not self.source.has(event):
            return False
        if type(text) is list and len(text) == 1:
            text = text[0]
        if type(text) is not str:
            return self._failure(event)
        if not text.strip():
            return False
        try:
            found = self._select(event, text)
            if self._strict and not self.store_xml and self._paths is None:
                self._mapping.data(text)
            if self.store_xml and self.target is not None:
                self.target.set(event, self._mapping.data(text))
                return True
        except XmlError:
            return self._failure(event)
        return found

    def _select(self, event: Event, text: str) -> bool:
        """Set the fields of the paths; whether any selected something."""
        if self._paths is None:
            return False
        results = zip(self._results, self._paths.results(text), strict=False)
        found = [(ref, texts) for ref, texts in results if texts]
        several = self.force_array
        set_each(
            event,
            [(ref, texts[0] if len(texts) == 1 and not several else texts) for ref, texts in found],
        )
        return bool(found)

    def _failure(self, event: Event) -> bool:
        add_tag(event, "_xmlparsefailure")
        return False
