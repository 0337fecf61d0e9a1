"""``penstock check --connect`` tries servers and ports, and says what stands in the way at its option or plugin."""
from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from broker import Broker, free_port
from click.testing import CliRunner, Result

from penstock.pipeline.commands import connections
from penstock.pipeline.commands.main import main


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    made.start()
    yield made
    made.stop()


def check(config: str) -> Result:
    return CliRunner().invoke(main, ["check", "--connect", "-e", config])


def test_what_can_be_connected_is_named(broker: Broker) -> None:
    result = check(f"input {{ reference {{ port => {broker.port} }} stdin {{ }} }} output {{ reference {{ port => {broker.port} }} stdout {{ }} }}")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, "connected: reference, reference")


def test_a_password_that_is_refused_is_said_at_its_option(broker: Broker) -> None:
    result = check(f'input {{ reference {{ port => {broker.port} password => "guess" }} }} output {{ stdout {{ }} }}')
    assert result.exit_code == 1
    assert "error[E250]: input `reference`: the broker refuses it" in result.stderr
    assert 'password => "guess"' in result.stderr


def test_a_server_that_is_away_is_said_at_its_plugin() -> None:
    result = check(f"output {{ reference {{ port => {free_port()} }} }}")
    assert result.exit_code == 1
    assert "error[E251]: output `reference` cannot connect: Connection refused" in result.stderr


def test_a_server_that_never_answers_does_not_hold_the_command_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SECONDS", 0.2)
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        result = check(f"output {{ reference {{ port => {silent.getsockname()[1]} }} }}")
        left = set(threading.enumerate()) - before
        assert "error[E251]: output `reference` cannot connect: no answer in 0 seconds" in result.stderr
        assert left
        assert all(thread.daemon for thread in left), "the process would wait for the others when it ends"
    for thread in left:
        thread.join()


def test_all_that_is_wrong_is_said_at_once(broker: Broker) -> None:
    away = f"reference {{ port => {free_port()} }}"
    result = check(f'input {{ reference {{ port => {broker.port} password => "guess" }} {away} }} output {{ {away} }}')
    assert [line.split(":")[0] for line in result.stderr.splitlines() if line.startswith("error")] == ["error[E250]", "error[E251]", "error[E251]"]


def test_where_nothing_connects_that_is_said() -> None:
    result = check("input { stdin { } } output { stdout { } }")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, "connected: nothing to connect to")
