"""What is said of handshakes that fail: real ones, in memory."""

from __future__ import annotations

import ssl

import pytest
from servers.certificates import Certificates

from penstock.plugins.clients.tls import tls_refusal
from penstock.plugins.errors import Disconnected, Misconfigured

AUTHORITY = "ssl_certificate_authorities"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def contexts(
    certificates: Certificates, shown: str, trusted: str, pair: str | None, asks: bool
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's and the client's: what the server shows, whom the client trusts, what it has."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificates.pair(shown))
    if asks:
        server.verify_mode = ssl.CERT_REQUIRED
        server.load_verify_locations(certificates.ca)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(certificates.directory / f"{trusted}.pem")
    if pair is not None:
        client.load_cert_chain(*certificates.pair(pair))
    return server, client


def failure(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLError:
    """How the client's side fails: both shake hands in turn, and the client reads, as with TLS 1.3
    a refusal comes only then.
    """
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    far = server.wrap_bio(up, down, server_side=True)
    near = client.wrap_bio(down, up, server_hostname=host)
    for _ in range(4):
        for step in (near.do_handshake, far.do_handshake, near.read):
            try:
                step()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLError as error:
                if step != far.do_handshake:
                    return error
    raise AssertionError("it does not fail")


FAILURES = [
    ("expired", "ca", None, False, "localhost", AUTHORITY, "certificate has expired", "renew the server's certificate"),
    ("server", "foreign-ca", None, False, "localhost", AUTHORITY, "unable to get local issuer", f"name the file of its authority in `{AUTHORITY}`"),
    ("server", "ca", None, False, "elsewhere", AUTHORITY, "Hostname mismatch", "connect by a name that stands in"),
    ("server", "ca", None, True, "localhost", "ssl_certificate", "the server asks for a certificate", "give `ssl_certificate` and `ssl_key`"),
    ("server", "ca", "expired", True, "localhost", "ssl_certificate", "refuses the certificate: certificate expired", "renew the certificate"),
    ("server", "ca", "foreign", True, "localhost", "ssl_certificate", "refuses the certificate: unknown ca", "of an authority that the server trusts"),
]


@pytest.mark.parametrize(("shown", "trusted", "pair", "asks", "host", "option", "reason", "help"), FAILURES, ids=lambda part: str(part)[:20])
def test_a_certificate_that_is_refused_is_said_in_words_with_what_to_do(
    shown: str, trusted: str, pair: str | None, asks: bool, host: str, option: str, reason: str, help: str, certificates: Certificates
) -> None:
    error = failure(*contexts(certificates, shown, trusted, pair, asks), host)
    found = tls_refusal(error)
    assert isinstance(found, Misconfigured)
    assert found.option == option
    assert reason in found.reason
    assert help in found.help
    assert "_ssl.c" not in found.reason
    assert "ALERT" not in found.reason


def test_a_connection_that_ended_is_an_outage() -> None:
    down = ssl.MemoryBIO()
    near = ssl.create_default_context().wrap_bio(down, ssl.MemoryBIO(), server_hostname="localhost")
    down.write_eof()
    with pytest.raises(ssl.SSLError) as found:
        near.do_handshake()
    assert isinstance(tls_refusal(found.value), Disconnected)
