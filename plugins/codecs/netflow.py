"""NetFlow 5 and 9 and IPFIX: the datagrams in which routers report flows.

Version 5 has one layout. In 9 and 10 (IPFIX) a datagram holds sets: templates, which say what
records look like, and records. Sources: Cisco's description of version 5, RFC 3954 (version 9), RFC
7011 (IPFIX).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ...dsl.reference import Event
from ...dsl.timestamp import Timestamp
from ..contract import Codec, complain
from ..declaration import option
from ._flow_fields import Field, ipfix_fields, netflow9_fields
from ._flow_templates import VARIABLE, Part, Said, Template, Templates
from ._flow_values import flow_time, reader
from ._foreign import text_of

_V5_HEADER = struct.Struct(">HHIIIIBBH")
_V5_RECORD = struct.Struct(">4s4s4sHHIIIIHHxBBBHHBBxx")
_V5_NAMES = (
    "ipv4_src_addr",
    "ipv4_dst_addr",
    "ipv4_next_hop",
    "input_snmp",
    "output_snmp",
    "in_pkts",
    "in_bytes",
    "first_switched",
    "last_switched",
    "l4_src_port",
    "l4_dst_port",
    "tcp_flags",
    "protocol",
    "src_tos",
    "src_as",
    "dst_as",
    "src_mask",
    "dst_mask",
)
_V9_HEADER = struct.Struct(">HHIIII")
_IPFIX_HEADER = struct.Struct(">HHIII")
_SCOPES = {
    1: "scope_system",
    2: "scope_interface",
    3: "scope_line_card",
    4: "scope_netflow_cache",
    5: "scope_template",
}
_SCOPE = -1
_PAIR = struct.Struct(">HH")


class Netflow(Codec, name="netflow"):
    """NetFlow 5 and 9 and IPFIX; for inputs of datagrams only.

    Each flow is an event: `@timestamp` is the exporter's, the fields stand under `target`. A set
    whose template was not yet seen is left out, with a warning in the log; exporters repeat
    templates every few minutes. A datagram that is malformed, or of a version that is none of
    these, is an event with its bytes as `message`, tagged `_netflowparsefailure`.

    `first_switched` and `last_switched` are computed as Logstash does it, which is up to a second
    late in version 9: its header counts whole seconds only. Differs from Logstash: fields that are
    not known do not make a template useless; they are called `field_N`, or `field_ENTERPRISE_N`,
    and hold a number or hexadecimal text.
    """

    encodes: ClassVar[bool] = False
    remembers = True

    target: str = option("The field to put the flow under.", default="netflow")
    versions: list[int] = option("The versions to decode; others are left out.", default=[5, 9, 10])
    include_flowset_id: bool = option(
        "Whether IPFIX events have the set's number as `flowset_id`.", default=False
    )
    cache_ttl: int = option("For how many seconds a template is valid.", default=4000, at_least=0)
    cache_save_path: Path | None = option(
        "A directory in which templates are kept across restarts.", default=None
    )
    netflow_definitions: Path | None = option(
        "A YAML file with names and types of NetFlow 9 fields.", default=None
    )
    ipfix_definitions: Path | None = option(
        "A YAML file with names and types of IPFIX fields.", default=None
    )

    def prepare(self) -> None:
        self._netflow = {0: netflow9_fields() | self._defined("netflow_definitions").get(0, {})}
        self._ipfix = self._defined("ipfix_definitions")
        self._v9, self._v10 = (
            self._templates("netflow_templates", 9),
            self._templates("ipfix_templates", 10),
        )

    def _templates(self, name: str, version: int) -> Templates:
        templates = Templates(self.cache_ttl, self.cache_save_path, name)
        try:
            templates.restore(lambda said: self._made(version, said))
        except (OSError, ValueError, TypeError) as error:
            self.problem(
                "cache_save_path",
                f"the templates kept in it cannot be used: {error}",
                f"remove {name}.json",
            )
        return templates

    def _defined(self, option: str) -> dict[int, dict[int, Field]]:
        path = getattr(self, option)
        if path is None:
            return {}
        from ._flow_definitions import definitions

        try:
            return definitions(path, nested=option == "ipfix_definitions")
        except ImportError:
            self.problem(
                option,
                "definitions need the package `PyYAML`",
                "pip install 'penstock[netflow]'",
                code="E202",
            )
        except (OSError, ValueError) as error:
            self.problem(option, f"the definitions cannot be used: {error}")
        return {}

    def start(self) -> None:
        """Forget the templates of another exporter; those that a file keeps are shared."""
        if self.cache_save_path is None:
            self._v9, self._v10 = Templates(self.cache_ttl), Templates(self.cache_ttl)

    def decode(self, data: bytes) -> list[Event]:
        version = int.from_bytes(data[:2], "big")
        if version in _DECODERS and version not in self.versions:
            self._warn("a datagram is of version %d, which is not decoded", version)
            return []
        decode = _DECODERS.get(version)
        if decode is None:
            return self._failure(data, "a datagram is of version %d, which is not known", version)
        try:
            return decode(self, data)
        except struct.error:
            return self._failure(data, "a datagram of version %d is truncated", version)

    def _failure(self, data: bytes, message: str, *arguments: object) -> list[Event]:
        """A datagram that cannot be decoded, as an event with its bytes."""
        self._warn(message, *arguments)
        return [{"message": text_of(data), "tags": ["_netflowparsefailure"]}] if data else []

    def _warn(self, message: str, *arguments: object) -> None:
        complain(
            f"{self.context.where} {message}", f"%s: {message}", self.context.where, *arguments
        )

    def _decode_v5(self, data: bytes) -> list[Event]:
        version, count, uptime, seconds, nanos, sequence, engine_type, engine_id, sampling = (
            _V5_HEADER.unpack_from(data)
        )
        if not 1 <= count <= 30 or len(data) < _V5_HEADER.size + count * _V5_RECORD.size:
            return self._failure(data, "a datagram of version 5 says that it has %d flows", count)
        header = {
            "version": version,
            "flow_seq_num": sequence,
            "engine_type": engine_type,
            "engine_id": engine_id,
            "sampling_algorithm": sampling >> 14,
            "sampling_interval": sampling & 0x3FFF,
            "flow_records": count,
        }
        at = Timestamp.of_nanos(seconds * 10**9 + nanos // 1000 * 1000)
        events = []
        for number in range(count):
            values = _V5_RECORD.unpack_from(data, _V5_HEADER.size + number * _V5_RECORD.size)
            flow = header | dict(zip(_V5_NAMES, values, strict=True))
            for name in _V5_NAMES[:3]:
                flow[name] = ".".join(map(str, flow[name]))
            for name in ("first_switched", "last_switched"):
                flow[name] = _switched(uptime - flow[name], seconds, nanos // 1000)
            events.append({"@timestamp": at, self.target: flow})
        return events

    def _decode_v9(self, data: bytes) -> list[Event]:
        version, _, uptime, seconds, sequence, source = _V9_HEADER.unpack_from(data)
        at, events = Timestamp.of_millis(seconds * 1000), []
        for number, body in _sets(data, _V9_HEADER.size):
            if number in (0, 1):
                for template, said in _templates_v9(body, number == 1):
                    self._keep(self._v9, 9, f"{source}|{template}", said)
            elif (found := self._template(self._v9, source, number)) is not None:
                for record in found.records(body):
                    flow = {
                        "version": version,
                        "flow_seq_num": sequence,
                        "flowset_id": number,
                        **record,
                    }
                    for name in ("first_switched", "last_switched"):
                        if type(flow.get(name)) is int:
                            flow[name] = _switched(uptime - flow[name], seconds, None)
                    events.append({"@timestamp": at, self.target: flow})
        return events

    def _decode_ipfix(self, data: bytes) -> list[Event]:
        version, length, seconds, _, domain = _IPFIX_HEADER.unpack_from(data)
        at, events = Timestamp.of_millis(seconds * 1000), []
        for number, body in _sets(data[:length], _IPFIX_HEADER.size):
            if number in (2, 3):
                for template, said in _templates_ipfix(body, number == 3):
                    self._keep(self._v10, 10, f"{domain}|{template}", said)
            elif (found := self._template(self._v10, domain, number)) is not None:
                extra = {"flowset_id": number} if self.include_flowset_id else {}
                for record in found.records(body):
                    events.append(
                        {"@timestamp": at, self.target: {"version": version, **extra, **record}}
                    )
        return events

    def _template(self, templates: Templates, source: int, number: int) -> Template | None:
        if number < 256:
            self._warn("a set has the number %d, which is reserved", number)
            return None
        found = templates.get(f"{source}|{number}")
        if found is None:
            self._warn(
                "flows of the source %d came before their template %d: they are left out",
                source,
                number,
            )
        return found

    def _keep(self, templates: Templates, version: int, key: str, said: Said) -> None:
        try:
            templates.put(key, said, self._made(version, said))
        except OSError as error:
            self._warn("templates cannot be kept: %s", error)

    def _made(self, version: int, said: Said) -> Template:
        return Template([self._part(version, *field) for field in said])

    def _part(self, version: int, enterprise: int, number: int, length: int) -> Part:
        if enterprise == _SCOPE:
            name = _SCOPES.get(number, "")
            return name, length, reader("uint", length) if name and length else None
        name, kind = self._field(version, enterprise, number, length)
        if length == 0:
            return name, length, None
        time = flow_time(name) if version == 10 else None
        return name, length, time or reader(kind, length)

    def _field(self, version: int, enterprise: int, number: int, length: int) -> Field:
        if version == 9:
            found = self._netflow[0].get(number)
        else:
            found = self._ipfix.get(enterprise, {}).get(number) or ipfix_fields(enterprise).get(
                number
            )
        if found is not None:
            return found
        name = f"field_{enterprise}_{number}" if enterprise else f"field_{number}"
        if length == VARIABLE:
            return name, "string"
        return name, "uint" if length <= 8 else "octets"


_DECODERS = {5: Netflow._decode_v5, 9: Netflow._decode_v9, 10: Netflow._decode_ipfix}


def _switched(ago: int, seconds: int, micros: int | None) -> str:
    """When something happened, ``ago`` milliseconds before the time of the header. Version 9 has no
    fraction (None).
    """
    seconds -= ago // 1000
    fraction = (1_000_000 if micros is None else micros) - ago % 1000 * 1000
    if fraction < 0:
        fraction += 1_000_000
    return str(Timestamp.of_nanos(seconds * 10**9 + fraction * 1000))


def _sets(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """The sets of a datagram, each with its number; zeros at the end fill it up."""
    while len(data) - at >= 4:
        number, length = _PAIR.unpack_from(data, at)
        if length < 4:
            return
        yield number, data[at + 4 : at + length]
        at += length


def _templates_v9(body: bytes, options: bool) -> Iterator[tuple[int, Said]]:
    at = 0
    while len(body) - at >= (6 if options else 4):
        template, first = _PAIR.unpack_from(body, at)
        scopes, count = 0, first
        at += 4
        if options:
            (second,) = struct.unpack_from(">H", body, at)
            at += 2
            scopes, count = first // 4, first // 4 + second // 4
        if template < 256 or len(body) - at < count * 4:
            return
        pairs = [_PAIR.unpack_from(body, at + place * 4) for place in range(count)]
        at += count * 4
        yield (
            template,
            [[_SCOPE if place < scopes else 0, *pair] for place, pair in enumerate(pairs)],
        )


def _templates_ipfix(body: bytes, options: bool) -> Iterator[tuple[int, Said]]:
    at = 0
    while len(body) - at >= (6 if options else 4):
        template, count = _PAIR.unpack_from(body, at)
        at += 6 if options else 4
        if template < 256:
            return
        said: Said = []
        for _ in range(count):
            if len(body) - at < 4:
                return
            number, length = _PAIR.unpack_from(body, at)
            at += 4
            enterprise = 0
            if number & 0x8000:
                enterprise = int.from_bytes(body[at : at + 4], "big")
                at += 4
            said.append([enterprise, number & 0x7FFF, length])
        yield template, said
