"""MQTT: the options that its input and output share, what names of topics may be, and what the
reasons of a broker mean.

A broker of MQTT 5 says why it refuses something; one of 3.1.1 has a handful of reasons for a
connection, one for a subscription, and none for a message.
"""

from __future__ import annotations

from paho.mqtt.reasoncodes import ReasonCode

from ..contract import Disconnected, Misconfigured, Plugin
from ..declaration import Duration, Secret, option
from ..option_groups import option_group
from .tls import ClientTls

_PORT, _TLS_PORT = 1883, 8883
_LONGEST_TOPIC = 65535
_LONGEST_KEEP_ALIVE = 65535

_BLAMED = {
    "Unsupported protocol version": "mqtt_version",
    "Client identifier not valid": "client_id",
    "Bad user name or password": "password",
    "Not authorized": "password",
    "Bad authentication method": "password",
    "Banned": "client_id",
    "Topic name invalid": "will_topic",
    "Retain not supported": "will_retain",
    "QoS not supported": "will_qos",
}
"""The option that is to blame for a connection that is refused; other reasons may pass."""

_HELP = {
    "mqtt_version": "take the other version",
    "client_id": "give another client_id",
    "password": "give the username and the password that the broker asks for",
}


@option_group
class MqttOptions(ClientTls):
    """The options of whatever talks to a broker of MQTT."""

    host: str = option("The broker's host.")
    port: int | None = option("The port; by default 1883, with TLS 8883.", default=None, at_least=1)
    mqtt_version: str = option(
        "The version of the protocol.", default="3.1.1", choices=("3.1.1", "5")
    )
    username: str | None = option("The user.", default=None)
    password: Secret | None = option("The password of that user.", default=None)
    keep_alive: Duration = option(
        "Seconds without a packet after which the two sides look whether the other is there.",
        default=Duration(60),
        at_least=1,
    )
    connect_timeout: Duration = option(
        "Seconds that connecting may take.", default=Duration(10), at_least=1
    )
    will_topic: str | None = option(
        "A topic to which the broker publishes `will_payload` where this connection ends without"
        " a goodbye: the last will.",
        default=None,
    )
    will_payload: str = option("What it publishes then.", default="")
    will_qos: int = option("With which quality of service: 0, 1 or 2.", default=0, at_least=0)
    will_retain: bool = option("Whether the broker keeps it for later subscribers.", default=False)
    ssl_enabled: bool = option("Whether the connection uses TLS.", default=False)
    ssl: bool = option("As `ssl_enabled`.", default=False)

    @property
    def is_5(self) -> bool:
        """Whether it speaks MQTT 5."""
        return self.mqtt_version == "5"

    @property
    def used_port(self) -> int:
        """The port to connect to."""
        return self.port or (_TLS_PORT if self.ssl_enabled else _PORT)


def check_options(plugin: Plugin, options: MqttOptions) -> None:
    """Report what is wrong with the options, and have ``ssl`` count as ``ssl_enabled``."""
    options.ssl_enabled = options.ssl_enabled or options.ssl
    if not options.host:
        plugin.problem("host", "the host is empty", 'write host => "name"')
    if options.port is not None and options.port > 65535:
        plugin.problem("port", f"`{options.port}` is not a valid port", "write 1 to 65535")
    if options.keep_alive > _LONGEST_KEEP_ALIVE:
        plugin.problem("keep_alive", "it is longer than MQTT allows", "write 65535 or less")
    if options.password is not None and options.username is None:
        plugin.problem("password", "`password` requires `username`", "add username => …")
    check_qos(plugin, "will_qos", options.will_qos)
    if options.will_topic is not None and (reason := wrong_name(options.will_topic)):
        plugin.problem("will_topic", reason, "name one topic, without wildcards")


def check_qos(plugin: Plugin, name: str, value: int) -> None:
    """Report a quality of service that does not exist."""
    if value > 2:
        plugin.problem(name, f"`{value}` is not a valid quality of service", "write 0, 1 or 2")


def wrong_name(topic: str) -> str:
    """Why nothing can be published to a topic; an empty text where it can."""
    if not topic:
        return "the topic is empty"
    if "+" in topic or "#" in topic:
        return f"the topic `{topic[:100]}` has a wildcard (+ or #)"
    return _wrong_text(topic)


def wrong_filter(topic: str) -> str:
    """Why a topic, or a pattern of topics, cannot be subscribed to; an empty text where it can."""
    levels = topic.split("/")
    if levels[0] == "$share":
        if len(levels) < 3 or not levels[1] or set(levels[1]) & set("+#"):
            return f"`{topic}` is not a valid shared subscription"
        levels = levels[2:]
    if levels == [""]:
        return "the topic is empty"
    if any("#" in level for level in levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return f"`{topic}`: `#` must be the last level, alone"
    if any("+" in level and level != "+" for level in levels):
        return f"`{topic}`: `+` must be a whole level"
    return _wrong_text(topic)


def _wrong_text(topic: str) -> str:
    if "\0" in topic:
        return "the topic has a NUL character"
    try:
        length = len(topic.encode())
    except UnicodeEncodeError:
        return "the topic is not valid text"
    return "the topic is longer than 65535 bytes" if length > _LONGEST_TOPIC else ""


def connection_refused(reason: ReasonCode) -> Misconfigured | Disconnected:
    """What the reason for refusing a connection asks for."""
    name = reason.getName()
    blamed = _BLAMED.get(name)
    if blamed is None:
        return Disconnected(f"the broker refuses the connection: {name}")
    return Misconfigured(blamed, f"the broker says: {name}", _HELP.get(blamed, ""))


def subscription_refused(topic: str, reason: ReasonCode) -> Misconfigured:
    """What the reason for refusing a subscription asks for."""
    text = f"the broker refuses the subscription to `{topic}`: {reason.getName()}"
    return Misconfigured("topic", text, "name another topic, or have the broker allow this one")
