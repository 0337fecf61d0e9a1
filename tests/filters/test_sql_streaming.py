"""The filter sql_streaming, on SQLite; on PostgreSQL in test_sql_postgresql."""
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penstock
from penstock.filters._sql_statements import Statement, unknown_names, with_names
from penstock.filters._sql_values import value_reader
from penstock.filters.sql_streaming import SqlStreaming
from penstock.pipeline.compile.stage import Stage

Event = dict[str, Any]
Compiled = Callable[..., Stage]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A database with a few customers."""
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE customers (id INTEGER, name TEXT, score REAL, at TEXT)")
        rows = [(3, "Grace", 1.0, "2025-01-01T00:00:00.000Z"), (7, "Ada", 2.5, None), (9, "Emmy:x", None, None)]
        db.executemany("INSERT INTO customers VALUES (?, ?, ?, ?)", rows)
    return path


@pytest.fixture
def compiled(shop: Path) -> Compiled:
    """``compiled(statement, options)``: the filter with the shop as its database."""

    def make(statement: str, options: str = "", database: str = f"jdbc:sqlite:{shop}") -> Stage:
        where = f"jdbc_connection_string => '{database}'"
        config = f"sql_streaming {{ {where} statement => \"{statement}\" target => 'rows' add_tag => ['done'] {options} }}"
        return penstock.compile(f"filter {{ {config} }}")

    return make


def made(stage: Stage) -> SqlStreaming:
    (plugin,) = stage.assembly.made.values()
    assert isinstance(plugin, SqlStreaming)
    return plugin


def bare(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("@timestamp", "@version", "@metadata")}


BY_ID = "SELECT name FROM customers WHERE id = :id"


def test_rows_are_a_list_of_maps_with_the_types_of_the_database(compiled: Compiled) -> None:
    stage = compiled("SELECT id, name, score FROM customers WHERE id < :most ORDER BY id", "parameters => { most => 'n' }")
    (out,) = stage([{"n": 8}])
    assert out["rows"] == [{"id": 3, "name": "Grace", "score": 1.0}, {"id": 7, "name": "Ada", "score": 2.5}]
    assert type(out["rows"][0]["score"]) is float
    assert out["tags"] == ["done"]


@pytest.mark.parametrize(
    ("statement", "parameters", "event", "names"),
    [
        (BY_ID, '{ id => "[a][b]" }', {"a": {"b": 7}}, ["Ada"]),
        (BY_ID, '{ id => "gone" }', {}, []),
        ("SELECT name FROM customers WHERE name LIKE :like", '{ like => "%{start}%" }', {"start": "A"}, ["Ada"]),
        ("SELECT name FROM customers WHERE id IN :ids ORDER BY id", '{ ids => "ids" }', {"ids": [3, 9, 4]}, ["Grace", "Emmy:x"]),
        ("SELECT name FROM customers WHERE id IN :ids", '{ ids => "ids" }', {"ids": []}, []),
        ("SELECT name FROM customers WHERE name = 'Emmy:x' AND id = :id", '{ id => "id" }', {"id": 9}, ["Emmy:x"]),
        ("SELECT name FROM customers WHERE id = :id OR id = :id + 4 ORDER BY id", '{ id => "id" }', {"id": 3}, ["Grace", "Ada"]),
        ("SELECT name FROM customers WHERE at = :at", '{ at => "@timestamp" }', {"@timestamp": "2025-01-01T00:00:00Z"}, ["Grace"]),
        ("SELECT name FROM customers WHERE id % 2 = 1 AND id = :id", '{ id => "id" unused => "gone" }', {"id": 7}, ["Ada"]),
    ],
)
def test_parameters_come_from_the_event(compiled: Compiled, statement: str, parameters: str, event: Event, names: list[str]) -> None:
    (out,) = compiled(statement, f"parameters => {parameters} tag_on_default_use => []")([event])
    assert out["rows"] == ([{"name": name} for name in names] or [{}])
    assert out["tags"] == ["done"]


@pytest.mark.parametrize(
    ("statement", "values", "event", "names"),
    [
        ("SELECT name FROM customers WHERE id = ?", '["[id]"]', {"id": 3}, ["Grace"]),
        ("SELECT name FROM customers WHERE id > ? AND name <> '?' AND name <> ? ORDER BY id", '[3, "Ada"]', {}, ["Emmy:x"]),
        ("SELECT name FROM customers WHERE name = ?", '["%{first}%{last}"]', {"first": "A", "last": "da"}, ["Ada"]),
        ("SELECT name FROM customers WHERE id = 3", "[]", {}, ["Grace"]),
    ],
)
def test_prepared_statements_take_fields_texts_and_constants(
    compiled: Compiled, statement: str, values: str, event: Event, names: list[str]
) -> None:
    options = f"use_prepared_statements => true prepared_statement_name => pp prepared_statement_bind_values => {values}"
    (out,) = compiled(statement, options + " prepared_statement_warn_on_constant_usage => false")([event])
    assert [row["name"] for row in out["rows"]] == names


def test_without_a_row_there_is_the_default_and_a_tag(compiled: Compiled) -> None:
    stage = compiled(BY_ID, 'parameters => { id => "id" } default_hash => { "name" => "nobody" "n" => 1 }')
    one, two = stage([{"id": 99}, {"id": 99}])
    assert bare(one) == {"id": 99, "rows": [{"name": "nobody", "n": 1}], "tags": ["_jdbcstreamingdefaultsused", "done"]}
    one["rows"][0]["name"] = "changed"
    assert two["rows"] == [{"name": "nobody", "n": 1}]


def test_rows_that_are_remembered_are_not_shared(compiled: Compiled) -> None:
    stage = compiled(BY_ID, 'parameters => { id => "id" } add_field => { "[rows][0][seen]" => "yes" }')
    assert [out["rows"] for out in stage([{"id": 7}, {"id": 7}])] == [[{"name": "Ada", "seen": "yes"}]] * 2


def test_what_was_found_is_remembered_by_parameters(compiled: Compiled, shop: Path) -> None:
    stage = compiled(BY_ID, 'parameters => { id => "id" } cache_expiration => 3600')
    stage([{"id": 7}, {"id": 99}])
    with sqlite3.connect(shop) as db:
        db.execute("UPDATE customers SET name = 'Augusta', id = id + 92 WHERE id = 7")
    known, unknown, anew = stage([{"id": 7}, {"id": 99}, {"id": 99.0}])
    assert (known["rows"], unknown["rows"], anew["rows"]) == ([{"name": "Ada"}], [{}], [{"name": "Augusta"}])
    assert made(stage).stats() == {"cache_hits": 2, "cache_misses": 3, "cache_entries": 3}


@pytest.mark.parametrize("options", ["use_cache => false", "cache_size => 0", "cache_expiration => -1"])
def test_nothing_is_remembered_where_it_shall_not(compiled: Compiled, shop: Path, options: str) -> None:
    stage = compiled(BY_ID, f'parameters => {{ id => "id" }} {options}')
    stage([{"id": 7}])
    with sqlite3.connect(shop) as db:
        db.execute("UPDATE customers SET name = 'Augusta' WHERE id = 7")
    assert stage([{"id": 7}])[0]["rows"] == [{"name": "Augusta"}]


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "not even SQL", "SELECT name FROM customers WHERE id = :id"])
def test_a_statement_that_fails_gives_both_tags_and_the_default(compiled: Compiled, statement: str) -> None:
    (out,) = compiled(statement, 'parameters => { id => "id" }')([{"id": {"a": 1}}])
    assert bare(out) == {"id": {"a": 1}, "rows": [{}], "tags": ["_jdbcstreamingfailure", "_jdbcstreamingdefaultsused", "done"]}


def test_a_database_that_cannot_be_reached_tags_events_and_is_not_tried_for_each(compiled: Compiled, tmp_path: Path) -> None:
    stage = compiled(BY_ID, 'parameters => { id => "id" } tag_on_failure => ["a"] tag_on_default_use => ["b"]', f"sqlite:///{tmp_path}/x/y.db")
    plugin = made(stage)
    plugin.open()
    assert plugin._database is not None
    (tmp_path / "x").mkdir()
    outs = stage([{"id": 1}, {"id": 2}])
    assert [out["tags"] for out in outs] == [["a", "b", "done"]] * 2
    plugin._database._again = 0
    assert stage([{"id": 3}])[0]["tags"] == ["a", "b", "done"]  # there is no such table now
    with sqlite3.connect(tmp_path / "x" / "y.db") as db:
        db.execute("CREATE TABLE customers AS SELECT 4 AS id, 'Ann' AS name")
    assert stage([{"id": 4}])[0]["rows"] == [{"name": "Ann"}]
    stage.close()


def test_a_statement_that_gives_no_rows_is_done(compiled: Compiled, shop: Path) -> None:
    (out,) = compiled("INSERT INTO customers (id, name) VALUES (:id, 'new')", 'parameters => { id => "id" }')([{"id": 50}])
    assert out["rows"] == [{}]
    with sqlite3.connect(shop) as db:
        assert db.execute("SELECT name FROM customers WHERE id = 50").fetchall() == [("new",)]


def test_a_target_in_a_text_is_reported_on_the_event(compiled: Compiled) -> None:
    stage = penstock.compile("filter { jdbc_streaming { jdbc_connection_string => 'sqlite://' statement => 'SELECT 1' target => '[a][b]' } }")
    (out,) = stage([{"a": "text"}])
    assert out["tags"] == ["_sql_streaming_exception"]


def findings(options: str) -> list[tuple[str, str]]:
    config = f"filter {{ jdbc_streaming {{ target => 'rows' {options} }} }}"
    try:
        found = list(penstock.compile(config).warnings)
    except penstock.ConfigError as error:
        found = error.diagnostics
    return [(one.code, one.message) for one in found]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("jdbc_connection_string => 'nowhere' statement => 'x'", "E220", "is not a valid connection string"),
        ("jdbc_connection_string => 'jdbc:mysql://h/d' statement => 'x'", "E220", "the driver `mysql+pymysql` is not installed"),
        ("jdbc_connection_string => 'strange://h/d' statement => 'x'", "E220", "SQLAlchemy has no driver `strange`"),
        ("jdbc_connection_string => 'jdbc:postgresql://h/d?tcpKeepAlive=true' statement => 'x'", "W305", "`tcpKeepAlive`"),
        ("jdbc_connection_string => 'sqlite://' statement => 'x' jdbc_driver_class => 'org.sqlite.JDBC'", "W305", "`jdbc_driver_class`"),
        ("jdbc_connection_string => 'sqlite://' statement => 'x' jdbc_driver_library => '/gone.jar'", "W305", "`jdbc_driver_library`"),
        ("jdbc_connection_string => 'sqlite://' statement => 'x' sequel_opts => { aa => 1 }", "W305", "`sequel_opts`"),
        ("jdbc_connection_string => 'sqlite://' statement => 'SELECT :a, :b::int' parameters => { 'a' => 'x' }", "W305", "`:b` is not in"),
        ("jdbc_connection_string => 'sqlite://' statement => 'SELECT :aa' parameters => { aa => '%{a[b}' }", "W304", "a[b"),
        ("jdbc_connection_string => 'sqlite://' statement => 'SELECT :aa' parameters => { aa => 'a[b' }", "W304", "a[b"),
    ],
)
def test_what_is_wrong_or_in_vain_is_said_without_connecting(options: str, code: str, said: str) -> None:
    assert any(found == code and said in message for found, message in findings(options))


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ("statement => 'SELECT ?' prepared_statement_bind_values => [1]", "E220", "needs a name"),
        ("statement => 'SELECT ?' prepared_statement_name => pp", "E220", "the statement has 1 `?`, but there are 0 values"),
        ("statement => 'SELECT 1' prepared_statement_name => pp prepared_statement_bind_values => [1]", "E220", "has 0 `?`"),
        ("statement => 'SELECT ?' prepared_statement_name => pp prepared_statement_bind_values => ['field']", "W305", "`field` is a constant"),
    ],
)
def test_what_is_wrong_with_a_prepared_statement(options: str, code: str, said: str) -> None:
    found = findings(f"jdbc_connection_string => 'sqlite://' use_prepared_statements => true {options}")
    assert [(one, said in message) for one, message in found] == [(code, True)]


def test_an_ordinary_configuration_has_no_findings() -> None:
    assert findings("jdbc_connection_string => 'jdbc:postgresql://h/d' statement => \"SELECT 'a:b', c::int, :id\" parameters => { id => x1 }") == []


def test_names_outside_of_quotes_and_comments_are_parameters() -> None:
    sql = "SELECT ':no', \":no2\", a::int /* :no3 */ -- :no4\n WHERE b = :yes AND c = :known AND '12:30' < d"
    assert unknown_names(sql, ["known"]) == ["yes"]


def test_marks_outside_of_quotes_get_names() -> None:
    assert with_names("a = ? AND b = '?''?' AND c = ? AND \"?\" = 1") == ("a = :p0 AND b = '?''?' AND c = :p1 AND \"?\" = 1", ["p0", "p1"])


def test_colons_that_are_no_parameters_stay() -> None:
    clause, given_ = Statement("SELECT :a::int, :a, ':b', c::int, '12:30', '\\:d'", ["a", "e"]).bound([1, 2])
    assert str(clause) == "SELECT (:a)::int, :a, ':b', c::int, '12:30', ':d'"
    assert given_ == {"a": 1}


@pytest.mark.parametrize("zone", ["Europe/Paris", "UTC"])
def test_values_of_databases_become_values_of_events(zone: str) -> None:
    import datetime as dt
    import decimal
    import ipaddress
    import uuid

    read = value_reader({"penstock.timezone": zone})
    offset = dt.timedelta(hours=1 if zone == "Europe/Paris" else 0)
    summer = dt.datetime(2025, 1, 1, 12, 0, 0, 123456)
    assert read(summer) == ("2025-01-01T11:00:00.123456Z" if offset else "2025-01-01T12:00:00.123456Z")
    assert read(summer.replace(tzinfo=dt.UTC)) == "2025-01-01T12:00:00.123456Z"
    assert read(dt.date(2025, 1, 1)) == ("2024-12-31T23:00:00.000Z" if offset else "2025-01-01T00:00:00.000Z")
    assert read(dt.datetime(2025, 3, 30, 2, 30)) == ("2025-03-30T01:30:00.000Z" if offset else "2025-03-30T02:30:00.000Z")
    plain = [read(v) for v in (decimal.Decimal("5"), decimal.Decimal("5.00"), decimal.Decimal("1e3"), True, None, "x", 1.5)]
    assert [(type(v), v) for v in plain] == [(int, 5), (float, 5.0), (int, 1000), (bool, True), (type(None), None), (str, "x"), (float, 1.5)]
    assert read(b"\xc3\xa9\xff") == "é\ufffd"
    assert read({"a": (decimal.Decimal("1.5"), {2})}) == {"a": [1.5, [2]]}
    assert read(dt.time(1, 2)) == "01:02:00"
    assert read(ipaddress.ip_address("::1")) == "::1"
    assert read(uuid.UUID(int=1)) == "00000000-0000-0000-0000-000000000001"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(value=VALUES, other=VALUES)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_event_gets_rows_or_a_tag(compiled: Compiled, value: Any, other: Any) -> None:
    stage = compiled("SELECT name FROM customers WHERE id IN (:id) OR name = :name", "parameters => { id => 'v' name => '%{w}' }")
    (out,) = stage([{"v": value, "w": other, "rows": other}])
    assert set(out["tags"]) <= {"_jdbcstreamingfailure", "_jdbcstreamingdefaultsused", "done"}
    assert isinstance(out["rows"], list)
