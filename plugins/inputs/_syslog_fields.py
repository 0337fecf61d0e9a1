"""The fields of a syslog message, as the Elastic Common Schema names them, and as Logstash did
before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...dsl.reference import Event, FieldRef
from ._syslog_rfc5424 import Message, elements

FACILITIES = (
    "kernel",
    "user-level",
    "mail",
    "system",
    "security/authorization",
    "syslogd",
    "line printer",
    "network news",
    "UUCP",
    "clock",
    "security/authorization",
    "FTP",
    "NTP",
    "log audit",
    "log alert",
    "clock",
    *(f"local{number}" for number in range(8)),
)
SEVERITIES = (
    "Emergency",
    "Alert",
    "Critical",
    "Error",
    "Warning",
    "Notice",
    "Informational",
    "Debug",
)


class Fields:
    """Where things go. ``facilities``, ``severities``: the labels, none where they are not
    wanted; ``service_type``: of ECS.
    """

    def __init__(
        self, ecs: bool, facilities: Sequence[str], severities: Sequence[str], service_type: str
    ) -> None:
        self.ecs, self._service_type = ecs, service_type
        self._facilities, self._severities = facilities, severities
        self.get_priority = FieldRef("[log][syslog][priority]" if ecs else "priority").get
        self.put_priority = self._put_ecs if ecs else self._put_old
        self.put_message = self._message_ecs if ecs else self._message_old

    def _put_ecs(self, event: Event, priority: int) -> None:
        log = event.setdefault("log", {})
        syslog = log.setdefault("syslog", {}) if type(log) is dict else None
        if type(syslog) is not dict:
            syslog = {}  # a pattern has put something else there, which stays
        severity: dict[str, Any] = {"code": priority & 7}
        facility: dict[str, Any] = {"code": priority >> 3}
        if (priority & 7) < len(self._severities):
            severity["name"] = self._severities[priority & 7]
        if 0 <= priority >> 3 < len(self._facilities):
            facility["name"] = self._facilities[priority >> 3]
        syslog["priority"], syslog["severity"], syslog["facility"] = priority, severity, facility
        if "service" not in event:
            event["service"] = {"type": self._service_type}

    def _put_old(self, event: Event, priority: int) -> None:
        severity, facility = priority & 7, priority >> 3
        event["priority"], event["severity"], event["facility"] = priority, severity, facility
        if 0 <= facility < len(self._facilities):
            event["facility_label"] = self._facilities[facility]
        if severity < len(self._severities):
            event["severity_label"] = self._severities[severity]

    def _message_ecs(self, event: Event, message: Message) -> None:
        if message.host is not None:
            host = event.get("host")
            event["host"] = {**(host if type(host) is dict else {}), "hostname": message.host}
        syslog: dict[str, Any] = {"version": message.version}
        process: dict[str, Any] = {}
        if message.program is not None:
            process["name"] = message.program
        if message.process is not None and message.process.isdecimal():
            process["pid"] = int(message.process)
        elif message.process is not None:
            syslog["procid"] = message.process
        if message.kind is not None:
            syslog["msgid"] = message.kind
        if message.data is not None:
            syslog["structured_data"] = elements(message.data)
        if process:
            event["process"] = process
        event["log"] = {"syslog": syslog}

    def _message_old(self, event: Event, message: Message) -> None:
        named = {
            "logsource": message.host,
            "program": message.program,
            "pid": message.process,
            "timestamp": message.timestamp,
            "syslog5424_ver": message.version,
            "syslog5424_msgid": message.kind,
            "syslog5424_sd": message.data,
        }
        for name, value in named.items():
            if value is not None:
                event[name] = value
