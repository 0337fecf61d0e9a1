"""What librdkafka's texts mean: as it has written them, and what is said instead."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest
from servers.certificates import Certificates

from penstock.plugins.clients.kafka_reasons import plain, refusal, verdict

STATE = "(after 5ms in state APIVERSION_QUERY)"
PLAIN = [
    ("127.0.0.1:9: Connection refused", "127.0.0.1:9/bootstrap: Connect to ipv4#127.0.0.1:9 failed: Connection refused (after 0ms in state CONNECT)"),
    ("`away` cannot be resolved: Name or service not known", "away:9/bootstrap: Failed to resolve 'away:9': Name or service not known (after 0ms in state CONNECT)"),
    ("a:9: the answer is not Kafka's: is this the port of a broker, and `security_protocol` that of the listener?",
     f"a:9/bootstrap: Receive failed: Invalid response size 1397966893 (0..100000000): increase receive.message.max.bytes {STATE}"),
    ("a:9: the broker closes the connection: the listener may ask for TLS or for a login (`security_protocol`)", "a:9/1: Send failed: Broken pipe (after 0ms in state UP)"),
    ("[::1]:9: Connection refused", "ssl://[::1]:9/2: Connect to ipv6#[::1]:9 failed: Connection refused (after 0ms in state CONNECT)"),
    ("something that is not known", "something that is not known"),
]
REFUSALS = [
    ("ssl_keystore_location", "a:9: the server asks for a certificate", f"ssl://a:9/bootstrap: Receive failed: error:0A00045C:SSL routines::tlsv13 alert certificate required: SSL alert number 116 {STATE}"),
    ("ssl_keystore_location", "a:9: the server refuses the certificate: unknown ca", "ssl://a:9/bootstrap: SSL handshake failed: error:0A000418:SSL routines::tlsv1 alert unknown ca: SSL alert number 48 (after 9ms in state SSL_HANDSHAKE)"),
    ("security_protocol", "a:9: the listener does not use TLS", "ssl://a:9/bootstrap: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker listener? (after 4ms in state SSL_HANDSHAKE)"),
    ("ssl_truststore_location", "a:9: the broker's certificate is not trusted", "ssl://a:9/bootstrap: SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate could not be verified (after 5ms in state SSL_HANDSHAKE)"),
    ("security_protocol", "a:9: the listener asks for no login", "sasl_plaintext://a:9/bootstrap: SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: broker's supported mechanisms:  (after 0ms in state AUTH_HANDSHAKE)"),
    ("sasl_mechanism", "a:9: the listener does not know the mechanism SCRAM-SHA-256", "sasl_ssl://a:9/bootstrap: SASL SCRAM-SHA-256 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN,SCRAM-SHA-512 (after 1ms in state AUTH_HANDSHAKE)"),
    ("sasl_jaas_config", "a:9: the login was refused: Authentication failed: Invalid username or password", "sasl_ssl://a:9/bootstrap: SASL authentication error: Authentication failed: Invalid username or password (after 301ms in state AUTH_REQ)"),
]


@pytest.mark.parametrize(("said", "text"), PLAIN, ids=[said[:30] for said, _ in PLAIN])
def test_an_outage_is_said_in_words_with_the_broker(said: str, text: str) -> None:
    assert refusal(text) is None
    assert plain(text) == said


@pytest.mark.parametrize(("option", "reason", "text"), REFUSALS, ids=[said[:40] for _, said, _ in REFUSALS])
def test_what_an_option_can_mend_is_said_at_it_with_what_to_do(option: str, reason: str, text: str) -> None:
    found = refusal(text)
    assert found is not None
    assert (found.option, found.reason) == (option, reason)
    assert found.help


class Shaking(BaseRequestHandler):
    """Shake hands, and no more."""

    context: ssl.SSLContext

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self.context.wrap_socket(self.request, server_side=True).recv(1)


@pytest.fixture
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(params=["expired", "server", "foreign"])
def broker(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[tuple[str, int]]:
    """What it shows, and its port."""
    Shaking.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Shaking.context.load_cert_chain(*certificates.pair(request.param))
    with ThreadingTCPServer(("127.0.0.1", 0), Shaking) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield request.param, server.server_address[1]
        server.shutdown()


def test_why_a_broker_is_not_trusted_is_found_out(broker: tuple[str, int], certificates: Certificates) -> None:
    shown, port = broker
    text = f"ssl://localhost:{port}/bootstrap: SSL handshake failed: certificate verify failed"
    found = verdict(text, {"ssl.ca.pem": certificates.ca.read_text()})
    wanted = {
        "expired": (f"localhost:{port}: the server's certificate is not trusted: certificate has expired", "renew the server's certificate"),
        "foreign": (
            f"localhost:{port}: the server's certificate is not trusted: unable to get local issuer certificate",
            "name the file of its authority in `ssl_certificate_authorities`",
        ),
        "server": None,
    }
    assert found == wanted[shown]
