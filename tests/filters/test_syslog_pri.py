"""The filter syslog_pri."""

import copy
from typing import Any

import pytest

import penstock
from penstock.dsl.reference import FieldRef


def run(options: str, priority: Any, ecs: str = "disabled") -> dict[str, Any]:
    stage = penstock.compile(
        f"filter {{ syslog_pri {{ {options} }} }}", settings={"pipeline.ecs_compatibility": ecs}
    )
    (out,) = stage([{"syslog_pri": priority}])
    return {
        key: value
        for key, value in out.items()
        if key not in ("@timestamp", "@version", "syslog_pri")
    }


@pytest.mark.parametrize(
    ("priority", "facility", "severity"),
    [
        (0, (0, "kernel"), (0, "emergency")),
        ("13", (1, "user-level"), (5, "notice")),
        (191.9, (23, "local7"), (7, "debug")),
        (["165", "1"], (20, "local4"), (5, "notice")),
        (" 34>", (4, "security/authorization"), (2, "critical")),
        ("", (0, "kernel"), (0, "emergency")),
        ([], (0, "kernel"), (0, "emergency")),
        (None, (1, "user-level"), (5, "notice")),
        ("-1", (-1, "local7"), (7, "debug")),
    ],
)
def test_priorities(priority: Any, facility: tuple[int, str], severity: tuple[int, str]) -> None:
    assert run("", priority) == {
        "syslog_facility_code": facility[0],
        "syslog_facility": facility[1],
        "syslog_severity_code": severity[0],
        "syslog_severity": severity[1],
    }


def test_a_facility_without_a_label_is_tagged() -> None:
    codes = {"syslog_facility_code": 24, "syslog_severity_code": 1}
    assert run("", 193) == {**codes, "tags": ["_syslogpriparsefailure"]}
    assert run("use_labels => false", 193) == codes


@pytest.mark.parametrize("value", [True, {"a": 1}, [{}], [[1]], float("inf")])
def test_what_is_no_number_is_tagged(value: Any) -> None:
    assert run("", value) == {"tags": ["_syslogpriparsefailure"]}


def test_labels_of_ones_own() -> None:
    out = run('facility_labels => ["k", "u"] severity_labels => ["bad", "worse"]', 9)
    assert (out["syslog_facility"], out["syslog_severity"]) == ("u", "worse")
    assert "syslog_severity" not in run('severity_labels => ["bad"]', 9)


def test_fields_with_ecs() -> None:
    assert run('syslog_pri_field_name => "syslog_pri"', 34, "v8")["log"]["syslog"] == {
        "facility": {"code": 4, "name": "security/authorization"},
        "severity": {"code": 2, "name": "critical"},
    }


@pytest.mark.parametrize("pri", ["34", 34, " 34>"])
@pytest.mark.parametrize(
    ("log", "after"),
    [
        (None, {"tags": ["_syslog_pri_exception"]}),
        ({"level": "x"}, {}),
        ({"syslog": {"x": 1}}, {}),
        ({"syslog": {"severity": {"x": 1}}}, {}),
        ({"syslog": {"facility": {"name": "old"}}}, {}),
        ({"syslog": "x"}, {"tags": ["_syslog_pri_exception"]}),
    ],
)
def test_fields_with_ecs_join_those_that_are_there(
    pri: Any, log: Any, after: dict[str, Any]
) -> None:
    stage = penstock.compile('filter { syslog_pri { syslog_pri_field_name => "pri" } }')
    (out,) = stage([{"pri": pri, "log": log}])
    assert {key: out[key] for key in after} == after
    if not after:
        syslog = out["log"]["syslog"]
        assert syslog["facility"].items() >= {"code": 4, "name": "security/authorization"}.items()
        assert syslog["severity"].items() >= {"code": 2, "name": "critical"}.items()


@pytest.mark.parametrize("labels", ["true", "false"])
@pytest.mark.parametrize("log", [{}, {"log": {"syslog": {"x": 1}}}, {"log": {"syslog": {"severity": {"x": 1}}}}])
@pytest.mark.parametrize("ecs", ["disabled", "v8"])
def test_an_event_without_a_priority_is_a_notice_of_a_user(ecs: str, log: dict[str, Any], labels: str) -> None:
    stage = penstock.compile(
        f"filter {{ syslog_pri {{ use_labels => {labels} add_tag => [split] }} }}",
        settings={"pipeline.ecs_compatibility": ecs},
    )
    field = "syslog_pri" if ecs == "disabled" else "[log][syslog][priority]"
    events = [copy.deepcopy({**log, "@timestamp": "2026-01-01T00:00:00.000Z"}) for _ in range(2)]
    FieldRef(field).set(events[1], "13>")
    without, given = stage(events)
    FieldRef(field).remove(given)
    assert without == given
    assert without["tags"] == ["split"]


@pytest.mark.parametrize("labels", ["true", "false"])
@pytest.mark.parametrize("ecs", ["disabled", "v8"])
def test_every_usual_priority_is_split_alike_as_text_and_as_number(ecs: str, labels: str) -> None:
    stage = penstock.compile(
        f'filter {{ syslog_pri {{ syslog_pri_field_name => "pri" use_labels => {labels} }} }}',
        settings={"pipeline.ecs_compatibility": ecs},
    )
    for number in range(192):
        texts = [
            {**event, "pri": number}
            for event in stage([{"pri": value} for value in (number, str(number), f"{number}>")])
        ]
        shown = [
            {key: value for key, value in event.items() if key != "@timestamp"} for event in texts
        ]
        assert shown[0] == shown[1] == shown[2]
