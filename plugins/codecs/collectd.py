"""collectd's binary network protocol. Source: collectd's wiki, "Binary protocol".

A datagram is a sequence of parts that fill in a picture (host, plugin, type, time); each part with
values takes a copy of it. Parts may be signed, or encrypted as a whole.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from ...dsl.diagnostics import PenstockError
from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ..contract import Codec, complain
from ..declaration import option
from ._foreign import text_of

_PART = struct.Struct(">HH")
_TEXTS = {
    0: "host",
    2: "plugin",
    3: "plugin_instance",
    4: "collectd_type",
    5: "type_instance",
    256: "message",
}
_TIMES = (1, 8)
_VALUES, _INTERVALS, _MESSAGE, _SEVERITY, _SIGNATURE, _ENCRYPTION = 6, (7, 9), 256, 257, 512, 528
_KEPT = ("host", "@timestamp", "plugin", "plugin_instance", "collectd_type", "type_instance")
# The types of collectd's types.db that have several values, for which the names are needed.
_TYPES = """
compression uncompressed compressed/disk_latency read write/disk_merged read write
disk_octets read write/disk_ops read write/disk_io_time io_time weighted_io_time
disk_time read write/dns_octets queries responses/if_dropped rx tx/if_errors rx tx
if_octets rx tx/if_packets rx tx/io_octets rx tx/io_packets rx tx
load shortterm midterm longterm/memcached_octets rx tx/mysql_octets rx tx/node_octets rx tx
ps_count processes threads/ps_cputime user syst/ps_disk_octets read write/ps_disk_ops read write
ps_pagefaults minflt majflt/serial_octets rx tx/vmpage_faults minflt majflt/vmpage_io in out
voltage_threshold value threshold/df used free/disk_pending_operations_rw read write
if_rx_tx_octets rx tx/smart_attribute current worst threshold pretty/vmpage_action_rw read write
nfs_octets rx tx/total_io_octets rx tx
"""


class _UnsafeError(PenstockError):
    """A datagram that nobody vouches for, or that cannot be decrypted."""


class Collectd(Codec, name="collectd"):
    """collectd's binary protocol, a datagram of measurements; for inputs only.

    Each measurement is an event with `host`, `plugin`, `collectd_type` and so on, and its value as
    `value`, or under the names that `typesdb` gives the values of its type. A type of several
    values that is not known has `value0`, `value1` …. A datagram that is malformed is an event
    with its bytes as `message`, tagged `_collectdparsefailure`, unless `security_level` asks for
    more than that. Datagrams that are not as safe as
    `security_level` asks, or cannot be decrypted, are left out with a warning in the log.

    Differs from Logstash: with `security_level => "Sign"` datagrams that are neither signed nor
    encrypted are left out, as collectd does. Not all of collectd's types.db is built in: if there
    is one at `/usr/share/collectd/types.db` it is read.
    """

    encodes: ClassVar[bool] = False

    typesdb: list[str] = option(
        "Files in the format of collectd's types.db; the last one wins.", default=[]
    )
    prune_intervals: bool = option(
        "Whether parts that only give the interval are skipped.", default=True
    )
    security_level: str = option(
        "The required security level of datagrams.",
        default="None",
        choices=("None", "Sign", "Encrypt"),
    )
    authfile: str | None = option("A file of `user: password` lines.", default=None)
    nan_handling: str = option(
        "What is done with values that are not a number (NaN).",
        default="change_value",
        choices=("change_value", "warn", "drop"),
    )
    nan_value: int | float = option("What they are changed to.", default=0)
    nan_tag: str = option(
        "A tag for events in which one was changed; none if empty.", default="_collectdNaN"
    )

    def prepare(self) -> None:
        self._types: dict[str, list[str]] = _types(_TYPES.replace("/", "\n"), lambda name: name)
        shipped = Path("/usr/share/collectd/types.db")
        for path in self.typesdb or ([str(shipped)] if shipped.is_file() else []):
            try:
                self._types |= _types(
                    Path(path).read_text("utf-8", "replace"), lambda name: name.partition(":")[0]
                )
            except OSError as error:
                self.problem("typesdb", f"`{path}` cannot be read: {error.strerror}", code="E210")
        self._keys: dict[str, bytes] = {}
        self._decryptor: Callable[[bytes, bytes], Any] | None = None
        if self.authfile is not None:
            self._read_keys(self.authfile)
            try:
                self._decryptor = _decryptors()
            except ImportError:
                help = "pip install 'penstock[collectd]'"
                self.problem(
                    "authfile",
                    "encrypted datagrams need the package `cryptography`",
                    help,
                    code="E202",
                )
        elif self.security_level != "None":
            self.problem(
                "security_level",
                f"`{self.security_level}` needs an `authfile`",
                "give one, or remove this option",
            )

    def _read_keys(self, path: str) -> None:
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            self.problem("authfile", f"`{path}` cannot be read: {error}", code="E210")
            return
        pairs = [line.partition(": ") for line in lines]
        self._keys = {user.strip(): key.strip().encode() for user, colon, key in pairs if colon}

    def decode(self, data: bytes) -> list[Event]:
        events: list[Event] = []
        try:
            self._parts(data, events, safety=0)
        except _UnsafeError as error:
            self._say("is left out", error)
        except (ValueError, struct.error, IndexError) as error:
            self._say("cannot be decoded", error)
            if self.security_level == "None":  # else anyone could send what is not a datagram
                events.append({"message": text_of(data), "tags": ["_collectdparsefailure"]})
        return events

    def _say(self, what: str, error: Exception) -> None:
        where = self.context.where
        complain(f"{where} collectd {what}", "%s: a datagram %s: %s", where, what, error)

    def _parts(self, data: bytes, events: list[Event], safety: int) -> None:
        """Read the parts of a datagram. ``safety``: 0 none, 1 signed, 2 encrypted."""
        held: Event = {}
        at = 0
        while at < len(data):
            kind, length = _PART.unpack_from(data, at)
            body = data[at + 4 : at + length]
            if length < 4 or len(body) != length - 4:
                raise ValueError("a part is truncated")
            at += length
            if kind == _SIGNATURE:
                safety = max(safety, self._signed(body, data[at:]))
            elif kind == _ENCRYPTION:
                self._parts(self._decrypted(body), events, safety=2)
            elif safety < ("None", "Sign", "Encrypt").index(self.security_level):
                raise _UnsafeError(f"it does not meet the security level {self.security_level}")
            else:
                self._part(kind, body, held, events)

    def _part(self, kind: int, body: bytes, held: Event, events: list[Event]) -> None:
        """Take a part into the picture, and the picture into the events if the part has values."""
        usable = True
        if kind in _TEXTS:
            held[_TEXTS[kind]] = text_of(body.rstrip(b"\0"))
        elif kind in _TIMES:
            held["@timestamp"] = _instant(body, kind == 8)
        elif kind == _SEVERITY:
            held["severity"] = int.from_bytes(body, "big")
        elif kind in _INTERVALS:
            held["interval"] = int.from_bytes(body, "big") >> (30 if kind == 9 else 0)
        elif kind == _VALUES:
            usable = self._values(body, held)
        else:
            return
        if kind in (_VALUES, _MESSAGE) or (kind in _INTERVALS and not self.prune_intervals):
            if usable:
                events.append(
                    {
                        key: value
                        for key, value in held.items()
                        if value != "" or not key.endswith("_instance")
                    }
                )
            for key in [key for key in held if key not in _KEPT]:
                del held[key]

    def _values(self, body: bytes, held: Event) -> bool:
        """Set the values of a part; False if one is not a number and the event is to be dropped."""
        count = int.from_bytes(body[:2], "big")
        if len(body) != 2 + count * 9:
            raise ValueError("a part with values has the wrong length")
        names = self._types.get(str(held.get("collectd_type")), [])
        for place in range(count):
            value = _value(body[2 + place], body[2 + count + place * 8 : 10 + count + place * 8])
            if isinstance(value, float) and math.isnan(value):
                if self.nan_handling == "drop":
                    return False
                value = self.nan_value
                if self.nan_tag:
                    held["tags"] = [self.nan_tag]
                if self.nan_handling == "warn":
                    complain(
                        f"{self.context.where} nan",
                        "%s: a value is not a number",
                        self.context.where,
                    )
            name = (
                names[place]
                if count > 1 and place < len(names)
                else f"value{place}"
                if count > 1
                else "value"
            )
            held[name] = value
        return True

    def _signed(self, body: bytes, data: bytes) -> int:
        """1 if the rest of a datagram bears this signature."""
        if self.security_level == "None":
            return 0
        signature, user = body[:32], body[32:]
        key = self._keys.get(text_of(user))
        if key is None or not hmac.compare_digest(
            hmac.digest(key, user + data, "sha256"), signature
        ):
            raise _UnsafeError("the signature is wrong")
        return 1

    def _decrypted(self, body: bytes) -> bytes:
        if self._decryptor is None:
            raise _UnsafeError("it is encrypted, and `authfile` is not set")
        length = int.from_bytes(body[:2], "big")
        user, vector, text = (
            body[2 : 2 + length],
            body[2 + length : 18 + length],
            body[18 + length :],
        )
        key = self._keys.get(text_of(user))
        if key is None or len(vector) != 16:
            raise _UnsafeError("the key is missing to decrypt it")
        decryptor = self._decryptor(hashlib.sha256(key).digest(), vector)
        found: bytes = decryptor.update(text) + decryptor.finalize()
        if not hmac.compare_digest(hashlib.sha1(found[20:]).digest(), found[:20]):
            raise _UnsafeError("the key is wrong")
        return found[20:]


def _decryptors() -> Callable[[bytes, bytes], Any]:
    """What makes a decryptor of a key and an initial vector: AES with 256 bits in output feedback.
    Raises ImportError.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms

    try:
        from cryptography.hazmat.decrepit.ciphers.modes import OFB
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.modes import OFB
    return lambda key, vector: Cipher(algorithms.AES(key), OFB(vector)).decryptor()


def _instant(body: bytes, fine: bool) -> Timestamp:
    """Seconds since 1970, or counts of 2^-30 seconds."""
    count = int.from_bytes(body[:8], "big")
    nanos = count * 10**9 >> 30 if fine else count * 10**9
    return Timestamp.of_nanos(min(nanos, 10**21))


def _value(kind: int, data: bytes) -> int | float:
    """A counter, gauge, derive or absolute value; gauges are little-endian."""
    if kind == 1:
        gauge: float = struct.unpack("<d", data)[0]
        return gauge
    return int.from_bytes(data, "big", signed=kind == 2)


def _types(text: str, named: Any) -> dict[str, list[str]]:
    found = {}
    for line in text.splitlines():
        name, *sources = line.split("#")[0].replace(",", " ").split() or [""]
        if name:
            found[name] = [named(source) for source in sources]
    return found
