"""A client of librdkafka, watched: what its callbacks say becomes the errors of ``plugins.errors``.

librdkafka reconnects by itself, for ever, and says only through callbacks why it cannot. So the
first connection is waited for here until a broker answers, or says that an option is wrong, or all
of them are down. Later outages are the client's own business: it keeps what is under way, and the
log says so once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from ..contract import Disconnected, Misconfigured, Plugin
from .kafka_reasons import CERTIFICATE, LOGIN, TRUST, plain, refusal, verdict

log = logging.getLogger("penstock")

_SLICE = 0.25
_LONGEST = 10.0
_LOOKS = 2.0
_PATIENCE = 5.0


class Client(Protocol):
    """What consumers and producers have in common."""

    def list_topics(self, topic: Any = ..., timeout: float = ...) -> Any: ...

    def poll(self, timeout: Any = ...) -> Any: ...


class _Log:
    """librdkafka's own log lines, for whoever looks for a fault."""

    def log(self, level: int, message: str, *arguments: object) -> None:
        log.debug("librdkafka: " + message, *arguments)


QUIET: Mapping[str, Any] = {"logger": _Log()}
"""What a client is to be told of which nothing but answers is wanted."""


class Watch:
    """What the callbacks of one client say. ``config``: of the client; ``is_down``: no broker can
    be reached; ``since``: from when on, in seconds that never go back.
    """

    def __init__(self, plugin: Plugin, config: Mapping[str, Any]) -> None:
        self._plugin, self._config = plugin, config
        self.is_down = False
        self.since = self._looked = 0.0
        self.fatal: KafkaError | None = None
        self._reason = self._said = ""
        self._refusal: Misconfigured | None = None

    def config(self) -> dict[str, Any]:
        """What a client is to be told, so that it tells this."""
        return {"error_cb": self._failed, "logger": _Log()}

    def _failed(self, error: KafkaError) -> None:
        """An error that is not of one message; called from within ``poll`` and its like."""
        log.debug("%s: %s", self._plugin.name, error)
        if error.fatal():
            self.fatal = error
        refused = refusal_of(error, self._plugin)
        if refused is not None:
            self._refusal, self._said = refused, error.str()
        elif error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._reason = plain(error.str())
        elif not self.is_down:
            self.is_down, self.since = True, time.monotonic()

    def works(self) -> None:
        """A broker has answered."""
        if self.is_down:
            seconds = time.monotonic() - self.since
            self.is_down, self._refusal, self._reason = False, None, ""
            self._plugin.context.log.info("a broker answers again, after %.1f s", seconds)

    def look(self, client: Client) -> None:
        """While no broker can be reached, say so once a minute, and ask now and then."""
        now = time.monotonic()
        if not self.is_down or now - self._looked < _LOOKS:
            return
        self._looked = now
        try:
            client.list_topics(timeout=_SLICE)
        except KafkaException:
            reason = self._refusal or self._reason or "no answer"
            self._plugin.context.log.warning("no broker can be reached: %s; retrying", reason)
        else:
            self.works()

    def await_broker(self, client: Client, topic: str | None = None) -> Any:
        """The cluster's metadata (of one topic), as soon as a broker answers. Raises Misconfigured
        where one refuses what an option says, Disconnected where none can be reached.
        """
        end = time.monotonic() + _LONGEST
        self.is_down = False
        while True:
            try:
                found = client.list_topics(topic, timeout=_SLICE)
            except KafkaException as error:
                failure: KafkaError = error.args[0]
            else:
                self._refusal, self.is_down = None, False
                return found
            client.poll(0)  # serves the callbacks
            if self._refusal is not None:
                raise self._judged(self._refusal)
            if self.is_down or time.monotonic() > end:
                log.debug("%s: no broker: %s", self._plugin.name, failure.str())
                raise Disconnected(self._reason or self._guess())

    def _judged(self, refused: Misconfigured) -> Misconfigured:
        """The refusal, with why a certificate is not trusted."""
        if refused.option != _given_instead(self._plugin, TRUST):
            return refused
        found = verdict(self._said, self._config)
        return refused if found is None else Misconfigured(refused.option, *found)

    def _guess(self) -> str:
        servers = getattr(self._plugin, "bootstrap_servers", "")
        return (
            f"no broker of {servers} answers; a listener that wants another `security_protocol`"
            " looks the same"
        )


def topic_ids(config: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """The identity of topics by name, as far as brokers know and answer: a topic that was deleted
    and made again has another. ``config``: of any client.
    """
    told: dict[str, Any] = {**config, **QUIET}
    admin = AdminClient(told)
    futures = admin.describe_topics(TopicCollection(list(names)), request_timeout=_PATIENCE)
    found = {}
    for name, future in futures.items():
        try:
            found[name] = str(future.result(_PATIENCE).topic_id)
        except Exception as error:
            log.debug("no identity of the topic %s: %s", name, error)
    return found


def make_client(plugin: Plugin, make: Callable[[Any], Any], config: Mapping[str, Any]) -> Any:
    """A consumer or a producer; raises Misconfigured where librdkafka refuses the configuration."""
    own = getattr(plugin, "librdkafka_options", {})
    try:
        return make({**config, **own})
    except KafkaException as error:
        reason = error.args[0].str()
        raise Misconfigured(_option_of(plugin, reason, own), reason) from None
    except (TypeError, ValueError) as error:
        raise Misconfigured("librdkafka_options", str(error)) from None


def _option_of(plugin: Plugin, reason: str, own: Mapping[str, str]) -> str:
    """The option that a refused configuration comes from, as far as the reason tells."""
    if any(name in reason for name in own):
        return "librdkafka_options"
    for part, option in {
        "GSSAPI": "sasl_mechanism",
        "sasl.mechanism": "sasl_mechanism",
        "oauthbearer": "sasl_jaas_config",
        "ssl.ca": "ssl_truststore_location",
        "ssl.keystore": "ssl_keystore_location",
        "ssl.key": "ssl_key_password",
        "ssl.certificate": "ssl_certificate",
        "topic": "topics_pattern",
    }.items():
        if part in reason and option in plugin.spec.options:
            return _given_instead(plugin, option)
    return "bootstrap_servers"


def _given_instead(plugin: Plugin, option: str) -> str:
    """The option that was given, of two that mean the same."""
    others = {
        TRUST: "ssl_certificate_authorities",
        CERTIFICATE: "ssl_certificate",
        "ssl_certificate": CERTIFICATE,
        LOGIN: "jaas_path",
    }
    other = others.get(option)
    if other in plugin.given and option not in plugin.given:
        return str(other)
    return option


def refusal_of(error: KafkaError, plugin: Plugin) -> Misconfigured | None:
    """What an error says of an option; None where it is an outage like any other."""
    code, text = error.code(), error.str()
    found = refusal(text) if code in _OF_CONNECTIONS else None
    if found is not None:
        return Misconfigured(_given_instead(plugin, found.option), found.reason, found.help)
    if code in _OF_LOGINS:
        return Misconfigured(_given_instead(plugin, LOGIN), plain(text))
    option = _UNAUTHORIZED.get(code)
    if option is None:
        return None
    known = option if option in plugin.spec.options else "topic_id"
    return Misconfigured(known, text, "ask for an ACL, or use another login")


_OF_LOGINS = (KafkaError._AUTHENTICATION, KafkaError.SASL_AUTHENTICATION_FAILED)
_OF_CONNECTIONS = (*_OF_LOGINS, KafkaError._SSL, KafkaError._TRANSPORT)
_UNAUTHORIZED = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "topics",
    KafkaError.GROUP_AUTHORIZATION_FAILED: "group_id",
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "exactly_once",
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: "acks",
}
