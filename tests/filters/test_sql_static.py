"""The filter sql_static, its tables loaded from SQLite; from PostgreSQL in test_sql_postgresql."""
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import penstock
from penstock.filters import _loading
from penstock.filters._local_tables import Table, Tables
from penstock.filters.sql_static import SqlStatic
from penstock.pipeline.compile.stage import Stage

Event = dict[str, Any]

SERVERS = """{ name => "servers" index_columns => ["ip"]
  columns => [["ip", "varchar(64)"], ["name", "text"], ["up", "boolean"], ["since", "timestamp"], ["cost", "decimal(9, 2)"]] }"""
BY_IP = "{ query => 'SELECT name FROM servers WHERE ip = :ip' parameters => { ip => '[ip]' } target => 'found' }"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE hosts (ip TEXT, name TEXT, up INTEGER, since TEXT, cost REAL)")
        db.execute("INSERT INTO hosts VALUES ('10.0.0.1', 'web', 1, '2025-01-01T00:00:00.000Z', 10)")
        db.execute("INSERT INTO hosts VALUES ('10.0.0.2', 'db', 0, NULL, 2.5)")
    return path


Made = Callable[..., Stage]


@pytest.fixture
def made(source: Path) -> Iterator[Made]:
    """``made(lookups, options)``: the filter with a table of servers that is loaded from the source."""
    stages = []

    def make(lookups: str = BY_IP, options: str = "", query: str = "SELECT * FROM hosts", more: str = "") -> Stage:
        loaders = f"loaders => [{{ query => \"{query}\" local_table => 'servers' {more} }}]"
        parts = f"{loaders} local_db_objects => [{SERVERS}] local_lookups => [{lookups}] {options}"
        stages.append(penstock.compile(f"filter {{ sql_static {{ jdbc_connection_string => 'jdbc:sqlite:{source}' add_tag => ['done'] {parts} }} }}"))
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()


def plugin(stage: Stage) -> SqlStatic:
    (found,) = stage.assembly.made.values()
    assert isinstance(found, SqlStatic)
    return found


def bare(event: Event) -> Event:
    return {key: value for key, value in event.items() if key not in ("@timestamp", "@version", "@metadata")}


def test_rows_are_a_list_of_maps_with_the_types_that_columns_are_declared_with(made: Made) -> None:
    (out,) = made("{ query => 'SELECT * FROM servers ORDER BY ip' target => '[a][b]' }")([{}])
    assert out["a"]["b"] == [
        {"ip": "10.0.0.1", "name": "web", "up": True, "since": "2025-01-01T00:00:00.000Z", "cost": 10.0},
        {"ip": "10.0.0.2", "name": "db", "up": False, "since": None, "cost": 2.5},
    ]
    assert [type(row[key]) for row in out["a"]["b"][:1] for key in ("up", "cost")] == [bool, float]


@pytest.mark.parametrize(
    ("lookup", "event", "names"),
    [
        ("query => 'SELECT name FROM servers WHERE ip = :ip' parameters => { ip => '[a][ip]' }", {"a": {"ip": "10.0.0.2"}}, ["db"]),
        ("query => 'SELECT name FROM servers WHERE ip LIKE :ip' parameters => { ip => '%{net}.%' }", {"net": "10.0"}, ["web", "db"]),
        ("query => 'SELECT name FROM servers WHERE ip = ? AND cost > ?' prepared_parameters => ['[ip]', 'cost']", {"ip": "10.0.0.1", "cost": 9}, ["web"]),
        ("query => 'SELECT name FROM servers WHERE since <= :at' parameters => { at => '@timestamp' }", {"@timestamp": "2025-01-01T00:00:00Z"}, ["web"]),
        ("query => 'SELECT name FROM servers WHERE up' parameters => { }", {}, ["web"]),
        ("query => 'SELECT name FROM servers WHERE ip = :ip' parameters => { ip => 'ip' }", {"ip": 5}, []),
    ],
)
def test_parameters_come_from_the_event(made: Made, lookup: str, event: Event, names: list[str]) -> None:
    (out,) = made(f"{{ {lookup} target => 'found' }}")([event])
    assert out["found"] == [{"name": name} for name in names]
    assert out["tags"] == ["done"]


@pytest.mark.parametrize("ip", [None, [], ["10.0.0.1"], {"a": 1}])
def test_a_parameter_without_a_single_value_is_a_failure(made: Made, ip: Any) -> None:
    (out,) = made(options="tag_on_failure => ['a', 'b']")([{"ip": ip}])
    assert (out["tags"], "found" in out) == (["a", "b"], False)


def test_a_text_in_which_nothing_is_filled_in_is_a_failure(made: Made) -> None:
    lookup = "{ query => 'SELECT name FROM servers WHERE ip = :ip' parameters => { ip => '%{net}.1' } target => 'found' }"
    assert [out["tags"] for out in made(lookup)([{}, {"net": "10.0.0"}])] == [["_jdbcstaticfailure"], ["done"]]


def test_the_common_options_apply_when_all_look_ups_went_well(made: Made) -> None:
    other = "{ id => 'by_name' query => 'SELECT ip FROM servers WHERE name = :name' parameters => { name => 'name' } }"
    stage = made(f"{BY_IP}, {other}")
    both, one = stage([{"ip": "10.0.0.1", "name": "db"}, {"ip": "10.0.0.1"}])
    assert bare(both) == {"ip": "10.0.0.1", "name": "db", "found": [{"name": "web"}], "by_name": [{"ip": "10.0.0.2"}], "tags": ["done"]}
    assert bare(one) == {"ip": "10.0.0.1", "found": [{"name": "web"}], "tags": ["_jdbcstaticfailure"]}


def test_a_default_is_taken_where_there_is_no_row_with_tags_of_the_look_up(made: Made) -> None:
    lookup = BY_IP.replace("target", "default_hash => { name => 'x' 'n' => 1 } tag_on_default_use => ['default'] target")
    one, two, failed = made(lookup)([{"ip": "none"}, {"ip": "none"}, {}])
    assert bare(one) == {"ip": "none", "found": [{"name": "x", "n": 1}], "tags": ["default", "done"]}
    one["found"][0]["name"] = "changed"
    assert two["found"] == [{"name": "x", "n": 1}]
    assert failed["tags"] == ["_jdbcstaticfailure"]


def test_the_target_is_the_id_or_a_number(made: Made) -> None:
    (out,) = made("{ query => 'SELECT 1 AS n' }, { id => 'two' query => 'SELECT 2 AS n' }")([{}])
    assert bare(out) == {"lookup-1": [{"n": 1}], "two": [{"n": 2}], "tags": ["done"]}


def test_more_rows_than_are_wanted_are_none(made: Made) -> None:
    assert made(more="max_rows => 1")([{"ip": "10.0.0.1"}])[0]["found"] == []
    assert made(more="max_rows => 2")([{"ip": "10.0.0.1"}])[0]["found"] == [{"name": "web"}]


def test_a_loader_may_have_a_database_of_its_own(made: Made, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE hosts AS SELECT '10.0.0.1' AS ip, 'other' AS name, 1, '', 0")
    stage = made(more=f"jdbc_connection_string => 'sqlite:///{tmp_path}/other.db'")
    assert stage([{"ip": "10.0.0.1"}])[0]["found"] == [{"name": "other"}]


def eventually(stage: Stage, event: Event, wanted: Any) -> None:
    """Wait until a look-up gives what is wanted; it is what a test fails of if it never does."""
    until = time.monotonic() + 60
    while stage([event])[0].get("found") != wanted:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_tables_are_loaded_again_by_the_schedule(made: Made, source: Path) -> None:
    stage = made(options="loader_schedule => 'every 50ms'")
    eventually(stage, {"ip": "10.0.0.1"}, [{"name": "web"}])
    with sqlite3.connect(source) as db:
        db.execute("UPDATE hosts SET name = 'front' WHERE name = 'web'")
    eventually(stage, {"ip": "10.0.0.1"}, [{"name": "front"}])
    figures = plugin(stage).stats()
    assert figures["loads"] > 1
    assert (figures["load_failures"], figures["rows_loaded"] % 2) == (0, 0)


@pytest.mark.parametrize("gone", ["DROP TABLE hosts", "DELETE FROM hosts"])
def test_what_cannot_be_loaded_again_keeps_its_rows(made: Made, source: Path, gone: str) -> None:
    stage = made(options="loader_schedule => 'every 20ms'")
    stage([{}])
    with sqlite3.connect(source) as db:
        db.execute(gone)
    loads = plugin(stage).stats()["loads"]
    until = time.monotonic() + 120
    while plugin(stage).stats()["loads"] < loads + 2:
        assert time.monotonic() < until
        time.sleep(0.01)
    assert stage([{"ip": "10.0.0.1"}])[0]["found"] == [{"name": "web"}]


def test_as_long_as_nothing_was_loaded_events_are_failures_and_it_is_tried_again(
    made: Made, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_loading, "RETRY", 0.02)
    with hidden(source):
        stage = made()
        plugin(stage).open()
        assert stage([{"ip": "10.0.0.1"}])[0]["tags"] == ["_jdbcstaticfailure"]
        assert plugin(stage).stats()["load_failures"] > 0
    eventually(stage, {"ip": "10.0.0.1"}, [{"name": "web"}])


@contextmanager
def hidden(path: Path) -> Iterator[None]:
    """Make a database one that cannot be opened, for a while."""
    aside = path.with_suffix(".aside")
    path.rename(aside)
    path.mkdir()
    yield
    path.rmdir()
    aside.rename(path)


def test_after_the_end_nothing_is_loaded(made: Made) -> None:
    stage = made(options="loader_schedule => 'every 10ms'")
    plugin(stage).open()
    loading = plugin(stage)._loading.get()
    stage.close()
    assert loading._closed.is_set()
    assert plugin(stage).stats() == {}


def test_a_copy_of_tables_is_filled_apart_and_a_failed_fill_changes_nothing() -> None:
    tables = Tables([Table("t", (("a", "int"),), ("a",))])
    tables.fill("t", [[1]])
    copied = tables.copy()
    copied.fill("t", [[2], [[3]]])
    assert tables.rows("SELECT a FROM t", {}) == [{"a": 1}]
    assert copied.rows("SELECT a FROM t", {}) == [{"a": 2}, {"a": "[3]"}]
    with pytest.raises(sqlite3.Error):
        tables.fill("t", [[1, 2]])
    assert tables.rows("SELECT a FROM t", {}) == [{"a": 1}]


def findings(parts: str) -> list[tuple[str, str, str]]:
    config = f"filter {{ jdbc_static {{ jdbc_connection_string => 'sqlite://' {parts} }} }}"
    try:
        found = list(penstock.compile(config).warnings)
    except penstock.ConfigError as error:
        found = error.diagnostics
    return [(one.code, one.message, one.help) for one in found]


TABLE = "local_db_objects => [{ name => 'tt' columns => [['aa', 'int']] }]"
LOOKUP = "local_lookups => [{ query => 'SELECT aa FROM tt' }]"


@pytest.mark.parametrize(
    ("parts", "code", "said", "help"),
    [
        (TABLE, "E214", "without `local_lookups` nothing is added", ""),
        (f"{TABLE} local_lookups => [{{ target => 'x' }}]", "E214", "`query` is missing", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT bb FROM tt' }}]", "E220", "no such column: bb", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT aa FROM uu' }}]", "E220", "no such table: uu", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELEC' }}]", "E220", 'near "SELEC"', ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT :xx' }}]", "E220", ":xx", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT ?' }}]", "E220", "has 1 `?`, but there are 0 `prepared_parameters`", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' parameters => 'x' }}]", "E220", "`parameters` is a hash", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' parameters => {{ }} prepared_parameters => [] }}]", "E220", "not both", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' default_hash => 'x' }}]", "E220", "`default_hash` is a hash", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' targt => 'x' }}]", "E203", "`targt` is not a key of", "target"),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' target => 'a[' }}]", "W304", "a[", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' id => 'x' }}, {{ query => 'SELECT 2' id => 'x' }}]", "E220", "two look-ups `x`", ""),
        (f"{TABLE} local_lookups => [{{ query => 'SELECT 1' target => 'x' }}, {{ query => 'SELECT 2' target => '[x]' }}]", "E220", "the target `[x]`", ""),
        (f"{TABLE} {LOOKUP} loaders => [{{ query => 'x' local_table => 'ttt' }}]", "E220", "unknown table `ttt`", "tt"),
        (f"{TABLE} {LOOKUP} loaders => [{{ query => 'x' local_table => 'tt' max_rows => 'many' }}]", "E220", "`many` is not a valid number", ""),
        (f"{TABLE} {LOOKUP} loaders => [{{ query => 'x' local_table => 'tt' jdbc_connection_string => 'jdbc:h2:x' }}]", "E220", "unknown database `h2`", ""),
        (f"{TABLE} {LOOKUP} loaders => [{{ query => 'x' local_table => 'tt' jdbc_driver_class => 'x' }}]", "W305", "`jdbc_driver_class`", ""),
        (f"{LOOKUP} local_db_objects => [{{ name => 'tt' columns => ['aa'] }}]", "E220", "a list of pairs", ""),
        (f"{LOOKUP} local_db_objects => [{{ name => 'tt' columns => [['aa', 'int'], ['aa', 'int']] }}]", "E220", "duplicate column name", ""),
        (f"{LOOKUP} local_db_objects => [{{ name => 'tt' columns => [['aa', 'int']] index_columns => ['ab'] }}]", "E220", "unknown column `ab`", "columns"),
        (f"{TABLE} {LOOKUP} loader_schedule => 'sometimes'", "E220", "`sometimes` is not a valid schedule", "cron line"),
        (f"{TABLE} {LOOKUP} staging_directory => '/x'", "W305", "`staging_directory`", ""),
        (f"{TABLE} {LOOKUP} jdbc_driver_class => 'org.x'", "W305", "`jdbc_driver_class`", ""),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(parts: str, code: str, said: str, help: str) -> None:
    found = findings(parts)
    assert any(one == code and said in message and help in what for one, message, what in found), found


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(ip=VALUES, found=VALUES)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_event_gets_rows_or_a_tag(made: Made, ip: Any, found: Any) -> None:
    (out,) = made()([{"ip": ip, "found": found}])
    assert out["tags"] in (["done"], ["_jdbcstaticfailure"])
    assert out["found"] == [] or out["tags"] != ["done"]
