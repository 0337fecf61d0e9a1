"""``penstock grok``: captures and their places, where a line stops matching, and patterns that are proposed."""
import json

import pytest
from click.testing import CliRunner, Result

import penstock
from penstock.dsl.grok import compile_expression, shipped
from penstock.pipeline.commands.main import main
from penstock.pipeline.testing.grok_probe import alternatives, probe
from penstock.pipeline.testing.grok_report import drawn
from penstock.pipeline.testing.grok_suggest import suggest

LIBRARY = shipped("ecs-v1")


def invoke(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["grok", *arguments], input=stdin)


def test_captures_with_their_places_under_the_line() -> None:
    done = invoke("%{IP:[client][ip]} %{WORD:method} %{NUMBER:took:float}", "55.3.244.1 GET 0.043")
    assert done.exit_code == 0
    assert done.stdout == """55.3.244.1 GET 0.043
└────────┘ └─┘ └───┘
1          2   3
  1  [client][ip]  "55.3.244.1"  0–10
  2  method        "GET"  11–14
  3  took          0.043 (float)  15–20

"""


def test_captures_in_captures_have_rows_of_their_own() -> None:
    done = invoke(r"(?<all>%{INT:first:int}-%{INT:second:int})", "x 12-3", "no")
    assert done.exit_code == 1
    assert done.stdout.startswith("""x 12-3
  └──┘
  1
  └┘ ╵
  2  3
  1  all     "12-3"  2–6
""")


def test_a_pattern_without_captures() -> None:
    assert invoke("ell", "hello\tyou").stdout == "hello·you\n └─┘\nmatches; it captures nothing\n\n"


def test_lines_come_from_stdin() -> None:
    assert invoke("^%{INT:n:int}$", "--json", stdin="1\nx\n").stdout.splitlines() == [
        '{"line": "1", "matched": true, "start": 0, "end": 1, "captures": [{"field": "n", "value": 1, "start": 0, "end": 1}]}',
        '{"line": "x", "matched": false, "start": 0, "end": 0, "prefix": "^", "failed": ["%{INT:n:int}"]}',
    ]


def test_own_patterns_and_flat_names() -> None:
    done = invoke("-d", "QUEUE=[0-9A-F]{5}", "%{QUEUE:q}", "ABCDE", "--json")
    assert json.loads(done.stdout)["captures"][0]["value"] == "ABCDE"
    flat = invoke("%{COMMONAPACHELOG}", '1.2.3.4 - - [04/Sep/2025:20:51:05 +0000] "GET / HTTP/1.1" 200 5', "--pipeline.ecs_compatibility", "disabled")
    assert "clientip" in flat.stdout


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("%{IPP:x}", "did you mean %{IP}?"), ("%{IP:x} (a", "(pattern):1:9"), ("", "")],
)
def test_a_pattern_that_is_none(pattern: str, words: str) -> None:
    done = invoke(pattern, "x")
    assert done.exit_code == (1 if words else 0)
    assert words in done.stderr


def test_what_is_missing_is_said() -> None:
    assert invoke().exit_code == 2
    assert invoke("--suggest").exit_code == 2
    assert invoke("-d", "x", "y", "z").exit_code == 2


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("abc", [["abc"]]),
        ("ab+c", [["a", "b+", "c"]]),
        (r"a\.b%{IP:x}c", [[r"a\.b", "%{IP:x}", "c"]]),
        ("%{X}?y|z", [["%{X}?", "y"], ["z"]]),
        (r"(?:a(b)\)|c)*[\]\[x|(]+\d{2,3}?", [[r"(?:a(b)\)|c)*", r"[\]\[x|(]+", r"\d{2,3}?"]]),
        ("^a$", [["^", "a", "$"]]),
        (r"\k<n>\p{Alpha}\x{41}", [[r"\k<n>", r"\p{Alpha}", r"\x{41}"]]),
        ("%{INT:[a][b]:int}%", [["%{INT:[a][b]:int}", "%"]]),
    ],
)
def test_the_parts_of_an_expression(text: str, parts: list[list[str]]) -> None:
    assert [[part.whole for part in row] for row in alternatives(text)] == parts


@pytest.mark.parametrize(
    ("pattern", "line", "end", "failed"),
    [
        ("%{IP:a} %{WORD:b}", "1.2.3.4 GET", 11, ()),
        ("%{IP:a} %{WORD:b} %{INT:c}", "1.2.3.4 GET x", 12, ("%{INT:c}",)),
        ("%{IP:a} %{WORD:b} end", "1.2.3.4 GET  end", 12, (" end", "e")),
        ("hello world", "hello work", 9, ("hello world", "l")),
        ("^%{INT:n}$", "12a", 2, ("$",)),
        ("(?:a|b)c", "xbd", 2, ("c",)),
        ("(?:%{INT:n} a|%{WORD:w} bc)d", "12 b", 4, ("(?:%{INT:n} a|%{WORD:w} bc)", " bc", "c")),
        ("[a-c]{3}d", "abx", 0, ("[a-c]{3}",)),
        ("x", "", 0, ("x",)),
    ],
)  # fmt: skip
def test_how_far_a_line_gets(pattern: str, line: str, end: int, failed: tuple[str, ...]) -> None:
    found = probe(pattern, line, LIBRARY)
    assert (found.end, found.path) == (end, failed)


def test_the_failing_part_is_looked_for_inside_named_patterns() -> None:
    library = LIBRARY.extended(definitions={"DAYS": r"\d\d", "CLOCK": "%{DAYS:d}d %{LEAF}h", "LEAF": "[0-9](?:[0-9]x)?"})
    found = probe("at %{CLOCK:c}!", "at 12d x", library)
    assert (found.matched, found.end, found.path) == ("at %{DAYS:d}d ", 7, ("%{CLOCK:c}", "%{LEAF}"))
    leaf = probe("at %{CLOCK:c}!", "at 12d 12h", library)
    assert leaf.path == ("%{CLOCK:c}", "h"), "how a pattern without others is made helps no one"


def test_a_failure_as_it_is_shown() -> None:
    done = invoke("%{IP:ip} %{WORD:verb} %{INT:n}", "1.2.3.4 GET twelve")
    assert done.exit_code == 1
    assert done.stdout == """1.2.3.4 GET twelve
            ^
matched: %{IP:ip} %{WORD:verb}\x20
failed:  %{INT:n}
found:   "twelve" (character 13)

"""


@pytest.mark.parametrize(
    ("lines", "pattern"),
    [
        (['81.2.69.142 - - [04/Sep/2025:20:51:05 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8"'], "^%{HTTPD_COMBINEDLOG}$"),
        (["55.3.244.1 GET /index.html 15824 0.043"],
         "^%{IP:[source][ip]} %{WORD:[http][request][method]} %{URIPATHPARAM:[url][path]} %{INT:number:int} %{NUMBER:number_2:float}$"),
        (["55.3.244.1 GET /a 1 0.043", "::1 POST /b - 1"],
         "^%{IP:[source][ip]} %{WORD:[http][request][method]} %{URIPATHPARAM:[url][path]} %{NOTSPACE:value} %{NUMBER:number:float}$"),
        (['level=info msg="a b" user=bob took=1.5', 'level=error msg="c" user=eve-x took=2'],
         '^level=%{LOGLEVEL:level} msg="%{DATA:msg}" user=%{NOTSPACE:user} took=%{NUMBER:took:float}$'),
        (["user bob logged in from 10.0.0.1", "user eve logged in from 10.0.0.2"], "^user %{WORD:user} logged in from %{IP:[source][ip]}$"),
        (["2025-09-04 20:51:05 WARN [pool-1] com.example.Db: slow", "2025-09-04 20:51:05 INFO [main] com.example.App: ready to go now"],
         r"^%{TIMESTAMP_ISO8601:timestamp} %{LOGLEVEL:[log][level]} \[%{DATA:value}\] %{JAVACLASS:[log][logger]}: %{GREEDYDATA:rest}$"),
        (["app[12]: it works just fine", "app[7]: or it does not"], r"^app\[%{INT:[process][pid]:int}\]: %{GREEDYDATA:rest}$"),
        (["status: 200 took 35"], "^status: %{INT:status:int} took %{INT:took:int}$"),
        (["free text", "quite another thing"], "^%{GREEDYDATA:rest}$"),
        (["a.b (c) *"], r"^%{NOTSPACE:value} \(c\) \*$"),
    ],
)  # fmt: skip
def test_patterns_that_are_proposed(lines: list[str], pattern: str) -> None:
    assert suggest(lines, LIBRARY) == pattern
    find = compile_expression(pattern, LIBRARY).find
    assert all(find(line) for line in lines)


def test_a_proposal_on_the_command_line() -> None:
    done = invoke("--suggest", "user bob", "user eve")
    assert done.exit_code == 0
    assert done.stdout.startswith("^user %{WORD:user}$\n\nuser bob\n")
    flat = invoke("--suggest", "10.0.0.1 up", "10.0.0.2 up", "--pipeline.ecs_compatibility", "disabled", "--json")
    assert json.loads(flat.stdout.splitlines()[0]) == {"pattern": "^%{IP:src_ip} up$"}


@pytest.mark.parametrize("line", ["", " ", "\t", "a\\b", "[", "%{X}", "ü ö", '"', "=", "a=", "((("])
def test_whatever_the_line_the_proposal_matches_it(line: str) -> None:
    assert compile_expression(suggest([line], LIBRARY), LIBRARY).find(line) is not None


def test_what_is_proposed_can_be_used_as_it_is() -> None:
    lines = ["2025-09-04 08:15:00 status installed a", "2025-09-04 08:15:01 trigproc b for c"]
    pattern = CliRunner().invoke(main, ["grok", "--suggest", *lines]).output.splitlines()[0]
    (event,) = penstock.compile(f"filter {{ grok {{ match => {{ 'message' => '{pattern}' }} }} }}")([{"message": lines[0]}])
    assert event["message"] == lines[0]
    assert event["rest"]


@pytest.mark.parametrize("width", [20, 40, 80])
@pytest.mark.parametrize("pattern", ["%{WORD:first} .* %{INT:last}", "%{WORD} nothing", "last"])
def test_a_long_line_is_folded_together_with_its_marks(pattern: str, width: int) -> None:
    line = "some words of a line that is longer than a terminal is wide, and at its last place a number 1234"
    library = shipped("ecs-v1")
    expression = compile_expression(pattern, library)
    folded = drawn(expression, line, library, width=width).splitlines()
    pieces = [line[at : at + width] for at in range(0, len(line), width)]
    assert [text for text in folded if text in pieces] == pieces
    at = folded.index(pieces[-1])
    if "INT" in pattern:
        assert folded[at + 1].index("└") == line.index("1234") % width
