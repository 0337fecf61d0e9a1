"""Tree to program, beyond the diagnostics (those are in ``cases``): several sources, ids, codecs, what is told apart."""
from typing import Any

import pytest

from penstock.dsl import tree
from penstock.dsl.check import check
from penstock.dsl.diagnostics import Diagnostic, in_order, render
from penstock.dsl.parser import parse
from penstock.dsl.program import Branch, PluginUse
from penstock.dsl.settings import settled
from penstock.dsl.source import Source, Span


class NoPlugins:
    """A catalogue without anything."""

    def spec(self, section: str, name: str) -> None:
        return None

    def names(self, section: str) -> list[str]:
        return []


def test_the_sections_of_all_sources_are_joined_in_order_and_places_stay_known(language: Any) -> None:
    first = language.check("filter { drop { id => 'a' } } filter { drop { id => 'b' } }").program
    assert [use.id for use in first.filters] == ["a", "b"]
    trees = [parse(Source("one.conf", "filter { x { } }\n")), parse(Source("two.conf", "\n\nfilter { y { } }"))]
    found = check(trees, NoPlugins(), settled(None), {}).diagnostics
    assert [diagnostic.place for diagnostic in found] == ["one.conf:1:10", "two.conf:3:10"]


def test_a_plugin_without_an_id_is_called_by_its_place(language: Any) -> None:
    (use,) = language.check("filter {\n  drop { }\n}").program.filters
    assert use.id == "drop@test.conf:2:3"


def test_a_codec_is_a_use_of_its_own(language: Any) -> None:
    (use,) = language.check("input { stdin { codec => json { target => '[a]' } } }").program.inputs
    codec = use.settings["codec"].value
    assert isinstance(codec, PluginUse)
    assert (codec.spec.section, codec.name, str(codec.settings["target"].value)) == ("codec", "json", "[a]")


def test_branches_keep_their_arms(language: Any) -> None:
    (branch,) = language.check("filter { if [a] { drop { } } else if [b] { } else { drop { } drop { } } }").program.filters
    assert isinstance(branch, Branch)
    assert [(arm.condition is None, len(arm.body)) for arm in branch.arms] == [(False, 1), (False, 0), (True, 2)]


def test_what_is_wrong_is_left_out_and_the_rest_is_there(language: Any) -> None:
    checked = language.check("filter { nothing { } drop { percentage => 'x' id => 'b' } }")
    (use,) = checked.program.filters
    assert set(use.settings) == {"id"}
    assert len(checked.diagnostics) == 2


def test_findings_are_sorted_by_place_and_said_once(language: Any) -> None:
    checked = language.check("filter { drop { b1 => 1 a1 => 1 } }")
    twice = [*reversed(checked.diagnostics), *checked.diagnostics]
    assert [d.span.text for d in in_order(twice)] == ["b1", "a1"]


def test_the_drawing_has_place_source_line_caret_and_help_text(language: Any) -> None:
    (found,) = language.findings("filter {\n  mutate { ad_tag => 'x' }\n}")
    assert render([found]) == (
        "error[E203]: `mutate` has no option `ad_tag`\n"
        " --> test.conf:2:12\n"
        "2 |   mutate { ad_tag => 'x' }\n"
        "  |            ^^^^^^\n"
        "  = did you mean `add_tag`?\n"
    )


def test_a_long_line_is_cut_around_the_caret(language: Any) -> None:
    text = "filter { " + "drop { } " * 100 + "drop { x1 => 2 } " + "drop { } " * 100 + "}"
    (found,) = language.findings(text)
    _, _, line, caret, *_ = render([found]).split("\n")
    assert line.startswith("1 | …")
    assert len(line) < 140
    at = caret.index("^")
    assert line[at : at + 2] == "x1"


@pytest.mark.parametrize("line", ["\tmutate { bad => 1 }", "mutate { bad => 1 }\r", "mutate { add_tag => 'ä€' bad => 1 }"])
def test_the_caret_stands_under_what_it_blames(line: str, language: Any) -> None:
    (found,) = language.findings("filter {\n" + line + "\n}")
    shown, caret = render([found]).split("\n")[2:4]
    assert shown[caret.index("^") :].startswith("bad")
    assert "\t" not in shown
    assert "\r" not in shown


def test_colours_are_only_drawn_where_asked_for(language: Any) -> None:
    (found,) = language.findings("filter { nothing { } }")
    assert "\x1b[" in render([found], color=True)
    assert "\x1b[" not in render([found])


def test_a_value_of_the_tree_has_its_kind(language: Any) -> None:
    (use,) = language.check("filter { kinds { any => [1, 'a', b0] } }").program.filters
    (attribute,) = use.settings["any"].given
    assert [type(item) for item in attribute.value.items] == [tree.Number, tree.Text, tree.Bareword]
    assert use.settings["any"].span_of((1,)).text == "'a'"


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", ["first", "middle", "last"])
def test_a_caret_stands_under_what_it_means_whatever_the_width(width: int, name: str) -> None:
    line = 'filter { mutate { first => "' + "x" * 70 + '" middle => "' + "y" * 70 + '" last => 1 } }'
    start = line.index(name)
    text = render([Diagnostic("E203", "no such option", Span(Source("a.conf", line), start, start + len(name)))], width=width)
    shown, carets = text.splitlines()[2:4]
    assert max(map(len, text.splitlines())) <= width
    assert shown[carets.index("^") : carets.rindex("^") + 1] == name
    assert ("…" in shown) == (len(line) + 4 > width)
