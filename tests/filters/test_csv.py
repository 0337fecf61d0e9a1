"""The filter csv."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock
from penstock.plugins.csv_rows import MalformedRowError, Reader


def run(options: str, *texts: Any, **settings: Any) -> list[dict[str, Any]]:
    stage = penstock.compile(f"filter {{ csv {{ {options} }} }}", settings=settings)
    outs = stage([{"message": text} for text in texts])
    return [
        {k: v for k, v in out.items() if k not in ("@timestamp", "@version", "message")}
        for out in outs
    ]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("a,,c,", ["a", None, "c", None]),
        (",", [None, None]),
        ('"",""', ["", ""]),
        ('a,"b,c",d', ["a", "b,c", "d"]),
        ('"say ""hi""",x', ['say "hi"', "x"]),
        ('"two\nlines",x', ["two\nlines", "x"]),
        ("a,b\r\nc,d", ["a", "b"]),
        ('"a","b"\n"c"d', ["a", "b"]),
        ("a\rb", ["a"]),
        ("\na,b", []),
        ("\n", []),
        (" a , b ", [" a ", " b "]),
        ("", None),
    ],
)
def test_the_first_row_is_read(text: str, row: Any) -> None:
    assert Reader(",", '"').first_row(text) == row


@pytest.mark.parametrize(
    "text", ['"open', 'a"b', '"a"b', ' "a"', '"a" ,b', 'a,"b', 'a,"', '"a\r\nb",c\rd', '"a""']
)
def test_rows_that_are_none(text: str) -> None:
    with pytest.raises(MalformedRowError):
        Reader(",", '"').first_row(text)


def test_separators_of_several_characters() -> None:
    read = Reader("||", "'").first_row
    assert read("a||b|c||") == ["a", "b|c", None]
    assert read("'a||b'||c|d") == ["a||b", "c|d"]


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=5)), min_size=1, max_size=5).filter(
        lambda row: row != [None]
    )
)
def test_what_is_quoted_is_read_again(row: list[str | None]) -> None:
    text = ",".join("" if field is None else '"' + field.replace('"', '""') + '"' for field in row)
    assert Reader(",", '"').first_row(text) == row


@pytest.mark.parametrize(
    ("options", "text", "fields"),
    [
        ("", "a,b", {"column1": "a", "column2": "b"}),
        ('columns => ["x"]', "a,b", {"x": "a", "column2": "b"}),
        ('columns => ["x"] autogenerate_column_names => false', "a,b", {"x": "a"}),
        ('columns => ["x", "y"] skip_empty_columns => true', 'a,""', {"x": "a"}),
        ('columns => ["[n][a]", "b"] target => "t"', "1,2", {"t": {"n": {"a": "1"}, "b": "2"}}),
        ('target => "[t][u]"', "1", {"t": {"u": {"column1": "1"}}}),
        ('separator => ";"', "a;b,c", {"column1": "a", "column2": "b,c"}),
        ('quote_char => "\\x00"', '"a,b', {"column1": '"a', "column2": "b"}),
        ("skip_empty_rows => true", "", {"tags": ["_csvskippedemptyfield"]}),
        ("", "", {"tags": ["_csvparsefailure"]}),
        ("", 'a,"', {"tags": ["_csvparsefailure"]}),
        ("", 5, {"tags": ["_csvparsefailure"]}),
        ("", ["a,b"], {"tags": ["_csvparsefailure"]}),
        ("", None, {}),
        ('columns => ["@timestamp"]', "a", {"tags": ["_csvparsefailure"]}),
        ('columns => ["a[b"]', "a", {"tags": ["_csvparsefailure"]}),
        ('add_tag => ["ok"] columns => ["x"]', "a", {"x": "a", "tags": ["ok"]}),
    ],
)
def test_columns_become_fields(options: str, text: Any, fields: dict[str, Any]) -> None:
    assert run(options, text) == [fields]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("integer", "1_000", 1000),
        ("integer", " 12 ", 12),
        ("integer", "0x1f", 31),
        ("integer", "017", 15),
        ("integer", "1.5", "1.5"),
        ("integer", "", None),
        ("float", "1e3", 1000.0),
        ("float", "12", 12.0),
        ("float", "1.", "1."),
        ("float", "nan", "nan"),
        ("boolean", "True", True),
        ("boolean", " FALSE", False),
        ("boolean", "Yes", "yes"),
        ("boolean", "", None),
        ("date", "2017-06-01", "2017-06-01T00:00:00.000Z"),
        ("date", "Thursday June 1 17", "2017-06-01T00:00:00.000Z"),
        ("date", "June 31 2017", "June 31 2017"),
        ("date", "2017-06-01 10:00", "2017-06-01 10:00"),
        ("date_time", "2001-02-03 04:05:06", "2001-02-03T04:05:06.000Z"),
        ("date_time", "2001-02-03T04:05:06.25+02:00", "2001-02-03T02:05:06.250Z"),
        ("date_time", "2001-02-03 04:05:06 UTC", "2001-02-03T04:05:06.000Z"),
        ("date_time", "Sat Feb 3 04:05:06 2001", "2001-02-03T04:05:06.000Z"),
        ("date_time", "2001-02-03", "2001-02-03T00:00:00.000Z"),
        ("date_time", "2001-02-03 25:00:00", "2001-02-03 25:00:00"),
    ],
)
def test_columns_are_converted(kind: str, text: str, value: Any) -> None:
    options = f'columns => ["x", "y"] convert => {{ "x" => "{kind}" }}'
    (out,) = run(options, f"{text},end", **{"penstock.timezone": "UTC"})
    assert (out["x"], type(out["x"])) == (value, type(value))


def test_a_date_starts_in_the_zone_of_the_platform() -> None:
    (out,) = run(
        'convert => { "column1" => "date" }', "2017-06-01", **{"penstock.timezone": "Europe/Berlin"}
    )
    assert out["column1"] == "2017-05-31T22:00:00.000Z"


def test_the_header_is_dropped() -> None:
    assert run('columns => ["x", "y"] skip_header => true', "x,y", "a,b") == [{"x": "a", "y": "b"}]


def test_the_first_event_names_the_columns() -> None:
    options = 'autodetect_column_names => true skip_header => true add_tag => ["row"]'
    assert run(options, "x,y", "a,b", "x,y") == [{"x": "a", "y": "b", "tags": ["row"]}]


def test_the_header_is_dropped_within_a_branch_and_the_order_kept() -> None:
    stage = penstock.compile(
        'filter { if [message] != "k" { csv { columns => ["x"] skip_header => true } } }'
    )
    assert [out["message"] for out in stage([{"message": m} for m in "kxakxb"])] == [
        "k",
        "a",
        "k",
        "b",
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ('convert => { "x" => "int" }', "did you mean"),
        ('quote_char => ""', "one character"),
        ("quote_char => \"''\"", "one character"),
        ('separator => ""', "empty"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: str, said: str) -> None:
    with pytest.raises(penstock.ConfigError, match=said):
        run(options)


def test_a_backslash_t_is_warned_of() -> None:
    assert [w.code for w in penstock.compile('filter { csv { separator => "\\t" } }').warnings] == [
        "W305"
    ]


@given(st.text(st.sampled_from('ab,",\'| "'), max_size=12))
def test_a_line_with_quotes_is_read_as_a_row_of_several_lines_is(text: str) -> None:
    reader = Reader(",", '"')

    def first_row(given: str) -> Any:
        try:
            return reader.first_row(given)
        except MalformedRowError:
            return "malformed"

    assert first_row(text) == first_row(text + "\nnext") or not text


AT_ONCE = [
    ('columns => ["a", "b"] target => "t"', "1,2", {"t": {"a": "1", "b": "2"}}),
    ('columns => ["a", "b"] target => "[t][u]"', "1,2", {"t": {"u": {"a": "1", "b": "2"}}}),
    ('columns => ["a", "b"] target => "@metadata"', "1,2", {"@metadata": {"a": "1", "b": "2"}}),
    ('columns => ["a", "b"] target => "t" skip_empty_columns => true', ",", {}),
    ('columns => ["a", "a"] skip_empty_columns => true', "1,", {"a": "1"}),
    ('columns => ["a", "a"] convert => { "a" => "integer" }', "1,2", {"a": 2}),
    ('columns => ["a", "a"] convert => { "a" => "integer" }', "1,", {"a": None}),
    ('columns => ["a", "[b][c]"]', "1,2,3", {"a": "1", "b": {"c": "2"}, "column3": "3"}),
    ('columns => ["a"] autogenerate_column_names => false', "1,2", {"a": "1"}),
    ('columns => ["a", "tags"]', "1,2", {"a": "1", "tags": "2"}),
    ('columns => ["a", "@timestamp", "b"]', "1,2,3", {"a": "1", "b": "3", "tags": ["_csvparsefailure"]}),
    ('columns => ["a", "x[y", "b"]', "1,2,3", {"a": "1", "b": "3", "tags": ["_csvparsefailure"]}),
]  # fmt: skip


@pytest.mark.parametrize(("options", "text", "fields"), AT_ONCE)
def test_columns_are_set_where_they_are_named(
    options: str, text: str, fields: dict[str, Any]
) -> None:
    assert run(options, text) == [fields]


@given(st.text(alphabet='ab,"\n\r ', max_size=12), st.booleans(), st.booleans())
def test_a_row_is_set_alike_whether_it_is_plain_or_not(text: str, skip: bool, below: bool) -> None:
    options = f'columns => ["x", "y"] skip_empty_columns => {str(skip).lower()}'
    (out,) = run(f'{options} target => "t"' if below else options, text)
    try:
        row = Reader(",", '"').first_row(text)
    except MalformedRowError:
        row = None
    if row is None:
        assert out == {"tags": ["_csvparsefailure"]}
        return
    names = ["x", "y", *(f"column{place}" for place in range(3, 20))]
    named = zip(names, row, strict=False)
    fields = {name: value for name, value in named if value or not skip}
    assert out == ({"t": fields} if below and fields else {} if below else fields)


@pytest.mark.parametrize(
    ("held", "after"),
    [
        ({"b": "old", "c": 1}, {"b": "2", "c": 1, "a": "1"}),
        ([{"c": 1}], [{"c": 1}]),
        ("x", "x"),
        (None, None),
    ],
)
def test_a_target_that_is_there_is_joined_or_left_alone(held: Any, after: Any) -> None:
    stage = penstock.compile('filter { csv { columns => ["a", "b"] target => "t" } }')
    (out,) = stage([{"message": "1,2", "t": held}])
    assert out["t"] == after
    assert ("tags" in out) == (type(held) is not dict)
