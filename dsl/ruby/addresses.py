"""IPAddr: addresses and networks."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from .dispatch import CLASS_OF, define, singleton
from .errors import (
    InvalidAddressError,
)
from .inspection import text, to_s

# --- addresses


class Address:
    """An address or network of IP."""

    __slots__ = ("address", "network")

    def __init__(self, address: Any, network: Any) -> None:
        self.address, self.network = address, network


CLASS_OF[Address] = "IPAddr"


@singleton("IPAddr", "new")
def address(value: Any = "::", family: Any = None) -> Address:
    """An address; raises IPAddr::InvalidAddressError."""
    given = text(value)
    try:
        network = ipaddress.ip_network(given.strip("[]"), strict=False)
    except ValueError:
        raise InvalidAddressError(f"invalid address: {given}") from None
    return Address(network.network_address, network)


def _other(value: Any) -> Address:
    return value if type(value) is Address else address(value)


def _includes(self: Address, other: Any) -> bool:
    inner = _other(other).network
    return inner.version == self.network.version and bool(inner.subnet_of(self.network))


def _inspected(self: Address) -> str:
    mask = self.network.netmask
    shown = [part.exploded if part.version == 6 else str(part) for part in (self.address, mask)]
    return f"#<IPAddr: IPv{self.address.version}:{'/'.join(shown)}>"


def _range(self: Address) -> Any:
    from .objects import Range

    return Range(
        Address(self.network[0], ipaddress.ip_network(self.network[0])),
        Address(self.network[-1], ipaddress.ip_network(self.network[-1])),
    )


_METHODS: dict[str, Callable[..., Any]] = {
    "include?": _includes,
    "===": _includes,
    "to_s": lambda self: str(self.address),
    "to_i": lambda self: int(self.address),
    "succ": lambda self: address(str(self.address + 1)),
    "ipv4?": lambda self: self.address.version == 4,
    "ipv6?": lambda self: self.address.version == 6,
    "private?": lambda self: _is_private(self),
    "loopback?": lambda self: self.address.is_loopback,
    "link_local?": lambda self: self.address.is_link_local,
    "prefix": lambda self: self.network.prefixlen,
    "mask": lambda self, bits: address(f"{self.address}/{to_s(bits)}"),
    "to_string": lambda self: (
        str(self.address) if self.address.version == 4 else self.address.exploded
    ),
    "to_range": _range,
    "hton": lambda self: self.address.packed,
    "reverse": lambda self: self.address.reverse_pointer,
    "==": lambda self, other: type(other) is Address and self.network == other.network,
    "<=>": lambda self, other: (
        (int(self.address) > int(_other(other).address))
        - (int(self.address) < int(_other(other).address))
    ),
    "inspect": _inspected,
}
for _name, _function in _METHODS.items():
    define("IPAddr", _name)(_function)


_PRIVATE = [
    ipaddress.ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]


def _is_private(self: Address) -> bool:
    return any(net.version == self.address.version and self.address in net for net in _PRIVATE)
