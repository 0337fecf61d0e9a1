"""HTTP in and out through whole processes, with curl and nginx as peers."""
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import urllib3
from servers import nginx
from servers.certificates import Certificates
from servers.http_pipeline import DISK, Collector, Penstock, Sender, until
from servers.packages import require


@pytest.fixture
def target() -> Iterator[Collector]:
    with Collector() as collector:
        yield collector


@pytest.fixture
def penstock(tmp_path: Path, target: Collector) -> Iterator[Callable[..., Penstock]]:
    with ExitStack() as stack:

        def start(options: str = "", filters: str = "", arguments: Sequence[str] = ()) -> Penstock:
            run = Penstock(tmp_path, target.url, options, filters, arguments).start()
            stack.callback(run.kill)
            return run

        yield start


@pytest.mark.parametrize("arguments", [(), ("-w", "2"), DISK], ids=["memory", "two workers", "disk queue"])
def test_events_go_through_and_a_stop_delivers_all(penstock: Any, target: Collector, arguments: Sequence[str]) -> None:
    run = penstock('codec => json tags => ["in"]', 'mutate { add_field => { "copy" => "%{n}" } }', arguments)
    sender = Sender(run.port)
    until(lambda: len(sender.answered) > 50, run.said)
    sender.end()
    assert run.stop() == 0, run.said()
    assert not target.lacks(sender)
    assert len(target.numbers()) == len(set(target.numbers()))
    assert {(event["tags"][0], event["copy"]) for event in target.events if event.get("n") == 7} == {("in", "7")}


@pytest.mark.parametrize("arguments", [(), DISK], ids=["memory", "disk queue"])
def test_with_respond_after_delivered_an_answer_waits_for_the_outputs(penstock: Any, target: Collector, arguments: Sequence[str]) -> None:
    run = penstock("respond_after => delivered", "", arguments)
    target.hang()
    sender = Sender(run.port, threads=1)
    until(lambda: len(target.asked) == 1, run.said)
    assert not sender.answered
    target.flow()
    until(lambda: len(sender.answered) > 3, run.said)
    sender.end()
    assert not target.lacks(sender)


def test_a_target_that_hangs_makes_clients_wait_and_not_memory(penstock: Any, target: Collector) -> None:
    run = penstock("max_in_flight => 4 retry_after => 3")
    target.hang()
    pool = urllib3.PoolManager(retries=False, timeout=30)
    body = json.dumps([{"n": 1, "x": "y" * 1_000_000}]).encode()

    def send() -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": "application/json"}
        return pool.request("POST", f"http://127.0.0.1:{run.port}/", body=body, headers=headers)

    until(lambda: _can_be_sent(send), run.said)
    answers = [send() for _ in range(6)]
    refused = [answer.headers["Retry-After"] for answer in answers if answer.status == 429]
    assert len(refused) >= 2
    assert set(refused) == {"3"}
    target.flow()
    until(lambda: send().status == 200, run.said)


def _can_be_sent(send: Callable[[], urllib3.BaseHTTPResponse]) -> bool:
    try:
        return send().status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.mark.parametrize("changed", ["input", "filter"])
def test_a_reload_takes_over_and_loses_nothing(penstock: Any, target: Collector, changed: str) -> None:
    run = penstock("respond_after => delivered")
    sender = Sender(run.port)
    until(lambda: len(sender.answered) > 20, run.said)
    if changed == "input":
        run.reload('respond_after => delivered tags => ["new"]')
    else:
        run.reload("respond_after => delivered", 'mutate { add_tag => ["new"] }')
    until(lambda: any("tags" in event for event in target.events), run.said)
    sender.end()
    assert not target.lacks(sender)
    assert run.stop() == 0
    assert len(target.numbers()) == len(set(target.numbers())), "a reload repeats nothing"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def curl(url: str, *arguments: str) -> str:
    """The status and the body that curl shows, or how it failed."""
    command = ["curl", "-sS", "--max-time", "30", "-w", " %{http_code}", *arguments, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"curl ended with {done.returncode}"


def test_curl_over_mutual_tls(penstock: Any, target: Collector, certificates: Certificates, tmp_path: Path) -> None:
    require("curl")
    certificate, key = certificates.pair("server")
    run = penstock(
        f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}" ssl_client_authentication => required'
        f' ssl_certificate_authorities => ["{certificates.ca}"] respond_after => delivered'
    )
    large = tmp_path / "large"
    large.write_bytes(json.dumps({"n": 1, "x": "y" * 3_000_000}).encode())  # curl waits for 100 Continue
    post = ["--cacert", str(certificates.ca), "--data-binary", f"@{large}", "-H", "Content-Type: application/json"]
    url = f"https://localhost:{run.port}/"

    def with_certificate(name: str) -> str:
        shown, secret = certificates.pair(name)
        return curl(url, *post, "--cert", str(shown), "--key", str(secret))

    until(lambda: with_certificate("client") == "ok 200", run.said)
    assert with_certificate("foreign").startswith("curl ended")
    assert with_certificate("expired").startswith("curl ended")
    assert curl(url, *post).startswith("curl ended")
    assert set(target.numbers()) == {1}
    assert "Traceback" not in run.said()


def test_nginx_in_front_of_it(penstock: Any, target: Collector, certificates: Certificates, tmp_path: Path) -> None:
    require("curl")
    require("nginx")
    run = penstock("respond_after => delivered request_headers_target_field => headers")
    home = tmp_path / "nginx"
    home.mkdir()
    with nginx.proxy(home, run.port, *certificates.pair("server")) as proxy:
        post = ["--cacert", str(certificates.ca), "-d", '{"n":1}', "-H", "Content-Type: application/json"]
        until(lambda: curl(f"https://localhost:{proxy.port}/x", *post) == "ok 200", run.said)
    assert target.events[0]["headers"]["x_forwarded_for"] == "127.0.0.1"
    assert target.events[0]["url"]["path"] == "/x"
