"""The options of the input and the output zeromq: what is refused, and what the topologies, topics and keys do."""
from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
import zmq
from servers.process import free_ports
from servers.zeromq_peer import Listening, address, keypair, until

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import assemble, inspect
from penstock.plugins.batch import Batch
from penstock.plugins.errors import Disconnected, Misconfigured, Retry
from penstock.plugins.input import Listener
from penstock.plugins.output import Output

IN, OUT = "input { zeromq { %s } }", "output { zeromq { %s } }"
PUBLIC, SECRET = keypair()
OTHER_PUBLIC, OTHER_SECRET = keypair()
REFUSED = [
    (IN, "", "topology"),
    (IN, 'topology => "ring"', "topology"),
    (IN, 'topology => "pair" address => []', "`address` is empty"),
    (IN, 'topology => "pair" address => "localhost"', "is not a valid address"),
    (IN, 'topology => "pair" address => "tcp://localhost"', "has no valid port"),
    (IN, 'topology => "pair" address => "tcp://localhost:²"', "has no valid port"),
    (IN, 'topology => "pair" address => "inproc://x"', "reaches nobody outside of this process"),
    (IN, 'topology => "pair" address => "udp://*:1"', "unknown transport `udp`"),
    (IN, 'topology => "pair" topic => "t"', "`topic` requires topology => pubsub"),
    (IN, 'topology => "pair" sockopt => { "ZMQ::SWAP_SIZE" => 5 }', "unknown option of sockets `ZMQ::SWAP_SIZE`"),
    (IN, f'topology => "pair" curve_server_key => "{PUBLIC}"', "`curve_server_key` requires `curve_secret_key`"),
    (IN, f'topology => "pair" curve_secret_key => "{SECRET}" curve_server_key => "{PUBLIC}"', "this side binds"),
    (IN, f'topology => "pair" mode => "client" curve_secret_key => "{SECRET}"', "needs the key of the other one"),
    (IN, 'topology => "pair" curve_secret_key => "short"', "is not a valid key of CURVE"),
    (OUT, 'topology => "pair" topic => "t"', "`topic` requires topology => pubsub"),
    (OUT, 'topology => "pair" reply_timeout => 5', "`reply_timeout` requires topology => reqrep"),
    (OUT, f'topology => "pair" curve_secret_key => "{SECRET}" curve_server_key => "{PUBLIC}" curve_allowed_keys => ["{PUBLIC}"]', "nobody connects"),
]


@pytest.mark.parametrize(("form", "options", "message"), REFUSED, ids=[message for _, _, message in REFUSED])
def test_a_check_refuses(form: str, options: str, message: str) -> None:
    whole = (form % options) + (" output { null { } }" if form is IN else " input { stdin { } }")
    _, found = inspect([Source("test.conf", whole)], settled({}))
    assert any(message in f"{each.message} {each.help}" for each in found), found


@pytest.fixture
def port() -> int:
    return free_ports()[0]


class Served:
    """The input, served in a thread. ``messages``: what it emitted, with the fields of each."""

    def __init__(self, made: Listener) -> None:
        self.made, self.messages = made, list[tuple[str, Any]]()
        self.is_stopping = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=made.serve, args=[self, self._stop], daemon=True)
        self._thread.start()

    def __call__(self, batch: Batch, answer: Any = None) -> bool:
        for chunk in batch.chunks or ():
            payloads = chunk.messages()
            origins = chunk.origins or [chunk.origin] * len(payloads)
            self.messages += [(data.decode(), origin) for data, origin in zip(payloads, origins, strict=True)]
        if answer is not None:
            answer(None)
        return True

    def when_free(self, callback: Any) -> None: ...

    def end(self) -> None: ...

    def heard(self) -> list[str]:
        return [text for text, _ in self.messages]

    def finish(self) -> None:
        self._stop.set()
        self.made.wake()
        self._thread.join(90)


def plugin(section: str, options: str) -> Any:
    text = f"{section} {{ zeromq {{ {options} }} }}"
    rest = "output { null { } }" if section == "input" else "input { stdin { } }"
    assembly = assemble([Source("test.conf", f"{text} {rest}")], settled({}))
    (made,) = assembly.plugins(assembly.program.inputs if section == "input" else assembly.program.outputs)
    made.open()
    return made


@contextmanager
def serving(options: str) -> Iterator[Served]:
    made = plugin("input", options)
    made.connect()
    served = Served(made)
    yield served
    served.finish()
    made.close()


@contextmanager
def target(options: str) -> Iterator[Output]:
    made = plugin("output", f'codec => plain {{ format => "%{{message}}" }} {options}')
    made.connect()
    yield cast(Output, made)
    made.close()


def deliver(made: Output, *messages: str, **fields: str) -> None:
    for payload in made.pack([{"message": message, **fields} for message in messages]):
        made.deliver(payload)


@pytest.mark.parametrize("topology", ["pushpull", "pair", "reqrep"])
@pytest.mark.parametrize("ends", [("server", "client"), ("connect", "bind")])
def test_the_output_reaches_the_input_whichever_of_them_binds(topology: str, ends: tuple[str, str], port: int) -> None:
    common = f'topology => "{topology}" address => "{address(port)}"'
    receiving, sending = f'{common} mode => "{ends[0]}" codec => plain', f'{common} mode => "{ends[1]}"'
    if ends[1] == "bind":
        with target(sending) as made, serving(receiving) as served:
            deliver(made, *map(str, range(50)))
            until(lambda: served.heard() == [str(n) for n in range(50)], "all arrives")
    else:
        with serving(receiving) as served, target(sending) as made:
            deliver(made, *map(str, range(50)))
            until(lambda: served.heard() == [str(n) for n in range(50)], "all arrives")


def test_a_unix_socket_and_several_addresses_are_used(tmp_path: Path, port: int) -> None:
    both = f'topology => "pushpull" address => ["ipc://{tmp_path}/s", "{address(port)}"]'
    with serving(f"{both} codec => plain") as served:
        for one in (f"ipc://{tmp_path}/s", address(port)):
            with target(f'topology => "pushpull" address => "{one}"') as made:
                deliver(made, one)
        until(lambda: set(served.heard()) == {f"ipc://{tmp_path}/s", address(port)}, "both arrive")


def test_subscribers_get_the_topics_they_ask_for_and_are_told_which(port: int) -> None:
    common = f'topology => "pubsub" address => "{address(port)}"'
    with target(f'{common} mode => "bind" topic => "t-%{{room}}"') as made, serving(f'{common} mode => "connect" topic => ["t-a", "t-c"] codec => plain') as served:

        def hears() -> bool:
            deliver(made, "hello", room="c")
            return bool(served.messages)

        until(hears, "it has subscribed")
        deliver(made, "1", room="a")
        deliver(made, "2", room="b")
        deliver(made, "3", room="ab")
        until(lambda: "3" in served.heard(), "the last arrives")
        found = [(text, fields["topic"], fields["@metadata"]["zeromq"]["topic"]) for text, fields in served.messages if text != "hello"]
        assert found == [("1", "t-a", "t-a"), ("3", "t-ab", "t-ab")]
        assert all("host" in fields for _, fields in served.messages)


def test_a_message_of_several_parts_is_a_topic_and_payloads(port: int) -> None:
    options = f'topology => "pushpull" address => "{address(port)}" codec => plain topic_field => "[a][b]"'
    with serving(options) as served, zmq.Context() as context, context.socket(zmq.PUSH) as made:
        made.connect(address(port))
        made.send_multipart([b"topic", b"one", b"two"])
        made.send(b"alone")
        until(lambda: len(served.messages) == 3, "all arrives")
    assert [(text, fields.get("a")) for text, fields in served.messages] == [("one", {"b": "topic"}), ("two", {"b": "topic"}), ("alone", None)]


def test_what_a_peer_could_not_deliver_is_sent_again(port: int) -> None:
    options = f'topology => "reqrep" address => "{address(port)}"'
    with Listening(zmq.REP, port) as listening, target(options) as made:
        listening.answer = b"failed"
        with pytest.raises(Retry) as raised:
            deliver(made, "1", "2")
        assert raised.value.indexes == [0, 1]
        listening.answer = b"anything"
        deliver(made, "3")
        assert listening.heard() == ["1", "2", "3"]


def test_a_peer_that_goes_without_an_answer_leaves_a_request_to_be_sent_again(port: int) -> None:
    with Listening(zmq.REP, port) as listening, target(f'topology => "reqrep" address => "{address(port)}"') as made:
        listening.break_next()
        with pytest.raises(Retry) as raised:
            deliver(made, "1")
        assert raised.value.indexes == [0]
        with pytest.raises(Disconnected):
            deliver(made, "1")

        def connects() -> bool:
            with contextlib.suppress(Disconnected):
                made.connect()
                return True
            return False

        until(connects, "the peer is back")
        deliver(made, "1")
        assert listening.heard() == ["1"]


def test_an_answer_that_does_not_come_in_time_is_not_waited_for(port: int) -> None:
    with zmq.Context() as context, context.socket(zmq.PULL) as silent:
        silent.bind(address(port))
        with pytest.raises(Disconnected), target(f'topology => "reqrep" address => "{address(port)}" connect_timeout => 1'):
            pass  # a socket that pulls is not one that answers


def test_a_socket_without_a_peer_takes_nothing_for_long(port: int) -> None:
    with target(f'topology => "pushpull" address => "{address(port)}" mode => "bind"') as made:
        with pytest.raises(Retry) as raised:
            deliver(made, "1", "2")
        assert raised.value.indexes == [0, 1]


def away(port: int, tries: int, between: Callable[[], object]) -> None:
    """In the place of a peer: somebody who ends so many connections as soon as they are made."""
    with socket.create_server(("127.0.0.1", port)) as nobody:
        nobody.settimeout(60)
        for number in range(tries):
            nobody.accept()[0].close()
            if number % 100 == 0:
                between()


@pytest.mark.parametrize(("topology", "kind"), [("pushpull", zmq.SocketType.PULL), ("reqrep", zmq.SocketType.REP)])
def test_the_output_tries_to_connect_for_as_long_as_its_peer_is_away(topology: str, kind: zmq.SocketType, port: int) -> None:
    """The client library stops once a few thousand events of connections wait that nobody reads."""
    options = f'topology => "{topology}" address => "{address(port)}" sockopt => {{ "RECONNECT_IVL" => 1 }}'
    with Listening(kind, port) as listening, target(options) as made:
        listening.stop()
        away(port, 2_500, lambda: made.tend(0))
        listening.start()
        deliver(made, "1")
        until(lambda: listening.heard() == ["1"], "it arrives")


def test_the_input_tries_to_connect_for_as_long_as_its_peer_is_away(port: int) -> None:
    options = f'topology => "pushpull" mode => "client" address => "{address(port)}" codec => plain sockopt => {{ "RECONNECT_IVL" => 1 }}'
    with ExitStack() as ends:
        with zmq.Context() as context, context.socket(zmq.PUSH) as made:
            made.bind(address(port))
            served = ends.enter_context(serving(options))
        away(port, 2_500, lambda: None)
        with zmq.Context() as context, context.socket(zmq.PUSH) as made:
            made.bind(address(port))
            made.setsockopt(zmq.SNDTIMEO, 10_000)
            made.send(b"1")
            until(lambda: served.heard() == ["1"], "it arrives")


def test_options_of_sockets_bound_what_waits(port: int) -> None:
    """A peer that does not read is given no more than the two marks allow, and what the system's buffers take."""
    small = '"ZMQ::SNDHWM" => 5 "SNDBUF" => 4096'
    with zmq.Context() as context, context.socket(zmq.PULL) as lazy:
        lazy.setsockopt(zmq.RCVHWM, 5)
        lazy.setsockopt(zmq.RCVBUF, 4096)
        lazy.bind(address(port))
        with target(f'topology => "pushpull" address => "{address(port)}" sockopt => {{ {small} }}') as made:
            with pytest.raises(Retry) as raised:
                deliver(made, *["x" * 10_000] * 500)
            assert raised.value.indexes is not None
            taken = 500 - len(raised.value.indexes)
            assert 5 <= taken < 100
            for _ in range(taken):
                assert lazy.recv() == b"x" * 10_000


def test_a_publisher_that_may_not_drop_waits_for_a_slow_subscriber(port: int) -> None:
    marks = '"SNDHWM" => 5 "SNDBUF" => 4096 "XPUB_NODROP" => 1'
    with zmq.Context() as context, context.socket(zmq.SUB) as lazy:
        lazy.setsockopt(zmq.RCVHWM, 5)
        lazy.setsockopt(zmq.RCVBUF, 4096)
        lazy.subscribe("")
        lazy.bind(address(port))
        with target(f'topology => "pubsub" address => "{address(port)}" sockopt => {{ {marks} }}') as made:

            def hears() -> bool:
                deliver(made, "hello")
                return bool(lazy.poll(10))

            until(hears, "it has subscribed")
            with pytest.raises(Retry) as raised:
                deliver(made, *["x" * 10_000] * 500)
            assert raised.value.indexes is not None
            heard = [lazy.recv_multipart()[1] for _ in range(501 - len(raised.value.indexes))]
            assert heard.count(b"x" * 10_000) >= 500 - len(raised.value.indexes) - heard.count(b"hello")


@pytest.mark.parametrize("value", ['"RCVHWM" => "many"', '"FD" => 5', '"RCVHWM" => 99999999999'])
def test_an_option_of_sockets_that_cannot_be_set_is_said(value: str, port: int) -> None:
    with pytest.raises(Misconfigured, match="sockopt"), serving(f'topology => "pair" address => "{address(port)}" sockopt => {{ {value} }}'):
        pass


def test_an_address_that_is_taken_is_said(port: int) -> None:
    options = f'topology => "pushpull" address => "{address(port)}"'
    with serving(options), pytest.raises(Misconfigured, match="address"), serving(options):
        pass


def curve(secret: str, **more: str) -> str:
    return " ".join([f'curve_secret_key => "{secret}"', *(f'curve_{name} => "{value}"' for name, value in more.items())])


@pytest.mark.parametrize("allowed", ["", f'curve_allowed_keys => ["{OTHER_PUBLIC}"]'], ids=["all", "some"])
def test_connections_are_encrypted_between_those_who_have_the_keys(allowed: str, port: int) -> None:
    common = f'topology => "reqrep" address => "{address(port)}"'
    with (
        serving(f"{common} codec => plain {curve(SECRET)} {allowed}") as served,
        target(f"{common} {curve(OTHER_SECRET, server_key=PUBLIC)}") as made,
    ):
        deliver(made, "secret")
        assert served.heard() == ["secret"]


WRONG_KEYS = {
    "a key of another server": ("", curve(OTHER_SECRET, server_key=OTHER_PUBLIC), "`curve_server_key`: .* the keys do not fit"),
    "a key that is not allowed": (f'curve_allowed_keys => ["{OTHER_PUBLIC}"]', curve(SECRET, server_key=PUBLIC), "`curve_secret_key`: .* not allow"),
    "no key": ("", "", "it may ask for keys|the two sides differ in whether they encrypt"),
}


@pytest.mark.parametrize(("server", "client", "message"), WRONG_KEYS.values(), ids=WRONG_KEYS.keys())
def test_nobody_is_let_in_with(server: str, client: str, message: str, port: int) -> None:
    common = f'topology => "reqrep" address => "{address(port)}"'
    with serving(f"{common} codec => plain {curve(SECRET)} {server}") as served:
        with pytest.raises((Misconfigured, Disconnected), match=message), target(f"{common} {client} connect_timeout => 5"):
            pass
        assert served.heard() == []
