"""Connection strings in JDBC's form, and what SQLAlchemy makes of them."""
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.filters._sql_urls import UrlProblem, find_database


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("jdbc:postgresql://db:5433/logs", "postgresql+psycopg://db:5433/logs"),
        ("jdbc:postgresql://db/logs?user=ann&password=s%40crt", "postgresql+psycopg://ann:s%40crt@db/logs"),
        ("jdbc:postgresql://db/logs?ssl=true&connectTimeout=3", "postgresql+psycopg://db/logs?connect_timeout=3&sslmode=require"),
        ("jdbc:postgresql://db/logs?currentSchema=ref", "postgresql+psycopg://db/logs?options=-csearch_path%3Dref"),
        ("jdbc:postgresql://[::1]:5433/logs", "postgresql+psycopg://[::1]:5433/logs"),
        ("jdbc:postgresql://a:1,b:2/logs", "postgresql+psycopg:///logs?host=a%3A1&host=b%3A2"),
        ("jdbc:postgresql:logs", "postgresql+psycopg://localhost/logs"),
        ("jdbc:postgresql://db", "postgresql+psycopg://db"),
        ("jdbc:mysql://db:3306/shop?connectTimeout=2500", "mysql+pymysql://db:3306/shop?connect_timeout=2"),
        ("jdbc:mariadb://db/shop", "mariadb+pymysql://db/shop"),
        ("jdbc:sqlserver://db:1433;databaseName=shop;user=sa;password=p", "mssql+pymssql://sa:p@db:1433/shop"),
        ("jdbc:sqlserver://db\\main;databaseName=shop", "mssql+pymssql://db/shop"),
        ("jdbc:jtds:sqlserver://db:1433/shop", "mssql+pymssql://db:1433/shop"),
        ("jdbc:oracle:thin:@//db:1522/XE", "oracle+oracledb://db:1522?service_name=XE"),
        ("jdbc:oracle:thin:scott/tiger@db:1521:ORCL", "oracle+oracledb://scott:tiger@db:1521/ORCL"),
        ("jdbc:db2://db:50000/SAMPLE:user=ann;", "db2+ibm_db://ann@db:50000/SAMPLE"),
        ("jdbc:sqlite:/data/logs.db", "sqlite:////data/logs.db"),
        ("jdbc:sqlite:logs.db?mode=ro", "sqlite:///logs.db"),
        ("jdbc:sqlite::memory:", "sqlite://"),
        ("sqlite:///logs.db", "sqlite:///logs.db"),
        ("postgresql://db/logs", "postgresql+psycopg://db/logs"),
        ("postgresql+psycopg2://db/logs?sslmode=disable", "postgresql+psycopg2://db/logs?sslmode=disable"),
    ],
)
def test_where_a_connection_string_leads(text: str, url: str) -> None:
    assert find_database(text).url.render_as_string(hide_password=False) == url


def test_user_and_password_that_are_given_win() -> None:
    url = find_database("jdbc:postgresql://db/logs?user=ann&password=a", "bob", "b/1").url
    assert (url.username, url.password) == ("bob", "b/1")


def test_parameters_that_mean_nothing_are_named() -> None:
    found = find_database("jdbc:mysql://db/shop?useSSL=false&serverTimezone=UTC&user=ann")
    assert found.ignored == ["useSSL", "serverTimezone"]


@pytest.mark.parametrize(
    ("text", "said", "help"),
    [
        ("db", "is not a valid connection string", "write jdbc:postgresql://host/database"),
        ("jdbc:derby:memory:x", "unknown database `derby`", "give a URL of SQLAlchemy"),
        ("jdbc:mysql:shop", "is not followed by `//host`", "write jdbc:mysql://host/database"),
        ("jdbc:mysql://a:1,b:2/x", "several hosts cannot be given for mysql", "give the first"),
        ("jdbc:mysql://a:b:c/x", "`a:b:c` is not a valid host with a port", "write host:port"),
        ("jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=…))", "is not supported", "write jdbc:oracle:thin:@//host:1521/service"),
    ],
)
def test_what_leads_nowhere_is_refused_with_a_help_text(text: str, said: str, help: str) -> None:
    with pytest.raises(UrlProblem, match=re.escape(said)) as refused:
        find_database(text)
    assert help in refused.value.help


@given(
    st.sampled_from(["jdbc:postgresql:", "jdbc:mysql://", "jdbc:sqlserver://h", "jdbc:oracle:thin:", "jdbc:sqlite:", "jdbc:", ""]),
    st.text(max_size=30),
)
def test_any_text_is_a_place_or_refused(start: str, rest: Any) -> None:
    try:
        assert find_database(start + rest).url.drivername
    except UrlProblem as problem:
        assert problem.help
