"""Avro records, one for each payload, bare: the schema is told beforehand."""

from __future__ import annotations

import base64
import binascii
import io
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from ...dsl.reference import Event, FieldRef
from ..clients.tls import ClientTls
from ..contract import Codec, Ecs, OptionProblem, complain
from ..declaration import Secret, Uri, option
from ._foreign import at_home, text_of
from ._json import bare
from ._target import check_target, placed


class Once:
    """A value that is made when it is first asked for. Streams of a codec share it; threads may ask
    at the same time.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._lock, self._made = make, threading.Lock(), False

    def __call__(self) -> Any:
        if not self._made:
            with self._lock:
                if not self._made:
                    self._value, self._made = self._make(), True
        return self._value


def parsed(text: bytes) -> Any:
    """A schema as the library wants it; raises OptionProblem."""
    try:
        return parse_schema(json.loads(text))
    except Exception as error:  # fastavro has a dozen errors of its own
        raise OptionProblem("schema_uri", f"not a valid Avro schema: {error}") from None


class Avro(ClientTls, Ecs, Codec, name="avro"):
    """Avro records, one for each payload, without the schema.

    The schema is read from a file, or fetched by HTTP when the pipeline starts. Decoding: a payload
    that is not a record of it is an event with the payload as `message`, tagged
    `_avroparsefailure`. With ECS the payload is kept in `[event][original]`. Encoding: the fields
    that the schema has; an event that does not fit it is left out, with a warning in the log.

    Differs from Logstash: failures are tagged whatever `tag_on_failure` says.
    """

    schema_uri: str = option("The schema: a path, or an http or https URI.")
    encoding: str = option(
        "How records are wrapped.", default="base64", choices=("binary", "base64")
    )
    target: FieldRef | None = option(
        "The field to put the record under, instead of the event's root.", default=None
    )
    tag_on_failure: bool = option("Has no effect: failures are always tagged.", default=False)
    username: str | None = option("The user for fetching the schema.", default=None)
    password: Secret | None = option("The password for fetching the schema.", default=None)
    proxy: Uri | None = option("The proxy for fetching the schema.", default=None)

    def prepare(self) -> None:
        check_target(self)
        uri = urlsplit(self.schema_uri)
        if uri.scheme in ("http", "https"):
            self._text = Once(self._fetched)
            self._schema = Once(lambda: parsed(self._text()))
            return
        path = uri.path if uri.scheme == "file" else self.schema_uri
        try:
            self._text = Once(Path(path).read_bytes)
            self._schema = Once(lambda: parsed(self._text()))
            self._schema()
        except OSError as error:
            raise OptionProblem(
                "schema_uri", f"the schema cannot be read: {error}", "check the path or URI"
            ) from None

    def open(self) -> None:
        """Fetch the schema; raises OSError where that is not possible."""
        try:
            self._schema()
        except OptionProblem as problem:
            raise OSError(f"{self.context.where}: codec avro: {problem}") from problem

    def schema_text(self) -> str:
        """The schema as it was written; raises OptionProblem where it cannot be fetched."""
        text: bytes = self._text()
        return text.decode()

    def _fetched(self) -> bytes:
        from ._schema_over_http import Login, fetched  # a schema in a file needs no client

        login = Login(self.username, self.password, self.proxy)
        return fetched(self, self, login, self.schema_uri)

    def decode(self, data: bytes) -> list[Event]:
        try:
            found = schemaless_reader(io.BytesIO(self._unwrapped(data)), self._schema(), None)
            if not isinstance(found, dict):
                raise ValueError("the record is not a map")
            event = placed(self.target, at_home(found), self.context.now())
        except Exception:  # fastavro raises whatever comes up
            return [{"message": text_of(data), "tags": ["_avroparsefailure"]}]
        if self.ecs and type(event.setdefault("event", {})) is dict:
            event["event"].setdefault("original", text_of(data))
        return [event]

    def _unwrapped(self, data: bytes) -> bytes:
        if self.encoding == "binary":
            return data
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error:
            return data

    def encode(self, events: list[Event]) -> bytes:
        schema = self._schema()
        return b"".join([self._encoded(event, schema) for event in events])

    def _encoded(self, event: Event, schema: Any) -> bytes:
        record = io.BytesIO()
        try:
            schemaless_writer(record, schema, bare(event))
        except Exception as error:
            complain(
                f"{self.context.where} avro",
                "%s: an event does not fit the schema: %s",
                self.context.where,
                error,
            )
            return b""
        return (
            record.getvalue() if self.encoding == "binary" else base64.b64encode(record.getvalue())
        )
