"""The extension dictionary of the Common Event Format, and where its fields go in the Elastic
Common Schema.

A line of the table: the field's name, its short key (``-`` if it has none), the field of the
schema, and marks: ``time`` for instants, ``first`` for the field that stands for the schema's when
several do. ``DEVICE`` is the group that the option ``device`` names. Sources: ArcSight's
"Implementing CEF", revisions 20 and 23, and the mapping in Logstash's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

_TABLE = """
agentAddress agt agent.ip
agentDnsDomain - cef.agent.registered_domain first
agentHostName ahost agent.name
agentId aid agent.id
agentMacAddress amac agent.mac
agentNtDomain - cef.agent.registered_domain
agentReceiptTime art event.created time
agentTimeZone atz cef.agent.timezone
agentTranslatedAddress - cef.agent.nat.ip
agentTranslatedZoneExternalID - cef.agent.translated_zone.external_id
agentTranslatedZoneURI - cef.agent.translated_zone.uri
agentType at agent.type
agentVersion av agent.version
agentZoneExternalID - cef.agent.zone.external_id
agentZoneURI - cef.agent.zone.uri
applicationProtocol app network.protocol
baseEventCount cnt cef.base_event_count
bytesIn in source.bytes
bytesOut out destination.bytes
categoryDeviceType catdt cef.device_type
customerExternalID - organization.id
customerURI - organization.name
destinationAddress dst destination.ip
destinationDnsDomain - destination.registered_domain first
destinationGeoLatitude dlat destination.geo.location.lat
destinationGeoLongitude dlong destination.geo.location.lon
destinationHostName dhost destination.domain
destinationMacAddress dmac destination.mac
destinationNtDomain dntdom destination.registered_domain
destinationPort dpt destination.port
destinationProcessId dpid destination.process.pid
destinationProcessName dproc destination.process.name
destinationServiceName - destination.service.name
destinationTranslatedAddress - destination.nat.ip
destinationTranslatedPort - destination.nat.port
destinationTranslatedZoneExternalID - cef.destination.translated_zone.external_id
destinationTranslatedZoneURI - cef.destination.translated_zone.uri
destinationUserId duid destination.user.id
destinationUserName duser destination.user.name
destinationUserPrivileges dpriv destination.user.group.name
destinationZoneExternalID - cef.destination.zone.external_id
destinationZoneURI - cef.destination.zone.uri
deviceAction act event.action
deviceAddress dvc DEVICE.ip
deviceDirection - network.direction
deviceDnsDomain - DEVICE.registered_domain
deviceEventCategory cat cef.category
deviceExternalId - DEVICE.id
deviceFacility - log.syslog.facility.code
deviceHostName dvchost DEVICE.name
deviceInboundInterface - observer.ingress.interface.name
deviceMacAddress dvcmac DEVICE.mac
deviceNtDomain - cef.nt_domain
deviceOutboundInterface - observer.egress.interface.name
devicePayloadId - cef.payload_id
deviceProcessId dvcpid process.pid
deviceProcessName - process.name
deviceReceiptTime rt @timestamp time
deviceTimeZone dtz event.timezone
deviceTranslatedAddress - host.nat.ip
deviceTranslatedZoneExternalID - cef.translated_zone.external_id
deviceTranslatedZoneURI - cef.translated_zone.uri
deviceVersion - observer.version
deviceZoneExternalID - cef.zone.external_id
deviceZoneURI - cef.zone.uri
endTime end event.end time
eventId - event.id
eventOutcome outcome event.outcome
externalId - cef.external_id
fileCreateTime - file.created
fileHash - file.hash
fileId - file.inode
fileModificationTime - file.mtime time
fileName fname file.name
filePath - file.path
filePermission - file.group
fileSize fsize file.size
fileType - file.extension
managerReceiptTime mrt event.ingested time
message msg message
oldFileCreateTime - cef.old_file.created time
oldFileHash - cef.old_file.hash
oldFileId - cef.old_file.inode
oldFileModificationTime - cef.old_file.mtime time
oldFileName - cef.old_file.name
oldFilePath - cef.old_file.path
oldFilePermission - cef.old_file.group
oldFileSize - cef.old_file.size
oldFileType - cef.old_file.extension
rawEvent - event.original
Reason reason event.reason
requestClientApplication - user_agent.original
requestContext - http.request.referrer
requestCookies - cef.request.cookies
requestMethod - http.request.method
requestUrl request url.original
sourceAddress src source.ip
sourceDnsDomain - source.registered_domain first
sourceGeoLatitude slat source.geo.location.lat
sourceGeoLongitude slong source.geo.location.lon
sourceHostName shost source.domain
sourceMacAddress smac source.mac
sourceNtDomain sntdom source.registered_domain
sourcePort spt source.port
sourceProcessId spid source.process.pid
sourceProcessName sproc source.process.name
sourceServiceName - source.service.name
sourceTranslatedAddress - source.nat.ip
sourceTranslatedPort - source.nat.port
sourceTranslatedZoneExternalID - cef.source.translated_zone.external_id
sourceTranslatedZoneURI - cef.source.translated_zone.uri
sourceUserId suid source.user.id
sourceUserName suser source.user.name
sourceUserPrivileges spriv source.user.group.name
sourceZoneExternalID - cef.source.zone.external_id
sourceZoneURI - cef.source.zone.uri
startTime start event.start time
transportProtocol proto network.transport
type - cef.type
"""
_HEADER = (
    ("cefVersion", "[cef][version]"),
    ("deviceVendor", "[observer][vendor]"),
    ("deviceProduct", "[observer][product]"),
    ("deviceVersion", "[observer][version]"),
    ("deviceEventClassId", "[event][code]"),
    ("name", "[cef][name]"),
    ("severity", "[event][severity]"),
)
_NUMBERED = (
    ("deviceCustomFloatingPoint", "cfp", "device_custom_floating_point"),
    ("deviceCustomIPv6Address", "c6a", "device_custom_ipv6_address"),
    ("deviceCustomNumber", "cn", "device_custom_number"),
    ("deviceCustomString", "cs", "device_custom_string"),
)
_FORMER_NAMES = {
    "destinationGeoLatitude": "destinationLatitude",
    "destinationGeoLongitude": "destinationLongitude",
    "sourceGeoLatitude": "sourceLatitude",
    "sourceGeoLongitude": "sourceLongitude",
    "deviceTimeZone": "destinationTimeZone",
}
_OBSERVER = {"DEVICE.id": "observer.name", "DEVICE.name": "observer.hostname"}


@dataclass(frozen=True, slots=True)
class Names:
    """How fields are named.

    ``header``: the seven fields of the header. ``read``: what a key or a name in an extension
    means. ``written``: the name to write for a field. ``times``: the fields that hold instants.
    """

    header: tuple[str, ...]
    read: dict[str, str]
    written: dict[str, str]
    times: frozenset[str]


def field_names(ecs: bool, device: str, short: bool) -> Names:
    """The names for a codec. ``device``: observer or host; ``short``: keys are written instead of
    names.
    """
    read, written, times = dict[str, str](), dict[str, str](), set[str]()
    for name, key, ecs_field, marks in sorted(_rows(device), key=lambda row: "first" in row[3]):
        field = ecs_field if ecs else name
        read[key] = read[name] = field
        written[field] = written[name] = key if short else name
        former = _FORMER_NAMES.get(name)
        if former is not None:
            read[former] = ecs_field if ecs else former
            written[former] = key if short else former
        if ecs and "time" in marks:
            times.add(field)
    header = tuple([ecs_field if ecs else name for name, ecs_field in _HEADER])
    return Names(header, read, written, frozenset(times))


def _rows(device: str) -> Iterator[tuple[str, str, str, list[str]]]:
    for line in _TABLE.strip().splitlines():
        name, key, path, *marks = line.split()
        if device == "observer":
            path = _OBSERVER.get(path, path)
        path = path.replace("DEVICE", device)
        field = path if path == "@timestamp" else "".join([f"[{part}]" for part in path.split(".")])
        yield name, name if key == "-" else key, field, marks
    for name, key, group in _NUMBERED:
        for number in range(1, 16):
            outer = f"[cef][{group}_{number}]"
            yield f"{name}{number}", f"{key}{number}", f"{outer}[value]", []
            yield f"{name}{number}Label", f"{key}{number}Label", f"{outer}[label]", []
