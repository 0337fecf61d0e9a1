"""sFlow version 5: the datagrams in which switches report sampled packets and counters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ...dsl.reference import Event
from ..contract import Codec, complain
from ..declaration import option
from ._foreign import text_of
from ._sflow_records import Cursor, CutOffError, Fields, counters, flow

FAILED = "_sflowparsefailure"
_FLOW = "flow_sequence_number source_id_type:1 source_id_index:3 sampling_rate sample_pool drops"
_WIDE_FLOW = "flow_sequence_number source_id_type source_id_index sampling_rate sample_pool drops"
_HEADS = {
    1: f"{_FLOW} input_interface output_interface",
    2: "sample_seq_number source_id_type:1 source_id_index:3",
    3: f"{_WIDE_FLOW} input_interface_format input_interface output_interface_format"
    " output_interface",
    4: "sample_seq_number source_id_type source_id_index",
}
_TYPES = {
    1: "flow_sample",
    2: "counter_sample",
    3: "expanded_flow_sample",
    4: "expanded_counter_sample",
}
_REMOVED = """sflow_version header_size ip_header_length ip_dscp ip_ecn ip_total_length
ip_identification ip_flags ip_fragment_offset ip_ttl ip_checksum ip_options tcp_seq_number
tcp_ack_number tcp_header_length tcp_reserved tcp_is_nonce tcp_is_cwr tcp_is_ecn_echo tcp_is_urgent
tcp_is_ack tcp_is_push tcp_is_reset tcp_is_syn tcp_is_fin tcp_window_size tcp_checksum
tcp_urgent_pointer tcp_options vlan_cfi sequence_number flow_sequence_number vlan_type udp_length
udp_checksum"""


class Sflow(Codec, name="sflow"):
    """sFlow version 5; for inputs of datagrams only.

    Each sample of a flow is an event with the fields of all its records: the sampled packet's
    addresses and ports, its length, VLANs, the next hop. Each record of a sample of counters is an
    event, too. `sflow_type` says which it is; all values are texts, as in Logstash, but for
    `frame_length_times_sampling_rate`. Kinds of records that are not known are left out. Of a
    packet's header that was cut off what is there is read.

    Differs from Logstash: a datagram that is malformed is an event with its bytes as `message`,
    tagged `_sflowparsefailure`; names of interfaces are not asked for over SNMP.
    """

    encodes: ClassVar[bool] = False

    versions: list[int] = option("The versions to decode; others are left out.", default=[5])
    optional_removed_field: list[str] = option(
        "Fields that events do not get.", default=_REMOVED.split()
    )
    snmp_interface: bool = option("Has no effect; see above.", default=False)
    snmp_community: str = option("Has no effect; see above.", default="public")
    interface_cache_size: int = option("Has no effect; see above.", default=1000)
    interface_cache_ttl: int = option("Has no effect; see above.", default=3600)

    def prepare(self) -> None:
        if self.snmp_interface:
            message = "interfaces are not asked for their names"
            self.problem("snmp_interface", message, "look them up with translate", code="W305")
        self._removed = frozenset(self.optional_removed_field)

    def decode(self, data: bytes) -> list[Event]:
        version = int.from_bytes(data[:4], "big")
        if len(data) >= 4 and version not in self.versions:
            self._warn("a datagram is of version %d, which is not decoded", version)
            return []
        try:
            return list(self._events(Cursor(data)))
        except CutOffError as error:
            self._warn("a datagram is malformed: %s", error)
            return [{"message": text_of(data), "tags": [FAILED]}] if data else []

    def _warn(self, message: str, argument: object) -> None:
        where = self.context.where
        complain(f"{where} {message}", f"%s: {message}", where, argument)

    def _events(self, cursor: Cursor) -> Iterator[Event]:
        about = cursor.fields("sflow_version")
        about["agent_ip"] = cursor.address()
        about |= cursor.fields("sub_agent_id sequence_number uptime_in_ms")
        for _ in range(cursor.number()):
            kind = cursor.number()
            sample = Cursor(cursor.take(cursor.number()))
            if kind in _TYPES:
                yield from self._of_sample(kind, sample, about)

    def _of_sample(self, kind: int, sample: Cursor, about: Fields) -> Iterator[Event]:
        head = {**about, **sample.fields(_HEADS[kind])}
        is_flow = kind in (1, 3)
        records = [(sample.number(), sample.take(sample.number())) for _ in range(sample.number())]
        read = [(flow if is_flow else counters)(form, data) for form, data in records]
        known = [fields for fields in read if fields is not None]
        if is_flow:
            joined = dict(head)
            for fields in known:
                joined |= fields
            yield self._event(kind, joined)
            return
        for fields in known:
            yield self._event(kind, head | fields)

    def _event(self, kind: int, fields: Fields) -> Event:
        event: Event = {k: v for k, v in fields.items() if k not in self._removed}
        if "frame_length" in fields and "sampling_rate" in fields:
            total = int(fields["frame_length"]) * int(fields["sampling_rate"])
            event["frame_length_times_sampling_rate"] = total
        event["sflow_type"] = _TYPES[kind]
        return event
