"""The values of flow records: bytes of any length, read as a field's type says."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any

from ...dsl.timestamp import Timestamp
from ._foreign import text_of

Read = Callable[[bytes], Any]

_NTP_EPOCH = -2_208_988_800  # 1900, in seconds since 1970


def reader(kind: str, length: int) -> Read | None:
    """How a field of this type and length (65535: it varies) is read; None for one that is left
    out.
    """
    if kind == "skip":
        return None
    if kind == "uint" and length > 16:
        return _hex
    return _READERS[kind]


def _uint(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)


def _float(data: bytes) -> Any:
    if len(data) not in (4, 8):
        return data.hex()
    return struct.unpack(">f" if len(data) == 4 else ">d", data)[0]


def _string(data: bytes) -> str:
    return text_of(data.rstrip(b"\0"))


def _hex(data: bytes) -> str:
    return data.hex()


def _ip(data: bytes) -> str:
    if len(data) == 4:
        return "%d.%d.%d.%d" % tuple(data)  # noqa: UP031 - the fastest way
    return socket.inet_ntop(socket.AF_INET6, data) if len(data) == 16 else data.hex()


def _mac(data: bytes) -> str:
    return data.hex(":")


def _forwarding(data: bytes) -> dict[str, int]:
    """Two bits of status and six of reason, RFC 7270."""
    last = data[-1] if data else 0
    return {"status": last >> 6, "reason": last & 0x3F}


def _application(data: bytes) -> str:
    """``engine..selector``, RFC 6759; engine 20 has an enterprise number in between."""
    if len(data) > 5 and data[0] == 20:
        return f"20..{_uint(data[1:5])}..{_uint(data[5:])}"
    return f"{data[0]}..{_uint(data[1:])}" if data else ""


def _acl(data: bytes) -> str:
    return "-".join([data[at : at + 4].hex() for at in range(0, len(data), 4)])


def _mpls(data: bytes) -> dict[str, int]:
    """A label stack entry, RFC 3032; exporters leave the last byte out."""
    entry = _uint(data[:4].ljust(4, b"\0"))
    return {
        "label": entry >> 12,
        "experimental": entry >> 9 & 7,
        "bottom_of_stack": entry >> 8 & 1,
        "ttl": entry & 0xFF,
    }


_READERS: dict[str, Read] = {
    "uint": _uint,
    "int": _int,
    "float": _float,
    "string": _string,
    "octets": _hex,
    "ip": _ip,
    "mac": _mac,
    "forwarding": _forwarding,
    "application": _application,
    "acl": _acl,
    "mpls": _mpls,
}


def flow_time(name: str) -> Read | None:
    """How IPFIX's start and end of a flow are read, as ISO 8601 text; None for another field."""
    return (
        _TIMES.get(name.removeprefix("flowStart").removeprefix("flowEnd"))
        if name.startswith("flow")
        else None
    )


def _seconds(data: bytes) -> str:
    return str(Timestamp.of_millis(_uint(data[-4:]) * 1000))


def _milliseconds(data: bytes) -> str:
    return str(Timestamp.of_millis(min(_uint(data), 10**16)))


def _ntp(data: bytes) -> str:
    """Seconds since 1900 and a fraction, 32 bits each, RFC 7011."""
    value = _uint(data[-8:])
    return str(
        Timestamp.of_nanos(
            (_NTP_EPOCH + (value >> 32)) * 10**9 + ((value & 0xFFFFFFFF) * 10**9 >> 32)
        )
    )


_TIMES: dict[str, Read] = {
    "Seconds": _seconds,
    "Milliseconds": _milliseconds,
    "Microseconds": _ntp,
    "Nanoseconds": _ntp,
}
