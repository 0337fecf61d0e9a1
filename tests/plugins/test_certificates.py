"""Certificates that expire: what is read of files, and where it is said."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from servers.certificates import Certificates

from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.pipeline.compile.instantiate import inspect
from penstock.plugins.certificates import expiry_of, warning_of
from penstock.plugins.context import Context
from penstock.plugins.servers.event_loop import EventLoopListener
from penstock.plugins.servers.tls import ServerTls, server_tls


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def end_of(path: Path) -> datetime:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc


@pytest.mark.parametrize("name", ["server", "ca", "expired"])
def test_the_end_of_a_certificate_is_read_from_its_file(
    certificates: Certificates, name: str
) -> None:
    path, _ = certificates.pair(name)
    assert expiry_of(path) == end_of(path)


def test_a_year_of_four_digits_is_read_too(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    certificates.renew("server", days=40 * 365)
    path, _ = certificates.pair("server")
    assert expiry_of(path) == end_of(path)


def test_of_several_certificates_the_first_to_expire_counts(
    certificates: Certificates, tmp_path: Path
) -> None:
    expired, _ = certificates.pair("expired")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(certificates.ca.read_bytes() + b"text between\n" + expired.read_bytes())
    assert expiry_of(chain) == end_of(expired)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"text",
        b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nMAAwADAA\n-----END CERTIFICATE-----\n",
        b"\xff\xfe",
    ],
)
def test_a_file_without_a_certificate_has_no_end(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.pem"
    path.write_bytes(content)
    assert expiry_of(path) is None
    assert warning_of(path) is None


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(days=14, hours=1), None),
        (timedelta(days=13, hours=1), "UTC, in 13 days"),
        (timedelta(hours=30), "UTC, in less than two days"),
        (timedelta(), "UTC; who verifies it refuses the connection"),
        (timedelta(days=-400), "UTC; who verifies it refuses the connection"),
    ],
)
def test_it_is_warned_of_two_weeks_before_its_end(
    certificates: Certificates, before: timedelta, said: str | None
) -> None:
    path, _ = certificates.pair("server")
    found = warning_of(path, end_of(path) - before)
    if said is None:
        assert found is None
        return
    assert found is not None
    assert found[0].startswith(f"`{path}` expire")
    assert found[0].endswith(said)
    assert f"{end_of(path):%Y-%m-%d %H:%M}" in found[0]


SERVER = (
    """ssl_enabled => true ssl_certificate => "{0}/expired.pem" ssl_key => "{0}/expired.key" """
)


@pytest.mark.parametrize(
    "config",
    [
        f"input {{ tcp {{ port => 5000 {SERVER} }} }}",
        f"input {{ http {{ {SERVER} }} }}",
        f"input {{ beats {{ port => 5044 {SERVER} }} }}",
        f'output {{ lumberjack {{ hosts => "a" port => 1 {SERVER} }} }}',
        f'output {{ http {{ url => "https://a" http_method => "post" {SERVER} }} }}',
    ],
)
def test_a_check_warns_at_the_option_of_every_plugin_that_shows_one(
    certificates: Certificates, config: str
) -> None:
    text = config.replace("{0}", str(certificates.directory))
    _, found = inspect([Source("example.conf", text)], settled(None))
    assert [each.code for each in found] == ["W309"]
    (start, end) = found[0].span.start, found[0].span.end
    assert "expired.pem" in text[start:end]


class Server(ServerTls, EventLoopListener, name="server"):
    """A listener."""


def test_a_certificate_that_is_renewed_too_briefly_is_said_when_it_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = Certificates(tmp_path)
    certificate, key = certificates.pair("server")
    context = Context()
    options = {"ssl_enabled": True, "ssl_certificate": certificate, "ssl_key": key}
    server = Server(options, context)
    tls = server_tls(server, server)
    assert tls is not None
    assert not context.problems
    first = tls.current()

    certificates.renew("server", days=3)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 10)
    second = tls.current()
    assert second is not first
    assert f"`{certificate}` expires on" in caplog.text
    assert not context.problems

    caplog.clear()
    assert tls.current() is second
    monkeypatch.setattr(time, "monotonic", lambda: now + 90_000)
    tls.current()
    assert f"`{certificate}` expires on" in caplog.text
    assert "since they have changed" not in caplog.text
    assert datetime.now(UTC) < end_of(certificate)
