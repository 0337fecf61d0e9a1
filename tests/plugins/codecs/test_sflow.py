"""sFlow: samples of flows and counters."""
from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st


def words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}I", *numbers)


def part(kind: int, data: bytes) -> bytes:
    """A record or a sample: its kind, its length, and its data."""
    return words(kind, len(data)) + data


def datagram(*samples: bytes, version: int = 5) -> bytes:
    agent = words(version, 1) + bytes((10, 0, 0, 254))
    return agent + words(1, 77, 123456, len(samples)) + b"".join(samples)


IP4 = bytes.fromhex("4508003c1c4640004006b1e6") + bytes((192, 0, 2, 1, 198, 51, 100, 7))
TCP = struct.pack(">HHIIHHHH", 51234, 443, 1, 2, 0x5018, 64240, 0xABCD, 0)
UDP = struct.pack(">HHHH", 53, 40000, 60, 0xBEEF)
ETHERNET = bytes.fromhex("0200000000010200000000020800")
TAGGED = bytes.fromhex("020000000001020000000002" "8100" "6064" "0800")
IP6 = bytes.fromhex("60000000001411ff") + bytes.fromhex("20010db8000000000000000000000001") + bytes.fromhex("20010db8000000000000000000000002")


def sampled(header: bytes, protocol: int = 1, frame: int = 1514) -> bytes:
    return part(1, words(protocol, frame, 4, len(header)) + header)


def flow_sample(*records: bytes) -> bytes:
    return part(1, words(9, 0x00000005, 512, 4096, 0, 5, 7, len(records)) + b"".join(records))


FLOW = {
    "agent_ip": "10.0.0.254", "sub_agent_id": "1", "uptime_in_ms": "123456", "source_id_type": "0", "source_id_index": "5",
    "sampling_rate": "512", "sample_pool": "4096", "drops": "0", "input_interface": "5", "output_interface": "7",
    "sflow_type": "flow_sample",
}  # fmt: skip
FRAME = {"protocol": "1", "frame_length": "1514", "stripped": "4", "frame_length_times_sampling_rate": 1514 * 512}
MACS = {"eth_dst": "02:00:00:00:00:01", "eth_src": "02:00:00:00:00:02", "eth_type": "2048"}
ADDRESSES = {"ip_version": "4", "ip_protocol": "6", "src_ip": "192.0.2.1", "dst_ip": "198.51.100.7"}


@pytest.mark.parametrize(
    ("record", "fields"),
    [
        (sampled(ETHERNET + IP4 + TCP), FRAME | MACS | ADDRESSES | {"src_port": "51234", "dst_port": "443"}),
        (sampled(TAGGED + IP4 + TCP), FRAME | MACS | ADDRESSES | {"eth_type": "33024", "vlan_priority": "3", "vlan_id": "100", "src_port": "51234", "dst_port": "443"}),
        # a header that was cut off, in the transport's, the network's, and the link's part
        (sampled(ETHERNET + IP4 + TCP[:10]), FRAME | MACS | ADDRESSES),
        (sampled(ETHERNET + IP4[:10]), FRAME | MACS | {"ip_version": "4"}),
        (sampled(ETHERNET[:3]), FRAME),
        (sampled(IP4 + TCP, 11), FRAME | {"protocol": "11"} | ADDRESSES | {"src_port": "51234", "dst_port": "443"}),
        (sampled(IP6 + UDP, 12), FRAME | {"protocol": "12", "ip_version": "6", "ipv6_flow_label": "0", "ip_payload_length": "20",
            "ip_protocol": "17", "ipv6_hop_limit": "255", "src_ip": "2001:db8::1", "dst_ip": "2001:db8::2", "src_port": "53", "dst_port": "40000"}),
        (part(1001, words(10, 1, 20, 2)), {"src_vlan": "10", "src_priority": "1", "dst_vlan": "20", "dst_priority": "2"}),
        (part(1002, words(1) + bytes((10, 0, 0, 1)) + words(24, 16)),
            {"ip_address_next_hop_router": "10.0.0.1", "src_mask_len": "24", "dst_mask_len": "16"}),
        (part(3, words(60, 17) + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + words(1, 2, 0, 0)),
            {"ip_packet_length": "60", "ip_protocol": "17", "src_ip": "10.0.0.1", "dst_ip": "10.0.0.2", "src_port": "1", "dst_port": "2", "tcp_flags": "0", "ip_priority": "0"}),
        (part(1003, b"of no known kind"), {}),
    ],
)  # fmt: skip
def test_a_sample_of_a_flow_is_an_event_with_the_fields_of_its_records(codec: Any, record: bytes, fields: dict[str, Any]) -> None:
    (event,) = codec("sflow").decode(datagram(flow_sample(record)))
    wanted = FLOW | fields
    assert {key: event[key] for key in event if key not in ("ip_version", "ip_protocol") or key in wanted} == wanted


def test_fields_that_are_removed_by_default_can_be_had(codec: Any) -> None:
    (event,) = codec("sflow", optional_removed_field=[]).decode(datagram(flow_sample(sampled(ETHERNET + IP4 + TCP))))
    wanted = {
        "sflow_version": "5", "sequence_number": "77", "flow_sequence_number": "9", "ip_ttl": "64", "ip_dscp": "2",
        "tcp_is_ack": "1", "tcp_is_push": "1", "tcp_is_syn": "0", "tcp_window_size": "64240", "tcp_header_length": "5",
    }  # fmt: skip
    assert {key: event[key] for key in wanted} == wanted


def test_records_of_one_flow_are_joined_and_wide_samples_are_read(codec: Any) -> None:
    head = words(9, 0, 5, 512, 4096, 0, 0, 5, 0, 7, 2)
    wide = part(3, head + sampled(ETHERNET + IP4) + part(1001, words(10, 1, 20, 2)))
    (event,) = codec("sflow").decode(datagram(wide))
    assert event["sflow_type"] == "expanded_flow_sample"
    assert (event["src_ip"], event["src_vlan"], event["output_interface"]) == ("192.0.2.1", "10", "7")


def test_each_record_of_counters_is_an_event(codec: Any) -> None:
    generic = part(1, words(5, 6) + struct.pack(">Q", 10**9) + words(1, 3) + struct.pack(">Q", 1234) + words(*range(6)) + struct.pack(">Q", 99) + words(*range(6)))
    cpu = part(1001, words(1, 2, 3) + struct.pack(">QQ", 10**10, 5))
    sample = part(2, words(3, 5, 3) + generic + part(99, b"????") + cpu)
    one, other = codec("sflow").decode(datagram(sample))
    assert (one["interface_speed"], one["input_octets"], one["output_octets"]) == ("1000000000", "1234", "99")
    assert (other["five_min_cpu_percent"], other["total_memory"]) == ("3", "10000000000")
    assert {one["sflow_type"], other["sflow_type"]} == {"counter_sample"}


@pytest.mark.parametrize("cut", [2, 10, 30, 60])
def test_a_datagram_that_is_cut_off_is_kept(codec: Any, cut: int) -> None:
    (event,) = codec("sflow", versions=[5, 0]).decode(datagram(flow_sample(sampled(ETHERNET + IP4)))[:cut])
    assert event["tags"] == ["_sflowparsefailure"]
    assert event["message"]


def test_other_versions_are_left_out(codec: Any) -> None:
    assert codec("sflow").decode(datagram(version=4)) == []


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_kept(codec: Any, data: bytes) -> None:
    for event in codec("sflow").decode(words(5, 1) + data):
        assert event.get("sflow_type") or event["tags"]
