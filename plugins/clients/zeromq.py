"""ZeroMQ: the options that its input and output share, and what may stand in them."""

from __future__ import annotations

from collections.abc import Sequence

import zmq

from ..contract import Plugin
from ..declaration import Duration, Secret, option
from ..option_groups import option_group

_TRANSPORTS = ("tcp", "ipc")
_KEY_LENGTH = 40
_KEY_HELP = "give 40 characters, as `python -m zmq.curve_keygen` makes them"
_SERVER_MODES = ("server", "bind")

TOPOLOGIES = ("pushpull", "pubsub", "pair", "reqrep")
BUSY, FAILED, OK = b"busy", b"failed", b"ok"
"""What a request of the topology reqrep is answered."""


@option_group
class ZeroMqOptions:
    """The options of whatever has a socket of ZeroMQ. A plugin has ``address`` and ``mode``, whose
    defaults differ, besides.
    """

    topology: str = option(
        "How messages are passed on: each to one of several peers (`pushpull`), to all that"
        " subscribe (`pubsub`), between two (`pair`), or with an answer to each (`reqrep`).",
        choices=TOPOLOGIES,
    )
    sockopt: dict[str, str] = option(
        'Options of the socket, such as `"ZMQ::RCVHWM" => 50`; `ZMQ::` may be left out.', default={}
    )
    curve_secret_key: Secret | None = option(
        "The secret key of this side, with which connections are encrypted (CURVE).", default=None
    )
    curve_public_key: str | None = option(
        "The public key of this side; by default it is made of the secret one.", default=None
    )
    curve_server_key: str | None = option(
        "The public key of the side that binds, where this one connects.", default=None
    )
    curve_allowed_keys: list[str] = option(
        "The public keys of peers that may connect, where this side binds; by default, all that"
        " know its public key.",
        default=[],
    )
    connect_timeout: Duration = option(
        "Seconds that connecting may take.", default=Duration(5), at_least=0
    )


class SocketOptions(ZeroMqOptions):
    """The options, as plugins have them."""

    address: list[str]
    mode: str

    @property
    def binds(self) -> bool:
        """Whether it waits for connections, rather than making them."""
        return self.mode in _SERVER_MODES


def check_options(plugin: Plugin, options: SocketOptions) -> None:
    """Report what is wrong with the options."""
    if not options.address:
        plugin.problem("address", "`address` is empty", 'write address => ["tcp://*:2120"]')
    for place, address in enumerate(options.address):
        reason = _wrong_address(address)
        if reason:
            help = "such as tcp://192.0.2.1:2120, or ipc:///run/app.sock"
            plugin.problem("address", reason, help, path=(place,))
    for name in options.sockopt:
        if option_of(name) is None:
            message = f"unknown option of sockets `{name}`"
            plugin.problem("sockopt", message, "see zmq_setsockopt", path=(name,))
    _check_curve(plugin, options)


def _wrong_address(address: str) -> str:
    transport, mark, place = address.partition("://")
    if not mark or not place:
        return f"`{address}` is not a valid address"
    if transport == "inproc":
        return "`inproc` reaches nobody outside of this process"
    if transport not in _TRANSPORTS:
        return f"unknown transport `{transport}`"
    port = place.rpartition(":")[2]
    if transport == "tcp" and not (port == "*" or (port.isdecimal() and 0 < int(port) < 65536)):
        return f"`{address}` has no valid port"
    return ""


def _check_curve(plugin: Plugin, options: SocketOptions) -> None:
    if options.curve_secret_key is None:
        for name in ("curve_public_key", "curve_server_key", "curve_allowed_keys"):
            if getattr(options, name):
                help = "add curve_secret_key => …"
                plugin.problem(name, f"`{name}` requires `curve_secret_key`", help)
        return
    if not zmq.has("curve"):
        plugin.problem("curve_secret_key", "this libzmq has no CURVE", "install another one")
    if options.binds and options.curve_server_key:
        help = "remove it: the other side needs it"
        plugin.problem("curve_server_key", "this side binds, and is the server", help)
    if not options.binds and not options.curve_server_key:
        message = "this side connects, and needs the key of the other one"
        plugin.problem("curve_secret_key", message, "add curve_server_key => …")
    if not options.binds and options.curve_allowed_keys:
        plugin.problem("curve_allowed_keys", "nobody connects to this side", "remove it")
    _check_keys(plugin, "curve_secret_key", [str(options.curve_secret_key)])
    _check_keys(plugin, "curve_public_key", [options.curve_public_key or ""])
    _check_keys(plugin, "curve_server_key", [options.curve_server_key or ""])
    _check_keys(plugin, "curve_allowed_keys", options.curve_allowed_keys)


def _check_keys(plugin: Plugin, name: str, keys: Sequence[str]) -> None:
    for key in keys:
        if key and not _is_key(key):
            plugin.problem(name, "it is not a valid key of CURVE", _KEY_HELP)


def _is_key(key: str) -> bool:
    if len(key) != _KEY_LENGTH:
        return False
    try:
        zmq.curve_public(key.encode())
    except (zmq.ZMQError, ValueError):
        return False
    return True


def option_of(name: str) -> zmq.SocketOption | None:
    """The option of sockets of that name, as Logstash writes it or without its prefix."""
    bare = name.removeprefix("ZMQ::").upper()
    found: zmq.SocketOption | None = getattr(zmq.SocketOption, bare, None)
    return found
