"""The filter memcached, against servers that the tests start.

Where there is no memcached they are skipped, except where CI says that there must be one.
"""
import os
import pwd
import shutil
import socket
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from hashlib import md5
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymemcache.client.base import Client

import penstock
from penstock.filters._memcached_servers import (
    Host,
    Ring,
    Servers,
    key_bytes,
    parse_host,
    restore,
    store,
)
from penstock.filters._ruby_marshal import MarshalError, dump, load
from penstock.filters.memcached import Memcached
from penstock.pipeline.compile.stage import Stage

Event = dict[str, Any]


class Server:
    """A memcached that runs."""

    def __init__(self, program: str) -> None:
        self.program = program
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self.client = Client(("127.0.0.1", self.port), connect_timeout=60, timeout=60, allow_unicode_keys=True, default_noreply=False)
        self.start()

    def start(self) -> None:
        user = ["-u", pwd.getpwuid(os.getuid()).pw_name]
        self.process = subprocess.Popen([self.program, "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", *user], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 90
        while True:
            try:
                self.client.version()
            except OSError:
                assert self.process.poll() is None, "memcached has ended"
                assert time.monotonic() < until, "memcached does not answer"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.wait(90)


def program() -> str:
    found = shutil.which("memcached", path=f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin:/usr/local/bin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("there is no memcached: install the package memcached")
        pytest.skip("there is no memcached")
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[list[Server]]:
    servers = [Server(program()), Server(program())]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def server(running: list[Server]) -> Server:
    running[0].client.flush_all()
    return running[0]


Compiled = Callable[..., Stage]


@pytest.fixture
def compiled(server: Server) -> Iterator[Compiled]:
    """``compiled(options)``: the filter with the server as its host."""
    stages = []

    def make(options: str, hosts: str = "") -> Stage:
        where = hosts or f"'127.0.0.1:{server.port}'"
        stages.append(penstock.compile(f"filter {{ memcached {{ hosts => [{where}] add_tag => ['done'] {options} }} }}"))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def plugin(stage: Stage) -> Memcached:
    (found,) = stage.assembly.made.values()
    assert isinstance(found, Memcached)
    return found


def bare(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("@timestamp", "@version", "@metadata")}


def test_values_of_keys_are_set_in_fields(compiled: Compiled, server: Server) -> None:
    server.client.set_many({"ns:user:7": "Ada", "ns:plain": "p\xe9".encode(), "user:7": "not in the namespace"})
    stage = compiled("namespace => 'ns' get => { 'user:%{id}' => '[user][name]' 'plain' => 'p1' }")
    both, one = stage([{"id": 7}, {"id": 8}])
    assert bare(both) == {"id": 7, "user": {"name": "Ada"}, "p1": "p\xe9", "tags": ["done"]}
    assert bare(one) == {"id": 8, "p1": "p\xe9", "tags": ["done"]}


def test_where_nothing_is_found_nothing_happens(compiled: Compiled) -> None:
    assert bare(compiled("get => { 'user:%{id}' => 'x1' }")([{"id": 7}])[0]) == {"id": 7}


def test_fields_are_kept_under_keys(compiled: Compiled, server: Server) -> None:
    stage = compiled("namespace => 'ns' set => { '[a][b]' => 'key:%{id}' 'other' => 'o:%{id}' }")
    outs = stage([{"id": 1, "a": {"b": "text é"}}, {"id": 2}, {"id": 1, "a": {"b": "later"}, "other": "x"}])
    assert [out.get("tags") for out in outs] == [["done"], None, ["done"]]
    assert server.client.get_many(["ns:key:1", "ns:o:1", "ns:key:2"]) == {"ns:key:1": b"later", "ns:o:1": b"x"}


@pytest.mark.parametrize("value", ["text", "", "é", 5, -300, 1 << 40, 1.0, 2.5, True, False, [1, "a", None], {"a": {"b": [1.5]}}])
def test_values_come_back_as_what_they_were(compiled: Compiled, value: Any) -> None:
    stage = compiled("set => { 'v' => 'k%{n}' } get => { 'k%{n}' => 'back' }")
    (out,) = stage([{"v": value, "n": 1}])
    assert type(out["back"]) is type(value)
    assert out["back"] == value


def test_an_event_gets_what_the_one_before_it_left(compiled: Compiled) -> None:
    stage = compiled("set => { 'mine' => 'last' } get => { 'last' => 'seen' }")
    assert [out.get("seen") for out in stage([{"mine": 1}, {}, {"mine": 2}, {}])] == [1, 1, 2, 2]


def test_values_are_kept_for_a_time(compiled: Compiled, server: Server) -> None:
    compiled("set => { 'v' => 'brief' } ttl => 1")([{"v": "x"}])
    compiled("set => { 'v' => 'months' } ttl => 5000000")([{"v": "x"}])  # memcached takes more than a month for a date
    until = time.monotonic() + 60
    while server.client.get("brief") is not None:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert server.client.get("months") == b"x"


def test_values_in_one_event_are_not_those_in_another(compiled: Compiled, server: Server) -> None:
    server.client.set("m", dump({"a": [1]}), flags=1)
    stage = compiled("get => { 'm' => 'v' } cache_size => 5 add_field => { '[v][more]' => 'x' }")
    assert [out["v"] for out in stage([{}, {}])] == [{"a": [1], "more": "x"}] * 2


def test_what_was_found_or_not_is_remembered_where_it_shall_be(compiled: Compiled, server: Server) -> None:
    server.client.set("k1", "old")
    stage = compiled("get => { 'k%{n}' => 'v' } cache_size => 5 cache_expiration => 3600")
    stage([{"n": 1}, {"n": 2}])
    server.client.set_many({"k1": "new", "k2": "new", "k3": "new"})
    assert [out.get("v") for out in stage([{"n": 1}, {"n": 2}, {"n": 3}])] == ["old", None, "new"]
    assert plugin(stage).stats() == {"cache_hits": 2, "cache_misses": 3, "cache_entries": 3}
    fresh = compiled("get => { 'k%{n}' => 'v' }")
    assert [out.get("v") for out in fresh([{"n": 1}, {"n": 2}])] == ["new", "new"]
    assert plugin(fresh).stats() == {}


def test_what_is_set_is_remembered_no_more(compiled: Compiled) -> None:
    stage = compiled("get => { 'k1' => 'v' } set => { 'mine' => 'k1' } cache_size => 5 cache_expiration => 3600")
    assert [out.get("v") for out in stage([{}, {"mine": "a"}, {}, {"mine": "b"}])] == [None, "a", "a", "b"]


def test_a_batch_is_asked_in_one_go(compiled: Compiled, server: Server) -> None:
    before = server.client.stats()[b"cmd_get"]
    server.client.set_many({f"k{n}": str(n) for n in range(100)})
    outs = compiled("get => { 'k%{n}' => 'v' }")([{"n": n % 100} for n in range(300)])
    assert [out["v"] for out in outs] == [str(n % 100) for n in range(300)]
    assert server.client.stats()[b"cmd_get"] - before == 100


@pytest.mark.parametrize("key", ["with blank", "new\nline", "nul\x00", ""])
def test_a_key_that_is_none_is_a_failure_of_its_event_only(compiled: Compiled, server: Server, key: str) -> None:
    server.client.set("good", "v")
    outs = compiled("get => { '%{k}' => 'v' } tag_on_failure => 'failed'")([{"k": "good"}, {"k": key}, {"k": "good"}])
    assert [out["tags"] for out in outs] == [["done"], ["failed"], ["done"]]
    outs = compiled("set => { 'k' => '%{k}' }")([{"k": "good"}, {"k": key}])
    assert [out["tags"] for out in outs] == [["done"], ["_memcached_failure"]]


def test_a_value_that_is_too_large_is_a_failure_of_its_event_only(compiled: Compiled, server: Server) -> None:
    outs = compiled("set => { 'v' => 'k%{n}' }")([{"v": "x", "n": 1}, {"v": "x" * 2_000_000, "n": 2}, {"v": "y", "n": 3}])
    assert [out["tags"] for out in outs] == [["done"], ["_memcached_failure"], ["done"]]
    assert server.client.get_many(["k1", "k3"]) == {"k1": b"x", "k3": b"y"}


def test_a_server_that_is_away_tags_events_until_it_is_back(running: list[Server]) -> None:
    server = running[1]
    stage = penstock.compile(f"filter {{ memcached {{ hosts => ['127.0.0.1:{server.port}'] get => {{ 'kk' => 'v' }} }} }}")
    made = plugin(stage)
    made.open()
    server.client.set("kk", "1")
    assert stage([{}])[0]["v"] == "1"
    server.stop()
    assert [out["tags"] for out in stage([{}, {}])] == [["_memcached_failure"]] * 2
    server.start()
    server.client.set("kk", "2")
    made._servers.get()._servers[0]._again = 0
    assert stage([{}])[0]["v"] == "2"
    server.stop()
    server.start()
    server.client.set("kk", "3")
    assert stage([{}])[0]["v"] == "3"  # the old connection is lost, and nobody notices
    stage.close()


def test_a_server_that_never_was_there_does_not_stop_the_start() -> None:
    stage = penstock.compile("filter { memcached { hosts => ['127.0.0.1:1'] get => { 'kk' => 'v' } set => { 'a1' => 'kk' } add_tag => ['done'] } }")
    plugin(stage).open()
    assert [out["tags"] for out in stage([{}, {"a1": 1}])] == [["_memcached_failure"]] * 2
    stage.close()


def test_keys_are_shared_out_among_servers(compiled: Compiled, running: list[Server]) -> None:
    hosts = ", ".join(f"'127.0.0.1:{server.port}'" for server in running)
    for server in running:
        server.client.flush_all()
    stage = compiled("set => { 'n' => 'k%{n}' } get => { 'k%{n}' => 'back' }", hosts)
    assert [out["back"] for out in stage([{"n": n} for n in range(40)])] == list(range(40))
    counts = [len(server.client.get_many([f"k{n}" for n in range(40)])) for server in running]
    assert sum(counts) == 40
    assert min(counts) > 0


def test_one_server_of_two_that_is_away_fails_its_keys_only(server: Server) -> None:
    servers = Servers([Host(("127.0.0.1", server.port)), Host(("127.0.0.1", 1))])
    failed = servers.set({f"k{n}".encode(): (b"x", 0) for n in range(40)}, 0)
    found, not_found = servers.get([f"k{n}".encode() for n in range(40)])
    assert failed.keys() == not_found.keys()
    assert 0 < len(found) < 40
    servers.close()


def test_each_of_several_servers_has_its_share_by_weight_and_keeps_it() -> None:
    hosts = [Host(("a.example", 11211)), Host(("b.example", 11211)), Host(("c.example", 11211), 2)]
    ring, keys = Ring(hosts), [f"key:{n}".encode() for n in range(4000)]
    places = [ring.place(key) for key in keys]
    assert [round(places.count(place) / 4000, 1) for place in range(3)] == pytest.approx([0.25, 0.25, 0.5], abs=0.1)
    fewer = Ring([Host(("a.example", 11211)), Host(("c.example", 11211), 2)])
    moved = sum(fewer.place(key) != (0, 0, 1)[place] for key, place in zip(keys, places, strict=True) if place != 1)
    assert moved < 600


@pytest.mark.parametrize(
    ("text", "address", "weight"),
    [
        ("localhost", ("localhost", 11211), 1),
        ("10.0.0.1:11212", ("10.0.0.1", 11212), 1),
        ("mc:11212:3", ("mc", 11212), 3),
        ("::1", ("::1", 11211), 1),
        ("[::1]", ("::1", 11211), 1),
        ("[fe80::1]:11212", ("fe80::1", 11212), 1),
        ("/run/memcached.sock", "/run/memcached.sock", 1),
    ],
)
def test_how_servers_are_written(text: str, address: Any, weight: int) -> None:
    assert parse_host(text) == Host(address, weight)


@pytest.mark.parametrize("text", ["", "a:b", "a:0", "a:70000", "a:1:0", "a:1:2:3", "[::1]x"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(penstock.ConfigError, match="is not a valid server"):
        penstock.compile(f"filter {{ memcached {{ hosts => ['{text}'] }} }}")


@pytest.mark.parametrize(
    ("options", "said"), [("hosts => []", "`hosts` is empty"), ("ttl => -1", "at least 0"), ("get => 'x'", "true hash")]
)
def test_a_configuration_that_cannot_work_is_refused(options: str, said: str) -> None:
    with pytest.raises(penstock.ConfigError, match=said.replace("true ", "a ")):
        penstock.compile(f"filter {{ memcached {{ {options} }} }}")


def test_keys_that_are_too_long_are_told_apart_by_their_digest() -> None:
    plain, spaced = key_bytes("k" * 251, None), key_bytes("k" * 251, "ns")
    assert plain == b"k" * 212 + b":md5:" + md5(b"k" * 251).hexdigest().encode()
    assert (len(plain), len(spaced), spaced[:3]) == (249, 250, b"ns:")
    assert key_bytes("k" * 250, None) == b"k" * 250
    assert key_bytes("k" * 252, None) != plain


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'I"\x06a\x06:\x06ET', "a"),
        (b'I"\x07\xc3\xa9\x06:\x06ET', "é"),
        (b'I"\x06\xe9\x06:\rencoding"\x0fISO-8859-1', "é"),
        (b'"\x06a', "a"),
        (b":\x06a", "a"),
        (b"i\x00", 0),
        (b"i\x06", 1),
        (b"i\xfa", -1),
        (b"i\x7f", 122),
        (b"i\x01\x7b", 123),
        (b"i\x80", -123),
        (b"i\xff\x84", -124),
        (b"i\x01\xff", 255),
        (b"i\x02\x2c\x01", 300),
        (b"i\xff\x7f", -129),
        (b"i\xfe\xff\xfe", -257),
        (b"i\x04\xff\xff\xff\x3f", (1 << 30) - 1),
        (b"l+\x07\x00\x00\x00\x40", 1 << 30),
        (b"l-\x09\x01\x00\x00\x00\x00\x00\x01\x00", -((1 << 48) + 1)),
        (b"f\x081.5", 1.5),
        (b"f\x061", 1.0),
        (b"f\x09-inf", float("-inf")),
        (b"0", None),
        (b"T", True),
        (b"F", False),
        (b"[\x08i\x06T0", [1, True, None]),
        (b'{\x07:\x06ai\x06I"\x06b\x06:\x06EF;\x00', {"a": 1, "b": "a"}),
        (b'[\x07I"\x06a\x06:\x06ET@\x06', ["a", "a"]),
        (b"{\x06i\x06i\x07", {"1": 2}),
    ],
)
def test_values_that_logstash_has_kept_are_read(data: bytes, value: Any) -> None:
    """The bytes follow the format's description: a kind, then a length or number, then what there is."""
    read = restore((b"\x04\x08" + data, 1))
    assert type(read) is type(value)
    assert read == value
    assert restore((zlib.compress(b"\x04\x08" + data), 3)) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"\x04", b"i", b"i\x04\x01", b'"\x0aab', b'"\xfaab', b"[\x07T", b"@\x06", b";\x06", b"[\x06@\x00", b"o:\x06A\x00", b"f\x08abc", b"[\x06" * 200, b"?"],
)  # fmt: skip
def test_values_that_are_damaged_or_strange_are_refused(data: bytes) -> None:
    with pytest.raises(MarshalError):
        load(b"\x04\x08" + data)


def test_a_value_that_grows_beyond_all_measure_is_refused() -> None:
    with pytest.raises(MarshalError, match="too many repeated references"):
        load(b"\x04\x08[" + b"\x02\x10\x27" + b'"\x03\x00\x00\x10' + b"x" * (1 << 20) + b"@\x06" * 9999)
    bomb = zlib.compress(b"x" * (65 << 20))
    with pytest.raises(MarshalError, match="too large"):
        restore((bomb, 2))


@pytest.mark.parametrize(("stored", "text"), [((b"5", 2), "5"), ((b"\x80\x04K\x05.", 1), "\ufffd\x04K\x05."), ((b"\xff", 0), "\ufffd")])
def test_what_others_have_kept_in_their_own_forms_is_text(stored: tuple[bytes, int], text: str) -> None:
    assert restore(stored) == text


def test_a_value_that_cannot_be_read_is_a_failure(compiled: Compiled, server: Server) -> None:
    server.client.set("kk", b"\x04\x08o:\x06A\x00", flags=1)
    (out,) = compiled("get => { 'kk' => 'v' }")([{}])
    assert bare(out) == {"tags": ["_memcached_failure"]}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ENCODABLE = VALUES.filter(lambda value: "\\ud" not in ascii(value))


@given(ENCODABLE)
def test_what_is_written_is_read(value: Any) -> None:
    assert restore(store(value)) == value


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    for flags in range(4):
        try:
            restore((b"\x04\x08" + data, flags))
        except MarshalError as error:
            assert str(error)


@given(events=st.lists(st.fixed_dictionaries({"k": VALUES, "v": VALUES, "back": VALUES}), min_size=1, max_size=3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_event_is_served_or_tagged(compiled: Compiled, events: list[Event]) -> None:
    stage = compiled("set => { 'v' => '%{k}' } get => { '%{k}' => '[back][x]' } cache_size => 2")
    for out in stage(events):
        assert out.get("tags") in (None, ["done"], ["_memcached_failure"])
