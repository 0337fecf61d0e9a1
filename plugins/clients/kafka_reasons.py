"""What librdkafka says of a connection that fails, in words, and the option that is to blame.

librdkafka's texts are for its authors: `ssl://host:9093/bootstrap: SSL handshake failed: error:…
(after 5ms in state SSL_HANDSHAKE)`. They are matched by the few phrases that do not change. Of a
certificate that it does not trust it says only that, whether it has expired, has another name or an
unknown authority: ``verdict`` shakes hands once more, with Python's TLS, which knows.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any, NamedTuple

from .tls_failures import distrusted, refused

_PLACE = re.compile(r"(?:\w+://)?(?P<place>\S+?:\d+)(?:/\w+)?: (?P<rest>.*)", re.DOTALL)
_STATE = re.compile(r" \(after \d+ms in state \w+.*?\).*$", re.DOTALL)
_CONNECT = re.compile(r"Connect to \S+ failed: (.+)", re.DOTALL)
_RESOLVE = re.compile(r"Failed to resolve '(.+?):\d+': (.+)", re.DOTALL)
_ALERT = re.compile(r"alert ([a-z ]+?)(?=:|$)")
_MECHANISM = re.compile(r"SASL (\S+) mechanism handshake failed: .*supported mechanisms: *(.*)")
_LOGIN = re.compile(r"SASL authentication error: (.+)", re.DOTALL)
_CLOSED = ("Broken pipe", "Connection reset by peer", "Disconnected")
_OTHER_LISTENER = (
    "the broker closes the connection: the listener may ask for TLS or for a login"
    " (`security_protocol`)"
)
_NOT_KAFKA = (
    "the answer is not Kafka's: is this the port of a broker, and `security_protocol` that of the"
    " listener?"
)
_PATIENCE = 5.0

PROTOCOL, CERTIFICATE = "security_protocol", "ssl_keystore_location"
TRUST, LOGIN, MECHANISM = "ssl_truststore_location", "sasl_jaas_config", "sasl_mechanism"


class Refusal(NamedTuple):
    """The option that is to blame, as Logstash calls it, why, and what to do."""

    option: str
    reason: str
    help: str


def place_of(text: str) -> tuple[str, str]:
    """The broker that a text is about (HOST:PORT; empty where none is named), and what it says."""
    found = _PLACE.match(text)
    place, rest = (found["place"], found["rest"]) if found else ("", text)
    return place, _STATE.sub("", rest)


def plain(text: str) -> str:
    """Why a connection failed, in words, with the broker's address."""
    place, rest = place_of(text)
    before = f"{place}: " if place else ""
    connect, resolve = _CONNECT.fullmatch(rest), _RESOLVE.fullmatch(rest)
    if connect is not None:
        return before + connect[1]
    if resolve is not None:
        return f"`{resolve[1]}` cannot be resolved: {resolve[2]}"
    if "Invalid response size" in rest:
        return before + _NOT_KAFKA
    if any(mark in rest for mark in _CLOSED) and "SSL" not in rest:
        return before + _OTHER_LISTENER
    return before + rest


def refusal(text: str) -> Refusal | None:
    """What an option has to do with a failure; None where it is an outage like any other."""
    place, rest = place_of(text)
    before = f"{place}: " if place else ""
    alert = _ALERT.search(rest)
    if alert is not None and ("certificate" in alert[1] or alert[1] == "unknown ca"):
        reason, help = refused(f"ALERT_{alert[1].upper().replace(' ', '_')}")
        return Refusal(CERTIFICATE, before + reason, help)
    if "PLAINTEXT broker listener" in rest:
        help = "name a listener with TLS in `bootstrap_servers`, or change `security_protocol`"
        return Refusal(PROTOCOL, f"{before}the listener does not use TLS", help)
    if "certificate verify failed" in rest or "could not be verified" in rest:
        reason = f"{before}the broker's certificate is not trusted"
        help = "name the file of its authority in `ssl_certificate_authorities`"
        return Refusal(TRUST, reason, help)
    mechanism, login = _MECHANISM.search(rest), _LOGIN.fullmatch(rest)
    if mechanism is not None:
        return _of_mechanism(before, *mechanism.groups())
    if login is not None:
        reason = f"{before}the login was refused: {login[1]}"
        return Refusal(LOGIN, reason, "give the user and the password that the brokers know")
    return None


def _of_mechanism(before: str, wanted: str, known: str) -> Refusal:
    if not known.strip():
        help = "name another listener in `bootstrap_servers`, or change `security_protocol`"
        return Refusal(PROTOCOL, f"{before}the listener asks for no login", help)
    reason = f"{before}the listener does not know the mechanism {wanted}"
    return Refusal(MECHANISM, reason, f"use one that it knows: {known.strip()}")


def verdict(text: str, config: Mapping[str, Any]) -> tuple[str, str] | None:
    """Why the certificate of the broker that a text names is not trusted, and what to do, as far as
    another handshake tells; it takes up to five seconds. ``config``: of the client.
    """
    place, _ = place_of(text)
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    authorities = str(config.get("ssl.ca.pem", ""))
    try:
        context = ssl.create_default_context(cadata=authorities or None)
        context.check_hostname = config.get("ssl.endpoint.identification.algorithm") != "none"
        with socket.create_connection((host, int(port)), _PATIENCE) as made:
            context.wrap_socket(made, server_hostname=host).close()
    except ssl.SSLCertVerificationError as error:
        reason, help = distrusted(error)
        return f"{place}: {reason}", help
    except (OSError, ValueError):
        return None
    return None
