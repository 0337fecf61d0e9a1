"""Text to tree: what is read, where it stands, and that nothing but a ConfigError comes of any text."""
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.dsl import tree
from penstock.dsl.diagnostics import ConfigError
from penstock.dsl.parser import parse
from penstock.dsl.source import Source, Span


def read(text: str) -> tree.Tree:
    return parse(Source("test.conf", text))


def values(text: str) -> list[Any]:
    """The values of the options of the only plugin."""
    (section,) = read(f"filter {{ x {{ {text} }} }}").sections
    (plugin,) = section.body
    assert isinstance(plugin, tree.Plugin)
    return [attribute.value for attribute in plugin.attributes]


def condition(text: str) -> Any:
    """The condition of the only branch."""
    (section,) = read(f"filter {{ if {text} {{ }} }}").sections
    (branch,) = section.body
    assert isinstance(branch, tree.Branch)
    return branch.arms[0].condition


def outline(node: Any) -> Any:
    """A condition as nested tuples, operator first; operands as written."""
    if isinstance(node, tree.Binary):
        return node.operator, outline(node.left), outline(node.right)
    if isinstance(node, tree.Unary):
        return node.operator, outline(node.operand)
    if isinstance(node, tree.Group):
        return outline(node.inner)
    return node.span.text


def test_sections_may_be_repeated_in_any_order() -> None:
    found = read("output { } filter { } input { } filter { }")
    assert [section.kind for section in found.sections] == ["output", "filter", "input", "filter"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('a => "b"', "b"),
        ("a => 'b'", "b"),
        (r'a => "say \"b\""', r"say \"b\""),
        (r"a => 'it\'s'", r"it\'s"),
        (r'a => "a\nb"', r"a\nb"),
        (r"a => 'C:\\'", None),
        ('a => "# no comment"', "# no comment"),
        ("a => bareword", "bareword"),
        ("a => _b1", "_b1"),
        ("a => 5", 5),
        ("a => -5", -5),
        ("a => 5.", 5.0),
        ("a => 0.25", 0.25),
        ("a => 007", 7),
        ("'a' => 1", 1),
        ("a-b => 1", 1),
        ("3 => 1", 1),
    ],
)
def test_scalars_are_read_as_written_with_escapes_untouched(text: str, wanted: Any) -> None:
    if wanted is None:
        with pytest.raises(ConfigError):
            values(text)
    else:
        (value,) = values(text)
        assert value.value == wanted
        assert type(value.value) is type(wanted)


def test_lists_and_hashes_nest() -> None:
    (value,) = values('a => { "b" => [1, { cd => ef }] 5 => [] f0=>{} }')
    assert isinstance(value, tree.Hash)
    assert [entry.key.value for entry in value.entries] == ["b", 5, "f0"]
    inner = value.entries[0].value
    assert isinstance(inner, tree.Array)
    assert isinstance(inner.items[1], tree.Hash)


def test_hash_entries_need_no_space_between_them() -> None:
    (value,) = values('a => { "b" => "c""d" => "e" }')
    assert [entry.value.value for entry in value.entries] == ["c", "e"]


def test_a_plugin_may_be_a_value() -> None:
    (value,) = values("codec => json { target => 'a' }")
    assert isinstance(value, tree.Plugin)
    assert (value.name, value.attributes[0].name) == ("json", "target")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[a] and [b] or [c]", ("or", ("and", "[a]", "[b]"), "[c]")),
        ("[a] or [b] and [c]", ("or", "[a]", ("and", "[b]", "[c]"))),
        ("[a] or [b] xor [c]", ("or", "[a]", ("xor", "[b]", "[c]"))),
        ("[a] xor [b] and [c]", ("xor", "[a]", ("and", "[b]", "[c]"))),
        ("[a] nand [b] xor [c]", ("xor", ("nand", "[a]", "[b]"), "[c]")),
        ("[a] and [b] nand [c]", ("nand", ("and", "[a]", "[b]"), "[c]")),
        ("[a] or [b] or [c]", ("or", ("or", "[a]", "[b]"), "[c]")),
        ("[a] and ([b] or [c])", ("and", "[a]", ("or", "[b]", "[c]"))),
        ("not [a] and [b]", ("and", ("not", "[a]"), "[b]")),
        ("not [a] == 1", ("not", ("==", "[a]", "1"))),
        ("![a] and [b]", ("and", ("!", "[a]"), "[b]")),
        ("!([a] and [b])", ("!", ("and", "[a]", "[b]"))),
        ("[a] not in [b]", ("not in", "[a]", "[b]")),
        ("[a] not  in [b] and [c]", ("and", ("not in", "[a]", "[b]"), "[c]")),
        ("[a]=~/b/ or[c]!~'d'", ("or", ("=~", "[a]", "/b/"), ("!~", "[c]", "'d'"))),
        ("[a]<=5and[b]>=6", ("and", ("<=", "[a]", "5"), (">=", "[b]", "6"))),
        ("exists([a][b]) and [c]", ("and", "exists([a][b])", "[c]")),
        ('"a" in ["a", "b"]', ("in", '"a"', '["a", "b"]')),
        ("true", "true"),
    ],
)
def test_operators_bind_as_documented(text: str, wanted: Any) -> None:
    assert outline(condition(text)) == wanted


def test_a_slash_is_written_with_a_backslash_in_a_pattern() -> None:
    assert condition(r"[a] =~ /b\/c\d/").right.value == r"b/c\d"


def test_a_bracket_with_one_text_is_a_selector_and_with_two_a_list() -> None:
    assert isinstance(condition('[a] in ["b"]').right, tree.Selector)
    assert isinstance(condition('[a] in ["b", "c"]').right, tree.Array)


def test_comments_are_kept_with_their_places() -> None:
    found = read("# one\nfilter { # two\n}\n# three")
    assert [(comment.text, comment.span.line) for comment in found.comments] == [("# one", 1), ("# two", 2), ("# three", 4)]


def test_every_part_of_the_tree_knows_its_place() -> None:
    text = 'filter {\n  if [a] == "b" {\n    mutate { add_tag => ["c"] }\n  } else { drop { } }\n}'
    found = {text[span.start : span.end] for span in spans(read(text).sections)}
    assert {'[a] == "b"', "[a]", '"b"', 'mutate { add_tag => ["c"] }', "mutate", 'add_tag => ["c"]', '["c"]', '"c"'} <= found
    assert {text, text[text.index("if") : text.rindex("}") - 1], "else { drop { } }", "drop { }"} <= found


def spans(node: Any) -> list[Span]:
    """The spans of all parts of a tree."""
    if isinstance(node, tuple):
        return [span for item in node for span in spans(item)]
    if isinstance(node, Span):
        return [node]
    fields = getattr(node, "__struct_fields__", ())
    return [span for name in fields for span in spans(getattr(node, name))]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_lines_may_end_in_any_way_and_tabs_are_space(newline: str) -> None:
    text = newline.join(["filter\t{", "\tmutate\t{", "\t\tadd_tag\t=>\t'a'", "\t}", "}"])
    (section,) = read(text).sections
    assert section.body[0].span.place == "test.conf:2:2"


def test_five_thousand_lines_are_a_configuration() -> None:
    plugin = '  mutate {\n    add_field => { "a" => "b" }\n    add_tag => ["c", "d"]\n  }\n'
    (section,) = read("filter {\n" + plugin * 1250 + "}\n").sections
    assert len(section.body) == 1250
    assert section.body[-1].span.line == 4998


def test_chains_and_nests_of_thousands_are_read() -> None:
    chain = "if [a] == 0 { drop { } }" + "".join(f" else if [a] == {n} {{ drop {{ }} }}" for n in range(2000))
    (section,) = read(f"filter {{ {chain} }}").sections
    (branch,) = section.body
    assert isinstance(branch, tree.Branch)
    assert len(branch.arms) == 2001
    assert outline(condition(" or ".join(["[a]"] * 50)))[2] == "[a]"


TOKENS = [
    "filter", "input", "{", "}", "[", "]", "(", ")", "=>", ",", "if", "else", "elsif", "and", "or", "xor", "nand", "not", "in", "!",
    "==", "!=", "=~", "::", "=", "/a/", "[a]", "[a][b]", '"a"', "'b'", "5", "-1.5", "mutate", "codec", "x", "#c\n", " ",
    "\n", '"', "'", "/", "\\", "${A}", "\u00a0", "é", "\0",
]


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(TOKENS), max_size=40).map(" ".join)))
@example("filter { x { a => \"\\")
@example("filter { if [a] =~ /\\")
@example("\ufefffilter { }")
@example("filter { x { a => 1e5 } }")
def test_any_text_is_a_tree_or_a_diagnosis_that_lies_in_it(text: str) -> None:
    try:
        read(text)
    except ConfigError as error:
        (found,) = error.diagnostics
        assert found.span is not None
        assert 0 <= found.span.start <= found.span.end <= max(1, len(text))
        assert found.message in str(error)


WHOLE = """filter {
  # a comment
  if [a] in ["b", "c"] and [d][e] =~ /f\\/g/ {
    mutate { add_field => { "h" => "i %{j}" } gsub => ["k", "l\\"", 'm'] }
  } else if !([n] > 5) { drop { } } else { grok { match => { "message" => "%{X:y}" } } }
}
"""


@pytest.mark.parametrize("end", range(len(WHOLE) - 1))
def test_a_truncated_configuration_is_a_tree_or_a_diagnosis(end: int) -> None:
    text = WHOLE[:end]
    try:
        read(text)
    except ConfigError as error:
        assert error.diagnostics[0].help or "would be" in str(error) or "missing" in str(error)
    else:
        assert not text.strip()


@pytest.mark.parametrize(
    "text",
    [
        "if [a] { " * 200 + "}" * 200,
        "if " + "(" * 3000 + "[a]" + ")" * 3000 + " { }",
        "if " + "not " * 3000 + "[a] { }",
        "if " + "[a] nand " * 3000 + "[a] { }",
        "x { a1 => " + "[" * 3000 + "]" * 3000 + " }",
        "x { a1 => " + "{ b0 => " * 200 + "1" + "}" * 201,
    ],
)
def test_what_is_nested_absurdly_deep_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(f"filter {{ {text} }}")
    assert [found.code for found in refused.value.diagnostics] == ["E105"]


def test_long_chains_of_one_operator_are_not_deep() -> None:
    assert condition("[a] and [b] or " * 3000 + "[c]").operator == "or"
