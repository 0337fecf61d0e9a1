"""Values in Avro, with their schemas in a registry: a real one, with the API of Confluent's, alone
and behind a front that asks for a login.
"""

from __future__ import annotations

import base64
import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest
from servers import schema_registry
from servers.certificates import Certificates
from servers.front import Front, Told
from servers.kafka_topics import Topic
from servers.penstock_flow import Arrivals, write
from servers.penstock_process import Penstock
from servers.schema_registry import API, ask, register

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect

USER = {
    "type": "record",
    "name": "user",
    "fields": [{"name": "name", "type": "string"}, {"name": "age", "type": "long", "default": 0}],
}
REFUSED = [
    ("input", 'schema_registry_secret => "s"', "requires `schema_registry_url`"),
    ("input", 'schema_registry_url => "ftp://h"', "not a valid URL of a registry"),
    (
        "input",
        'schema_registry_url => "http://h" schema_registry_secret => "s"',
        "requires `schema_registry_key`",
    ),
    (
        "input",
        'schema_registry_url => "http://h" schema_registry_validation => "on"',
        "schema_registry_validation",
    ),
    ("input", 'schema_registry_url => "http://h" codec => json', "`codec` has no effect"),
    (
        "input",
        'schema_registry_url => "http://h" schema_registry_ssl_truststore_location => "/none"',
        "/none",
    ),
    ("output", 'topic_id => "t" schema_registry_url => "http://h"', "requires the codec avro"),
    (
        "output",
        'topic_id => "t" schema_registry_url => "http://h" codec => json',
        "requires the codec avro",
    ),
    (
        "output",
        'topic_id => "t" schema_registry_url => "http://h"'
        ' codec => avro { schema_uri => "SCHEMA" }',
        "with binary records",
    ),
]


@pytest.mark.parametrize(("section", "options", "message"), REFUSED)
def test_a_check_refuses(section: str, options: str, message: str, tmp_path: Path) -> None:
    options = options.replace("SCHEMA", str(schema_file(tmp_path, USER)))
    other = "output { null { } }" if section == "input" else "input { stdin { } }"
    _, found = inspect(
        [Source("test.conf", f"{section} {{ kafka {{ {options} }} }} {other}")], settled({})
    )
    assert any(message in f"{each.message} {each.help}" for each in found), found


def schema_file(directory: Path, schema: Any) -> Path:
    path = directory / "schema.avsc"
    path.write_text(json.dumps(schema))
    return path


@pytest.fixture(scope="module")
def registry() -> Any:
    return schema_registry.registry()


def asks(port: int, more: str = "", scheme: str = "http") -> str:
    return f'schema_registry_url => "{scheme}://127.0.0.1:{port}{API}" {more}'


def writes(directory: Path, port: int, schema: Any, more: str = "") -> str:
    path = schema_file(directory, schema)
    return f'{asks(port, more)} codec => avro {{ schema_uri => "{path}" encoding => binary }}'


def reading(directory: Path, topic: Topic, more: str) -> Arrivals:
    where = f'bootstrap_servers => "{topic.address}" topics => ["{topic.name}"]'
    group = f'group_id => "{topic.name}" auto_offset_reset => "earliest"'
    times = "session_timeout_ms => 2000 heartbeat_interval_ms => 500 poll_timeout_ms => 20"
    return Arrivals(directory, f"kafka {{ {where} {group} {times} {more} }}")


def writing(topic: Topic, options: str) -> str:
    return (
        f'kafka {{ bootstrap_servers => "{topic.address}" topic_id => "{topic.name}" {options} }}'
    )


def framed(number: int, schema: Any, record: Any, named: dict[str, Any] | None = None) -> bytes:
    data = io.BytesIO()
    fastavro.schemaless_writer(
        data, fastavro.parse_schema(schema, named_schemas=named or {}), record
    )
    return struct.pack(">BI", 0, number) + data.getvalue()


def test_events_go_to_a_topic_by_a_schema_of_the_registry_and_come_from_it(
    tmp_path: Path, make_topic: Callable[..., Topic], registry: Any
) -> None:
    """What is in the topic is what a serializer of Confluent's writes."""
    topic = make_topic(1)
    lines = [json.dumps({"name": f"ä{n}", "age": n}) for n in range(50)]
    write(tmp_path, writing(topic, writes(tmp_path, registry.port, USER)), lines, "-w", "2")
    numbers = set()
    for record in topic.records():
        value = record.value() or b""
        magic, number = struct.unpack_from(">BI", value)
        assert magic == 0
        numbers.add(number)
    (number,) = numbers
    kept = ask(registry.port, f"/schemas/ids/{number}")
    assert json.loads(kept["schema"]) == USER
    assert ask(registry.port, f"/subjects/{topic.name}-value/versions") == [1]
    last = topic.records()[-1].value() or b""
    assert fastavro.schemaless_reader(io.BytesIO(last[5:]), fastavro.parse_schema(USER), None) == {
        "name": "ä49",
        "age": 49,
    }
    events = reading(tmp_path, topic, f'{asks(registry.port)} decorate_events => "basic"').all(
        50, "-w", "2"
    )
    assert [(event["name"], event["age"]) for event in events] == [(f"ä{n}", n) for n in range(50)]
    assert [event["meta"]["kafka"]["offset"] for event in events] == list(range(50))


def test_each_value_is_read_by_its_own_schema_and_what_is_none_is_tagged(
    tmp_path: Path, make_topic: Callable[..., Topic], registry: Any
) -> None:
    """A later version, a schema that refers to another, and values that are odd, each read once."""
    topic = make_topic(1)
    subject = f"{topic.name}-value"
    grown = {
        **USER,
        "fields": [*USER["fields"], {"name": "city", "type": "string", "default": "?"}],
    }
    holds = {"type": "record", "name": "holder", "fields": [{"name": "who", "type": "user"}]}
    first = register(registry.port, subject, USER)
    second = register(registry.port, subject, grown)
    third = register(
        registry.port,
        f"{topic.name}-other",
        holds,
        [{"name": "user", "subject": subject, "version": 1}],
    )
    named: dict[str, Any] = {}
    fastavro.parse_schema(USER, named_schemas=named)
    whole = framed(first, USER, {"name": "a", "age": 1})
    good = [
        whole,
        framed(second, grown, {"name": "b", "age": 2, "city": "c"}),
        framed(third, holds, {"who": {"name": "d", "age": 3}}, named),
    ]
    odd = [b"plain", b"\x00\x00", whole[:-1], b"\x00" + struct.pack(">I", 999_999) + whole[5:]]
    topic.put([good[0], *odd, None, *good[1:]])
    events = reading(tmp_path, topic, asks(registry.port)).all(7)
    assert [event.get("name") for event in events] == ["a", None, None, None, None, "b", None]
    assert events[5]["city"] == "c"
    assert events[6]["who"] == {"name": "d", "age": 3}
    assert [event.get("tags") for event in events[1:5]] == [["_avroparsefailure"]] * 4
    assert events[1]["message"] == "plain"
    assert topic.committed(topic.name) == [8]


def test_what_does_not_fit_is_a_dead_letter_and_the_rest_arrives(
    tmp_path: Path, make_topic: Callable[..., Topic], registry: Any
) -> None:
    topic = make_topic(1)
    output = writing(topic, writes(tmp_path, registry.port, USER))
    config = f"input {{ stdin {{ codec => json_lines }} }} output {{ {output} }}"
    letters = tmp_path / "letters"
    options = ("-S", "dead_letter_queue.enable=true", "-S", f"path.dead_letter_queue={letters}")
    lines = ['{"name": "a", "age": 1}', '{"name": 7}', '{"name": "b", "age": 2}']
    with Penstock(
        tmp_path, config, *options, name="writes", stdin="\n".join(lines).encode()
    ) as run:
        assert run.wait() == 0, run.said()
    assert len(topic.records()) == 2
    source = f'dead_letter_queue {{ path => "{letters}" commit_offsets => false }}'
    config = f'input {{ {source} }} output {{ file {{ path => "{tmp_path}/dead" }} }}'
    with Penstock(tmp_path, config, name="letters") as run:
        run.until(
            lambda: (tmp_path / "dead").exists() and "7" in (tmp_path / "dead").read_text(),
            "the dead letter is read",
        )
        run.stop()


def test_nothing_is_lost_while_the_registry_is_away(
    tmp_path: Path, make_topic: Callable[..., Topic], registry: Any
) -> None:
    """It is away when the pipeline starts, and answers at first that it is busy."""
    topic = make_topic(1)
    number = register(registry.port, f"{topic.name}-value", USER)
    topic.put([framed(number, USER, {"name": f"n{n}", "age": n}) for n in range(100)])
    front = Front(registry.port)
    front.tell(f"{API}/schemas", Told(503, {"message": "busy"}))
    arrivals = reading(tmp_path, topic, asks(front.port))
    with arrivals.process() as run:
        run.until(lambda: "the schema registry cannot be reached" in run.said(), "it says so")
        front.start()
        try:
            run.until(
                lambda: (
                    {event["name"] for event in arrivals.events()} == {f"n{n}" for n in range(100)}
                ),
                "all arrives",
            )
            run.stop()
        finally:
            front.stop()
    assert not [event for event in arrivals.events() if "tags" in event]


def blamed_option(said: str) -> str:
    """The option whose value is marked."""
    lines = said.splitlines()
    (at,) = (number for number, line in enumerate(lines) if "^" in line and set(line) <= set(" |^"))
    return lines[at - 1][: lines[at].index("^")].split()[-2]


WRONG = {
    "a login": ("schema_registry_key", "401"),
    "an authority that does not know it": ("schema_registry_ssl_truststore_location", "TLS"),
    "a path that is none": ("schema_registry_url", "does not know it"),
}


@pytest.mark.parametrize("what", [*WRONG, "nothing"])
def test_a_login_and_tls_are_checked_at_the_start(
    what: str, tmp_path: Path, make_topic: Callable[..., Topic], registry: Any
) -> None:
    topic = make_topic(1)
    certificates = Certificates(tmp_path)
    login = "Basic " + base64.b64encode(b"u:p").decode()
    front = Front(registry.port, logins=[login], identity=certificates.pair("server")).start()
    trusted = certificates.foreign_ca if what.startswith("an authority") else certificates.ca
    secret = "x" if what == "a login" else "p"
    more = f'schema_registry_key => "u" schema_registry_secret => "{secret}"'
    more += f' schema_registry_ssl_truststore_location => "{trusted}"'
    options = asks(front.port, more, "https")
    if what == "a path that is none":
        options = options.replace(API, "/none")
    number = register(registry.port, f"{topic.name}-value", USER)
    topic.put([framed(number, USER, {"name": "a", "age": 1})])
    try:
        if what == "nothing":
            assert [event["name"] for event in reading(tmp_path, topic, options).all(1)] == ["a"]
            return
        blamed, said = WRONG[what]
        with reading(tmp_path, topic, options).process() as run:
            assert run.wait() != 0
            assert said in run.said()
            assert blamed_option(run.said()) == blamed
    finally:
        front.stop()


def test_a_schema_that_is_not_compatible_is_refused_at_the_start(
    tmp_path: Path, make_topic: Callable[..., Topic], registry: Any
) -> None:
    topic = make_topic(1)
    subject = f"{topic.name}-value"
    register(registry.port, subject, USER)
    ask(registry.port, f"/config/{subject}", {"compatibility": "BACKWARD"}, "PUT")
    changed = {**USER, "fields": [{"name": "number", "type": "long"}]}
    output = writing(topic, writes(tmp_path, registry.port, changed))
    with Penstock(
        tmp_path, f"input {{ stdin {{ }} }} output {{ {output} }}", name="writes", stdin=b"x\n"
    ) as run:
        assert run.wait() != 0
        assert "409" in run.said()
        assert blamed_option(run.said()) == "codec"
