"""IP networks: reading them, and asking whether an address is in one of many.

Networks are kept as numbers by their prefix length, so that a thousand of them cost an address a
look-up for each length.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(text: str) -> Network | None:
    """The network that a text is: ``10.0.0.0/8``, ``10.1.2.3/255.0.0.0``, ``fe80::/64``, or a
    single address; else None.
    """
    text = text.strip()
    if text.startswith("["):
        text = text.replace("[", "", 1).replace("]", "", 1)
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def masked(text: str, bits: int) -> str:
    """The first address of the network of this many bits that an address is in; raises ValueError
    for a text that is none.
    """
    network = parse_network(text)
    if network is None:
        raise ValueError(
            "the value is not a valid IP address"
        )  # the value itself may be what is to be hidden
    return str(ipaddress.ip_network((network.network_address, bits), strict=False).network_address)


class Networks:
    """Several networks; ``holds(address)`` says whether one of them holds an address, or a whole
    network.
    """

    def __init__(self, networks: Iterable[Network]) -> None:
        self._by_length: dict[tuple[int, int], set[int]] = {}
        for network in networks:
            shift = network.max_prefixlen - network.prefixlen
            self._by_length.setdefault((network.version, shift), set()).add(
                int(network.network_address) >> shift
            )

    def holds(self, address: Network) -> bool:
        number, version = int(address.network_address), address.version
        wide = address.max_prefixlen - address.prefixlen
        for (kind, shift), starts in self._by_length.items():
            if kind == version and shift >= wide and number >> shift in starts:
                return True
        return False
