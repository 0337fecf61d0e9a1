"""Avro records, with schemas from files and from a server."""
from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from servers.certificates import Certificates
from servers.process import free_ports

from penstock.dsl.reference import FieldRef
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.commands.main import main

pytest.importorskip("fastavro")
SCHEMA = {
    "type": "record",
    "name": "Line",
    "fields": [
        {"name": "message", "type": "string"},
        {"name": "n", "type": ["null", "long"], "default": None},
        {"name": "at", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}], "default": None},
        {"name": "raw", "type": ["null", "bytes"], "default": None},
    ],
}
NOW = Timestamp("2024-05-06T07:08:09.000Z")
RECORD = b"\x02a\x02\x0a\x00\x00"
EVENT = {"@timestamp": NOW, "@version": "1", "message": "a", "n": 5, "at": None, "raw": None}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("avro") / "line.avsc"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def test_a_record_is_an_event(codec: Any, schema: str) -> None:
    wrapped = base64.b64encode(RECORD)
    assert codec("avro", ecs=False, schema_uri=schema).decode(wrapped) == [EVENT]
    assert codec("avro", schema_uri=f"file://{schema}").decode(wrapped) == [EVENT | {"event": {"original": wrapped.decode()}}]
    assert codec("avro", ecs=False, schema_uri=schema, encoding="binary").decode(RECORD) == [EVENT]
    assert codec("avro", ecs=False, schema_uri=schema, target=FieldRef("r")).decode(wrapped)[0]["r"]["n"] == 5


def test_what_is_not_wrapped_is_read_bare(codec: Any, schema: str) -> None:
    assert codec("avro", ecs=False, schema_uri=schema).decode(RECORD) == [EVENT]


def test_times_and_bytes_are_converted(codec: Any, schema: str) -> None:
    avro = codec("avro", ecs=False, schema_uri=schema, encoding="binary")
    (event,) = avro.decode(b"\x02a\x00\x02\xd0\x0f\x02\x04\xff\x41")
    assert (event["at"], event["raw"]) == (Timestamp("1970-01-01T00:00:01.000Z"), "\\xFFA")


@given(st.binary(max_size=40))
def test_what_is_no_record_is_kept_and_tagged(codec: Any, schema: str, data: bytes) -> None:
    (event,) = codec("avro", ecs=False, schema_uri=schema, encoding="binary").decode(data)
    assert "message" in event


def test_a_payload_that_breaks_off_is_tagged(codec: Any, schema: str) -> None:
    assert codec("avro", schema_uri=schema).decode(b"no!") == [{"message": "no!", "tags": ["_avroparsefailure"]}]


def test_an_event_is_a_record(codec: Any, schema: str) -> None:
    event = {"message": "a", "n": 5, "other": 1, "@timestamp": NOW, "@metadata": {}}
    assert codec("avro", schema_uri=schema, encoding="binary").encode([event]) == RECORD
    assert base64.b64decode(codec("avro", schema_uri=schema).encode([event])) == RECORD


def test_an_event_that_does_not_fit_is_left_out(codec: Any, schema: str) -> None:
    assert codec("avro", schema_uri=schema, encoding="binary").encode([{"n": "x"}, {"message": "a", "n": 5}]) == RECORD


def test_a_bad_schema_is_refused(problems: Any, tmp_path: Path) -> None:
    (tmp_path / "bad").write_text('{"type": "what"}')
    for uri in (str(tmp_path / "none"), str(tmp_path / "bad")):
        assert [problem.option for problem in problems("avro", schema_uri=uri)] == ["schema_uri"]


class Registry(BaseHTTPRequestHandler):
    """Gives the schema to who knows the password."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Basic " + base64.b64encode(b"me:secret").decode()
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(json.dumps(SCHEMA).encode() if known else b"")

    def log_message(self, *arguments: object) -> None:
        """Nothing: a test is quiet."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A registry; where its schema is."""
    server = HTTPServer(("127.0.0.1", 0), Registry)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_port}/line.avsc"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def registry() -> Iterator[str]:
    with serving() as place:
        yield place


def test_a_schema_is_fetched_with_a_password(codec: Any, problems: Any, registry: str) -> None:
    avro = codec("avro", ecs=False, schema_uri=registry, username="me", password="secret", encoding="binary")
    assert avro.decode(RECORD) == [EVENT]
    with pytest.raises(OSError, match="codec avro: the schema cannot be fetched: the server answers 401"):
        codec("avro", schema_uri=registry).open()


def test_a_schema_of_a_server_is_fetched_when_the_pipeline_starts_not_by_a_check(registry: str, tmp_path: Path) -> None:
    config = f'input {{ stdin {{ codec => avro {{ schema_uri => "http://127.0.0.1:{free_ports()[0]}/schema" }} }} }}'
    assert CliRunner().invoke(main, ["check", "-e", config]).exit_code == 0
    run = subprocess.run([sys.executable, "-m", "penstock", "run", "-e", config], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "codec avro: the schema cannot be fetched" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_schema_is_fetched_over_tls_from_whom_is_trusted(codec: Any, problems: Any, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.pair("server"))
    login = {"username": "me", "password": "secret", "encoding": "binary"}
    with serving(context) as place:
        avro = codec("avro", ecs=False, schema_uri=place, ssl_certificate_authorities=[certificates.ca], **login)
        assert avro.decode(RECORD) == [EVENT]
        assert codec("avro", ecs=False, schema_uri=place, ssl_verification_mode="none", **login).decode(RECORD) == [EVENT]
        foreign = codec("avro", schema_uri=place, ssl_certificate_authorities=[certificates.foreign_ca], **login)
        with pytest.raises(OSError, match="certificate"):
            foreign.open()
