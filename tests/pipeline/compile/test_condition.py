"""What conditions mean, event by event, and the laws that they keep."""
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.dsl.conditions import Conditions
from penstock.dsl.literals import Literals
from penstock.dsl.parser import parse
from penstock.dsl.regex import compile as compile_regex
from penstock.dsl.regex import parsed
from penstock.dsl.regex_needs import code, needs
from penstock.dsl.source import Source
from penstock.dsl.timestamp import Timestamp
from penstock.pipeline.compile.condition import Expressions
from penstock.pipeline.compile.names import Namespace
from penstock.pipeline.compile.searches import search_for

Event = dict[str, Any]

EVENT: Event = {
    "@timestamp": Timestamp("2025-09-04T12:00:00.000Z"),
    "text": "penstock",
    "empty": "",
    "n": 5,
    "zero": 0,
    "f": 2.5,
    "digits": "5",
    "yes": True,
    "no": False,
    "no_text": "false",
    "null": None,
    "with_null": [1, None],
    "list": ["a", "b", 5],
    "none": [],
    "map": {"k": "v", "l": [1, 2]},
    "other": "penstock",
    "tags": ["one", "two"],
}


def predicate(text: str) -> Callable[[Event], bool]:
    """A condition as a function."""
    (section,) = parse(Source("test.conf", f"filter {{ if {text} {{ }} }}")).sections
    (branch,) = section.body
    found: list[Any] = []
    condition = Conditions(Literals({}, False, found.append), found.append).resolve(branch.arms[0].condition)  # type: ignore[union-attr, arg-type]
    assert not [f for f in found if f.is_error], found
    names = Namespace()
    expressions = Expressions(names)
    expression = expressions.of(condition)
    exec("\n".join([*expressions.functions, f"def holds(event):\n    return bool({expression})\n"]), names)
    holds: Callable[[Event], bool] = names["holds"]
    return holds


TRUE = [
    # the truth of a field
    "[text]", "[zero]", "[yes]", "[list]", "[none]", "[map]", "[map][k]", "[@timestamp]",
    # equality tells types apart
    '[text] == "penstock"', "[n] == 5", '[digits] == "5"', "[f] == 2.5", "[yes] == true", "[no] == false", "[text] == [other]",
    "[map][l] == [map][l]", '"penstock" == [text]', '"a" == "a"', "1 == 1", '[n] != "5"', "[digits] != 5", "[n] != 5.0", "[yes] != 'true'",
    "[missing] != 'x'", "[missing] == [also_missing]", "[null] == [null]", "[null] != [missing]", "[missing] != [null]", "[map][k] == 'v'", "[list][0] == 'a'", "[list][-1] == 5",
    # order, of numbers and of texts
    "[n] > 4", "[n] >= 5", "[n] <= 5", "[n] < 5.5", "[f] < 3", "4 < [n]", "5 >= [n]", '[text] > "pen"', '[digits] > "10"', "[n] > [f]",
    "2 < 3", '"a" < "b"',
    # null and booleans are neither less nor greater than anything
    "[null] >= 0", "[null] <= 0", "[yes] <= 5", "[no] >= 'x'", "[yes] >= [n]", "[null] <= [missing]", "5 >= [null]",
    # in
    '[text] in ["penstock", "mill"]', '"stock" in [text]', '"a" in [list]', "5 in [list]", '[n] in ["5", "6"]', "[digits] in [5, 6]",
    '"one" in [tags]', "[text] in [other]", '[text] in "a penstock"', '[text] not in ["mill", "wheel"]', '"x" not in [list]',
    '[missing] not in ["a", "b"]', "[n] in [list]", "[null] in [with_null]", "[null] in ['', 'null']", "[empty] in ['', 'x']", "[null] in [null]", "[null] not in [list]", '[yes] in ["true", "x"]', '[f] in ["2.5", "x"]', "[map] not in [list]",
    # patterns
    "[text] =~ /st.ck$/", '[text] =~ "^pen"', "[text] !~ /^stock/", "[n] !~ /5/", "[missing] !~ /./", "[text] =~ /(?i)PEN/", '"abc" =~ /b/',
    "[no_text] =~ /fal/", "[@metadata] !~ /x/",
    # not, and, or, xor, nand
    "![missing]", "![empty]", "![no]", "![no_text]", "![null]", "!([n] == 6)", "not [missing]", "not [n] == 6", "[n] == 5 and [f] == 2.5",
    "[n] == 6 or [f] == 2.5", "[text] xor [missing]", "[missing] nand [text]", "[missing] nand [missing]", "([n] == 5)", "not not [text]",
    "true", "not false", "[text] and true",
    # precedence
    "[text] or [missing] and [missing]", "[missing] and [missing] or [text]", "[text] or [text] xor [text]",
    "[text] xor [missing] and [missing]", "[text] nand [missing] and [text]", "[missing] xor [text] nand [missing]",
    # exists: there, be it null, false or empty
    "exists([text])", "exists([null])", "exists([no])", "exists([empty])", "exists([map][l][1])", "!exists([missing])",
    "not exists([map][missing])", "exists([none])",
]

FALSE = [
    "[missing]", "[null]", "[no]", "[no_text]", "[empty]", "[map][missing]", "[text][k]",
    '[n] == "5"', "[digits] == 5", "[n] == 5.0", '[yes] == "true"', "[no] == 'false'", "[missing] == 'x'", "[null] == 'null'",
    '[list] == ["a", "b", 5]', "[text] != [other]", '[text] == "Penstock"', '[@timestamp] == "x"',
    # what cannot be compared is false, whichever way it is asked
    "[missing] > 0", "[n] >= [null]", "[n] <= [yes]", "[null] < 0", "[yes] > 0", "[missing] in [with_null]", "[null] == [missing]", "[missing] < 0", "[missing] <= 0", "[text] > 5", "[text] <= 5", "[digits] > 4", '[n] > "4"', "[list] > 1",
    "[map] < 1", "[yes] > 0", "[n] < [text]", "[missing] < [missing]", "1 < 'a'",
    '"x" in [list]', "5.0 in [list]", '"5" in [list]', '[missing] in ["a", "b"]', "[missing] in ['', 'null']", "[no] in ['', 'x']", "[null] in ['x', 'null']", '[text] in "pen"', "[map] in [list]",
    '[list] in ["a", "b"]', '"k" in [map]', '"a" in ["a", "b"]', "[n] in [text]", "[n] in 5", '[text] not in ["penstock", "x"]', '"a" in [missing]',
    "[text] =~ /^stock/", "[n] =~ /5/", "[list] =~ /a/", "[missing] =~ /.*/", "[yes] =~ /true/", "[@metadata] =~ /./",
    "[text] and [missing]", "[missing] or [empty]", "[text] xor [n]", "[missing] xor [empty]", "[text] nand [n]", "![text]", "false",
    "([text] or [text]) and [missing]", "[text] xor [text] and [text]", "[missing] == 1 and [text]",
    "exists([missing])", "exists([map][missing])", "exists([text][x])", "!exists([null])", "exists([list][3])",
]


@pytest.mark.parametrize("text", TRUE)
def test_a_true_condition_holds(text: str) -> None:
    assert predicate(text)(EVENT)


@pytest.mark.parametrize("text", FALSE)
def test_a_false_condition_does_not_hold(text: str) -> None:
    assert not predicate(text)(EVENT)


def test_a_list_of_one_item_is_a_field_whose_name_has_quotes() -> None:
    holds = predicate('"x" in ["a"]')
    assert holds({'"a"': ["x"]})
    assert not holds({"a": ["x"]})


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.0, 1.0, 2.5, math.nan, math.inf]),
    st.sampled_from(["", "a", "ab", "false", "true", "1"]), st.lists(st.sampled_from(["a", 1, None]), max_size=2),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 2), max_size=2),
)
EVENTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)
OPERANDS = st.sampled_from(["[a]", "[b]", "[c]", "[a][b]", '"a"', '"1"', "1", "2.5", '["a", "1"]', "0"])
COMPARISONS = st.builds(
    lambda left, operator, right: f"{left} {operator} {right}",
    OPERANDS, st.sampled_from(["==", "!=", "<", ">", "<=", ">=", "in", "not in"]), OPERANDS,
)
PATTERNS = st.sampled_from(
    ["^a", "b$", "^a$", "a|b", "^(a|fa)", "ab?", "[ab]", "^.*?b", "^.*a.*?$", "(?i)A", "(?i)TR|b", "^.*?(ab|tr)ue.*", "(al|ru)s?e$", r"\d", "^(1|a[lb])e*", "(t|x).*u"]
)
SEARCHES = st.builds(lambda field, operator, text: f"{field} {operator} /{text}/", st.sampled_from(["[a]", "[b][a]"]), st.sampled_from(["=~", "!~"]), PATTERNS)
SIMPLE = st.one_of(
    SEARCHES,
    st.sampled_from(["[a]", "[b]", "[c][a]", "exists([a])", "exists([b][a])", "[a] =~ /a/", '[b] !~ "1"', "true", "false"]), COMPARISONS
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        st.builds(lambda one: f"not ({one})", inner),
        st.builds(lambda a, operator, b: f"({a} {operator} {b})", inner, st.sampled_from(["and", "or", "xor", "nand"]), inner),
    ),
    max_leaves=5,
)


def either(text: str, event: Event) -> bool:
    return predicate(text)(event)


@given(CONDITIONS, EVENTS)
def test_a_double_negation_is_none(text: str, event: Event) -> None:
    assert either(f"not (not ({text}))", event) == either(text, event)
    assert either(f"!({text})", event) != either(text, event)


@given(CONDITIONS, CONDITIONS, EVENTS)
def test_de_morgan(a: str, b: str, event: Event) -> None:
    assert either(f"not (({a}) and ({b}))", event) == either(f"not ({a}) or not ({b})", event)
    assert either(f"not (({a}) or ({b}))", event) == either(f"not ({a}) and not ({b})", event)


@given(CONDITIONS, CONDITIONS, EVENTS)
def test_xor_and_nand_by_their_tables(a: str, b: str, event: Event) -> None:
    left, right = either(a, event), either(b, event)
    assert either(f"({a}) xor ({b})", event) == (left != right)
    assert either(f"({a}) nand ({b})", event) == (not (left and right))


@given(OPERANDS, OPERANDS, EVENTS)
def test_unequal_is_not_equal(a: str, b: str, event: Event) -> None:
    assert either(f"{a} != {b}", event) != either(f"{a} == {b}", event)
    assert either(f"{a} not in {b}", event) != either(f"{a} in {b}", event)


@given(OPERANDS, OPERANDS, EVENTS)
def test_order_has_two_sides_and_equals_are_not_less(a: str, b: str, event: Event) -> None:
    assert either(f"{a} < {b}", event) == either(f"{b} > {a}", event)
    if all(value is not None and type(value) is not bool for value in event.values()):
        assert either(f"{a} <= {b}", event) == either(f"{b} >= {a}", event)
    assert not (either(f"{a} < {b}", event) and either(f"{a} > {b}", event))
    if either(f"{a} < {b}", event):
        assert either(f"{a} <= {b}", event)


@given(st.lists(SIMPLE, min_size=40, max_size=45), EVENTS)
def test_a_deep_condition_means_what_a_shallow_one_means(parts: list[str], event: Event) -> None:
    wanted = either(parts[-1], event)
    for part in reversed(parts[:-1]):
        wanted = either(part, event) and not wanted
    text = parts[-1]
    for part in reversed(parts[:-1]):
        text = f"({part} and not {text})" if text.startswith("(") else f"({part} and not ({text}))"
    assert either(text, event) == wanted


TEXTS = st.text(st.sampled_from("ab,\n{1"), max_size=12)
PIECES = st.sampled_from(["^", "$", ".*?", ".*", "a", "b", ",", "[ab]", "(a|b,)", "a?", "(ab|ba)+", "b{2}", r"\{", "(?=a)", r"\Z", "(?i:B)", "\n", "[^a]", "|"])


@given(st.lists(PIECES, max_size=6).map("".join), TEXTS)
def test_an_expression_is_found_where_it_matches(expression: str, text: str) -> None:
    """What is cut off it, and what is looked for first, changes nothing."""
    wanted = compile_regex(expression).search(text) is not None
    search = search_for(expression)
    needed = search.test is None or bool(eval(search.test.format(v="v", folded="folded"), {"v": text}))
    found = needed and (search.pattern is None or search.pattern.search(text) is not None)
    assert found == wanted
    if wanted:
        branches = needs(parsed(expression))
        assert not branches or eval(code(branches, "v"), {"v": text})


FOLDED_TEXTS = st.text(st.sampled_from("aAkKsSßẞſKiİı,\n{1"), max_size=8)
FOLDED_PIECES = st.sampled_from(
    ["^", "$", ".*", "a", "K", "s", "ſ", "ß", "i", "[aK]", "[^s]", "(A|k,)", "S?", "(ak|Si)+", "k{2}", "(?=a)", "(?-i:K)", "(?!k)", "|", r"\d"]
)


@given(st.lists(FOLDED_PIECES, max_size=6).map(lambda pieces: f"(?i){''.join(pieces)}"), FOLDED_TEXTS)
def test_an_expression_is_found_where_it_matches_in_either_case(expression: str, text: str) -> None:
    search = search_for(expression)
    needed = search.test is None or bool(eval(search.test.format(v="v", folded="folded"), {"v": text}))
    found = needed and (search.pattern is None or search.pattern.search(text) is not None)
    assert found == (compile_regex(expression).search(text) is not None)


@pytest.mark.parametrize(
    ("expression", "test", "pattern"),
    [
        ("^.*?,.*?SYSTEM,.*?", "'SYSTEM,' in {v}", ",.*?SYSTEM,"),
        ("^10\\.", "({v}.startswith('10.') or (\"\\n\" in {v} and '\\n10.' in {v}))", None),
        ("^.*?heartbeat.*?", "'heartbeat' in {v}", None),
        ("x(a|b\\d+)yz", "'yz' in {v} and 'x' in {v} and ('a' in {v} or 'b' in {v})", "x(a|b[0-9]+)yz"),
        ("(?i)abc", "(not {v}.isascii() or (({folded} := {v}.lower()) and 'abc' in {folded}))", "(?i:abc)"),
        (
            "(?i)Bot|craw(l|ling)", "(not {v}.isascii() or (({folded} := {v}.lower()) and ('bot' in {folded} or 'crawl' in {folded})))",
            "(?i:Bot|craw(l|ling))",
        ),
        ("(?i)é", None, "(?i:é)"),
        ("(?i)\\{v\\}", "(not {v}.isascii() or (({folded} := {v}.lower()) and '{{v}}' in {folded}))", "(?i:\\{v\\})"),
    ],
)
def test_what_is_looked_for(expression: str, test: str | None, pattern: str | None) -> None:
    search = search_for(expression)
    assert (search.test, search.pattern and search.pattern.pattern) == (test, pattern)
