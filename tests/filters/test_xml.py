"""The filter xml."""
import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.filters._xml_simple import Mapping, XmlError


def run(options: str, value: Any) -> dict[str, Any]:
    (out,) = penstock.compile(f'filter {{ xml {{ source => "m" {options} }} }}')([{"m": value}])
    return {key: value for key, value in out.items() if key not in ("@timestamp", "@version", "m")}


@pytest.mark.parametrize(
    ("document", "data"),
    [
        ("<a>text</a>", "text"),
        ("<a/>", None),
        ("<a> </a>", {}),
        ('<a k="v"/>', {"k": "v"}),
        ('<a k="v">text</a>', {"k": "v", "content": "text"}),
        ('<a k="v"> </a>', {"k": "v", "content": " "}),
        ("<a><b>1</b><b>2</b></a>", {"b": ["1", "2"]}),
        ("<a><b/><c>1</c></a>", {"c": ["1"]}),
        ('<a k="v"><b/></a>', {"k": "v", "b": [None]}),
        ('<a b="0"><b>1</b></a>', {"b": ["0", "1"]}),
        ("<a>x<b>1</b>y</a>", {"b": ["1"], "content": ["x", "y"]}),
        ("<a>x &amp; y<b>1</b></a>", {"b": ["1"], "content": "x &amp; y"}),
        ("<a>\n  <b>1</b>\n</a>", {"b": ["1"]}),
        ("<a>lost\n\n  <b>1</b></a>", {"b": ["1"]}),
        ("<a><anon>1</anon><anon>2</anon></a>", ["1", "2"]),
        ("<a><![CDATA[<x>]]> &lt;<!-- no -->&#233;</a>", "<x> <é"),
        ("<a>1&nbsp;2</a>", "1&nbsp;2"),
        ('<n:a xmlns:n="u" n:k="v" xml:lang="en"><n:b>1</n:b></n:a>', {"xmlns:n": "u", "n:k": "v", "xml:lang": "en", "b": ["1"]}),
        ('<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>', "é"),
    ],
)
def test_documents_as_data(document: str, data: Any) -> None:
    assert Mapping().data(document) == data


@pytest.mark.parametrize(
    ("options", "data"),
    [
        ({"force_array": False}, {"k": "v", "b": ["1", "2"], "c": "3", "d": None}),
        ({"force_content": True}, {"k": "v", "b": [{"content": "1"}, {"content": "2"}], "c": [{"content": "3"}], "d": [None]}),
        ({"suppress_empty": False}, {"k": "v", "b": ["1", "2"], "c": ["3"], "d": [{}]}),
    ],
)
def test_options_of_the_mapping(options: dict[str, bool], data: Any) -> None:
    assert Mapping(**options).data('<a k="v"><b>1</b><b>2</b><c>3</c><d/></a>') == data


@pytest.mark.parametrize(
    "text",
    [
        "text",
        "<a",
        "<a></b>",
        "<a/><b/>",
        "<n:a/>",
        '<a k="1" k="2"/>',
        "<a>&lt</a>",
        "<!-- only -->",
        "\ud800<a/>",
        "<a>" * 251 + "</a>" * 251,
        '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    ],
)
def test_what_is_no_document_is_tagged(text: str) -> None:
    assert run('target => "d" add_tag => ["never"]', text) == {"tags": ["_xmlparsefailure"]}


def test_entities_that_grow_are_refused() -> None:
    lines = [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 20)]
    bomb = f'<!DOCTYPE a [<!ENTITY a0 "x">{"".join(lines)}]><a k="&a19;">&a19;</a>'
    assert run('target => "d" xpath => { "/a" => "a" }', bomb) == {"tags": ["_xmlparsefailure"]}


@pytest.mark.parametrize(
    ("value", "out"),
    [
        (["<a>1</a>"], {"d": "1"}),
        (["<a/>", "<b/>"], {"tags": ["_xmlparsefailure"]}),
        ([], {"tags": ["_xmlparsefailure"]}),
        ({"a": 1}, {"tags": ["_xmlparsefailure"]}),
        (5, {"tags": ["_xmlparsefailure"]}),
        ("", {}),
        (" \n", {}),
    ],
)
def test_values_that_are_no_text(value: Any, out: dict[str, Any]) -> None:
    assert run('target => "d"', value) == out


BOOK = (
    '<r xmlns:h="u" id="7"><h:t lang="en">A &amp; B</h:t><n><m>1</m></n><x>1</x><x>2</x><e/>'
    "<mixed>a<b>c</b>d</mixed></r>"
)


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/r/x/text()", ["1", "2"]),
        ("/r/@id", ["7"]),
        ("/r/h:t/text()", ["A &amp; B"]),
        ("string(/r/h:t)", ["A & B"]),
        ("/r/h:t", ['<h:t lang="en">A &amp; B</h:t>']),
        ("/r/n", ["<n>\n  <m>1</m>\n</n>"]),
        ("/r/e", ["<e/>"]),
        ("/r/mixed", ["<mixed>a<b>c</b>d</mixed>"]),
        ("count(/r/x)", ["2.0"]),
        ("boolean(/r/x)", ["true"]),
        ("boolean(/r/none)", None),
        ("/r/none", None),
        ("//none:x", None),
    ],
)
def test_a_path_finds_these_texts(path: str, texts: list[str] | None) -> None:
    out = run(f"store_xml => false xpath => {{ '{path}' => '[p][q]' }}", BOOK)
    assert out.get("p", {}).get("q") == texts


def test_single_results_of_paths_without_lists() -> None:
    options = 'store_xml => false force_array => false xpath => ["/r/@id", "one", "/r/x/text()", "many"]'
    assert run(options, BOOK) == {"one": "7", "many": ["1", "2"]}


def test_namespaces_of_ones_own_and_none() -> None:
    options = 'store_xml => false namespaces => { "q" => "u" } xpath => { "/r/q:t/@lang" => "x" }'
    assert run(options, BOOK) == {"x": ["en"]}
    assert run('store_xml => false remove_namespaces => true xpath => { "/r/t" => "x" }', BOOK) == {
        "x": ['<t lang="en">A &amp; B</t>']
    }


def test_a_default_namespace_has_the_prefix_xmlns() -> None:
    assert run('store_xml => false xpath => { "/xmlns:a/text()" => "x" }', '<a xmlns="u">1</a>') == {"x": ["1"]}


BROKEN = "<r><a>1</a><b>2<b></r>"


def test_paths_look_into_broken_documents() -> None:
    options = 'store_xml => false xpath => { "/r/a/text()" => "a" }'
    assert run(options, BROKEN) == {"a": ["1"]}
    assert run(options, "nothing") == {}
    assert run(options + ' parse_options => "strict"', BROKEN) == {"tags": ["_xmlparsefailure"]}
    assert run('store_xml => false parse_options => "strict|noblanks"', BROKEN) == {"tags": ["_xmlparsefailure"]}
    assert run('store_xml => false parse_options => "recover"', BROKEN) == {}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", "E214"),
        ('target => "d" parse_options => "strickt"', "E220"),
        ('target => "d" xpath => { "/a[" => "x" }', "E220"),
        ('target => "d" xpath => { "/a" => "x[" }', "E207"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: str, code: str) -> None:
    with pytest.raises(penstock.ConfigError) as error:
        run(options, "")
    assert [diagnostic.code for diagnostic in error.value.diagnostics] == [code]


@given(st.text(alphabet="<>/&;! ab\"=[]'x-", max_size=40))
def test_any_text_is_a_document_or_an_error(text: str) -> None:
    with contextlib.suppress(XmlError):
        json.dumps(Mapping().data(text))
