"""Internet addresses as Java reads and writes them, which is how Logstash does."""

from __future__ import annotations

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_HIGHEST = {1: 0xFFFFFFFF, 2: 0xFFFFFF, 3: 0xFFFF, 4: 0xFF}


def parse_address(text: str) -> Address | None:
    """The address that a text is; None for any other text, host names among them.

    An IPv4 address may have fewer than four parts, the last filling the rest (``10.1`` is
    10.0.0.1); an IPv6 address may stand in brackets and name a scope, which is left out; one that
    maps an IPv4 address is that one. Source: java.net.InetAddress.getByName.
    """
    if ":" not in text:
        return _version_4(text)
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        address = ipaddress.IPv6Address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address


def _version_4(text: str) -> Address | None:
    parts = text.split(".")
    if (
        len(text) > 15
        or len(parts) > 4
        or not all(part.isascii() and part.isdigit() for part in parts)
    ):
        return None
    *leading, last = map(int, parts)
    if max(leading, default=0) > 255 or last > _HIGHEST[len(parts)]:
        return None
    value = last
    for place, part in enumerate(leading):
        value |= part << (24 - 8 * place)
    return ipaddress.IPv4Address(value)


def address_text(address: Address) -> str:
    """An address as Java's getHostAddress writes it: IPv6 in eight groups, none left out, without
    leading zeros.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return ":".join(f"{int(group, 16):x}" for group in address.exploded.split(":"))


def network_text(address: Address, bits: int) -> str:
    """The network of this many bits that an address is in, as MaxMind's Java library writes it."""
    network = ipaddress.ip_network(f"{address}/{bits}", strict=False)
    return f"{address_text(network.network_address)}/{bits}"
