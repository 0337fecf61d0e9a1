"""Flows: datagrams written field by field, and what they become."""
from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.timestamp import Timestamp
from penstock.plugins.codecs import _flow_templates
from penstock.plugins.codecs._flow_fields import REVERSE, ipfix_fields, netflow9_fields
from penstock.plugins.codecs._foreign import text_of

SECONDS = 1_500_000_000  # 2017-07-14T02:40:00Z
AT = Timestamp("2017-07-14T02:40:00.000Z")


def a_set(number: int, body: bytes) -> bytes:
    return struct.pack(">HH", number, len(body) + 4) + body


def v9(*sets: bytes, uptime: int = 100_000, source: int = 7) -> bytes:
    return struct.pack(">HHIIII", 9, len(sets), uptime, SECONDS, 42, source) + b"".join(sets)


def ipfix(*sets: bytes, domain: int = 7) -> bytes:
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, len(body) + 16, SECONDS, 42, domain) + body


def template(number: int, *fields: tuple[int, ...]) -> bytes:
    """A template; a field of three numbers has an enterprise."""
    said = struct.pack(">HH", number, len(fields))
    for field, length, *enterprise in fields:
        said += struct.pack(">HHI", field | 0x8000, length, *enterprise) if enterprise else struct.pack(">HH", field, length)
    return said


def flows(codec: Any, *datagrams: bytes, **options: Any) -> list[dict[str, Any]]:
    made = codec("netflow", **options)
    events = [event for datagram in datagrams for event in made.decode(datagram)]
    assert all(event["@timestamp"] == AT for event in events)
    return [event["netflow"] for event in events]


def v5(*records: bytes, count: int | None = None) -> bytes:
    number = len(records) if count is None else count
    return struct.pack(">HHIIIIBBH", 5, number, 100_000, SECONDS, 0, 42, 1, 2, 0x4005) + b"".join(records)


RECORD = struct.pack(
    ">4B4B4BHHIIIIHHxBBBHHBBxx",
    *(10, 0, 0, 1), *(10, 0, 0, 2), *(0, 0, 0, 0), 3, 4, 5, 600, 98_500, 99_000, 80, 443, 0x18, 6, 0, 65000, 65001, 24, 16,
)  # fmt: skip
FLOW = {
    "version": 5, "flow_seq_num": 42, "engine_type": 1, "engine_id": 2, "sampling_algorithm": 1, "sampling_interval": 5,
    "flow_records": 2, "ipv4_src_addr": "10.0.0.1", "ipv4_dst_addr": "10.0.0.2", "ipv4_next_hop": "0.0.0.0", "input_snmp": 3,
    "output_snmp": 4, "in_pkts": 5, "in_bytes": 600, "first_switched": "2017-07-14T02:39:59.500Z",
    "last_switched": "2017-07-14T02:39:59.000Z", "l4_src_port": 80, "l4_dst_port": 443, "tcp_flags": 24, "protocol": 6,
    "src_tos": 0, "src_as": 65000, "dst_as": 65001, "src_mask": 24, "dst_mask": 16,
}  # fmt: skip


def test_version_5_has_one_layout(codec: Any) -> None:
    """The fraction is Logstash's: what it borrows from a second it does not take off."""
    assert flows(codec, v5(RECORD, RECORD)) == [FLOW, FLOW]


@pytest.mark.parametrize("datagram", [v5(count=0), v5(RECORD, count=31), v5(RECORD, count=2), v5(RECORD)[:10], b"", b"\0", b"\0\7"])
def test_what_is_not_a_datagram_is_kept_and_tagged(codec: Any, datagram: bytes) -> None:
    failures = codec("netflow").decode(datagram)
    assert [event["tags"] for event in failures] == [["_netflowparsefailure"]] * bool(datagram)
    assert [event["message"] for event in failures] == [text_of(datagram)] * bool(datagram)


def test_version_9_says_first_what_its_records_look_like(codec: Any) -> None:
    said = a_set(0, template(256, (8, 4), (27, 16), (1, 3), (21, 4), (82, 8), (43, 2), (60, 0)))
    data = a_set(256, bytes(range(1, 5)) + b"\x20\1\x0d\xb8" + b"\0" * 11 + b"\1" + b"\1\0\0" + b"\0\1\x86\x9f" + b"eth0\0\0\0\0" + b"xx\0\0")
    assert flows(codec, v9(data), v9(said, data)) == [
        {
            "version": 9, "flow_seq_num": 42, "flowset_id": 256, "ipv4_src_addr": "1.2.3.4", "ipv6_src_addr": "2001:db8::1",
            "in_bytes": 65536, "last_switched": "2017-07-14T02:40:00.999Z", "if_name": "eth0",
        }
    ]  # fmt: skip


def test_options_of_version_9_have_a_scope(codec: Any) -> None:
    options = a_set(1, struct.pack(">HHH", 257, 8, 4) + struct.pack(">6H", 1, 4, 2, 0, 34, 2) + b"\0\0")
    (flow,) = flows(codec, v9(options, a_set(257, b"\0\0\0\5\0\x64" + b"\0\0")))
    assert (flow["scope_system"], flow["sampling_interval"]) == (5, 100)
    assert "scope_interface" not in flow


def test_zeros_fill_a_datagram_up(codec: Any) -> None:
    said = a_set(0, template(256, (4, 1)))
    assert [flow["protocol"] for flow in flows(codec, v9(said, a_set(256, b"\6")) + b"\0" * 100)] == [6]


@pytest.mark.parametrize(
    ("field", "data", "name", "value"),
    [
        ((89,), b"\x41", "forwarding_status", {"status": 1, "reason": 1}),
        ((95,), b"\x0d\0\x05\x1e", "application_id", "13..1310"),
        ((95,), b"\x14\0\0\x30\x44\0\0\x8f\x34", "application_id", "20..12356..36660"),
        ((56,), b"\0\x1b\x21\xbc\x24\xdd", "in_src_mac", "00:1b:21:bc:24:dd"),
        ((33000,), bytes(range(12)), "ingress_acl_id", "00010203-04050607-08090a0b"),
        ((201,), b"\0\1\1", "mpls_label_stack_octets", {"label": 16, "experimental": 0, "bottom_of_stack": 1, "ttl": 0}),
        ((27,), b"\0" * 10 + b"\xff\xff\1\2\3\4", "ipv6_src_addr", "::ffff:1.2.3.4"),
        ((152,), b"\0\0\1\x5f\2\xcd\x76\xdd", "flow_start_msec", 1507580540637),
        ((351,), b"\0\1", "layer2SegmentId", 1),
        ((60000,), b"\0\1", "field_60000", 1),
        ((60000,), b"\xab" * 9, "field_60000", "ab" * 9),
    ],
)
def test_values_of_version_9(codec: Any, field: tuple[int], data: bytes, name: str, value: Any) -> None:
    (flow,) = flows(codec, v9(a_set(0, template(300, (*field, len(data)))), a_set(300, data)))
    assert flow[name] == value


@pytest.mark.parametrize(
    ("field", "data", "name", "value"),
    [
        ((150, 4), struct.pack(">I", SECONDS), "flowStartSeconds", "2017-07-14T02:40:00.000Z"),
        ((153, 8), struct.pack(">Q", SECONDS * 1000 + 7), "flowEndMilliseconds", "2017-07-14T02:40:00.007Z"),
        ((154, 8), struct.pack(">II", SECONDS + 2208988800, 1 << 31), "flowStartMicroseconds", "2017-07-14T02:40:00.500Z"),
        ((157, 8), struct.pack(">II", SECONDS + 2208988800, 5), "flowEndNanoseconds", "2017-07-14T02:40:00.000000001Z"),
        ((311, 8), struct.pack(">d", 0.25), "samplingProbability", 0.25),
        ((126, 4, 3054), struct.pack(">f", 0.5), "ixiaSrcLatitude", 0.5),
        ((11, 4, 15397), b"\xff\xff\xff\xff", "proceraInternalRtt", -1),
        ((32, 2, REVERSE), b"\0\1", "reverseIcmpTypeCodeIPv4", 1),
        ((82, 65535), b"\4eth0", "interfaceName", "eth0"),
        ((82, 65535), b"\xff\1\0" + b"x" * 256, "interfaceName", "x" * 256),
        ((192, 16, 5951), bytes(range(16)), "netscalerConnectionChainID", "000102030405060708090a0b0c0d0e0f"),
        ((5, 65535, 99999), b"\2ab", "field_99999_5", "ab"),
        ((130, 4), b"\x0a\0\0\1", "exporterIPv4Address", "10.0.0.1"),
    ],
)
def test_values_of_ipfix(codec: Any, field: tuple[int, ...], data: bytes, name: str, value: Any) -> None:
    (flow,) = flows(codec, ipfix(a_set(2, template(300, field)), a_set(300, data)))
    assert flow["version"] == 10
    assert flow[name] == value


def test_options_of_ipfix_are_fields_like_others(codec: Any) -> None:
    options = a_set(3, struct.pack(">HHH", 258, 2, 1) + struct.pack(">4H", 144, 4, 34, 4) + b"\0\0")
    (flow,) = flows(codec, ipfix(options, a_set(258, b"\0\0\0\1\0\0\3\xe8")), include_flowset_id=True)
    assert flow == {"version": 10, "flowset_id": 258, "exportingProcessId": 1, "samplingInterval": 1000}


def test_a_record_that_is_cut_off_is_left_out(codec: Any) -> None:
    said = a_set(2, template(300, (4, 1), (82, 65535)))
    assert [flow["interfaceName"] for flow in flows(codec, ipfix(said, a_set(300, b"\6\1a\6\5b")))] == ["a"]


def test_templates_are_of_one_source(codec: Any) -> None:
    said, data = a_set(0, template(256, (4, 1))), a_set(256, b"\6")
    assert flows(codec, v9(said, source=1), v9(data, source=2)) == []
    assert len(flows(codec, v9(said, source=1), v9(data, source=1))) == 1


def test_templates_are_forgotten_after_a_while(codec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(_flow_templates.time, "monotonic", lambda: now[0])
    netflow, data = codec("netflow", cache_ttl=10), v9(a_set(256, b"\6"))
    netflow.decode(v9(a_set(0, template(256, (4, 1)))))
    now[0] = 9.9
    assert len(netflow.decode(data)) == 1
    now[0] = 10.0
    assert netflow.decode(data) == []


def test_templates_survive_a_restart(codec: Any, tmp_path: Path, problems: Any) -> None:
    codec("netflow", cache_save_path=tmp_path).decode(v9(a_set(0, template(256, (4, 1)))))
    codec("netflow", cache_save_path=tmp_path).decode(ipfix(a_set(2, template(256, (4, 1)))))
    assert len(flows(codec, v9(a_set(256, b"\6")), ipfix(a_set(256, b"\6")), cache_save_path=tmp_path)) == 2
    (tmp_path / "ipfix_templates.json").write_text("[1]")
    assert [problem.option for problem in problems("netflow", cache_save_path=tmp_path)] == ["cache_save_path"]


def test_the_number_of_templates_is_bounded(codec: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_flow_templates, "_MOST", 3)
    said = [v9(a_set(0, template(256, (4, 1))), source=source) for source in (1, 2, 3, 1, 4)]
    data = [v9(a_set(256, b"\6"), source=source) for source in (1, 2, 3, 4)]
    assert len(flows(codec, *said, *data)) == 3


def test_versions_may_be_left_out(codec: Any) -> None:
    assert flows(codec, v5(RECORD, RECORD), versions=[9]) == []


def test_the_target_is_a_name(codec: Any) -> None:
    (event, _) = codec("netflow", target="[x][y]").decode(v5(RECORD, RECORD))
    assert event["[x][y]"]["in_pkts"] == 5


def test_fields_may_be_defined(codec: Any, tmp_path: Path, problems: Any) -> None:
    (tmp_path / "v9.yml").write_text("4:\n- :uint8\n- :proto\n60000:\n- :ip4_addr\n- :mine\n61000:\n- :skip\n")
    (tmp_path / "ipfix.yml").write_text("99999:\n  5: [':string', ':theirs']\n")
    options = {"netflow_definitions": tmp_path / "v9.yml", "ipfix_definitions": tmp_path / "ipfix.yml"}
    said = a_set(0, template(256, (4, 1), (60000, 4), (61000, 1), (7, 2)))
    (flow,) = flows(codec, v9(said, a_set(256, b"\6\1\2\3\4\0\0\x50")), **options)
    assert flow.items() >= {"proto": 6, "mine": "1.2.3.4", "l4_src_port": 80}.items()
    (flow,) = flows(codec, ipfix(a_set(2, template(256, (5, 2, 99999))), a_set(256, b"ab")), **options)
    assert flow["theirs"] == "ab"
    for text in ("[1]", "4: [':what', ':x']", "4: 5", "{"):
        (tmp_path / "v9.yml").write_text(text)
        assert [problem.option for problem in problems("netflow", **options)] == ["netflow_definitions"]


def test_the_tables_agree_with_the_registry_at_their_ends() -> None:
    """A name that is missing would shift all that follow it."""
    iana, cisco = ipfix_fields(0), netflow9_fields()
    assert {number: iana[number][0] for number in (64, 104, 199, 224, 300, 399, 433, 485)} == {
        64: "ipv6ExtensionHeaders", 104: "layer2packetSectionData", 199: "octetTotalSumOfSquares", 224: "ipTotalLength",
        300: "observationDomainName", 399: "flowSamplingTimeSpacing", 433: "ignoredLayer2FrameTotalCount",
        485: "bgpDestinationCommunityList",
    }  # fmt: skip
    assert (cisco[42][0], cisco[86][0], cisco[183][0]) == ("total_flows_exp", "in_permanent_pkts", "tcp_dst_port")
    assert ipfix_fields(5951)[269][0] == "netscalerCacheRedirClientConnectionTransactionID"
    assert ipfix_fields(12345) == {}


DATAGRAMS = [
    v9(a_set(0, template(256, (8, 4), (21, 4), (82, 65535))), a_set(1, struct.pack(">9H", 257, 4, 8, 1, 4, 34, 4, 35, 1)), a_set(256, b"x" * 50)),
    ipfix(a_set(2, template(256, (8, 4), (154, 8), (311, 8), (126, 4, 3054), (95, 9))), a_set(256, b"\xff" * 80)),
    v5(RECORD, RECORD),
]


@given(st.sampled_from(DATAGRAMS), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=8))
def test_no_datagram_does_harm(codec: Any, datagram: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(datagram)
    for place, byte in changes:
        data[place % len(data)] = byte
    netflow = codec("netflow")
    for event in [*netflow.decode(bytes(data)), *netflow.decode(datagram)]:
        assert type(event["message" if "tags" in event else "netflow"]) in (str, dict)
