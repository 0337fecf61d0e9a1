"""``penstock check --connect`` with plugins that have a connection only while they ask something: nothing is asked."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result
from servers.certificates import Certificates
from servers.http_server import HttpServer
from servers.process import free_ports

from penstock.pipeline.commands.main import main


def output_http(url: str, more: str = "") -> str:
    return f'input {{ stdin {{ }} }} output {{ http {{ url => "{url}" http_method => "post" {more} }} }}'


def output_logstash(url: str, more: str = "") -> str:
    parts = urlsplit(url)
    tls = "ssl_enabled => false" if parts.scheme == "http" else more
    return f'input {{ stdin {{ }} }} output {{ logstash {{ hosts => "localhost:{parts.port}" {tls} }} }}'


def http_poller(url: str, more: str = "") -> str:
    options = f'urls => {{ "a" => "{url}" }} schedule => {{ every => "1h" }} {more}'
    return f"input {{ http_poller {{ {options} }} }} output {{ stdout {{ }} }}"


def check(config: str) -> Result:
    return CliRunner().invoke(main, ["check", "--connect", "-e", config])


each_plugin = pytest.mark.parametrize("config", [output_http, output_logstash, http_poller])


@each_plugin
def test_a_server_that_is_up_is_connected_to_and_not_asked(config: Callable[..., str]) -> None:
    with HttpServer() as server:
        result = check(config(server.url))
        assert (result.exit_code, result.stderr.partition(":")[0]) == (0, "connected")
        assert "nothing to connect to" not in result.stderr
        assert server.asked == []


@each_plugin
def test_a_server_that_is_away_is_said_with_its_address(config: Callable[..., str]) -> None:
    (port,) = free_ports()
    result = check(config(f"http://localhost:{port}"))
    assert result.exit_code == 1
    assert f"cannot connect: localhost port {port}: Connection refused" in result.stderr


@each_plugin
def test_a_certificate_is_looked_at(config: Callable[..., str], tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.pair("server"))
    with HttpServer(tls=context) as server:
        trusted = check(config(server.url, f'ssl_certificate_authorities => "{certificates.ca}"'))
        result = check(config(server.url))
    assert trusted.exit_code == 0, trusted.stderr
    assert result.exit_code == 1
    assert "error[E250]" in result.stderr
    assert "the server's certificate is not trusted" in result.stderr


def test_a_url_with_fields_of_events_is_not_tried() -> None:
    result = check(output_http("http://%{host}/"))
    assert result.exit_code == 0, result.stderr
