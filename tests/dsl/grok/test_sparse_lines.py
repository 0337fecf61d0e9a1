"""The shipped patterns on sparse lines: every optional part left out, and signs before all numbers that take one."""
from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any, Literal, get_args

import pygrok
import pytest

from penstock.dsl import regex_sets as sets
from penstock.dsl.grok import Guard, compile_expression, shipped
from penstock.dsl.grok.expression import expand
from penstock.dsl.grok.optimize import named_only
from penstock.dsl.regex_tree import (
    Atomic,
    Capture,
    Choice,
    Dot,
    Folded,
    Node,
    Repeat,
    Sequence,
    Set,
    Text,
)
from penstock.dsl.regex_writer import Writer

Family = Literal["legacy", "ecs-v1"]
NAMES = [(family, pattern.name) for family in get_args(Family) for pattern in shipped(family)]
INITIALS = sorted({(family, name[:2]) for family, name in NAMES})
LIMIT = 2.0


def holds_a_sign(node: Node) -> bool:
    return isinstance(node, Set) and not node.negated and any(low <= ord("-") <= high for low, high in node.ranges)


def sparse(node: Node, chance: random.Random, signed: bool) -> str:
    """A text that a node matches, as short as it goes; with ``signed`` a minus wherever one may stand."""
    if isinstance(node, Text):
        return node.value
    if isinstance(node, Set):
        if node.negated:
            return "q"
        low, high = chance.choice(node.ranges or sets.span("az"))
        return "-" if signed and holds_a_sign(node) else chr(max(low, min(0x21, high)))
    if isinstance(node, Dot):
        return "."
    if isinstance(node, Sequence):
        return "".join([sparse(item, chance, signed) for item in node.items])
    if isinstance(node, Choice):
        return sparse(chance.choice(node.branches), chance, signed)
    if isinstance(node, Repeat):
        times = 1 if signed and (node.low, node.high) == (0, 1) and holds_a_sign(node.node) else node.low
        return sparse(node.node, chance, signed) * times
    return sparse(node.node, chance, signed) if isinstance(node, Capture | Atomic | Folded) else ""


@pytest.mark.parametrize("signed", [False, True], ids=["left out", "signed"])
@pytest.mark.parametrize(("family", "initial"), INITIALS)
def test_lean_and_plain_agree_on_sparse_lines(family: Family, initial: str, signed: bool) -> None:
    chance = random.Random(initial)
    for name in (name for at, name in NAMES if at == family and name.startswith(initial)):
        text = f"%{{{name}}}"
        node = named_only(expand(text, shipped(family)))
        plain = re.compile(Writer(unnamed=False).write(node), re.MULTILINE)
        expression = compile_expression(text, shipped(family))
        for _ in range(3):
            line = sparse(node, chance, signed)
            with Guard(LIMIT):
                expected, found = plain.search(line), expression.find(line)
            assert (found and found.regs) == (expected and expected.regs), (text, line)


BURST = "[ web-1] drop rate-1 exceeded. Current burst rate is -1 per second, max configured rate is -10; " \
    "Current average rate is -2 per second, max configured rate is -5; Cumulative total count is -7"

LINES: list[tuple[Family, str, str, dict[str, Any]]] = [
    ("legacy", "BACULA_LOGLINE", "25-Aug 9:50 my-host JobId 24: Begin pruning Files.", {"bts": "25-Aug 9:50", "hostname": "my-host", "jobid": "24"}),
    ("legacy", "BACULA_LOGLINE", "25-Aug 10:50 my-host JobId -24: Pruned -3 Jobs for client a-b from catalog.", {"jobid": "-24", "client": "a-b"}),
    ("legacy", "BACULA_LOGLINE", "5-Aug 10:50 my-host: Begin pruning Jobs older than -3 month -2 days .", {"bts": "5-Aug 10:50", "jobid": None}),
    ("legacy", "BACULA_LOGLINE", "05-Aug 10:50 h JobId 2:      /a/b is a different filesystem. Will not descend from /a into it.", {"jobid": "2"}),
    ("legacy", "BACULA_LOGLINE", 'Aug 05-Aug 10:50 h JobId 2: Ready to append to end of Volume "v-1" size=-5', {"volume": "v-1"}),
    ("legacy", "BACULA_LOGLINE", "05-Aug 10:50 h JobId 2: Cancelling duplicate JobId=-7.", {"jobid": "2"}),
    ("legacy", "BACULA_LOGLINE", "05-Aug 10:50 h JobId 2: Job write elapsed time = 1:2, Transfer rate = -1.5  Bytes/second", {"elapsed": "1:2"}),
    ("ecs-v1", "BACULA_LOGLINE", "25-Aug 9:50 my-host.a-b JobId -24: Pruned -3 Jobs for client a-b from catalog.",
        {"[host][hostname]": "my-host.a-b", "[bacula][job][id]": "-24", "[bacula][client][name]": "a-b"}),
    ("ecs-v1", "BACULA_LOGLINE", "25-Aug-2020 19:50 h     /a/b is a different filesystem. Will not descend from /a into it.", {"timestamp": "25-Aug-2020 19:50"}),
    ("legacy", "CISCOFW733100", BURST, {"drop_type": "web-1", "drop_rate_current_burst": "-1", "drop_rate_max_avg": "-5", "drop_total_count": "-7"}),
    ("legacy", "CISCOFW733100", BURST.replace(" web-1", "").replace("rate-1", ""), {"drop_type": None, "drop_rate_id": None}),
    ("ecs-v1", "CISCOFW733100", BURST, {"[cisco][asa][burst][object]": "web-1", "[cisco][asa][burst][id]": "rate-1", "[cisco][asa][burst][current_rate]": -1,
        "[cisco][asa][burst][cumulative_count]": -7}),
    ("legacy", "CISCOFW105003", "(Primary) Monitoring on interface  waiting", {"interface_name": None}),
    ("legacy", "CISCOFW105009", "(Secondary) Testing on Interface my lan Failed", {"interface_name": "my lan"}),
    ("legacy", "CISCOFW713172", "Group = , IP = 1.2.3.4, Automatic NAT Detection Status:     Remote end is NOT behind a NAT device     This   end IS behind a NAT device",
        {"group": None, "is_remote_natted": "is NOT", "is_local_natted": "IS"}),
    ("legacy", "EXIM_DATE", "2021-4-2 0:07:41", {"exim_month": "4", "exim_day": "2", "exim_time": "0:07:41"}),
    ("legacy", "HAPROXYDATE", "9/Feb/2029:0:59:57.-655", {"haproxy_milliseconds": "-655"}),
    ("legacy", "NAGIOS_SERVICE_ALERT", "SERVICE ALERT: ;;;;-1.5;", {"nagios_hostname": None, "nagios_attempt": "-1.5"}),
    ("legacy", "NAGIOS_EC_LINE_SCHEDULE_HOST_DOWNTIME", "EXTERNAL COMMAND: SCHEDULE_HOST_DOWNTIME;h;-1;-2;.5;-0;+60;;", {"nagios_start_time": "-1", "nagios_duration": "+60", "author": None}),
    ("legacy", "RAILS3HEAD", 'Started GET "/" for 1.2.3.4 at 2018-8-6 1:10:02 -0200', {"timestamp": "2018-8-6 1:10:02 -0200"}),
    ("ecs-v1", "RAILS3HEAD", 'Started GET "/" for 1.2.3.4 at 2018-8-6 1:10:02 -0200', {"timestamp": "2018-8-6 1:10:02 -0200"}),
    ("legacy", "HTTPDATE", "1/Oct/2000:3:55:36 -7", {}),
    ("legacy", "TIMESTAMP_ISO8601:t", "2016-12-31T23:59:60Z", {"t": "2016-12-31T23:59:60Z"}),
    ("legacy", "TIMESTAMP_ISO8601:t", "2016-12-31T23:59:6Z", {"t": "2016-12-31T23:59:6Z"}),
]  # fmt: skip


PYGROK = Path(pygrok.__file__).parent / "patterns"
WRITTEN_ANEW = frozenset(
    ["CATALINALOG", "COMMONAPACHELOG", "ELB_REQUEST_LINE", "ELB_URI", "JAVACLASS", "JAVASTACKTRACEPART", "NAGIOSLOGLINE",
     "NAGIOS_TIMEPERIOD_TRANSITION", "RT_FLOW1", "RT_FLOW2", "RT_FLOW3", "TOMCATLOG", "URI", "URIPROTO"]
)  # fmt: skip
"""Patterns that Logstash's own have changed since pygrok's files were written, or (RT_FLOW) that leave out what no field is made of."""


@pytest.mark.parametrize("file", sorted(PYGROK.iterdir()), ids=lambda path: path.name)
def test_sparse_lines_of_older_pattern_files_are_matched(file: Path) -> None:
    """Pygrok's files are Logstash's of 2014, written by others: what they match with parts left out and with signs, ours match."""
    older, names = shipped("legacy").extended([str(PYGROK)]), {name for family, name in NAMES if family == "legacy"}
    for name in re.findall(r"^([A-Z]\w+) ", file.read_text(encoding="utf-8"), re.MULTILINE):
        if name not in names or name in WRITTEN_ANEW:
            continue
        text, chance = f"%{{{name}}}", random.Random(name)
        theirs, ours = compile_expression(text, older), compile_expression(text, shipped("legacy"))
        node = named_only(expand(text, older))
        for signed in (False, True):
            for _ in range(8):
                line = sparse(node, chance, signed)
                with Guard(LIMIT):
                    expected, found = theirs.find(line), ours.find(line)
                if expected is not None:
                    assert found is not None, (text, line)
                    assert found.start() == expected.start(), (text, line)
                    assert found.end() >= expected.end(), (text, line)  # a second of 60 is taken whole


@pytest.mark.parametrize(("family", "name", "line", "captured"), LINES)
def test_lines_that_logstash_matches_are_matched(family: Family, name: str, line: str, captured: dict[str, Any]) -> None:
    expression = compile_expression(f"%{{{name}}}", shipped(family))
    found = expression.find(line)
    assert found is not None
    values = {
        capture.name: value if not value or capture.convert is None else capture.convert(value)
        for capture, value in zip(expression.captures, expression.read(found), strict=True)
        if value
    }
    assert {key: values.get(key) for key in captured} == captured
