"""The formatter: layouts as texts, and its three laws: the tree stays, comments stay, and what is laid out stays as it is."""
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dsl import formatter
from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.formatter import same
from penstock.dsl.parser import parse
from penstock.dsl.source import Source

ROOT = Path(__file__).parents[2]


def laid_out(text: str) -> str:
    return formatter.format(Source("p.conf", text))


LONG = "a" * 56
LAYOUTS = {
    "an empty text": ("", ""),
    "blanks only": ("\n \n", ""),
    "a line that fits stays one": ('filter{mutate{add_tag=>["x"]}}', 'filter { mutate { add_tag => ["x"] } }\n'),
    "what is broken stays broken": (
        'filter{\nmutate{\nadd_tag=>["x"]}}',
        'filter {\n  mutate {\n    add_tag => ["x"]\n  }\n}\n',
    ),
    "empty parts": ('input{}\nfilter { mutate { a=>[ ] b => { } } }', 'input { }\nfilter { mutate { a => [] b => { } } }\n'),
    "a plugin that does not fit is broken": (
        f'filter {{ mutate {{ a => "{LONG}" b => "{LONG}" }} }}',
        f'filter {{\n  mutate {{\n    a => "{LONG}"\n    b => "{LONG}"\n  }}\n}}\n',
    ),
    "a list that does not fit has an item a line": (
        f'filter {{\n  grok {{ match => {{ "m" => ["{LONG}", "{LONG}", "x"] }} }}\n}}',
        f'filter {{\n  grok {{\n    match => {{\n      "m" => [\n        "{LONG}",\n        "{LONG}",\n        "x"\n      ]\n    }}\n  }}\n}}\n',
    ),
    "one long text is not broken": (
        f'filter {{\n  grok {{ match => {{ "m" => "{LONG * 3}" }} }}\n}}',
        f'filter {{\n  grok {{\n    match => {{ "m" => "{LONG * 3}" }}\n  }}\n}}\n',
    ),
    "a comma at the end of a list goes": ('filter {\n  m { a => [1, 2,] }\n}', "filter {\n  m { a => [1, 2] }\n}\n"),
    "codecs": ('input { stdin { codec=>json{charset=>"x"} } }', 'input { stdin { codec => json { charset => "x" } } }\n'),
    "texts, names and numbers as they were": (
        """filter {\n "mutate" { 'a' => "b\\"c" d => 'e' f => -5. g => bare }\n}""",
        """filter {\n  "mutate" { 'a' => "b\\"c" d => 'e' f => -5. g => bare }\n}\n""",
    ),
    "arrows stand below each other": (
        'filter {\n m {\n a => 1 # c\n long => 2\n\n b=>3\n list => [\n 1\n ]\n last => { "k" => 1 }\n # alone\n z => { \n"a" => 1 "bcd" => 2 }\n }\n}',
        "filter {\n  m {\n    a    => 1 # c\n    long => 2\n\n    b    => 3\n    list => [\n      1\n    ]\n    last => { \"k\" => 1 }\n"
        '    # alone\n    z => {\n      "a"   => 1\n      "bcd" => 2\n    }\n  }\n}\n',
    ),
    "texts over several lines": ('filter {\n  ruby { code => "\n  x\n y" }\n}', 'filter {\n  ruby {\n    code => "\n  x\n y"\n  }\n}\n'),
    "branches": (
        "filter{if[a]{drop{}}else if[b]{drop{}}elsif[c]{drop{}}else{drop{}}}",
        "filter {\n  if [a] {\n    drop { }\n  } else if [b] {\n    drop { }\n  } else if [c] {\n    drop { }\n  } else {\n    drop { }\n  }\n}\n",
    ),
    "a short branch stays on its line": ("filter {\nif[a]  {drop{}}\n}", "filter {\n  if [a] { drop { } }\n}\n"),
    "conditions": (
        'filter { if !([a]==1) and![b] or not [c]in["x",2] xor "y"not   in[d]and[e]=~/a b\\/c/ { } drop { } }',
        'filter {\n  if !([a] == 1) and ![b] or not [c] in ["x", 2] xor "y" not in [d] and [e] =~ /a b\\/c/ {\n  }\n  drop { }\n}\n',
    ),
    "a condition that does not fit": (
        f'filter {{\n  if [{LONG}] == 1 and [{LONG}] == 2 or [c] {{ drop {{ }} }}\n}}',
        f"filter {{\n  if [{LONG}] == 1\n      and [{LONG}] == 2\n      or [c] {{\n    drop {{ }}\n  }}\n}}\n",
    ),
    "blank lines, one of several": ("\n\ninput { }\n\n\n\nfilter {\n\n\n  a { }\n\n\n  b { }\n\n}\n\n", "input { }\n\nfilter {\n  a { }\n\n  b { }\n}\n"),
    "comments": (
        "# first\n\n#second\nfilter { # behind\n# own\n  a { } # at its line\n\n  # before b\n  b { x => 1 # of x\n    # last\n  }\n}\n# end",
        "# first\n\n#second\nfilter { # behind\n  # own\n  a { } # at its line\n\n  # before b\n  b {\n    x => 1 # of x\n    # last\n  }\n}\n# end\n",
    ),
    "comments in lists and hashes": (
        'filter { m { a => [ # all\n "x" # one\n, "y", # two\n# end\n] h => { # all\n"k" => 1 # one\n} } }',
        'filter {\n  m {\n    a => [ # all\n      "x", # one\n      "y" # two\n      # end\n    ]\n    h => { # all\n      "k" => 1 # one\n    }\n  }\n}\n',
    ),
    "comments between arms": (
        "filter { if [a] { } # yes\n# no\nelse { } }",
        "filter {\n  if [a] {\n  } # yes\n  # no\n  else {\n  }\n}\n",
    ),
    "comments where no line can be broken go before": (
        "filter # a\n{ mutate # b\n{ x # c\n=> # d\n1 } }",
        "# a\nfilter {\n  # b\n  mutate {\n    # c\n    # d\n    x => 1\n  }\n}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_a_text_is_laid_out_so_and_then_stays(text: str, wanted: str) -> None:
    assert laid_out(text) == wanted
    assert laid_out(wanted) == wanted


def test_what_does_not_parse_is_not_laid_out() -> None:
    with pytest.raises(ConfigError):
        laid_out("filter {")


def holds(text: str) -> None:
    """The three laws, for a text."""
    before, out = parse(Source("p.conf", text)), laid_out(text)
    after = parse(Source("p.conf", out))
    assert same(before.sections, after.sections)
    assert [c.text.rstrip() for c in before.comments] == [c.text.rstrip() for c in after.comments]
    assert laid_out(out) == out


@pytest.mark.parametrize("path", sorted((ROOT / "samples").glob("*/*.conf")), ids=lambda path: path.parent.name)
def test_samples_are_laid_out_and_obey_the_laws(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    holds(text)
    assert laid_out(text) == text, "penstock fmt samples"


# Configurations as lists of tokens, with a gap of any kind between two of them.
GAPS = st.sampled_from([" ", " ", " ", "\n", "\n\n", "\n\n\n  ", "\t", " # c\n", "\n# c ä \n", "#\n", "\r\n", " # } ] \"x\n# d\n"])
NAMES = st.sampled_from(["mutate", "grok", "add_tag", "x-1", '"quoted"', "'single'"])
SCALARS = st.sampled_from(['"a"', "'b'", '"with # and { in it"', '"two\nlines"', "12", "-1.5", "bare", '"' + "long " * 15 + '"', r'"esc\"aped"'])
Tokens = list[str]


def several(part: st.SearchStrategy[Tokens], separator: Tokens | None = None, low: int = 0, high: int = 3) -> st.SearchStrategy[Tokens]:
    def joined(parts: list[Tokens]) -> Tokens:
        return [token for number, one in enumerate(parts) for token in ([*(separator or []), *one] if number else one)]

    return st.lists(part, min_size=low, max_size=high).map(joined)


def wrapped(opening: str, inner: st.SearchStrategy[Tokens], closing: str) -> st.SearchStrategy[Tokens]:
    return inner.map(lambda tokens: [opening, *tokens, closing])


def pairs(names: st.SearchStrategy[str], values: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    return st.tuples(names, values).map(lambda pair: [pair[0], "=>", *pair[1]])


VALUES = st.recursive(
    SCALARS.map(lambda text: [text]),
    lambda inner: st.one_of(
        wrapped("[", several(inner, [","]), "]"),
        wrapped("{", several(pairs(SCALARS, inner)), "}"),
        st.tuples(NAMES, wrapped("{", several(pairs(NAMES, inner)), "}")).map(lambda pair: [pair[0], *pair[1]]),
    ),
    max_leaves=6,
)
OPERANDS = st.sampled_from([["[a]"], ["[a][b c]"], ['"x"'], ["5"], ['["x", "y"]'], ["[" + "long" * 12 + "]"]])
COMPARISONS = st.one_of(
    OPERANDS,
    st.tuples(OPERANDS, st.sampled_from([["=="], ["!="], ["<"], ["in"], ["not", "in"]]), OPERANDS).map(lambda parts: [*parts[0], *parts[1], *parts[2]]),
    st.tuples(OPERANDS, st.sampled_from(["=~", "!~"]), st.sampled_from(["/a b/", r"/\//", '"t"'])).map(lambda parts: [*parts[0], parts[1], parts[2]]),
)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        wrapped("(", inner, ")"),
        wrapped("(", inner, ")").map(lambda tokens: ["!", *tokens]),
        wrapped("(", inner, ")").map(lambda tokens: ["not", *tokens]),
        st.tuples(inner, st.sampled_from(["and", "or", "xor", "nand"]), inner).map(lambda parts: [*parts[0], parts[1], *parts[2]]),
    ),
    max_leaves=4,
)
PLUGINS = st.tuples(NAMES, wrapped("{", several(pairs(NAMES, VALUES)), "}")).map(lambda pair: [pair[0], *pair[1]])


def branches(body: st.SearchStrategy[Tokens]) -> st.SearchStrategy[Tokens]:
    arm = st.tuples(CONDITIONS, wrapped("{", several(body), "}")).map(lambda pair: [*pair[0], *pair[1]])
    others = several(st.tuples(st.sampled_from([["else", "if"], ["elsif"]]), arm).map(lambda pair: [*pair[0], *pair[1]]), high=2)
    last = st.one_of(st.just(Tokens()), wrapped("{", several(body), "}").map(lambda tokens: ["else", *tokens]))
    return st.tuples(arm, others, last).map(lambda parts: ["if", *parts[0], *parts[1], *parts[2]])


STATEMENTS = st.recursive(PLUGINS, branches, max_leaves=4)
SECTIONS = st.tuples(st.sampled_from(["input", "filter", "output"]), wrapped("{", several(STATEMENTS), "}")).map(lambda pair: [pair[0], *pair[1]])


@st.composite
def configurations(draw: st.DrawFn) -> str:
    tokens = draw(several(SECTIONS))
    gaps = draw(st.lists(GAPS, min_size=len(tokens) + 1, max_size=len(tokens) + 1))
    return "".join(part for pair in zip(gaps, [*tokens, ""], strict=True) for part in pair)


@settings(max_examples=150, deadline=None)
@given(configurations())
def test_any_configuration_obeys_the_laws(text: str) -> None:
    holds(text)
