"""The configurations that every engine must run as `penstock run` does, event for event.

A configuration is the text of its filters, the codec of its input and the bytes that it reads: lines in the order of their times, none of
them late. `${INPUT}` and `${OUTPUT}` name the files. What an engine writes is compared as a whole in any order, and by key in order.
"""
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from click.testing import CliRunner

from penstock.dsl.parser import parse
from penstock.dsl.source import Source, Span
from penstock.pipeline.commands.main import main

ROOT = Path(__file__).parents[2]
SETTINGS = {"penstock.now": "2025-09-10T12:00:00Z", "penstock.timezone": "UTC"}

FILE = (
    'file { path => "${INPUT}" mode => "read" exit_after_read => true file_sort_by => "path" file_completed_action => "log"'
    ' file_completed_log_path => "/dev/null" sincedb_path => "/dev/null" %s }'
)


@dataclass(frozen=True)
class Configuration:
    """One of them, its content in so many files. `key`: fields, with spaces between, whose values tell apart the events whose order among each other counts; none where state has no key."""

    name: str
    filters: str
    content: bytes = field(repr=False)
    codec: str = "json"
    key: str = ""
    keyed: bool = False
    files: int = 1

    def text(self, source: str = "", target: str = 'file { path => "${OUTPUT}" codec => json_lines }') -> str:
        """The configuration with an input, by default of the files `${INPUT}`, and an output, by default the file `${OUTPUT}`."""
        made = source or FILE % f"codec => {self.codec}"
        return f"input {{ {made} }}\n{self.filters}\noutput {{ {target} }}\n"


def events() -> bytes:
    """Requests of a week's hour: three services, some users, in the order of their times."""
    chance = random.Random(20250904)
    at = 1756972800000  # 2025-09-04T08:00:00Z
    lines = []
    for number in range(500):
        at += chance.choice([0, 40, 900, 3000, 11000])
        kind = chance.choice(["order", "payment", "login", "login_failed", "beat"])
        event = {
            "at": at, "n": number, "kind": kind, "service": chance.choice(["shop", "search", "mail"]), "user": f"u{chance.randrange(12)}",
            "ms": chance.randrange(1, 900), "share": chance.randrange(100) / 7, "order": chance.randrange(40), "words": chance.choice(["a b", "b", "c a b a"]),
        }  # fmt: skip
        if not number % 50:
            del event["user"]
        lines.append(json.dumps(event))
    return "\n".join(lines).encode() + b"\n"


def ended() -> bytes:
    """The same, and then one more of each user, so that nobody's time is up behind the last one."""
    last = json.loads(events().splitlines()[-1])["at"]
    rows = [{"at": last + 1000, "n": 500 + number, "kind": "beat", "service": "shop", "user": f"u{number}", "ms": 1} for number in range(12)]
    return events() + b"".join(json.dumps(row).encode() + b"\n" for row in rows)


DATE = 'date { match => ["at", "UNIX_MS"] }'
ACCESS = b"".join(
    b'127.0.0.%d - - [10/Oct/2000:13:%02d:%02d -0700] "GET /a%d HTTP/1.0" %d %d\n' % (n % 7, n // 60, n % 60, n % 30, 200 + n % 5, n) for n in range(600)
)


def _piece(name: str, filters: str, key: str = "", keyed: bool = True, content: bytes = b"") -> Configuration:
    return Configuration(name, f"filter {{ {DATE} {filters} }}", content or events(), key=key, keyed=keyed)


_COUNT = "map['n'] ||= 0; map['n'] += 1; map['kinds'] ||= []; map['kinds'] << event.get('kind')"
_TASKS = f"""if [kind] == "login" {{ aggregate {{ task_id => "%{{user}}" map_action => "create" code => "map['from'] = event.get('n'); map['n'] = 0" }} }}
mutate {{ add_field => {{ "between" => "%{{service}}" }} }}
if [kind] == "beat" {{ aggregate {{ task_id => "%{{user}}" map_action => "update" end_of_task => true timeout => 3600
    code => "event.set('from', map['from']); event.set('count', map['n']); event.set('kinds', map['kinds'])" }} }}
else {{ aggregate {{ task_id => "%{{user}}" map_action => "update" code => "{_COUNT}" add_tag => ["counted"] }} }}"""


PIECES = [
    Configuration("nothing", "", b"a\nb\n\nc", "line"),
    Configuration("access log", 'filter { grok { match => { "message" => "%{COMMONAPACHELOG}" } } date { match => ["timestamp", "dd/MMM/yyyy:HH:mm:ss Z"] } }', ACCESS, "line"),
    Configuration("lines that do not match", 'filter { dissect { mapping => { "message" => "%{a} %{b} [%{c}]" } } }', b"1 2 [3]\nnot so\n\xff\xfe 2 [3]\n" * 40, "line"),
    Configuration("lines that are joined", "", b"one\n two\n three\nfour\n five\n" * 30, 'multiline { pattern => "^ " what => "previous" }'),
    _piece("branches", 'if [kind] == "order" { mutate { add_tag => ["order"] } } else if [ms] > 500 { drop { } } else { ruby { code => "event.set(\'slow\', event.get(\'ms\') > 100)" } }', keyed=False),
    _piece("more events than came", 'mutate { split => { "words" => " " } } split { field => "words" } clone { clones => ["copy"] }', keyed=False),
    _piece("metadata", 'mutate { add_field => { "[@metadata][to]" => "%{service}" } } if [@metadata][to] == "mail" { mutate { add_field => { "seen" => "%{[@metadata][to]}" } } }', keyed=False),
    _piece("tumbling window", 'window { id => "w" size => "1m" by => ["service"] keep => false count => { "n" => "ms" } sum => { "sum" => "share" } avg => { "avg" => "ms" } min => { "min" => "ms" } max => { "max" => "ms" } percentiles => { "p" => "ms" } distinct => { "users" => "user" } frequent => { "often" => "kind" } }', "service"),
    _piece("sliding window", 'window { id => "w" size => "5m" every => "1m" by => ["service"] keep => false sum => { "sum" => "ms" } }', "service"),
    _piece("window of all", 'window { id => "w" size => "10m" keep => false max => { "max" => "ms" } }'),
    _piece("window that keeps events", 'window { id => "w" size => "1m" by => ["user"] first => { "a" => "n" } last => { "z" => "n" } collect => { "all" => "n" } top => { "top" => "ms" } top_max => 2 top_fields => ["n"] }', "user"),
    _piece("sessions", 'window { id => "w" gap => "20s" by => ["user"] keep => false sum => { "sum" => "ms" } }', "user"),
    _piece("map and reduce", 'mutate { split => { "words" => " " } } split { field => "words" } window { id => "w" whole => true by => ["words"] keep => false sum => { "ms" => "ms" } }', "words"),
    _piece("reduce by code", 'window { id => "w" whole => true by => ["kind"] keep => false reduce => { "most" => "ms" } reduce_code => "max(a, b)" }', "kind"),
    _piece("window in a branch", 'if [service] == "shop" { window { id => "w" size => "2m" by => ["user"] keep => false sum => { "sum" => "ms" } } } mutate { add_field => { "behind" => "%{service}" } }', "user"),
    _piece("window of windows", 'window { id => "a" size => "1m" by => ["service", "kind"] keep => false sum => { "sum" => "ms" } } window { id => "b" size => "10m" by => ["service"] keep => false max => { "most" => "sum" } }', "service"),
    _piece("trend of windows", 'window { id => "a" size => "1m" by => ["service"] keep => false avg => { "ms" => "ms" } } trend { id => "t" field => "ms" by => ["service"] half_life => 5 warm_up => 3 above => 1 add_tag => ["odd"] }', "service"),
    _piece("dedupe", 'dedupe { id => "d" by => ["user", "kind"] within => "30s" }', "user kind"),
    _piece("dedupe with summaries", 'dedupe { id => "d" by => ["user"] within => "20s" duplicates => "tag" summary => true }', "user"),
    _piece("join", 'if [kind] not in ["order", "payment"] { drop { } } join { id => "j" side => "kind" left => { "order" => "order" } right => { "payment" => "order" } within => "5m" keep => false }', "order"),
    _piece("join with what is alone", 'if [kind] not in ["order", "payment"] { drop { } } join { id => "j" side => "kind" left => { "order" => "order" } right => { "payment" => "order" } within => "2m" type => "outer" match => "first" keep => false }', "order"),
    _piece("failed logins", 'if [kind] == "login_failed" { mutate { add_tag => ["failed"] } } correlate { id => "c" type => "event_count" events => ["failed"] by => ["user"] within => "2m" condition => { "gte" => 3 } add_tag => ["alert"] }', "user"),
    _piece("one after the other", 'mutate { add_tag => ["%{kind}"] } correlate { id => "c" type => "temporal_ordered" events => ["login_failed", "login"] by => ["user"] within => "1m" keep => false }', "user"),
    _piece("what did not come", 'mutate { add_tag => ["%{kind}"] } correlate { id => "c" type => "absent" events => ["order", "payment"] by => ["user"] within => "1m" keep => false }', "user"),
    _piece("aggregate", f'aggregate {{ task_id => "%{{user}}-%{{service}}" code => "{_COUNT}; event.set(\'nth\', map[\'n\'])" timeout => 7200 }}', "user service"),
    _piece("aggregate in several filters", _TASKS, "user"),
    _piece("aggregate with time-outs", f"""aggregate {{ task_id => "%{{user}}" code => "{_COUNT}; map_meta.timeout = 300 if event.get('ms') > 880" inactivity_timeout => 40 timeout => 200
        timeout_timestamp_field => "@timestamp" push_map_as_event_on_timeout => true timeout_task_id_field => "task" timeout_tags => ["over"] timeout_code => "event.set('seen', event.get('kinds').length)" }}""", "user", content=ended()),
    _piece("elapsed", 'mutate { add_tag => ["%{kind}"] } elapsed { start_tag => "order" end_tag => "payment" unique_id_field => "user" new_event_on_match => true } if "elapsed_match" in [tags] { mutate { remove_field => ["host"] } }', "user"),
    _piece("throttle", 'throttle { key => "%{user}" after_count => 2 period => "60" add_tag => ["often"] }', "user"),
]  # fmt: skip

_STATELESS = ("apache", "firewall-kv", "java", "json-app", "syslog-sshd")
_KEYED = ("error-rate", "latency-p95", "orders-payments", "ssh-bruteforce", "web-sessions", "wordcount")


def _text(span: Span) -> str:
    return span.source.text[span.start : span.end]


def _sample(name: str, keyed: bool, files: int = 1) -> Configuration:
    """A sample's filters and its input, which stands in a file in place of stdin."""
    directory = ROOT / "samples" / name
    (content,) = directory.glob("input.*")
    source = Source("pipeline.conf", (directory / "pipeline.conf").read_text(encoding="utf-8"))
    sections = parse(source).sections
    (plugin,) = next(section.body for section in sections if section.kind == "input")
    codecs = [_text(attribute.value.span) for attribute in plugin.attributes if attribute.name == "codec"]
    filters = "\n".join(_text(section.span) for section in sections if section.kind == "filter")
    return Configuration(f"sample {name}", filters, content.read_bytes(), codecs[0] if codecs else "line", keyed=keyed, files=files)


CONFIGURATIONS = [*PIECES, *(_sample(name, keyed=False) for name in _STATELESS), *(_sample(name, keyed=True) for name in _KEYED), _sample("access-report", keyed=True, files=10)]
STATELESS = [each for each in CONFIGURATIONS if not each.keyed]
KEYED = [each for each in CONFIGURATIONS if each.keyed]


def settings_flags() -> Iterator[str]:
    for key, value in SETTINGS.items():
        yield from ("-S", f"{key}={value}")


@cache
def expected(configuration: Configuration) -> list[str]:
    """The lines that `penstock run` writes."""
    return output_of(configuration)


@cache
def _root() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="engines")


def prepared(configuration: Configuration) -> Path:
    """The directory of a configuration: `pipeline.conf` reads `input*.log` and writes `output.jsonl`. It is the same for all runs of this process, since
    ids of some results tell of the path that events came from.
    """
    directory = Path(_root().name, configuration.name.replace(" ", "-"))
    directory.mkdir(exist_ok=True)
    lines = configuration.content.splitlines(keepends=True)
    each = -(-len(lines) // configuration.files)
    for number in range(configuration.files):
        (directory / f"input{number}.log").write_bytes(b"".join(lines[number * each : (number + 1) * each]))
    (directory / "pipeline.conf").write_text(configuration.text(), encoding="utf-8")
    (directory / "output.jsonl").unlink(missing_ok=True)
    return directory


def output_of(configuration: Configuration, *flags: str) -> list[str]:
    """The lines that a run with more flags writes."""
    directory = prepared(configuration)
    command = ["run", "-f", str(directory / "pipeline.conf"), "--path.data", str(directory / "data"), *settings_flags(), *flags]
    done = CliRunner().invoke(main, command, env=variables(directory))
    assert done.exit_code == 0, done.output
    return written(directory)


def variables(directory: Path) -> dict[str, str]:
    """What the configuration in a directory takes from the environment."""
    return {"INPUT": str(directory / "input*.log"), "OUTPUT": str(directory / "output.jsonl")}


def written(directory: Path) -> list[str]:
    """The lines of the output."""
    found = directory / "output.jsonl"
    return found.read_text(encoding="utf-8").splitlines() if found.exists() else []


def assert_same(configuration: Configuration, given: Sequence[str], wanted: Sequence[str]) -> None:
    """The same events, each as often, and those of a key in the same order."""
    assert Counter(map(_canonical, given)) == Counter(map(_canonical, wanted))
    if configuration.key:
        assert _by_key(configuration.key, given) == _by_key(configuration.key, wanted)


def _canonical(line: str) -> str:
    event = json.loads(line)
    for about in (event.get("window"), event.get("join")):
        if isinstance(about, dict):
            about.pop("reason", None)  # an engine's watermark moves from batch to batch: results may be due at the end
    return json.dumps(event, sort_keys=True)


def _by_key(key: str, lines: Sequence[str]) -> dict[str, list[str]]:
    """What events of each key are told by, in their order: their number, or the id of a result. When results come among events is chance."""
    found: dict[str, list[str]] = {}
    for line in lines:
        event: dict[str, Any] = json.loads(line)
        about = event.get("event")
        result = str(about["id"]) if isinstance(about, dict) and "id" in about else ""
        values = [event.get(name) for name in key.split()]
        if None not in values:
            found.setdefault(f"{values} {bool(result)}", []).append(result or f"{event.get('n')}")
    return found
