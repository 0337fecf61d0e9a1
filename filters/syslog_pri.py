"""The filter syslog_pri: severity and facility out of a syslog priority."""

from __future__ import annotations

from typing import Any

from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, option
from ..plugins.syslog_names import FACILITIES, SEVERITIES
from ._ruby import to_i

_FACILITY_COUNT = 24
_OLD_NAMES = (
    "syslog_facility_code",
    "syslog_severity_code",
    "syslog_facility",
    "syslog_severity",
    "syslog_pri",
)
_ECS_NAMES = (
    "[log][syslog][facility][code]",
    "[log][syslog][severity][code]",
    "[log][syslog][facility][name]",
    "[log][syslog][severity][name]",
    "[log][syslog][priority]",
)
_DEFAULT = 13
_TAG = "_syslogpriparsefailure"

_Meaning = tuple[int, str, int, str]
"""What a priority means: code and name of its severity, then of its facility; the names are empty
where labels are not used.
"""


class SyslogPri(Ecs, Filter, name="syslog_pri"):
    """Split a syslog priority into facility and severity.

    The priority is the number between the angle brackets in front of a message: eight times the
    facility plus the severity. Without one it is 13, user-level notice. Of a string the number that
    it starts with is taken, of a list the first item.

    With ECS, the fields are `[log][syslog][facility][code]`, `[log][syslog][severity][code]` and
    `name` beside each `code`; without, `syslog_facility_code`, `syslog_severity_code`,
    `syslog_facility` and `syslog_severity`. A facility that has no label gets the codes only and
    the tag `_syslogpriparsefailure`.

    Differs from Logstash: a priority that is not a number at all (a map, true) gets the same tag,
    and no fields.
    """

    syslog_pri_field_name: FieldRef | None = option(
        "The field with the priority. Default: `[log][syslog][priority]` with ECS, else"
        " `syslog_pri`.",
        default=None,
    )
    use_labels: bool = option(
        "Whether to set the names of facility and severity too.", default=True
    )
    facility_labels: list[str] = option(
        "The names of facilities, from 0.", default=list(FACILITIES)
    )
    severity_labels: list[str] = option(
        "The names of severities, from 0.", default=list(SEVERITIES)
    )

    examples = (
        Example(
            "with ECS",
            "syslog_pri { }",
            before={"log": {"syslog": {"priority": "165"}}},
            after={
                "log": {
                    "syslog": {
                        "priority": "165",
                        "facility": {"code": 20, "name": "local4"},
                        "severity": {"code": 5, "name": "notice"},
                    }
                }
            },
        ),
        Example(
            "codes only, with the names from before ECS",
            'syslog_pri { syslog_pri_field_name => "pri" use_labels => false ecs_compatibility =>'
            " disabled }",
            before={"pri": 34},
            after={"pri": 34, "syslog_facility_code": 4, "syslog_severity_code": 2},
        ),
    )

    finite = True

    def prepare(self) -> None:
        names = _ECS_NAMES if self.ecs else _OLD_NAMES
        self._facility_code, self._severity_code, self._facility, self._severity = (
            FieldRef(n).set for n in names[:4]
        )
        self._field = self.syslog_pri_field_name or FieldRef(names[4])
        self._priority = self._field.get
        self._known = self._usual()
        is_own_field = self._field == FieldRef(names[4])
        self._is_usual_field = self.ecs and self.use_labels and is_own_field
        putters = (_put_old_codes, _put_old), (_put_ecs_codes, _put_ecs)
        self._put = putters[self.ecs][self.use_labels]

    def changes(self) -> frozenset[tuple[str, ...]] | None:
        return self.changes_of(_ECS_NAMES[:4] if self.ecs else _OLD_NAMES[:4])

    def _usual(self) -> dict[str | int, _Meaning]:
        """What the priorities mean that have two labels, or need none, as text and as number."""
        severities, facilities = self.severity_labels[:8], self.facility_labels[:_FACILITY_COUNT]
        if not self.use_labels:
            severities, facilities = [""] * 8, [""] * _FACILITY_COUNT
        meanings: dict[str | int, _Meaning] = {
            code << 3 | severity: (severity, severities[severity], code, name)
            for code, name in enumerate(facilities)
            for severity in range(len(severities))
        }
        meanings.update([(str(priority), meaning) for priority, meaning in meanings.items()])
        return meanings

    def run(self, events: list[Event]) -> list[Event]:
        """Split the priority of each event; the same list."""
        decorate, apply = self.decorate, self.apply
        left = self._split_usual(events) if self._is_usual_field else events
        for event in self._split(left):
            try:
                apply(event)
                if decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def _split_usual(self, events: list[Event]) -> list[Event]:
        """Split what grok's patterns capture, in the map that it stands in; the events left. Maps
        are written down whole: that is the cheapest way to make them.
        """
        known, decorate, left = self._known, self.decorate, []
        default = known.get(_DEFAULT)
        for event in events:
            if "log" not in event and default is not None:
                _put_ecs(event, default)
                if decorate is not None:
                    self.decorated(event, decorate)
                continue
            try:
                syslog = event["log"]["syslog"]
                value = syslog["priority"]
                severity, severity_name, facility, facility_name = known[value]
            except (KeyError, TypeError):
                left.append(event)
                continue
            is_plain = type(value) is int or type(value) is str
            if not is_plain or "severity" in syslog or "facility" in syslog:
                left.append(event)
                continue
            syslog["severity"] = {"code": severity, "name": severity_name}
            syslog["facility"] = {"code": facility, "name": facility_name}
            if decorate is not None:
                self.decorated(event, decorate)
        return left

    def _split(self, events: list[Event]) -> list[Event]:
        """Split a priority in any field; the events left."""
        get, known, decorate, left = self._priority, self._known.get, self.decorate, []
        put = self._put
        for event in events:
            value = get(event)
            if value is None:
                value = _DEFAULT
            meaning = known(value) if type(value) is int or type(value) is str else None
            if meaning is None or not put(event, meaning):
                left.append(event)
            elif decorate is not None:
                self.decorated(event, decorate)
        return left

    def apply(self, event: Event) -> bool:
        priority = _number(self._priority(event))
        if priority is None:
            add_tag(event, _TAG)
            return True
        facility, severity = priority >> 3, priority & 7
        self._severity_code(event, severity)
        self._facility_code(event, facility)
        if self.use_labels:
            self._label(event, facility, severity)
        return True

    def _label(self, event: Event, facility: int, severity: int) -> None:
        labels = self.facility_labels
        if facility >= len(labels):
            add_tag(event, _TAG)
            return
        if facility >= -len(labels):
            self._facility(event, labels[facility])
        if severity < len(self.severity_labels):
            self._severity(event, self.severity_labels[severity])


def _put_old(event: Event, meaning: _Meaning) -> bool:
    """Set the fields from before ECS; true."""
    severity, severity_name, facility, facility_name = meaning
    event["syslog_severity_code"], event["syslog_facility_code"] = severity, facility
    event["syslog_facility"], event["syslog_severity"] = facility_name, severity_name
    return True


def _put_old_codes(event: Event, meaning: _Meaning) -> bool:
    """Set the codes of before ECS; true."""
    event["syslog_severity_code"], event["syslog_facility_code"] = meaning[0], meaning[2]
    return True


def _put_ecs_codes(event: Event, meaning: _Meaning) -> bool:
    """Set the codes of ECS, where none of their maps is there yet; whether that was so."""
    log = event.setdefault("log", {})
    syslog = log.setdefault("syslog", {}) if type(log) is dict else None
    if type(syslog) is not dict or "severity" in syslog or "facility" in syslog:
        return False
    syslog["severity"], syslog["facility"] = {"code": meaning[0]}, {"code": meaning[2]}
    return True


def _put_ecs(event: Event, meaning: _Meaning) -> bool:
    """Set the fields of ECS, where none of their maps is there yet; whether that was so."""
    if "log" not in event:
        severity, severity_name, facility, facility_name = meaning
        event["log"] = {
            "syslog": {
                "severity": {"code": severity, "name": severity_name},
                "facility": {"code": facility, "name": facility_name},
            }
        }
        return True
    log = event.setdefault("log", {})
    syslog = log.setdefault("syslog", {}) if type(log) is dict else None
    if type(syslog) is not dict or "severity" in syslog or "facility" in syslog:
        return False
    severity, severity_name, facility, facility_name = meaning
    syslog["severity"] = {"code": severity, "name": severity_name}
    syslog["facility"] = {"code": facility, "name": facility_name}
    return True


def _number(value: Any) -> int | None:
    """A priority; None for a value that is none."""
    if value is None or value is False:
        return _DEFAULT
    if type(value) is list:
        value = value[0] if value else 0
    if value is None:
        return 0
    if isinstance(value, str):
        return to_i(value.lstrip())
    if type(value) is int or (type(value) is float and value - value == 0):
        return int(value)
    return None
