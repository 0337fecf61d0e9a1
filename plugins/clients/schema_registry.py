"""A schema registry over HTTP, as Confluent's, Karapace and Apicurio have it: schemas by their
numbers, and numbers for schemas of our own.

Two requests are all that is needed, so they go through the client that other plugins have for HTTP:
the library's own client would bring three more packages, and other ideas of proxies and
certificates. What was answered once is kept: a number means the same schema for ever.
"""

from __future__ import annotations

import json
import threading
import time
from typing import Any, NamedTuple, cast
from urllib.parse import quote

from fastavro import parse_schema

from ...dsl.diagnostics import PenstockError
from ..contract import Disconnected, Misconfigured, Plugin
from .http import HttpClient, HttpOptions, Request, Response
from .http_failures import HttpFailure, TlsFailure
from .schema_registry_options import RegistryOptions
from .tls import ClientTls, client_tls

_SECONDS = 30.0
_ASK_AGAIN = 30.0
_MOST_REFERENCES = 100
_KIND = "application/vnd.schemaregistry.v1+json"
_TLS_OPTIONS = {
    "ssl_certificate_authorities": "schema_registry_ssl_truststore_location",
    "ssl_certificate": "schema_registry_ssl_keystore_location",
}


class UnknownSchema(PenstockError):
    """A number that the registry does not know, or that is not of an Avro schema."""


class RefusedSchema(PenstockError):
    """A schema that the registry does not take for a subject."""


class _Http(HttpOptions):
    """The options of its client."""

    request_timeout = socket_timeout = connect_timeout = _SECONDS
    follow_redirects = keepalive = True
    pool_max = pool_max_per_route = 2
    cookies = False
    retry_non_idempotent = True  # a schema that is registered twice has one number
    automatic_retries = 1


class _Tls(ClientTls):
    """The options of its TLS."""

    ssl_enabled = True
    ssl_verification_mode = "full"
    ssl_key_passphrase = ssl_keystore_path = ssl_truststore_path = None

    def __init__(self, options: RegistryOptions) -> None:
        trusted, shown = (
            options.schema_registry_ssl_truststore_location,
            options.schema_registry_ssl_keystore_location,
        )
        self.ssl_certificate_authorities = [] if trusted is None else [trusted]
        self.ssl_certificate = self.ssl_key = shown
        self.ssl_key_passphrase = options.schema_registry_ssl_keystore_password
        self.ssl_cipher_suites: list[str] = []
        self.ssl_supported_protocols: list[str] = []


class _Absent(NamedTuple):
    """What the registry did not know, and until when that is believed."""

    error: UnknownSchema
    until: float


class SchemaRegistry:
    """Asks one registry; made in ``prepare``, used by several threads at a time.

    Its methods raise Disconnected where the registry is away or busy, and Misconfigured where it
    refuses the login or TLS fails.
    """

    def __init__(self, plugin: Plugin, options: RegistryOptions) -> None:
        self._url = str(options.schema_registry_url).rstrip("/")
        http = _Http()
        http.user, http.password = options.schema_registry_key, options.schema_registry_secret
        proxy = options.schema_registry_proxy
        http.proxy = str(proxy) if proxy else None
        self._http, self._tls = http, client_tls(cast(Plugin, _Renamed(plugin)), _Tls(options))
        self._client: HttpClient | None = None
        self._lock = threading.Lock()
        self._schemas: dict[int, Any] = {}
        self._absent: dict[int, _Absent] = {}
        self._numbers: dict[str, int] = {}

    def subjects(self) -> set[str]:
        """The subjects that it has."""
        try:
            return set(self._asked("GET", "/subjects"))
        except (UnknownSchema, RefusedSchema) as error:
            help = "name a schema registry, with the path that its API has"
            raise Misconfigured("schema_registry_url", str(error), help) from error

    def schema(self, number: int) -> Any:
        """The schema of a number, parsed. Raises UnknownSchema."""
        found = self._schemas.get(number)
        if found is None:
            with self._lock:
                found = self._schemas.get(number)
                if found is None:
                    found = self._schemas[number] = self._fetched(number)
        return found

    def number(self, subject: str, schema: str) -> int:
        """The number of a schema for a subject, where it is registered if it is not. A plugin has
        one schema. Raises RefusedSchema.
        """
        known = self._numbers.get(subject)
        if known is None:
            path = f"/subjects/{quote(subject, safe='')}/versions"
            answer = self._asked("POST", path, {"schema": schema})
            known = self._numbers[subject] = int(answer["id"])
        return known

    def _fetched(self, number: int) -> Any:
        absent = self._absent.get(number)
        if absent is not None and time.monotonic() < absent.until:
            raise absent.error
        try:
            return self._parsed(self._asked("GET", f"/schemas/ids/{number}"))
        except UnknownSchema as error:
            self._absent[number] = _Absent(error, time.monotonic() + _ASK_AGAIN)
            raise

    def _parsed(self, answer: Any) -> Any:
        kind = answer.get("schemaType", "AVRO")
        if kind != "AVRO":
            raise UnknownSchema(f"the schema is of type {kind}")
        named: dict[str, Any] = {}
        self._add_references(answer, named, set())
        try:
            return parse_schema(json.loads(answer["schema"]), named_schemas=named)
        except Exception as error:  # fastavro has a dozen errors of its own
            raise UnknownSchema(f"the registry holds no valid Avro schema: {error}") from error

    def _add_references(self, answer: Any, named: dict[str, Any], seen: set[str]) -> None:
        """Schemas that a schema mentions, each before those that mention it."""
        for each in answer.get("references") or ():
            path = f"/subjects/{quote(each['subject'], safe='')}/versions/{each['version']}"
            if path in seen:
                continue
            seen.add(path)
            if len(seen) > _MOST_REFERENCES:
                raise UnknownSchema(f"the schema refers to more than {_MOST_REFERENCES} others")
            other = self._asked("GET", path)
            self._add_references(other, named, seen)
            try:
                parse_schema(json.loads(other["schema"]), named_schemas=named)
            except Exception as error:
                raise UnknownSchema(f"`{path}` holds no valid Avro schema: {error}") from error

    def _asked(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers, from JSON."""
        headers = {"Accept": f"{_KIND}, application/json"}
        data = None
        if body is not None:
            headers["Content-Type"] = _KIND
            data = json.dumps(body).encode()
        try:
            response = self._connected().send(Request(method, self._url + path, headers, data))
        except TlsFailure as error:
            blamed = _TLS_OPTIONS.get(error.option, "schema_registry_url")
            raise Misconfigured(blamed, f"TLS to the schema registry failed: {error}") from error
        except HttpFailure as error:
            raise Disconnected(f"the schema registry cannot be reached: {error}") from error
        return _judged(response)

    def _connected(self) -> HttpClient:
        if self._client is None:
            self._client = HttpClient(self._http, self._tls)
        return self._client

    def close(self) -> None:
        """Let go of connections; they are made again when they are needed."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


class _Renamed:
    """The plugin, for reports about TLS: its options have other names."""

    def __init__(self, plugin: Plugin) -> None:
        self._plugin, self.context = plugin, plugin.context

    def problem(self, option: str, message: str, help: str = "", **more: Any) -> None:
        """Report at the option of the plugin."""
        more.pop("path", None)
        self._plugin.problem(_TLS_OPTIONS.get(option, option), message, help, **more)


def _judged(response: Response) -> Any:
    """The content of an answer, or what its status means."""
    status = response.status
    said = _said(response)
    if status == 200:
        try:
            return json.loads(response.body)
        except ValueError:
            help = "name a schema registry, with the path that its API has"
            message = "what answers is not a schema registry"
            raise Misconfigured("schema_registry_url", message, help) from None
    if status in (401, 403, 407):
        message = f"the schema registry answers {status}: {said}"
        help = "give the user and the password that the registry asks for"
        raise Misconfigured("schema_registry_key", message, help)
    if status == 404:
        raise UnknownSchema(f"the schema registry does not know it: {said}")
    if status in (400, 409, 422):
        raise RefusedSchema(f"the schema registry answers {status}: {said}")
    raise Disconnected(f"the schema registry answers {status}: {said}")


def _said(response: Response) -> str:
    try:
        return str(json.loads(response.body)["message"])
    except (ValueError, KeyError, TypeError):
        return response.reason or "no reason is given"
