"""The XML that nmap writes with ``-oX``: a scan, its hosts, their ports, and the ways to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import ClassVar
from xml.etree.ElementTree import Element, ParseError, fromstring

from ...dsl.reference import Event
from ..contract import Codec, complain
from ..declaration import option
from ._foreign import text_of
from ._nmap_hosts import host_of, instant, ports_of, scan_of, trace_of

FAILED = "_nmapparsefailure"
_END = b"</nmaprun>"
_LONGEST = 256 << 20


class Nmap(Codec, name="nmap"):
    """Scans of nmap, in its XML (`nmap -oX`); for inputs only.

    A scan gives an event of `type` `nmap_scan_metadata`; each host one of type `nmap_host`, and
    before it one of type `nmap_port` for each of its ports and `nmap_traceroute_link` for each hop
    of the way to it. All have `scan_id`, which is new for each scan, the `arguments` and the
    `version` of nmap.

    A scan may come in pieces: it is read when `</nmaprun>` has come. Differs from Logstash: what is
    no scan, or longer than 256 MiB, is an event with the text as `message`, tagged
    `_nmapparsefailure`; `last_boot` is a text as nmap writes it.
    """

    encodes: ClassVar[bool] = False

    emit_scan_metadata: bool = option("Whether to give an event for the scan.", default=True)
    emit_hosts: bool = option("Whether to give an event for each host.", default=True)
    emit_ports: bool = option("Whether to give an event for each port.", default=True)
    emit_traceroute_links: bool = option("Whether to give an event for each hop.", default=True)

    def start(self) -> None:
        self._held = bytearray()

    def decode(self, data: bytes) -> list[Event]:
        looked_at = max(0, len(self._held) - len(_END))
        self._held += data
        events: list[Event] = []
        while (end := self._held.find(_END, looked_at)) >= 0:
            end += len(_END)
            events += self._events(bytes(self._held[:end]))
            del self._held[:end]
            looked_at = 0
        if len(self._held) > _LONGEST:
            events += self.flush()
        return events

    def flush(self) -> list[Event]:
        rest, self._held = bytes(self._held), bytearray()
        return self._events(rest) if rest.strip() else []

    def _events(self, data: bytes) -> list[Event]:
        try:
            if b"<!ENTITY" in data:
                raise ValueError("it declares entities, which nmap does not")
            root = fromstring(data.strip())
            if root.tag != "nmaprun":
                raise ValueError(f"it is a document `{root.tag}`")
            return list(self._of_scan(root))
        except (ParseError, ValueError, LookupError) as error:
            where = self.context.where
            complain(f"{where} nmap", "%s: this is not a scan of nmap: %s", where, error)
            return [{"message": text_of(data.strip()), "tags": [FAILED]}]

    def _of_scan(self, root: Element) -> Iterator[Event]:
        scan_id = str(uuid.uuid4())
        base = {
            "arguments": root.get("args"),
            "version": root.get("version"),
            "scan_id": scan_id,
        }
        if self.emit_scan_metadata:
            yield {**base, "type": "nmap_scan_metadata", **scan_of(root)}
        start = instant(root.get("start"))
        for number, host in enumerate(root.findall("host")):
            about = {**host_of(host, start), **base}
            yield from self._of_host(host, about, f"{scan_id}-h{number}")

    def _of_host(self, host: Element, about: Event, host_id: str) -> Iterator[Event]:
        ports, trace = ports_of(host), trace_of(host)
        for number, port in enumerate(ports if self.emit_ports else ()):
            yield {
                **about,
                "type": "nmap_port",
                "port": port,
                "scan_host_id": host_id,
                "id": f"{host_id}-p{number}",
            }
        hops = trace["hops"] if trace is not None and self.emit_traceroute_links else []
        for number, hop in enumerate(hops):
            following = hops[number + 1] if number + 1 < len(hops) else None
            yield {
                **about,
                "type": "nmap_traceroute_link",
                "from": hop,
                "to": following,
                "rtt_diff": following["rtt"] - hop["rtt"] if following else None,
                "scan_host_id": host_id,
                "id": f"{host_id}-tl{number}",
            }
        if self.emit_hosts:
            yield {**about, "type": "nmap_host", "ports": ports, "traceroute": trace, "id": host_id}
