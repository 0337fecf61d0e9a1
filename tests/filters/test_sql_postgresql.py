"""The filters sql_streaming and sql_static against a PostgreSQL that the tests start.

Where there is none they are skipped, except where CI says that there must be one.
"""
import importlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import penstock
from penstock.filters.sql_streaming import SqlStreaming

psycopg: Any = importlib.import_module("psycopg") if os.environ.get("CI") else pytest.importorskip("psycopg")

PASSWORD = "of'the:tests@1"
TABLES = """
CREATE SCHEMA ref;
CREATE TABLE ref.servers (ip inet, name text, up boolean, cost numeric(9, 2), since timestamptz, local timestamp, day date, more jsonb,
  names text[], id uuid, raw bytea, took interval);
INSERT INTO ref.servers VALUES ('10.0.0.1', 'web', true, 10.50, '2025-01-01 12:00:00+02', '2025-07-01 12:00:00', '2025-07-01',
  '{"a": [1, 2.5]}', '{x,y}', '00000000-0000-0000-0000-000000000001', 'raw', '90 seconds');
INSERT INTO ref.servers (ip, name, up) VALUES ('10.0.0.2', 'db', false);
"""


@dataclass
class Server:
    """A PostgreSQL that runs."""

    port: int

    @property
    def where(self) -> str:
        return f"jdbc_connection_string => 'jdbc:postgresql://127.0.0.1:{self.port}/postgres' jdbc_user => 'postgres' jdbc_password => \"{PASSWORD}\""

    def execute(self, statement: str) -> None:
        url = f"host=127.0.0.1 port={self.port} user=postgres dbname=postgres"
        with psycopg.connect(url, password=PASSWORD, autocommit=True) as connection:
            connection.execute(statement)


def binary(name: str) -> str:
    """A program of PostgreSQL, on the path or where Debian has it."""
    directories = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda directory: float(directory.parent.name))
    found = shutil.which(name) or next((str(directory / name) for directory in reversed(directories) if (directory / name).exists()), None)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"there is no {name}: install the package postgresql")
        pytest.skip(f"there is no {name}")
    return found


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    initdb, postgres = binary("initdb"), binary("postgres")
    owner = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())  # it does not run as root
    directory = Path(tempfile.mkdtemp(prefix="penstock-postgresql-"))
    (directory / "password").write_text(PASSWORD)
    for path in (directory, directory / "password"):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    as_owner: dict[str, Any] = {"cwd": directory, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    if os.getuid() == 0:
        as_owner |= {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data, port = directory / "data", free_port()
    make = [initdb, "-D", data, "-U", "postgres", "-E", "UTF8", "--locale=C", "-A", "scram-sha-256", f"--pwfile={directory}/password", "--no-sync"]
    subprocess.run(make, check=True, **as_owner)
    settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={directory}", "fsync=off", "timezone=UTC"]
    process = subprocess.Popen([postgres, "-D", data, "-p", str(port), *[word for s in settings for word in ("-c", s)]], **as_owner)
    try:
        yield started(Server(port), process)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(90)
        shutil.rmtree(directory, ignore_errors=True)


def started(server: Server, process: "subprocess.Popen[bytes]") -> Server:
    until = time.monotonic() + 60
    while True:
        try:
            server.execute(TABLES)
        except psycopg.OperationalError:
            assert process.poll() is None, "PostgreSQL has ended"
            assert time.monotonic() < until, "PostgreSQL does not answer"
            time.sleep(0.1)
        else:
            return server


def streaming(server: Server, statement: str, parameters: str = "{ }", options: str = "") -> Any:
    config = f"jdbc_streaming {{ {server.where} target => 'rows' statement => \"{statement}\" parameters => {parameters} {options} }}"
    return penstock.compile(f"filter {{ {config} }}", settings={"penstock.timezone": "Europe/Paris"})


def test_values_of_every_common_type(server: Server) -> None:
    stage = streaming(server, "SELECT * FROM ref.servers WHERE name = :name", "{ name => 'n1' }")
    (out,) = stage([{"n1": "web"}])
    assert out["rows"] == [
        {
            "ip": "10.0.0.1",
            "name": "web",
            "up": True,
            "cost": 10.5,
            "since": "2025-01-01T10:00:00.000Z",
            "local": "2025-07-01T10:00:00.000Z",
            "day": "2025-06-30T22:00:00.000Z",
            "more": {"a": [1, 2.5]},
            "names": ["x", "y"],
            "id": "00000000-0000-0000-0000-000000000001",
            "raw": "raw",
            "took": "0:01:30",
        }
    ]
    stage.close()


@pytest.mark.parametrize(
    ("statement", "parameters", "event", "names"),
    [
        ("SELECT name FROM ref.servers WHERE ip = :ip::inet", "{ ip => 'ip' }", {"ip": "10.0.0.2"}, ["db"]),
        ("SELECT name FROM ref.servers WHERE name IN :names ORDER BY 1", "{ names => 'names' }", {"names": ["web", "db", "x"]}, ["db", "web"]),
        ("SELECT name FROM ref.servers WHERE since < :at", "{ at => '@timestamp' }", {"@timestamp": "2025-01-01T10:00:01Z"}, ["web"]),
        ("SELECT name FROM ref.servers WHERE name LIKE '%b' AND up = :up", "{ up => 'up' }", {"up": True}, ["web"]),
        ("SELECT name FROM ref.servers WHERE cost > :cost", "{ cost => 'cost' }", {"cost": 10}, ["web"]),
    ],
)
def test_parameters(server: Server, statement: str, parameters: str, event: dict[str, Any], names: list[str]) -> None:
    stage = streaming(server, statement, parameters)
    (out,) = stage([event])
    assert ([row["name"] for row in out["rows"]], out.get("tags")) == (names, None)
    stage.close()


def test_prepared_statements(server: Server) -> None:
    options = "use_prepared_statements => true prepared_statement_name => 'by_name' prepared_statement_bind_values => ['[n1]'] use_cache => false"
    stage = streaming(server, "SELECT up FROM ref.servers WHERE name = ?", options=options)
    outs = stage([{"n1": "web"}, {"n1": "db"}] * 10)
    assert [out["rows"][0]["up"] for out in outs] == [True, False] * 10
    stage.close()


def test_a_failed_statement_does_not_harm_the_next(server: Server) -> None:
    stage = streaming(server, "SELECT 10 / :n1 AS n", "{ n1 => 'n1' }")
    failed, well = stage([{"n1": 0}, {"n1": 2}])
    assert failed["tags"] == ["_jdbcstreamingfailure", "_jdbcstreamingdefaultsused"]
    assert (well["rows"], "tags" in well) == ([{"n": 5}], False)
    stage.close()


def test_a_connection_that_the_server_ends_is_made_anew(server: Server) -> None:
    stage = streaming(server, "SELECT name FROM ref.servers WHERE name = :n1", "{ n1 => 'n1' }", "use_cache => false")
    stage([{"n1": "web"}])
    server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
    (out,) = stage([{"n1": "web"}])
    assert (out["rows"], "tags" in out) == ([{"name": "web"}], False)
    stage.close()


def test_a_wrong_password_tags_events(server: Server) -> None:
    config = f"jdbc_streaming {{ {server.where.replace(PASSWORD, 'wrong')} target => 'rows' statement => 'SELECT 1' }}"
    (out,) = penstock.compile(f"filter {{ {config} }}")([{}])
    assert out["tags"] == ["_jdbcstreamingfailure", "_jdbcstreamingdefaultsused"]


def test_a_process_that_is_forked_has_a_connection_of_its_own(server: Server) -> None:
    stage = streaming(server, "SELECT pg_backend_pid() AS pid", options="use_cache => false")
    (plugin,) = stage.assembly.made.values()
    assert isinstance(plugin, SqlStreaming)
    plugin.open()
    ours = stage([{}])[0]["rows"][0]["pid"]
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, str(stage([{}])[0]["rows"][0]["pid"]).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(read, 20)) != ours
    assert stage([{}])[0]["rows"][0]["pid"] == ours
    stage.close()


def test_tables_are_loaded_into_memory(server: Server) -> None:
    config = f"""jdbc_static {{ {server.where}
      loaders => [{{ query => "SELECT ip::text, name, up, cost, since FROM ref.servers" local_table => "servers" }}]
      local_db_objects => [{{ name => "servers" index_columns => ["name"]
        columns => [["ip", "varchar(64)"], ["name", "text"], ["up", "boolean"], ["cost", "decimal(9,2)"], ["since", "timestamp"]] }}]
      local_lookups => [{{ query => "SELECT up, cost, since FROM servers WHERE name = :name" parameters => {{ name => "[n1]" }} target => "found" }}]
    }}"""
    stage = penstock.compile(f"filter {{ {config} }}")
    web, db, other = stage([{"n1": "web"}, {"n1": "db"}, {"n1": "x"}])
    assert web["found"] == [{"up": True, "cost": 10.5, "since": "2025-01-01T10:00:00.000Z"}]
    assert db["found"] == [{"up": False, "cost": None, "since": None}]
    assert other["found"] == []
    stage.close()
