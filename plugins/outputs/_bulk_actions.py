"""Events as the lines of bulk requests: a line that says what to do, and a line with the document.

Each event becomes one item of bytes, so that a request is the items joined, and an item that has to
be sent again is sent as it is. Most configurations have one action, one index a day and nothing
else to say: there the first line is made once, and the documents of a batch are encoded in one go.

An event of which no valid item can be made becomes a refusal: a mark and the reason, which
``deliver`` sorts out. So it goes the way of all that the cluster refuses, through workers and disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from ...dsl.diagnostics import PenstockError
from ...dsl.reference import Event, FieldRef, ReferenceSyntaxError
from ...dsl.template import Template
from ...dsl.values import copy
from ..codecs._json import bare, encode, encoder, is_true_to

ACTIONS = ("index", "create", "update", "delete")
REFUSAL = b"!"
"""What an item starts with that is not to be sent; the reason follows."""

_KEPT_HEADS = 1000
_encode_text = msgspec.json.encode


class Options(Protocol):
    """What of the options decides on the lines."""

    document_id: Template | None
    routing: Template | None
    pipeline: Template | None
    version: Template | None
    version_type: str | None
    join_field: str | None
    parent: Template | None
    retry_on_conflict: int
    doc_as_upsert: bool
    upsert: Template | None
    script: Template | None
    script_lang: str
    script_type: str
    script_var_name: str
    scripted_upsert: bool
    dlq_on_failed_indexname_interpolation: bool


class CannotSend(PenstockError):
    """No valid item can be made of an event."""


def refusal(reason: str) -> bytes:
    """The item of an event that is not to be sent."""
    return REFUSAL + reason.encode("utf-8", "replace")


def documents(events: Sequence[Event]) -> list[bytes]:
    """The events as JSON, without their metadata."""
    shown = [bare(event) if "@metadata" in event else event for event in events]
    try:
        data = encoder.encode_lines(shown)
        if is_true_to(shown, data):
            return data.split(b"\n")[:-1]
    except Exception:
        pass  # one of them is odd: each is encoded for itself
    return [encode(event) for event in events]


def unresolved(text: str) -> bool:
    """Whether a field of a template was missing."""
    start = text.find("%{")
    return start >= 0 and "}" in text[start:]


class Items:
    """Makes the items of events. ``index_of`` gives the index of an event; ``finished`` is asked
    for the document of an event, given its JSON.
    """

    def __init__(
        self,
        options: Options,
        action: Template,
        index_of: Callable[[Event], str],
        finished: Callable[[Event, bytes], bytes] | None = None,
    ) -> None:
        self._options, self._action, self._index_of = options, action, index_of
        self._finished = finished
        self._join = None if options.join_field is None else FieldRef(options.join_field)
        self._heads: dict[str, bytes] = {}
        named = ("routing", "pipeline", "version", "version_type")
        self._meta = [
            (name, value if isinstance(value, Template) else Template(value))
            for name in named
            if (value := getattr(options, name)) is not None
        ]
        is_simple = action.is_constant and action.text in ("index", "create")
        has_id = options.document_id is not None
        self._is_plain = is_simple and not self._meta and not has_id and options.parent is None

    def make(self, events: Sequence[Event]) -> list[bytes]:
        """An item for each event."""
        if self._is_plain and self._finished is None:
            return self._plain(events, documents(events))
        return [self._item(*pair) for pair in zip(events, documents(events), strict=True)]

    def _plain(self, events: Iterable[Event], found: Iterable[bytes]) -> list[bytes]:
        index_of, heads = self._index_of, self._heads
        made = []
        for event, document in zip(events, found, strict=True):
            try:
                index = index_of(event)
                head = heads.get(index) or self._plain_head(index)
            except (CannotSend, ReferenceSyntaxError) as error:
                made.append(refusal(str(error)))
            else:
                made.append(b"%b%b\n" % (head, document))
        return made

    def _plain_head(self, index: str) -> bytes:
        self._check_index(index)
        if len(self._heads) >= _KEPT_HEADS:
            self._heads.clear()
        head = _line({self._action.text: {"_index": index}})
        self._heads[index] = head
        return head

    def _check_index(self, index: str) -> None:
        if self._options.dlq_on_failed_indexname_interpolation and unresolved(index):
            raise CannotSend(f"index: a field is missing for `{index}`")

    def _item(self, event: Event, document: bytes) -> bytes:
        try:
            if self._finished is not None:
                document = self._finished(event, document)
            if self._is_plain:
                index = self._index_of(event)
                head = self._heads.get(index) or self._plain_head(index)
                return b"%b%b\n" % (head, document)
            return self._whole_item(event, document)
        except (CannotSend, ReferenceSyntaxError) as error:
            return refusal(str(error))

    def _whole_item(self, event: Event, document: bytes) -> bytes:
        action = self._action.render(event)
        if action not in ACTIONS:
            raise CannotSend(f"action: `{action}` is not one of {', '.join(ACTIONS)}")
        meta = self._metadata(event, action)
        if self._options.parent is not None:
            document = self._joined(event, document, meta)
        head = _line({action: meta})
        if action == "delete":
            return head
        if action == "update":
            document = self._update(event, document)
        return b"%b%b\n" % (head, document)

    def _metadata(self, event: Event, action: str) -> dict[str, Any]:
        index = self._index_of(event)
        self._check_index(index)
        meta: dict[str, Any] = {"_index": index}
        if self._options.document_id is not None:
            meta["_id"] = self.id_of(event)
        elif action in ("update", "delete"):
            raise CannotSend(f"action: `{action}` needs a `document_id`")
        for name, template in self._meta:
            text = template.render(event)
            if name == "version" and not text.removeprefix("-").isdecimal():
                raise CannotSend(f"version: `{text}` is not an integer")
            if name != "pipeline" or text:
                meta[name] = text
        if action == "update" and "version" not in meta:
            meta["retry_on_conflict"] = self._options.retry_on_conflict
        return meta

    def id_of(self, event: Event) -> str:
        """The id of an event's document; raises CannotSend where a field of it is missing."""
        assert self._options.document_id is not None
        found = self._options.document_id.render(event)
        if not self._options.document_id.is_constant and unresolved(found):
            raise CannotSend(f"document_id: a field is missing for `{found}`")
        if not found:
            raise CannotSend("document_id: the id is empty")
        return found

    def _joined(self, event: Event, document: bytes, meta: dict[str, Any]) -> bytes:
        """The document as a child of its parent."""
        assert self._options.parent is not None
        assert self._join is not None
        meta["routing"] = parent = self._options.parent.render(event)
        shown = copy(bare(event))
        self._join.set(shown, {"name": self._join.get(event), "parent": parent})
        return encode(shown)

    def _update(self, event: Event, document: bytes) -> bytes:
        """What an update does, with the document in it as it was encoded."""
        options, raw = self._options, msgspec.Raw(document)
        if options.script is None:
            update: dict[str, Any] = {"doc": raw}
            if options.doc_as_upsert:
                update["doc_as_upsert"] = True
        else:
            update = {"script": self._script(event, raw)}
            if options.scripted_upsert:
                update |= {"scripted_upsert": True, "upsert": {}}
            elif options.doc_as_upsert:
                update["upsert"] = raw
        if "upsert" not in update and "doc_as_upsert" not in update and options.upsert is not None:
            update["upsert"] = self._upsert(event, options.upsert)
        return _encode_text(update)

    def _script(self, event: Event, document: msgspec.Raw) -> dict[str, Any]:
        options = self._options
        assert options.script is not None
        text, params = options.script.render(event), {options.script_var_name: document}
        if options.script_type == "indexed":
            return {"id": text, "params": params}
        script: dict[str, Any] = {"source": text, "params": params}
        if options.script_lang:
            script["lang"] = options.script_lang
        return script

    def _upsert(self, event: Event, upsert: Template) -> msgspec.Raw:
        text = upsert.render(event)
        try:
            msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise CannotSend(f"upsert: this is not valid JSON: {error}") from None
        return msgspec.Raw(text.encode())


def _line(value: Any) -> bytes:
    """A value as a line; surrogates that stand alone become question marks."""
    try:
        return _encode_text(value) + b"\n"
    except UnicodeEncodeError:
        return encode(value) + b"\n"


def redirected(item: bytes, index: bytes) -> bytes:
    """An item for another index; a refusal as it is. Names of indices have no quotes."""
    start = item.find(b'"_index":"') + 10
    if item.startswith(REFUSAL):
        return item
    return b"%b%b%b" % (item[:start], index, item[item.index(b'"', start) :])
