"""Elasticsearch's bulk requests as events: a line says what to do, the next one with what."""

from __future__ import annotations

from typing import Any, ClassVar

from ...dsl.reference import Event, FieldError, FieldRef
from ..contract import Codec, Ecs
from ..declaration import option
from ._charset import Charset
from ._framing import TOO_LONG, Framing
from ._json import FAILED, checked, parse
from ._target import check_target, under

NO_ACTION = "_esbulkparsefailure"
_UTF8 = Charset("UTF-8")


class EsBulk(Ecs, Codec, name="es_bulk"):
    """Elasticsearch's bulk requests; for inputs only.

    Each document is an event; what is to be done with it is in its metadata, with the action as
    `action`: `[@metadata][codec][es_bulk]` with ECS, `[@metadata]` without. A `delete` is an event
    that has nothing else.

    Differs from Logstash: a line that should be an action and is not one is an event with the text
    as `message`, tagged `_esbulkparsefailure`; a document that is not JSON is one tagged
    `_jsonparsefailure`.
    """

    encodes: ClassVar[bool] = False

    target: FieldRef | None = option(
        "The field to put documents under, instead of the event's root.", default=None
    )

    def prepare(self) -> None:
        check_target(self)
        self._bounds = self.context.json_bounds()

    def start(self) -> None:
        self._framing = Framing(b"\n", self.longest, self.begun)
        self._action: dict[str, Any] | None = None

    def decode(self, data: bytes) -> list[Event]:
        return self._events(self._framing.feed(data))

    def flush(self) -> list[Event]:
        events = self._events(self._framing.rest())
        self._action = None
        return events

    def _events(self, block: bytes | None) -> list[Event]:
        events: list[Event] = []
        cut = self._framing.cut
        for place, line in enumerate([] if block is None else block.split(b"\n")):
            if cut and place in cut:
                events.append(
                    self._with(
                        self._action or {}, {"message": _UTF8.text(line), "tags": [TOO_LONG]}
                    )
                )
                self._action = None
                continue
            if not line.strip():
                continue
            if self._action is not None:
                events.append(self._document(line, self._action))
                self._action = None
                continue
            action = _action(line)
            if action is None:
                events.append({"message": _UTF8.text(line), "tags": [NO_ACTION]})
            elif action["action"] == "delete":
                events.append(self._with(action, {}))
            else:
                self._action = action
        return events

    def _document(self, line: bytes, action: dict[str, Any]) -> Event:
        try:
            self._bounds.check(line)
            data = parse(line)
            if type(data) is not dict:
                raise ValueError("no map")
            event = (
                checked(data, self.context.now())
                if self.target is None
                else under(self.target, data)
            )
        except (ValueError, FieldError):
            event = {"message": _UTF8.text(line), "tags": [FAILED]}
        return self._with(action, event)

    def _with(self, action: dict[str, Any], event: Event) -> Event:
        event["@metadata"] = {"codec": {"es_bulk": action}} if self.ecs else action
        return event


def _action(line: bytes) -> dict[str, Any] | None:
    """What a line says to do, with the action as ``action``; None if it says nothing."""
    try:
        data = parse(line)
    except ValueError:
        return None
    if type(data) is not dict or not data:
        return None
    name, details = next(iter(data.items()))
    return {**details, "action": name} if type(details) is dict else None
