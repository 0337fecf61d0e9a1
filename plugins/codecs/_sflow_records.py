"""The parts of an sFlow datagram: layouts as tables, and the headers of sampled packets.

A layout is text: names with the size of each in bytes, 4 unless given. Numbers are unsigned and
big-endian; a size of ``ip4``, ``ip6`` or ``mac`` is an address. Sources: sFlow version 5
(sflow.org), RFC 791, 768, 793, 8200, IEEE 802.1Q; the names are those of Logstash's codec.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from ...dsl.diagnostics import PenstockError

Fields = dict[str, str]


class CutOffError(PenstockError, ValueError):
    """The data ends before its end."""


class Cursor:
    """Reads numbers and addresses one after the other; raises CutOffError behind the end."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> int:
        """How many bytes there still are."""
        return len(self.data) - self.at

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if size > self.left:
            raise CutOffError(f"{size} bytes are announced, and there are {self.left}")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int = 4) -> int:
        """The next number."""
        return int.from_bytes(self.take(size), "big")

    def fields(self, layout: str) -> Fields:
        """The fields of a layout."""
        found: Fields = {}
        for part in layout.split():
            name, _, kind = part.partition(":")
            found[name] = self._value(kind or "4")
        return found

    def _value(self, kind: str) -> str:
        if kind == "mac":
            return self.take(6).hex(":")
        if kind == "ip4":
            return str(ipaddress.IPv4Address(self.take(4)))
        if kind == "ip6":
            return str(ipaddress.IPv6Address(self.take(16)))
        return str(self.number(int(kind)))

    def address(self) -> str:
        """The next address, with its kind before it."""
        kind = self.number()
        if kind not in (1, 2):
            raise CutOffError(f"unknown kind of address {kind}")
        return self._value(f"ip{4 if kind == 1 else 6}")


_ETHERNET = """AlignmentErrors FCSErrors SingleCollisionFrames MultipleCollisionFrames SQETestErrors
DeferredTransmissions LateCollisions ExcessiveCollisions InternalMacTransmitErrors
CarrierSenseErrors FrameTooLongs InternalMacReceiveErrors SymbolErrors"""
_TOKEN_RING = """LineErrors BurstErrors ACErrors AbortTransErrors InternalErrors LostFrameErrors
ReceiveCongestions FrameCopiedErrors TokenErrors SoftErrors HardErrors SignalLoss TransmitBeacons
Recoverys LobeWires Removes Singles FreqErrors"""
_COUNTERS: Mapping[int, str] = {
    1: "interface_index interface_type interface_speed:8 interface_direction interface_status"
    " input_octets:8 input_packets input_multicast_packets input_broadcast_packets"
    " input_discarded_packets input_errors input_unknown_protocol_packets output_octets:8"
    " output_packets output_multicast_packets output_broadcast_packets output_discarded_packets"
    " output_errors promiscous_mode",
    2: " ".join([f"dot3Stats{name}" for name in _ETHERNET.split()]),
    3: " ".join([f"dot5Stats{name}" for name in _TOKEN_RING.split()]),
    4: "dot12InHighPriorityFrames dot12InHighPriorityOctets:8 dot12InNormPriorityFrames"
    " dot12InNormPriorityOctets:8 dot12InIPMErrors dot12InOversizeFrameErrors dot12InDataErrors"
    " dot12InNullAddressedFrames dot12OutHighPriorityFrames dot12OutHighPriorityOctets:8"
    " dot12TransitionIntoTrainings dot12HCInHighPriorityOctets:8 dot12HCInNormPriorityOctets:8"
    " dot12HCOutHighPriorityOctets:8",
    5: "vlan_id octets:8 ucastPkts multicastPkts broadcastPkts discards",
    1001: "five_sec_cpu_percent one_min_cpu_percent five_min_cpu_percent total_memory:8"
    " free_memory:8",
}
_FLOWS: Mapping[int, str] = {
    2: "packet_length src_mac:mac pad:2 dst_mac:mac pad:2 type",
    3: "ip_packet_length ip_protocol src_ip:ip4 dst_ip:ip4 src_port dst_port tcp_flags ip_priority",
    4: "ip_packet_length ip_next_header src_ip:ip6 dst_ip:ip6 src_port dst_port tcp_flags"
    " ip_priority",
    1001: "src_vlan src_priority dst_vlan dst_priority",
}


def counters(kind: int, data: bytes) -> Fields | None:
    """The fields of a record of counters, None for a kind that is not known."""
    layout = _COUNTERS.get(kind)
    return None if layout is None else Cursor(data).fields(layout)


def flow(kind: int, data: bytes) -> Fields | None:
    """The fields of a record of a flow, None for a kind that is not known."""
    cursor = Cursor(data)
    if kind == 1:
        return _sampled(cursor)
    if kind == 1002:
        return {"ip_address_next_hop_router": cursor.address()} | cursor.fields(
            "src_mask_len dst_mask_len"
        )
    layout = _FLOWS.get(kind)
    if layout is None:
        return None
    found = cursor.fields(layout)
    found.pop("pad", None)
    return found


def _sampled(cursor: Cursor) -> Fields:
    """A sampled packet; of its header what was kept is read."""
    found = cursor.fields("protocol frame_length stripped header_size")
    header = Cursor(cursor.take(min(int(found["header_size"]), cursor.left)))
    try:
        if found["protocol"] == "1":
            _ethernet(header, found)
        elif found["protocol"] == "11":
            _ip4(header, found)
        elif found["protocol"] == "12":
            _ip6(header, found)
    except CutOffError:
        pass  # exporters keep the first 128 bytes or so
    return found


def _ethernet(header: Cursor, found: Fields) -> None:
    found |= header.fields("eth_dst:mac eth_src:mac eth_type:2")
    kind = found["eth_type"]
    if kind == str(0x8100):
        tag = header.number(2)
        found["vlan_priority"], found["vlan_cfi"] = str(tag >> 13), str(tag >> 12 & 1)
        found["vlan_id"], kind = str(tag & 0xFFF), str(header.number(2))
        found["vlan_type"] = kind
    if kind == str(0x0800):
        _ip4(header, found)
    elif kind == str(0x86DD):
        _ip6(header, found)


def _ip4(header: Cursor, found: Fields) -> None:
    first, service = header.number(1), header.number(1)
    found["ip_version"], found["ip_header_length"] = str(first >> 4), str(first & 15)
    found["ip_dscp"], found["ip_ecn"] = str(service >> 2), str(service & 3)
    found |= header.fields("ip_total_length:2 ip_identification:2")
    fragment = header.number(2)
    found["ip_flags"], found["ip_fragment_offset"] = str(fragment >> 13), str(fragment & 0x1FFF)
    found |= header.fields("ip_ttl:1 ip_protocol:1 ip_checksum:2 src_ip:ip4 dst_ip:ip4")
    header.take(max(0, (first & 15) - 5) * 4)
    if not fragment & 0x1FFF:
        _transport(header, found)


def _ip6(header: Cursor, found: Fields) -> None:
    first = header.number()
    found["ip_version"], found["ip_dscp"] = str(first >> 28), str(first >> 22 & 63)
    found["ip_ecn"], found["ipv6_flow_label"] = str(first >> 20 & 3), str(first & 0xFFFFF)
    found |= header.fields(
        "ip_payload_length:2 ip_protocol:1 ipv6_hop_limit:1 src_ip:ip6 dst_ip:ip6"
    )
    _transport(header, found)


_FLAGS = ("nonce", "cwr", "ecn_echo", "urgent", "ack", "push", "reset", "syn", "fin")


def _transport(header: Cursor, found: Fields) -> None:
    if found["ip_protocol"] == "17" and header.left >= 8:
        found |= header.fields("src_port:2 dst_port:2 udp_length:2 udp_checksum:2")
    elif found["ip_protocol"] == "6" and header.left >= 20:
        found |= header.fields("src_port:2 dst_port:2 tcp_seq_number tcp_ack_number")
        bits = header.number(2)
        found["tcp_header_length"], found["tcp_reserved"] = str(bits >> 12), str(bits >> 9 & 7)
        for place, name in enumerate(_FLAGS):
            found[f"tcp_is_{name}"] = str(bits >> (8 - place) & 1)
        found |= header.fields("tcp_window_size:2 tcp_checksum:2 tcp_urgent_pointer:2")
