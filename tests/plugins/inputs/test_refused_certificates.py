"""Clients whose certificates a listener does not take: both ends say why."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest
from servers.certificates import Certificates

from penstock.plugins.clients.tcp import dial, encrypted
from penstock.plugins.errors import Misconfigured

Listen = Callable[..., Any]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def asking(keys: Certificates) -> str:
    certificate, key = keys.pair("server")
    return (
        f'ssl_enabled => true ssl_certificate => "{certificate}" ssl_key => "{key}"'
        f' ssl_certificate_authorities => "{keys.ca}" ssl_client_authentication => required'
    )


def shown(keys: Certificates, pair: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=keys.ca)
    if pair is not None:
        context.load_cert_chain(*keys.pair(pair))
    return context


LISTENERS = ["tcp", "syslog", "beats", "lumberjack", "flume", "http", "logstash"]


@pytest.mark.parametrize(
    ("pair", "heard", "help", "logged"),
    [
        (None, "the server asks for a certificate", "give `ssl_certificate`", "no certificate"),
        ("expired", "certificate expired", "renew the certificate", "certificate has expired"),
        ("foreign", "unknown ca", "that the server trusts", "unable to get local issuer"),
    ],
)
@pytest.mark.parametrize("listener", LISTENERS)
def test_a_client_that_is_refused_hears_why_and_so_does_the_log(
    listener: str,
    pair: str | None,
    heard: str,
    help: str,
    logged: str,
    listen: Listen,
    keys: Certificates,
    caplog: pytest.LogCaptureFixture,
) -> None:
    served = listen(f'{listener} {{ host => "127.0.0.1" port => 0 {asking(keys)} }}')
    with pytest.raises(Misconfigured) as caught:
        encrypted(dial("127.0.0.1", served.port), shown(keys, pair), "localhost", "other")
    assert caught.value.option == "ssl_certificate"
    assert heard in caught.value.reason
    assert help in caught.value.help
    served.until(lambda: logged in caplog.text)


@pytest.mark.parametrize("listener", LISTENERS)
def test_a_client_with_a_certificate_is_served_beside_one_that_is_refused(
    listener: str, listen: Listen, keys: Certificates
) -> None:
    served = listen(f'{listener} {{ host => "127.0.0.1" port => 0 {asking(keys)} }}')
    with encrypted(
        dial("127.0.0.1", served.port), shown(keys, "client"), "localhost", "other"
    ) as made:
        with pytest.raises(Misconfigured):
            encrypted(dial("127.0.0.1", served.port), shown(keys, None), "localhost", "other")
        made.settimeout(0)
        with pytest.raises(ssl.SSLWantReadError):  # it is open, and nothing is said
            made.recv(1)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_version_of_tls_does_not_matter(
    version: str, listen: Listen, keys: Certificates
) -> None:
    protocols = f'ssl_supported_protocols => "{version}"'
    served = listen(f'tcp {{ host => "127.0.0.1" port => 0 {asking(keys)} {protocols} }}')
    with pytest.raises(Misconfigured) as caught:
        encrypted(dial("127.0.0.1", served.port), shown(keys, "expired"), "localhost", "other")
    assert "certificate expired" in caught.value.reason
