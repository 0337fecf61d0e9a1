"""`penstock top` against a process that runs: with a password and TLS, and what is said where it cannot be asked."""
from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers.certificates import Certificates
from servers.penstock_process import Penstock
from servers.process import free_ports

from penstock.pipeline.top.client import ApiClient, Unreachable

CONFIG = 'input { heartbeat { id => "in" interval => 3600 } } filter { kv { id => "pairs" } } output { null { id => "out" } }'


def top(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "penstock", "top", "--interval", "0.2", *arguments]
    given = {**os.environ, "COLUMNS": "80", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=given, stdin=subprocess.DEVNULL)


def settings(port: int, **more: str) -> list[str]:
    given = {"api.enabled": "true", "api.http.port": str(port), **{key.replace("__", "."): value for key, value in more.items()}}
    return [word for key, value in given.items() for word in ("-S", f"{key}={value}")]


def answers(client: ApiClient) -> Callable[[], bool]:
    def check() -> bool:
        try:
            return not client.read().reasons
        except Unreachable:
            return False

    return check


def test_one_screen_is_printed(tmp_path: Path) -> None:
    (port,) = free_ports()
    with Penstock(tmp_path, CONFIG, *settings(port)) as run:
        run.until(answers(ApiClient(f"127.0.0.1:{port}")), "the API answers")
        done = top("--once", f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert ": ready, up " in lines[0]
    assert max(map(len, lines)) == 80
    assert [line.split()[:2] for line in lines if line.startswith(("heartbeat", "kv", "null"))] == [["heartbeat", "in"], ["kv", "pairs"], ["null", "out"]]


def test_a_password_and_tls_are_used(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificate, key = certificates.pair("server")
    (port,) = free_ports()
    tls = {"api__ssl__enabled": "true", "api__ssl__certificate": str(certificate), "api__ssl__key": str(key)}
    login = {"api__auth__type": "basic", "api__auth__basic__username": "ann", "api__auth__basic__password": "s3cret-w0rd"}
    url = f"https://127.0.0.1:{port}"
    with Penstock(tmp_path, CONFIG, *settings(port, **tls, **login)) as run:
        run.until(answers(ApiClient(url, "ann:s3cret-w0rd", Path(certificates.ca))), "the API answers")
        good = top("--once", url, "--user", "ann", "--ca", str(certificates.ca), PENSTOCK_API_PASSWORD="s3cret-w0rd")
        wrong = top("--once", url, "--user", "ann", "--ca", str(certificates.ca), PENSTOCK_API_PASSWORD="guess")
        unnamed = top("--once", url, "--ca", str(certificates.ca))
        foreign = top("--once", url, "--user", "ann", PENSTOCK_API_PASSWORD="s3cret-w0rd")
    assert (good.returncode, good.stderr) == (0, "")
    assert wrong.stderr == f"error: {url} refuses this user and password: check --user and PENSTOCK_API_PASSWORD\n"
    assert unnamed.stderr == f"error: {url} requires a user and a password: set --user and PENSTOCK_API_PASSWORD\n"
    assert foreign.stderr.startswith(f"error: {url} cannot be reached: [SSL: CERTIFICATE_VERIFY_FAILED]")
    assert "s3cret-w0rd" not in good.stdout + wrong.stderr + foreign.stderr


def test_what_cannot_be_asked_is_said() -> None:
    (port,) = free_ports()
    done = top("--once", f"http://127.0.0.1:{port}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"error: http://127.0.0.1:{port} cannot be reached: [Errno 111] Connection refused; is api.enabled true there?\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ftp://there"], "`ftp://there` is not a valid address: write http://HOST:9600"),
        (["http://:9600"], "is not a valid address"),
        (["http://there:port"], "is not a valid address"),
        (["http://the re"], "is not a valid address"),
        (["ftp://ann:s3cret@there"], "`ftp://there` is not a valid address"),
        (["--ca", __file__, "https://there"], "the authority `"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(arguments: list[str], words: str) -> None:
    done = top("--once", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_without_textual_the_extra_is_named(tmp_path: Path) -> None:
    (tmp_path / "textual.py").write_text("raise ModuleNotFoundError(name='textual')")
    root = str(Path(__file__).parents[3])
    done = top("http://127.0.0.1:1", PYTHONPATH=os.pathsep.join([str(tmp_path), root]))
    assert done.returncode == 2
    assert "pip install 'penstock[top]'" in done.stderr


def test_another_server_is_not_taken_for_penstock(tmp_path: Path) -> None:
    (port,) = free_ports()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as other:
        try:
            assert other.stdout is not None
            client: Any = ApiClient(f"127.0.0.1:{port}")
            said = ""
            while "is not the API of Penstock" not in said:
                assert other.poll() is None
                with pytest.raises(Unreachable) as raised:
                    client.read()
                said = str(raised.value)
        finally:
            other.kill()


LOGSTASH = b'{"process": {"mem": {}, "cpu": {"percent": 1}}, "pipelines": {"main": {}}}'


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + LOGSTASH,
    ],
    ids=["no HTTP", "ends early", "Logstash"],
)
def test_what_is_not_the_api_is_said(answer: bytes) -> None:
    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        with pytest.raises(Unreachable, match=f"^http://127.0.0.1:{port} is not the API of Penstock$"):
            ApiClient(f"127.0.0.1:{port}").read()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize(("given", "url"), [("https://[::1]", "https://[::1]:9600"), ("there", "http://there:9600"), ("http://a:1/x", "http://a:1")])
def test_a_short_address_is_completed(given: str, url: str) -> None:
    assert ApiClient(given).url == url
