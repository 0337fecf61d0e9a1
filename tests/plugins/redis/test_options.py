"""The options of the input and the output redis: what is refused, and what they do that a server shows."""
from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis
from servers import redis
from servers.packages import require

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.clients import redis as redis_client
from penstock.plugins.errors import Disconnected, Misconfigured, Rejected, Retry
from penstock.plugins.input import Input, Outcome
from penstock.plugins.output import Output

IN, OUT = "input { redis { %s } }", "output { redis { %s } }"
REFUSED = [
    (IN, 'data_type => "list" key => ""', "the key is empty"),
    (IN, 'data_type => "queue" key => "k"', "queue"),
    (IN, 'data_type => "list" key => "k" path => "/s" ssl => true', "TLS is not used on a UNIX socket"),
    (IN, 'data_type => "list" key => "k" consumer => ""', "the name is empty"),
    (IN, 'data_type => "list" key => "k" group => "g"', "`group` requires data_type => stream"),
    (IN, 'data_type => "channel" key => "k" stream_field => "f"', "`stream_field` requires data_type => stream"),
    (OUT, 'data_type => "list" key => ""', "the key is empty"),
    (OUT, 'data_type => "list" key => "k" host => ["a:b"]', "`b` is not a valid port"),
    (OUT, 'data_type => "list" key => "k" host => []', "`host` is empty"),
    (OUT, 'data_type => "channel" key => "k" congestion_threshold => 5', "it requires data_type => list"),
]


@pytest.mark.parametrize(("form", "options", "message"), REFUSED)
def test_a_check_refuses(form: str, options: str, message: str) -> None:
    whole = (form % options) + (" output { null { } }" if form is IN else " input { stdin { } }")
    _, found = inspect([Source("test.conf", whole)], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


def output(options: str) -> Output:
    """The output, prepared and open."""
    assembly = assemble([Source("test.conf", f"input {{ stdin {{ }} }} output {{ redis {{ {options} }} }}")], settled({}))
    (made,) = assembly.plugins(assembly.program.outputs)
    made.open()
    return cast(Output, made)


def deliver(made: Output, *messages: str) -> None:
    for payload in made.pack([{"message": message} for message in messages]):
        made.deliver(payload)


PLAIN = 'codec => plain { format => "%{message}" }'


def test_a_list_that_is_too_long_is_waited_for(server: Any, client: Any, key: str) -> None:
    """The wait is `congestion_interval`, and nothing was pushed."""
    made = output(f'port => {server.port} data_type => "list" key => "{key}" {PLAIN} congestion_threshold => 2 congestion_interval => 0')
    made.connect()
    deliver(made, "1", "2", "3")
    with pytest.raises(Retry) as raised:
        deliver(made, "4")
    assert raised.value.after == 0.0
    client.lpop(key)
    deliver(made, "5")
    assert client.lrange(key, 0, -1) == ["2", "3", "5"]
    made.close()


def test_of_several_hosts_the_next_is_taken_when_one_is_away(server: Any, client: Any, key: str) -> None:
    hosts = f'host => ["127.0.0.1:1", "127.0.0.1:{server.port}"] shuffle_hosts => false'
    made = output(f'{hosts} data_type => "list" key => "{key}" {PLAIN}')
    made.connect()
    deliver(made, "1")
    assert client.lrange(key, 0, -1) == ["1"]
    made.close()


def test_a_unix_socket_and_a_database_are_used(server: Any, key: str) -> None:
    made = output(f'path => "{server.socket}" db => 3 data_type => "list" key => "{key}" {PLAIN}')
    made.connect()
    deliver(made, "1")
    made.close()
    with Redis(port=server.port, db=3, protocol=2) as client:
        assert client.lrange(key, 0, -1) == [b"1"]


def test_a_server_without_tls_is_not_waited_for_long(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_client, "_FIRST_ANSWER", 0.2)
    made = output(f'port => {server.port} ssl_enabled => true data_type => "list" key => "k"')
    with pytest.raises(Disconnected, match="does it speak TLS on this port"):
        made.connect()
    made.close()


def test_a_stream_is_cut_at_about_its_length(server: Any, client: Any, key: str) -> None:
    made = output(f'port => {server.port} data_type => "stream" key => "{key}" stream_field => "f" stream_max_length => 100 {PLAIN}')
    made.connect()
    deliver(made, *map(str, range(1000)))
    assert 100 <= client.xlen(key) < 400
    assert client.xrevrange(key, count=1)[0][1] == {"f": "999"}
    made.close()


def test_a_key_that_takes_no_entries_is_to_blame_where_it_is_one_for_all(server: Any, client: Any, key: str) -> None:
    client.set(key, "text")
    made = output(f'port => {server.port} data_type => "list" key => "{key}" {PLAIN}')
    made.connect()
    with pytest.raises(Misconfigured, match="a value of another type"):
        deliver(made, "1")
    made = output(f'port => {server.port} data_type => "list" key => "%{{message}}" {PLAIN}')
    made.connect()
    with pytest.raises(Rejected) as raised:
        deliver(made, f"{key}-1", key, f"{key}-2")
    assert list(cast(dict[int, str], raised.value.reasons)) == [1]
    assert client.exists(f"{key}-1", f"{key}-2") == 2
    made.close()


def test_a_server_that_is_full_is_tried_again_and_one_that_became_a_replica_is_left(tmp_path: Path, key: str) -> None:
    require("redis")
    with redis.server(tmp_path) as own, Redis(port=own.port, protocol=2) as client:
        made = output(f'port => {own.port} data_type => "list" key => "{key}" {PLAIN} shuffle_hosts => false')
        made.connect()
        client.config_set("maxmemory", "1")
        with pytest.raises(Retry, match="memory is full"):
            deliver(made, "1")
        client.config_set("maxmemory", "0")
        deliver(made, "2")
        client.replicaof("127.0.0.1", 1)  # type: ignore[no-untyped-call]
        with pytest.raises(Exception, match="read only replica"):
            deliver(made, "3")
        made.close()


def test_commands_that_the_server_has_renamed_are_called_by_their_names(tmp_path: Path, key: str) -> None:
    require("redis")
    with redis.server(tmp_path, "rename-command EVALSHA MY_EVALSHA", "rename-command LRANGE MY_LRANGE") as own, Redis(port=own.port, protocol=2) as client:
        client.rpush(key, "1")
        renamed = 'command_map => { "evalsha" => "MY_EVALSHA" "lrange" => "MY_LRANGE" }'
        text = f'input {{ redis {{ port => {own.port} data_type => "list" key => "{key}" codec => plain {renamed} }} }} output {{ null {{ }} }}'
        assembly = assemble([Source("test.conf", text)], settled({"path.data": str(tmp_path)}))
        (source,) = assembly.plugins(assembly.program.inputs)
        source.connect()  # type: ignore[attr-defined]
        batch = source.read(5.0)  # type: ignore[attr-defined]
        assert batch.chunks[0].data == b"1"
        source.close()


def test_a_consumer_that_was_taken_for_dead_can_neither_move_nor_acknowledge(tmp_path: Path, server: Any, client: Any, key: str) -> None:
    """Both have one name, so that the second takes over at once."""
    client.rpush(key, "1", "2")
    text = f'input {{ redis {{ port => {server.port} data_type => "list" key => "{key}" codec => plain consumer => "one" }} }} output {{ null {{ }} }}'
    sources: list[Any] = []
    for directory in ("a", "b"):
        assembly = assemble([Source("test.conf", text)], settled({"path.data": str(tmp_path / directory)}))
        sources += assembly.plugins(assembly.program.inputs)
    first, second = sources
    first.connect()
    held = first.read(5.0)
    second.connect()
    again = second.read(5.0)
    assert (held.chunks[0].data, again.chunks[0].data) == (b"12", b"12")
    with pytest.raises(Disconnected):
        first.settle([Outcome(held.token, None)], {key: held.parts[0].position})
    with pytest.raises(Disconnected):
        first.read(0.0)
    first.close()
    second.close()
    assert client.lrange(key, 0, -1) == ["1", "2"]


@pytest.mark.parametrize("kind", ["list", "stream"])
def test_what_waits_on_the_server_is_told_as_the_lag(kind: str, server: Any, client: Any, key: str, tmp_path: Path) -> None:
    put = client.rpush if kind == "list" else lambda name, text: client.xadd(name, {"message": text})
    for _ in range(7):
        put(key, "{}")
    config = f'input {{ redis {{ port => {server.port} data_type => "{kind}" key => "{key}" batch_count => 5 }} }} output {{ null {{ }} }}'
    assembly = assemble([Source("test.conf", config)], settled({"path.data": str(tmp_path)}))
    (made,) = assembly.plugins(assembly.program.inputs)
    source = cast(Input, made)
    source.connect()
    assert source.read(1) is not None
    assert source.context.metrics.values() == {"lag": 7}
    source.close()
