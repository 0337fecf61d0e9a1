"""``penstock sigma``: what rules mean stays what it is, or the rule is refused."""
import random
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import penstock
from penstock.dsl.regex import compile as compile_ruby
from penstock.pipeline.commands.main import main

pytest.importorskip("sigma")

from sigma.exceptions import SigmaError
from sigma.policy import default_policy
from sigma.types import SigmaRegularExpression, SigmaRegularExpressionFlag, SpecialChars

from penstock.pipeline.sigma.matcher import wild
from penstock.pipeline.sigma.refusal import Refused
from penstock.pipeline.sigma.regexes import regex_pattern
from penstock.testing import pipeline

RULES = Path(__file__).parents[2] / "data" / "sigma"
NAMES = sorted(path.stem for path in RULES.glob("*.yml"))


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["sigma", *map(str, arguments)])


def translated(name: str, *options: str) -> str:
    done = invoke(RULES / f"{name}.yml", *options)
    assert (done.exit_code, done.stderr) == (0, "")
    return done.stdout


# -- written by hand: events, and which of them a rule matches -------------------------------------

MATCHES: dict[str, list[dict[str, Any]]] = {
    "encoded_powershell": [
        {"Image": r"C:\Windows\System32\PowerShell.EXE", "CommandLine": "powershell -ENC aQBl"},
        {"Image": r"D:\pwsh.exe", "CommandLine": "pwsh /encodedcommand aQBl"},
    ],
    "log_cleared": [{"EventID": 1102}, {"EventID": "517"}, {"EventID": 517.0}],
    "remote_logon": [{"EventID": 4624, "LogonType": 10, "IpAddress": "203.0.113.9"}, {"EventID": "4624", "LogonType": "10", "IpAddress": "2001:db8::1"}],
    "lsass_access": [{"TargetImage": r"C:\WINDOWS\system32\LSASS.exe", "GrantedAccess": "0X1410", "SourceImage": r"C:\tmp\x.exe"}],
    "shadow_copies": [{"Image": r"C:\vssadmin.exe", "CommandLine": "vssadmin Delete\nSHADOWS"}, {"OriginalFileName": "vssadmin.exe", "CommandLine": "x shadows delete"}],
    "run_key": [{"TargetObject": r"HKCU\Software\run\Updater", "Details": "C:/Users/ann.b/AppData/x.EXE"}],
    "web_injection": [{"cs-method": "get", "cs-uri-query": "id=1' OR 1=1", "sc-status": 200}, {"cs-method": "GET", "cs-uri-query": "sleep(5)", "sc-status": 499}],
    "lookup_log4j": [{"user_agent": {"original": "x ${JNDI:ldap://h}"}}, {"url": {"path": "/$%7BJNDI:x"}}],
    "sudoers": [{"file": {"path": "/etc/sudoers.d/x"}, "event": {"action": "file-renamed"}}, {"file": {"path": "/etc/sudoers"}, "event": {"action": "created"}, "process": {"name": "vi"}}],
    "cased_host": [{"query": "a.EVIL.example", "answers": "192.0.2.1"}, {"query": "a.EVIL.example", "answers": False}],
    "console_login": [
        {"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "no"}, "responseElements": {"ok": True}, "userIdentity": {"type": "ROOT"}},
        {"eventName": "consolelogin", "additionalEventData": {"MFAUsed": "No"}, "responseElements": {"ok": "true"}, "userIdentity": {"arn": "x", "assumed": True}},
    ],
    "big_upload": [{"bytes_out": 1_000_001, "dst_port": 4444}, {"bytes_out": 1e9}],
    "beacon_dns": [{"query": "a1" * 20 + ".example", "record_type": "TXT"}, {"query": "0" * 30 + ".x"}],
    "own_account": [{"EventID": 4738, "SubjectUserName": "ann", "TargetUserName": "bob"}, {"EventID": 4738, "SubjectUserName": "ann"}, {"EventID": 4648, "IpAddress": "Host-1", "TargetServerName": "HOST-1"}],
    "base64_word": [{"body": "x=aGlkZGVuLXdvcmQ", "agent": ""}, {"body": "hpZGRlbi13b3Jk", "agent": ""}],
}
NO_MATCH: dict[str, list[dict[str, Any]]] = {
    "encoded_powershell": [{"Image": r"C:\powershell.exe.txt", "CommandLine": " -enc "}, {"Image": r"C:\pwsh.exe", "CommandLine": "-enc"}, {"CommandLine": " -enc x"}],
    "log_cleared": [{"EventID": 1103}, {"EventID": "11022"}, {}],
    "remote_logon": [{"EventID": 4624, "LogonType": 10, "IpAddress": "10.1.2.3"}, {"EventID": 4624, "LogonType": 10, "IpAddress": "fe80::9"}, {"EventID": 4624, "LogonType": 10, "IpAddress": "-"}, {"EventID": 4624, "LogonType": 10, "IpAddress": None}, {"EventID": 4624, "LogonType": 10}, {"EventID": 4624, "LogonType": 3, "IpAddress": "203.0.113.9"}],
    "lsass_access": [{"TargetImage": r"C:\lsass.exe", "GrantedAccess": "0x1010", "SourceImage": r"c:\windows\system32\x.exe"}, {"TargetImage": r"C:\lsass.exe", "GrantedAccess": "0x1010", "SourceImage": r"C:\Program Files\a\b\agent.exe"}, {"TargetImage": r"C:\lsass.exe", "GrantedAccess": "0x10100"}, {"TargetImage": "lsass.exe", "GrantedAccess": "0x1010"}],
    "shadow_copies": [{"Image": r"C:\vssadmin.exe", "CommandLine": "list shadows"}, {"CommandLine": "delete shadows"}],
    "run_key": [{"TargetObject": r"HKCU\Software\Run\a\b", "Details": "c:/users/x/a.exe"}, {"TargetObject": r"HKCU\Run\a", "Details": "xc:/users/x/a.exe"}, {"TargetObject": r"HKCU\Run\a", "Details": "c:/users/x/a.exe\n"}],
    "web_injection": [{"cs-method": "GET", "cs-uri-query": "sleep()", "sc-status": 200}, {"cs-method": "GET", "cs-uri-query": "sleep(5)", "sc-status": 500}, {"cs-method": "POST", "cs-uri-query": "sleep(5)", "sc-status": 200}],
    "lookup_log4j": [{"user_agent": {"original": "$jndi:"}}, {"url.path": "${jndi:"}],
    "sudoers": [{"file": {"path": "/etc/sudoers"}, "event": {"action": "create"}}, {"file": {"path": "/etc/sudoers"}, "event": {"action": "write"}, "process": {"name": "VISUDO"}}, {"file": {"path": "/x/etc/sudoers"}, "event": {"action": "write"}}],
    "cased_host": [{"query": "a.evil.example", "answers": "x"}, {"query": "a.EVIL.example"}, {"query": "a.EVIL.example", "answers": "x", "proxied": None}],
    "console_login": [{"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "No"}, "responseElements": {"ok": False}, "userIdentity": {"type": "Root"}}, {"eventName": "ConsoleLogin", "additionalEventData": {"MFAUsed": "No"}, "responseElements": {"ok": True}, "userIdentity": {"arn": None, "assumed": True}}],
    "big_upload": [{"bytes_out": 1_000_000, "dst_port": 4444}, {"bytes_out": 2_000_000, "dst_port": "443"}, {"bytes_out": "2000000", "dst_port": 4444}],
    "beacon_dns": [{"query": "a" * 29 + ".x", "record_type": "TXT"}, {"query": "a" * 40 + ".x", "record_type": "aaaa"}, {"query": "A" * 40 + ".x", "record_type": "TXT"}],
    "own_account": [{"EventID": 4738, "SubjectUserName": "ann", "TargetUserName": "Ann"}, {"EventID": 4738, "SubjectUserName": 7, "TargetUserName": "7"}, {"EventID": 4648}, {"EventID": 4648, "IpAddress": None, "TargetServerName": None}, {"EventID": 4648, "IpAddress": "a", "TargetServerName": "b"}],
    "base64_word": [{"body": "hidden-word", "agent": ""}, {"body": "aGlkZGVuLXdvcmQ"}, {"body": "aGlkZGVuLXdvcmQ", "agent": None}],
}


@pytest.mark.parametrize("name", MATCHES)
def test_the_compiled_stage_tags_what_a_rule_matches(name: str) -> None:
    stage = penstock.compile(translated(name))
    got = stage([dict(event) for event in MATCHES[name] + NO_MATCH[name]])
    tags = [event.get("tags") for event in got]
    assert tags == [[f"sigma_{name}", "sigma_alert"]] * len(MATCHES[name]) + [None] * len(NO_MATCH[name])


def at(second: int, **fields: Any) -> dict[str, Any]:
    return {"@timestamp": f"2025-09-04T{8 + second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000Z", **fields}


def source(ip: str, second: int, outcome: str = "failure", user: str = "ann") -> dict[str, Any]:
    return at(second, outcome=outcome, source={"ip": ip}, user={"name": user})


CORRELATIONS: list[tuple[str, str, list[dict[str, Any]], list[str]]] = [
    ("brute_force", "three of one address in five minutes", [source("a", 0), source("a", 150), source("a", 300)], ["brute_force"]),
    ("brute_force", "the third comes too late", [source("a", 0), source("a", 150), source("a", 301)], []),
    ("brute_force", "two addresses", [source("a", 0), source("b", 1), source("a", 2)], []),
    ("brute_force", "one of the three is not of the rule", [source("a", 0), source("a", 1, "success"), source("a", 2)], []),
    ("spraying", "three users", [source("a", n, user=user) for n, user in enumerate("xyz")], ["spraying"]),
    ("spraying", "two users, often", [source("a", n, user=user) for n, user in enumerate("xyxyxy")], []),
    ("exfiltration", "a sum of many", [at(n * 60, action="allowed", host="h", bytes_out=250) for n in range(4)], ["exfiltration"]),
    ("exfiltration", "a sum of two hosts", [at(n, action="allowed", host=str(n % 2), bytes_out=400) for n in range(4)], []),
    ("slow_service", "on average, and at the end", [at(n, service="s", took=took) for n, took in enumerate((90, 90, 600))], ["slow_at_the_end", "slow_on_average"]),
    ("slow_service", "not on average", [at(n, service="s", took=100) for n in range(5)], []),
    ("recon", "both, in any order", [at(0, Computer="c", CommandLine="NETSTAT -an"), at(900, Computer="c", CommandLine="whoami")], ["recon"]),
    ("recon", "one of them twice", [at(0, Computer="c", CommandLine="whoami"), at(9, Computer="c", CommandLine="whoami")], []),
    ("recon", "on two computers", [at(0, Computer="c", CommandLine="whoami"), at(9, Computer="d", CommandLine="netstat")], []),
    ("guessed", "failures, then a success", [*(source("a", n) for n in range(3)), at(60, outcome="success", client={"ip": "a"})], ["many_failed", "guessed"]),
    ("guessed", "the success was before", [at(0, outcome="success", client={"ip": "a"}), *(source("a", n) for n in range(1, 4))], ["many_failed"]),
    ("guessed", "the success is of another address", [*(source("a", n) for n in range(3)), at(60, outcome="success", client={"ip": "b"})], ["many_failed"]),
]


@pytest.mark.parametrize(("name", "what", "events", "alerts"), CORRELATIONS, ids=[f"{row[0]}: {row[1]}" for row in CORRELATIONS])
def test_correlations_alert(name: str, what: str, events: list[dict[str, Any]], alerts: list[str]) -> None:
    got = pipeline(translated(name), now="2025-09-04T12:00:00Z")(*events)
    assert sorted(event["rule"]["name"] for event in got if "correlation" in event) == sorted(alerts)


def test_only_what_is_a_finding_by_itself_is_an_alert() -> None:
    events = [source("a", n, user=user) for n, user in enumerate("xyz")]
    tags = [event["tags"] for event in pipeline(translated("brute_force"), now="2025-09-04T12:00:00Z")(*events)]
    assert tags == [["sigma_login_failed"]] * 3 + [["sigma_brute_force", "sigma_alert"]]
    generated = [event["tags"] for event in pipeline(translated("spraying"), now="2025-09-04T12:00:00Z")(*events)]
    assert generated == [["sigma_login_failed", "sigma_alert"]] * 3 + [["sigma_spraying", "sigma_alert"]]


# -- the tests that are written beside ---------------------------------------------------------------


def run_tests_in(directory: Path) -> Result:
    return CliRunner().invoke(main, ["test", str(directory)])


@pytest.mark.parametrize("name", NAMES)
def test_written_tests_pass(name: str, tmp_path: Path) -> None:
    done = invoke(RULES / f"{name}.yml", "-o", tmp_path)
    assert (done.exit_code, done.output) == (0, "")
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len([file for file in files if file.endswith(".conf")]) * 2 == len(files)
    ran = run_tests_in(tmp_path)
    assert ran.exit_code == 0, ran.output
    text = "".join(path.read_text() for path in tmp_path.glob("*.test.yml"))
    assert " matches, 1" in text
    assert "does not match, 1" in text


@pytest.mark.parametrize(
    ("condition", "said"),
    [("{lt: 3}", "`lt` is judged when its time is over"), ("{gte: 5000}", "a series of 5000 events is not written")],
)
def test_what_the_written_tests_leave_out_is_said(condition: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(CORRELATION % f"type: event_count\n  condition: {condition}")
    done = invoke(file, "-o", tmp_path / "made")
    assert done.exit_code == 0
    assert done.stderr == f"02-many.test.yml: {said}: add tests by hand\n"


def test_rules_that_ask_for_different_keys_have_no_series(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    other = RULE.replace("name: mine", "name: other").format("{user: bob}", "sel")
    file.write_text((CORRELATION % "type: temporal").replace("{a: 1}", "{user: ann}").replace("[mine]", "[mine, other]") + f"---\n{other}")
    done = invoke(file, "-o", tmp_path / "made")
    assert (done.exit_code, done.stderr) == (0, "03-many.test.yml: its rules ask for different values of a key: add tests by hand\n")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("brute_force", "gte => 3", "gte => 4"),
        ("brute_force", "gte => 3", "gte => 2"),
        ("brute_force", 'within    => "5m"', 'within    => "5h"'),
        ("brute_force", '"[source][ip]"', '"outcome"'),
        ("guessed", "temporal_ordered", "temporal"),
        ("exfiltration", "gte => 1000", "gte => 999"),
        ("encoded_powershell", "(?i)", ""),
        ("remote_logon", "10.0.0.0/8", "11.0.0.0/8"),
        ("web_injection", "[sc-status] < 500", "[sc-status] <= 500"),
    ],
)
def test_written_tests_notice_a_wrong_translation(name: str, old: str, new: str, tmp_path: Path) -> None:
    assert invoke(RULES / f"{name}.yml", "-o", tmp_path).exit_code == 0
    changed = 0
    for path in tmp_path.glob("*.conf"):
        changed += old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
    assert changed
    assert run_tests_in(tmp_path).exit_code == 1


# -- what is refused -----------------------------------------------------------------------------------

RULE = """title: T
name: mine
logsource: {{product: windows}}
detection:
  sel: {}
  condition: {}
"""
CORRELATION = RULE.format("{a: 1}", "sel") + """---
title: C
name: many
correlation:
  rules: [mine]
  timespan: 5m
  group-by: [user]
  %s
"""
REFUSED = [
    (RULE.format("[one, two]", "sel"), "rule `mine`: the keyword `one` has no field", "message|contains"),
    (RULE.format("{'|all': [one, two]}", "sel"), "the keyword `one` has no field", "message|contains"),
    (RULE.format("{user|expand: '%admins%'}", "sel"), "the placeholder `%admins%` has no value here", "write the values"),
    (RULE.format("{a|fieldref|startswith: b}", "sel"), "has no counterpart", "write a filter ruby"),
    (RULE.format("{t|hour: 3}", "sel"), "a value of `t` (SigmaTimestampPart) has no counterpart", "filter date"),
    (RULE.format("{a|sounds_like: b}", "sel"), "Unknown modifier 'sounds_like'", ""),
    (RULE.format("{a|re: 'x(?=y)'}", "sel"), "'x(?=y)' is invalid: invalid perl operator: (?=\n", "without look-arounds"),
    (RULE.format("{a|re: 'x(?i)y'}", "sel"), "the regular expression has `(?i)`", "without it"),
    (RULE.format("{a|re: '\\pLx'}", "sel"), "the regular expression has `\\pL`", "without it"),
    (RULE.format("{a: 1}", "sel | count() > 3"), "pipe syntax", "correlation"),
    (RULE.format("{a: 1}", "sel | near sel"), "pipe syntax", "correlation"),
    (RULE.format("{a: 1}\n  timeframe: 5m", "sel"), "`timeframe` counts nothing", "timespan"),
    (RULE.format("{a: 1}", "other"), "Detection 'other' not defined", ""),
    (RULE.format("{'a[b]': 1}", "sel"), "`a[b]` is not a valid field name", "--field 'a[b]=[a][b]'"),
    (RULE.format("{a|gt: 1.5e-300}", "sel"), "needs an exponent", "another number"),
    (CORRELATION % "type: near", "is no valid Sigma correlation type", ""),
    (CORRELATION % "type: value_median\n  condition: {gt: 1, field: n}", "`value_median`", "percentile: 50"),
    (CORRELATION % "type: value_percentile\n  condition: {gt: 1, field: n}", "needs a `percentile`", "percentile: 95"),
    (CORRELATION % "type: value_sum\n  condition: {gt: 1, field: [n, m]}", "compares one field", "one field"),
    (CORRELATION % "type: event_count\n  condition: {gt: 1, field: n}", "condition with `field`", "value_count"),
    (CORRELATION % "type: temporal\n  condition: mine or other", "rule `many`: Rules referenced in extended condition but not defined", ""),
    (CORRELATION % "type: temporal\n  condition: not mine", "joins rules with `or` or `not`", "absent"),
    (CORRELATION.replace("rules: [mine]", "rules: [theirs]") % "type: temporal", "Rule 'theirs' not found", "file of that rule"),
    (CORRELATION.replace("5m", "1M") % "type: event_count\n  condition: {gt: 1}", "`1M` is not of a fixed length", "30d"),
    (CORRELATION % "type: event_count\n  condition: {gt: 1}\n  aliases: {ip: {mine: src}}", "the alias `ip` is not in `group-by`", "add it"),
    (CORRELATION.replace("{a: 1}", "[word]") % "type: event_count\n  condition: {gt: 1}", "its rule `mine` is refused", "mend that rule first"),
    (CORRELATION % "type: event_count\n  condition: {gt: 1}" + "---\ntitle: D\nname: outer\ncorrelation: {type: temporal, rules: [many, mine], timespan: 1h, group-by: [host]}\n", "alerts of `many` do not have the field `host`", "add `host`"),
    (RULE.format("{a: 1}", "sel") * 1 + "---\n" + RULE.format("{a: 2}", "sel"), "there are two rules `mine`", "different names"),
    ("title: [", "rules.yml: ", ""),
]


@pytest.mark.parametrize(("text", "message", "help"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_kept_is_refused(text: str, message: str, help: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(text)
    done = invoke(file)
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith(str(file))
    assert message in done.stderr
    assert help in done.stderr


def test_an_expression_that_is_not_valid_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(RULE.format("{a|re: 'x(?<!y)'}", "sel"))
    assert "invalid perl operator" in invoke(file).stderr
    assert capfd.readouterr() == ("", "")


def test_utf16le_is_another_name_of_wide(tmp_path: Path) -> None:
    file, texts = tmp_path / "rules.yml", list[str]()
    for name in ("wide", "utf16le"):
        file.write_text(RULE.format(f"{{a|{name}|base64offset|contains: 'Invoke-'}}", "sel"))
        texts.append(invoke(file).stdout)
    assert texts[0] == texts[1]
    assert "SQBuAHYAbwBrAGUALQ" in texts[0]


def test_the_others_are_written_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "good.yml").write_text(RULE.format("{a: 1}", "sel"))
    (tmp_path / "bad.yml").write_text(RULE.format("[word]", "sel").replace("mine", "bad"))
    assert invoke(tmp_path).stdout == ""
    done = invoke(tmp_path, "--keep-going")
    assert done.exit_code == 1
    assert "sigma_mine" in done.stdout
    assert "sigma_bad" not in done.stdout
    assert "rule `bad`" in done.stderr


# -- fields, names, files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "field"),
    [("file.path=Target.Name", "[Target][Name]"), ("file.path=[a.b]", "[a.b]"), ("other=x", "[file][path]")],
)
def test_fields_are_mapped(option: str, field: str) -> None:
    assert f"if {field} =~" in translated("sudoers", "--field", option)


@pytest.mark.parametrize("arguments", [(), ("--field", "a", "x.yml"), ("--field", "a=[b", "x.yml"), ("missing.yml",), ("--nothing", "x.yml")])
def test_a_wrong_call_ends_with_2(arguments: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert invoke(*arguments).exit_code == 2


def test_a_directory_without_rules_is_a_wrong_call(tmp_path: Path) -> None:
    assert invoke(tmp_path).exit_code == 2


def test_a_rule_without_a_name_is_called_by_its_title(tmp_path: Path) -> None:
    file = tmp_path / "r.yml"
    file.write_text(RULE.format("{a: 1}", "sel").replace("title: T\nname: mine", "title: 'Löschen, of a File!'"))
    assert '"sigma_l_schen_of_a_file"' in invoke(file).stdout


def test_filters_of_sigma_are_applied(tmp_path: Path) -> None:
    file = tmp_path / "r.yml"
    file.write_text(RULE.format("{a: 1}", "sel") + "---\ntitle: F\nlogsource: {product: windows}\nfilter: {rules: [mine], known: {b: x}, condition: not known}\n")
    stage = penstock.compile(invoke(file).stdout)
    assert ["tags" in event for event in stage([{"a": 1}, {"a": 1, "b": "X"}])] == [True, False]


def test_without_pysigma_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sigma", None)
    done = invoke("x.yml")
    assert done.exit_code == 2
    assert "pip install 'penstock[sigma]'" in done.stderr


def test_all_rules_together_are_checked_without_a_finding(tmp_path: Path) -> None:
    names = [name for name in NAMES if name not in ("spraying", "guessed")]  # they have a rule of the same name
    done = invoke(*(RULES / f"{name}.yml" for name in names))
    assert done.exit_code == 0
    (tmp_path / "all.conf").write_text(f"input {{ stdin {{ }} }} {done.stdout} output {{ stdout {{ }} }}")
    checked = CliRunner().invoke(main, ["check", "-f", str(tmp_path / "all.conf")])
    assert checked.exit_code == 0, checked.output


# -- patterns -----------------------------------------------------------------------------------------------

PIECES = [*"ab/A.^$|()[]{}-,&:\n ?*+1", *[r"\d", r"\w", r"\s", r"\b", r"\\", r"\/", r"[^a]", r"[a-c]", r"[[:alpha:]]", r"(?:", r"(?i:", r"(?P<n>", r"{2}", r"{,2}", r"{1,}?", r"\x41", r"\x{42}", r"[]a]", r"[a[b]", r"&&", r"\n", r"\A", r"\z", r"${", r"(?s)", r"(?m)", r"\p{L}", r"\D", r"\W", r"\S"]]
TEXTS = ["", "a", "b", "ab", "aB", "a/b", "a\nb", "a\n", "\na", "A1", "{,2}", "[", "a&b", "aa", "bb]", "${", "a{2}", "\\", "a-b", "a\n\nb", "- a"]


@pytest.mark.parametrize("seed", range(8))
def test_regular_expressions_match_what_re2_matches(seed: int) -> None:
    dice, engine, looked = random.Random(seed), default_policy.regex_engine, 0
    while looked < 40:
        value = made(dice)
        try:
            value.compile()
            pattern = regex_pattern(value)
        except (SigmaError, Refused):
            continue
        looked += 1
        ruby = compile_ruby(pattern[1:-1])
        flags = sum(value.sigma_to_python_flags[flag] for flag in value.flags)
        wanted = engine.compile(value.to_plain(), flags)
        # In RE2, a line begins behind the last newline, too; in PCRE, which Sigma means, it does not.
        texts = [text for text in TEXTS if not text.endswith("\n")]
        assert [text for text in texts if ruby.search(text)] == [text for text in texts if wanted.search(text)], (value, pattern)


def made(dice: random.Random) -> SigmaRegularExpression:
    value = SigmaRegularExpression("x")
    value.regexp = type(value.regexp)("".join(dice.choices(PIECES, k=dice.randint(1, 6))), escape=False)
    value.flags = {flag for flag in SigmaRegularExpressionFlag if dice.random() < 0.3}
    return value


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [("a*b", "ab", True), ("a*b", "axbxb", True), ("a*b", "axbx", False), ("?", "", False), ("*", "", True), ("a?c*", "abc", True), ("*a*a*", "a", False), ("", "", True)],
)
def test_the_judge_of_written_tests_knows_wildcards(pattern: str, text: str, matched: bool) -> None:
    signs = {"*": SpecialChars.WILDCARD_MULTI, "?": SpecialChars.WILDCARD_SINGLE}
    assert wild([signs.get(sign, sign) for sign in pattern], text) is matched
