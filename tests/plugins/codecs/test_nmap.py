"""Scans of nmap."""
from __future__ import annotations

from typing import Any

import pytest

SCAN = """<?xml version="1.0"?>
<!DOCTYPE nmaprun>
<nmaprun scanner="nmap" args="nmap -A -oX - 192.0.2.7" start="1715000000" version="7.94" xmloutputversion="1.05">
<host starttime="1715000001" endtime="1715000009">
<status state="up" reason="syn-ack"/>
<address addr="192.0.2.7" addrtype="ipv4"/><address addr="02:00:00:00:00:07" addrtype="mac" vendor="Acme"/>
<hostnames><hostname name="seven.example" type="PTR"/></hostnames>
<ports>
<port protocol="tcp" portid="22"><state state="open" reason="syn-ack"/>
<service name="ssh" product="OpenSSH" method="probed" conf="10"/></port>
<port protocol="tcp" portid="443"><state state="closed" reason="reset"/></port>
</ports>
<os><portused portid="22"/><osmatch name="Linux 5" accuracy="98"><osclass type="general purpose" vendor="Linux" osfamily="Linux" osgen="5.X" accuracy="98"/></osmatch></os>
<uptime seconds="300" lastboot="Mon May  6 12:48:00 2024"/>
<trace port="22" proto="tcp"><hop ttl="1" ipaddr="192.0.2.1" rtt="3.20" host="gw"/><hop ttl="2" ipaddr="192.0.2.7" rtt="8.90"/></trace>
</host>
<host><status state="down" reason="no-response"/><address addr="2001:db8::1" addrtype="ipv6"/></host>
<runstats><finished time="1715000010" elapsed="10.5" summary="done" exit="success"/><hosts up="1" down="1" total="2"/></runstats>
</nmaprun>
"""


def test_a_scan_its_hosts_ports_and_hops_are_events(codec: Any) -> None:
    events = codec("nmap").decode(SCAN.encode())
    kinds = [event["type"].removeprefix("nmap_") for event in events]
    assert kinds == ["scan_metadata", "port", "port", "traceroute_link", "traceroute_link", "host", "host"]
    assert {event["scan_id"] for event in events} == {events[0]["scan_id"]}
    assert {(event["version"], event["arguments"]) for event in events} == {("7.94", "nmap -A -oX - 192.0.2.7")}
    scan, ssh, closed, first, last, host, down = events
    assert scan["host_stats"] == {"up": 1, "down": 1, "total": 2}
    assert scan["run_stats"]["finished"] == {
        "time": "2024-05-06T12:53:30.000Z", "elapsed": 10.5, "summary": "done", "exit": "success"
    }  # fmt: skip
    assert scan["start_time"] == "2024-05-06T12:53:20.000Z"
    assert ssh["port"]["service"] == {
        "name": "ssh", "ssl": False, "protocol": None, "product": "OpenSSH", "hostname": None, "device_type": None,
        "fingerprint_method": "probed", "fingerprint": None, "confidence": 10,
    }  # fmt: skip
    assert closed["port"] == {"number": 443, "reason": "reset", "protocol": "tcp", "service": None, "state": "closed"}
    assert (first["from"]["hostname"], first["to"]["address"], first["rtt_diff"]) == ("gw", "192.0.2.7", 5)
    assert (last["to"], last["rtt_diff"]) == (None, None)
    assert (host["ip"], host["ipv4"], host["mac"], host["hostname"]["name"]) == ("192.0.2.7", "192.0.2.7", "02:00:00:00:00:07", "seven.example")
    assert host["os"]["classes"][0]["gen"] == "5.X"
    assert host["ports"] == [ssh["port"], closed["port"]]
    assert host["id"] == ssh["scan_host_id"] == f"{scan['scan_id']}-h0"
    assert ssh["id"] == f"{scan['scan_id']}-h0-p0"
    assert (down["ip"], down["status"]["state"], down["os"], down["traceroute"]) == ("2001:db8::1", "down", None, None)
    assert down["start_time"] == scan["start_time"]


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({"emit_scan_metadata": False, "emit_ports": False, "emit_traceroute_links": False}, ["host", "host"]),
        ({"emit_hosts": False, "emit_ports": False, "emit_traceroute_links": False}, ["scan_metadata"]),
        ({"emit_hosts": False, "emit_scan_metadata": False, "emit_traceroute_links": False}, ["port", "port"]),
    ],
)
def test_kinds_of_events_are_chosen(codec: Any, options: dict[str, Any], kinds: list[str]) -> None:
    assert [event["type"].removeprefix("nmap_") for event in codec("nmap", **options).decode(SCAN.encode())] == kinds


@pytest.mark.parametrize("size", [1, 100])
def test_a_scan_comes_in_pieces_and_another_may_follow(codec: Any, size: int) -> None:
    made, data = codec("nmap"), (SCAN * 2).encode()
    events = [event for at in range(0, len(data), size) for event in made.decode(data[at : at + size])]
    assert len([*events, *made.flush()]) == 14
    assert len({event["scan_id"] for event in events}) == 2


@pytest.mark.parametrize(
    "text",
    ["no xml", "<nmaprun>", "<other/>", '<!DOCTYPE a [<!ENTITY b "c">]><nmaprun>&b;</nmaprun>', "<nmaprun></other></nmaprun>"],
)
def test_what_is_no_scan_is_kept(codec: Any, text: str) -> None:
    made = codec("nmap")
    (event,) = [*made.decode(text.encode()), *made.flush()]
    assert event == {"message": text, "tags": ["_nmapparsefailure"]}
