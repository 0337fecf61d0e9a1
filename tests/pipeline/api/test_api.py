"""The monitoring API of a process that runs: figures, health, logging, who may ask."""
from __future__ import annotations

import json
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from servers import prometheus
from servers.certificates import Certificates
from servers.packages import require
from servers.process import free_ports

from .conftest import Start

CONFIG = 'input { stdin { id => "in" } } filter { kv { id => "pairs" } if [drop] { drop { id => "away" } } } output { stdout { id => "out" } }'


def has_taken(count: int) -> object:
    return lambda answer: answer.data["events"]["in"] >= count


@pytest.mark.parametrize("workers", ["1", "2"])
def test_figures_of_each_plugin_are_told_in_logstashs_shape(start: Start, workers: str) -> None:
    running = start(CONFIG, {"pipeline.workers": workers})
    running.send("a=1", "a=2 drop=1", "a=3")
    running.until("/_node/stats", has_taken(3))
    events = running.ask("/_node/stats").data["pipelines"]["main"]["events"]
    assert (events["in"], events["filtered"], events["out"]) == (3, 2, 2)
    (into,) = running.plugins("inputs")
    assert (into["id"], into["name"], into["events"]["out"]) == ("in", "stdin", 3)
    pairs, away = running.plugins("filters")
    assert [pairs["events"][key] for key in ("in", "out")] == [3, 3]
    assert [away["events"][key] for key in ("in", "out")] == [1, 0]
    (out,) = running.plugins("outputs")
    assert out["delivery"]["delivered"] == 2
    assert out["delivery"]["circuit"] == "closed"


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/", {"host", "version", "http_address", "id", "name", "environment", "status", "pipeline"}),
        ("/_node", {"pipelines", "os", "python"}),
        ("/_node/pipelines", {"pipelines"}),
        ("/_node/pipelines/main", {"pipelines"}),
        ("/_node/stats", {"process", "events", "pipelines", "reloads", "queue"}),
        ("/_node/stats/pipelines", {"pipelines"}),
        ("/_node/stats/process", {"process"}),
        ("/_node/stats/events", {"events"}),
        ("/_node/logging", {"loggers"}),
        ("/_node/hot_threads", {"hot_threads"}),
        ("/_node/hot_threads?human=false", {"hot_threads"}),
        ("/health/live", {"status"}),
    ],
)
def test_a_path_has_its_document(start: Start, path: str, keys: set[str]) -> None:
    answer = start(CONFIG).ask(path)
    assert (answer.status, answer.kind) == (200, "application/json")
    assert keys <= answer.data.keys()


@pytest.mark.parametrize("query", ["human", "human=true"])
def test_threads_are_told_as_text_too(start: Start, query: str) -> None:
    answer = start(CONFIG).ask(f"/_node/hot_threads?{query}")
    assert answer.kind.startswith("text/plain")
    assert "thread MainThread" in answer.text


@pytest.mark.parametrize("path", ["/nope", "/_node/stats/nope", "/_node/stats/pipelines/nope"])
def test_what_is_not_there_is_said(start: Start, path: str) -> None:
    answer = start(CONFIG).ask(path)
    assert (answer.status, answer.data["error"]) == (404, f"not found: {path}")


def test_an_output_that_fails_makes_it_not_ready(start: Start) -> None:
    (port,) = free_ports()
    running = start(f'input {{ stdin {{ }} }} output {{ tcp {{ host => "127.0.0.1" port => {port} id => "far" }} }}')
    running.send("one")
    answer = running.until("/health/ready", lambda answer: answer.status == 503 and "failing" in answer.text)
    assert "output far is failing" in answer.data["reasons"][0]
    assert running.ask("/health/live").status == 200


def test_a_pipeline_that_failed_beside_others_makes_it_not_ready(start: Start, tmp_path: Path) -> None:
    """The others go on, and a load balancer must know that one does not."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bad = f"input {{ tcp {{ host => '127.0.0.1' port => {taken.getsockname()[1]} }} }} output {{ stdout {{ }} }}"
        pipelines = {"good": "input { stdin { } } output { stdout { } }", "bad": bad}
        listed = [{"pipeline.id": name, "config.string": text} for name, text in pipelines.items()]
        settings = tmp_path / "settings"
        settings.mkdir()
        (settings / "pipelines.yml").write_text(json.dumps(listed))
        answer = start(settings).until("/health/ready", lambda answer: "failed" in answer.text)
    assert answer.status == 503
    (reason,) = answer.data["reasons"]
    assert reason.startswith("pipeline bad has failed: error[E250]: input `tcp`: ")


def test_levels_of_loggers_are_changed_and_reset(start: Start) -> None:
    running = start(CONFIG)
    assert running.ask("/_node/logging", "PUT", b'{"logger.penstock": "DEBUG"}').data == {"acknowledged": True}
    assert running.ask("/_node/logging").data["loggers"]["penstock"] == "DEBUG"
    assert running.ask("/_node/logging/reset", "PUT", b"").status == 200
    assert running.ask("/_node/logging").data["loggers"]["penstock"] == "INFO"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"logger.penstock": "LOUD"}', "`LOUD` is not a level"),
        (b'{"logger.other": "DEBUG"}', "`other` is not a logger"),
        (b'{"penstock": "DEBUG"}', "write {"),
        (b"[]", "write {"),
        (b"{", "not valid JSON"),
    ],
)
def test_levels_that_cannot_be_set_are_said(start: Start, body: bytes, words: str) -> None:
    answer = start(CONFIG).ask("/_node/logging", "PUT", body)
    assert answer.status == 400
    assert words in answer.data["error"]


LENGTH = "Content-Length: "


@pytest.mark.parametrize(
    ("header", "status"),
    [(f"{LENGTH}-1", 400), (f"{LENGTH}2, 3", 400), (f"{LENGTH}2\r\n{LENGTH}3", 400), (f"{LENGTH}70000", 413), (f"{LENGTH}9999999999", 400), ("Transfer-Encoding: chunked", 411)],
)
def test_a_body_of_unknown_or_great_length_ends_the_connection(start: Start, header: str, status: int) -> None:
    """It is not read, so what follows must not be taken for requests."""
    said = start(CONFIG).raw("PUT /_node/logging HTTP/1.1", "Host: x", header, "", "GET / HTTP/1.1", "Host: x", "", "")
    assert said.startswith(f"HTTP/1.1 {status} ")
    assert said.count("HTTP/1.1") == 1


def test_the_body_of_a_request_is_not_the_next_request(start: Start) -> None:
    """Behind a proxy it would be asked for in the name of somebody else."""
    inner = "PUT /_node/logging/reset HTTP/1.1\r\nHost: x\r\n\r\n"
    said = start(CONFIG).raw("GET /health/live HTTP/1.1", "Host: x", "Connection: close", f"{LENGTH}{len(inner)}", "", inner)
    assert '{"status": "live"}' in said
    assert "acknowledged" not in said
    assert said.count("HTTP/1.1") == 1


def test_with_a_password_nobody_else_may_ask(start: Start) -> None:
    running = start(CONFIG, {"api.auth.type": "basic", "api.auth.basic.username": "ann", "api.auth.basic.password": "s3cret-w0rd"})
    assert [running.ask("/", login=login).status for login in ("", "ann:wrong", "ann:s3cret-w0rd")] == [401, 401, 200]
    assert "s3cret-w0rd" not in running.log.read_text()


def test_it_speaks_tls(start: Start, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificate, key = certificates.pair("server")
    settings = {"api.ssl.enabled": "true", "api.ssl.certificate": str(certificate), "api.ssl.key": str(key)}
    assert start(CONFIG, settings, ssl.create_default_context(cafile=certificates.ca)).ask("/").status == 200


def penstock(*settings: str) -> subprocess.CompletedProcess[str]:
    flags = [word for setting in ("api.enabled=true", *settings) for word in ("-S", setting)]
    command = [sys.executable, "-m", "penstock", "run", *flags, "-e", "input { generator { count => 1 } } output { stdout { } }"]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["api.http.host=0.0.0.0"], "the API would listen on 0.0.0.0 for everybody"),
        (["api.auth.type=basic"], "the user or the password is missing"),
        (["api.ssl.enabled=true"], "api.ssl.enabled needs a certificate"),
        (["api.ssl.enabled=true", "api.ssl.certificate=/nope", "api.ssl.key=/nope"], "the certificate of the API cannot be used"),
        (["api.http.port=many"], "`many` is not a port or a range of ports"),
        (["api.http.host=ä..b", "penstock.api.open=true"], "this is not a valid name of a host"),
        (["api.http.host=192.0.2.1", "penstock.api.open=true"], "the API cannot listen on 192.0.2.1"),
    ],
)
def test_what_is_not_safe_or_cannot_be_had_is_refused(settings: list[str], words: str) -> None:
    done = penstock(*settings)
    assert done.returncode == 1
    assert "error[E230]: " in done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_of_a_range_the_first_free_port_is_taken(start: Start) -> None:
    running = start(CONFIG)
    done = penstock(f"api.http.port={running.port}-{running.port + 50}")
    assert done.returncode == 0
    assert f"the API listens on 127.0.0.1:{running.port}\n" not in done.stderr


def test_prometheus_takes_the_figures(start: Start, tmp_path: Path) -> None:
    require("prometheus")
    running = start(CONFIG)
    running.send("a=1", "a=2")
    running.until("/_node/stats", has_taken(2))
    text = running.ask("/metrics").text
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    home = tmp_path / "prometheus"
    home.mkdir()
    with prometheus.server(home, f"127.0.0.1:{running.port}") as scraper:

        def counted(answer: object) -> bool:
            found = prometheus.query(scraper.url, 'penstock_plugin_events_in_total{id="pairs"}')
            return bool(found) and found[0]["value"][1] == "2"

        running.until("/health/live", counted)


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH", "BREW"])
def test_a_method_that_there_is_no_answer_to_is_refused_in_json(start: Start, method: str) -> None:
    """Not with a page of HTML; a body that comes with it is not taken for another request."""
    running = start(CONFIG)
    running.until("/_node", lambda answer: answer.status == 200)
    said = running.raw(f"{method} /_node HTTP/1.1", "Host: x", "Content-Length: 27", "", "GET /_node HTTP/1.1", "Host: x", "")
    head, _, body = said.partition("\r\n\r\n")
    lines = head.splitlines()
    assert lines[0].startswith("HTTP/1.1 405 ")
    assert {"Content-Type: application/json", "Allow: GET, HEAD, PUT", "Connection: close"} <= set(lines)
    assert f"`{method}` is not supported" in json.loads(body)["error"]
