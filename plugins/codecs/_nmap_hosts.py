"""What nmap's XML says of a scan and of a host, as maps with the names that Logstash gives it.

Source: nmap's DTD (nmap.dtd), and the documentation of Logstash's codec.
"""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from ...dsl.timestamp import Timestamp

Map = dict[str, Any]


def scan_of(root: Element) -> Map:
    """The statistics of a whole scan."""
    finished, counts = root.find("runstats/finished"), root.find("runstats/hosts")
    ended = {} if finished is None else dict(finished.attrib)
    stats: Map = {
        "end_time": instant(ended.get("time")),
        "elapsed": ended.get("elapsed"),
        "summary": ended.get("summary"),
        "exit_status": ended.get("exit"),
    }
    if ended:
        stats["finished"] = {
            **ended,
            "elapsed": _float(ended.get("elapsed")),
            "time": instant(ended.get("time")),
        }
    return {
        "host_stats": {} if counts is None else {k: _int(v) for k, v in counts.attrib.items()},
        "run_stats": stats,
        "start_time": instant(root.get("start")),
        "end_time": instant(ended.get("time")),
    }


def host_of(host: Element, scan_start: Timestamp | None) -> Map:
    """What is known of a host, but for its ports and the way to it."""
    addresses = [
        {"type": each.get("addrtype"), "addr": each.get("addr"), "vendor": each.get("vendor")}
        for each in host.findall("address")
    ]
    by_type: dict[str | None, str | None] = {}
    for address in addresses:
        by_type.setdefault(address["type"], address["addr"])
    return {
        "start_time": instant(host.get("starttime")) or scan_start,
        "end_time": instant(host.get("endtime")) or scan_start,
        "addresses": addresses,
        "address": addresses[0]["addr"] if addresses else None,
        "ip": by_type.get("ipv6") or by_type.get("ipv4"),
        "ipv4": by_type.get("ipv4"),
        "ipv6": by_type.get("ipv6"),
        "mac": by_type.get("mac"),
        "status": _picked(host.find("status"), "state", "reason"),
        "hostname": _picked(host.find("hostnames/hostname"), "name", "type"),
        "uptime": _uptime(host.find("uptime")),
        "os": _system(host.find("os")),
    }


def ports_of(host: Element) -> list[Map]:
    """The ports of a host."""
    return [
        {
            "number": _int(port.get("portid")),
            "reason": _get(port.find("state"), "reason"),
            "protocol": port.get("protocol"),
            "service": _service(port.find("service")),
            "state": _get(port.find("state"), "state"),
        }
        for port in host.findall("ports/port")
    ]


def trace_of(host: Element) -> Map | None:
    """The way to a host, hop by hop."""
    trace = host.find("trace")
    if trace is None:
        return None
    hops = [
        {
            "address": hop.get("ipaddr"),
            "hostname": hop.get("host"),
            "ttl": _int(hop.get("ttl")),
            "rtt": _int(hop.get("rtt")),
            "index": index,
        }
        for index, hop in enumerate(trace.findall("hop"))
    ]
    return {"port": _int(trace.get("port")), "protocol": trace.get("proto"), "hops": hops}


def instant(text: str | None) -> Timestamp | None:
    """An instant in seconds; none for nothing and for 0, which nmap writes for nothing."""
    seconds = _int(text)
    return Timestamp.of_millis(seconds * 1000) if seconds else None


def _service(service: Element | None) -> Map | None:
    if service is None:
        return None
    return {
        "name": service.get("name"),
        "ssl": service.get("tunnel") == "ssl",
        "protocol": service.get("proto"),
        "product": service.get("product"),
        "hostname": service.get("hostname"),
        "device_type": service.get("devicetype"),
        "fingerprint_method": service.get("method", ""),
        "fingerprint": service.get("servicefp"),
        "confidence": _int(service.get("conf")),
    }


def _system(system: Element | None) -> Map | None:
    if system is None:
        return None
    classes = [
        {
            "type": each.get("type", ""),
            "vendor": each.get("vendor", ""),
            "family": each.get("osfamily", ""),
            "gen": each.get("osgen", ""),
            "accuracy": _int(each.get("accuracy")),
        }
        for each in system.iter("osclass")
    ]
    matches = [
        {"name": each.get("name"), "accuracy": _int(each.get("accuracy"))}
        for each in system.findall("osmatch")
    ]
    return {
        "ports_used": [_int(each.get("portid")) for each in system.findall("portused")],
        "fingerprint": _get(system.find("osfingerprint"), "fingerprint"),
        "classes": classes or None,
        "matches": matches,
    }


def _uptime(uptime: Element | None) -> Map | None:
    if uptime is None:
        return None
    return {"seconds": _int(uptime.get("seconds")), "last_boot": uptime.get("lastboot")}


def _picked(element: Element | None, *names: str) -> Map | None:
    return None if element is None else {name: element.get(name) for name in names}


def _get(element: Element | None, name: str) -> str | None:
    return None if element is None else element.get(name)


def _int(text: str | None) -> int:
    """The whole number of a text, 0 where there is none."""
    digits = (text or "").partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else 0


def _float(text: str | None) -> float:
    try:
        return float(text or "0")
    except ValueError:
        return 0.0
