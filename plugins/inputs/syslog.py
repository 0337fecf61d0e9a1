"""The input syslog: messages over UDP and TCP, taken apart."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from ...dsl.grok import Expression, GrokError, Guard, compile_expression, shipped
from ...dsl.joda.names import UnknownLocaleError
from ...dsl.joda.zones import UnknownZoneError
from ...dsl.reference import FieldRef
from ...dsl.regex import RegexError
from ..codec import Codec
from ..contract import Ecs, Misconfigured, OptionProblem
from ..declaration import option
from ..servers.connections import Peer, Settings
from ..servers.datagrams import (
    ChunkDatagrams,
    DatagramFeed,
    Datagrams,
    Losses,
    bind_datagrams,
)
from ..servers.event_loop import Acceptor, Intake
from ..servers.feeds import Feed
from ..servers.sockets import bind
from ..servers.stream_listener import StreamListener
from ..servers.tls import ServerTls, server_tls
from ..tls import TlsContext
from ._syslog_codec import Rules, SyslogCodec
from ._syslog_fields import FACILITIES, SEVERITIES, Fields
from ._syslog_frames import FrameFeed
from ._syslog_time import Times

_PATTERN = "<%{POSINT:priority}>%{SYSLOGLINE}"
_ECS_PATTERN = "<%{POSINT:[log][syslog][priority]:int}>%{SYSLOGLINE}"
_LONGEST_DATAGRAM = 65_507
_MATCH_SECONDS = 30.0
_TRIES = 20


class Syslog(Ecs, ServerTls, StreamListener, name="syslog"):
    """Read messages of syslog, from UDP and TCP on one port.

    A message is matched with `grok_pattern`, whose default takes RFC 3164 (the time may also be
    ISO 8601); its time becomes the event's, its priority is split into severity and facility. With
    ECS these are `[log][syslog][priority]`, `[log][syslog][severity]` and `[log][syslog][facility]`
    (`code` and `name`), `[host][hostname]`, `[process][name]` and `[process][pid]`; without,
    `priority`, `severity`, `severity_label`, `facility`, `facility_label`, `timestamp`,
    `logsource`, `program` and `pid`. The sender's address is in `[host][ip]` (`host` without ECS).
    What does not match is tagged `_grokparsefailure_sysloginput`, with priority 13, and keeps its
    text.

    On TCP, messages end with a newline, or have their length in front (octet counting), as each
    comes. What is promised is what the inputs `tcp` and `udp` promise.

    Differs from Logstash: messages of RFC 5424 are understood, unless `grok_pattern` is given or
    `rfc5424` is false. With ECS they fill the fields above, and `[log][syslog][version]`, `msgid`,
    `procid` (where it is not a number) and `structured_data` beside them; without,
    `syslog5424_ver`, `syslog5424_msgid` and `syslog5424_sd`. Octet counting, TLS and version 2 of
    the PROXY protocol are new; `[@metadata][input][syslog][protocol]` says `tcp` or `udp`; the
    newline behind a message is not part of it, and empty lines are not messages.
    """

    default_codec = "plain"
    streams = False

    host: str = option("The address to listen on.", default="0.0.0.0")
    port: int = option("The port to listen on, with TCP and with UDP.", default=514)
    proxy_protocol: bool = option(
        "Whether connections begin with a header of the PROXY protocol, version 1 or 2.",
        default=False,
    )
    grok_pattern: str | None = option("What messages look like; default: RFC 3164.", default=None)
    syslog_field: FieldRef = option(
        "The field with the text of a message, behind the codec.", default=FieldRef("message")
    )
    rfc5424: bool | None = option(
        "Whether messages of RFC 5424 are understood; they are unless `grok_pattern` is given.",
        default=None,
    )
    use_labels: bool = option("Whether severity and facility get their names too.", default=True)
    facility_labels: list[str] = option(
        "The names of facilities, from 0.", default=list(FACILITIES)
    )
    severity_labels: list[str] = option(
        "The names of severities, from 0.", default=list(SEVERITIES)
    )
    timezone: str | None = option(
        "The time zone of times that say none: a name (`Europe/Paris`) or an offset; default: that"
        " of the machine.",
        default=None,
    )
    locale: str | None = option(
        "The language of months: `de`, `pt-BR`; default: that of the machine, then English.",
        default=None,
    )
    service_type: str = option("The value of `[service][type]`, with ECS.", default="system")
    queue_size: int = option(
        "How many datagrams are held while events are not taken as fast as they come.",
        default=2000,
        at_least=1,
    )
    receive_buffer_bytes: int | None = option(
        "The size of the system's receive buffer for datagrams; default: the system's.",
        default=None,
        at_least=1,
    )

    _tls: TlsContext | None = None
    _datagrams: DatagramFeed

    def prepare(self) -> None:
        self._tls = server_tls(self, self)
        self._losses = Losses(self)
        self._rules = self._make_rules()
        self.decoder()

    def _make_rules(self) -> Rules:
        try:
            times = Times(self.context, self.timezone, self.locale, removes=self.ecs)
        except UnknownZoneError as error:
            raise OptionProblem("timezone", str(error), error.help, code="E223") from None
        except UnknownLocaleError as error:
            raise OptionProblem("locale", str(error), code="E202") from None
        if times.is_unknown_language:
            message = f"the language of `{self.locale}` is not known"
            self.problem("locale", message, "such as de or pt-BR", code="W310")
        is_own = self.grok_pattern is not None
        facilities = self.facility_labels if self.use_labels else []
        severities = self.severity_labels if self.use_labels else []
        return Rules(
            self._expression(),
            self.syslog_field,
            Guard(_MATCH_SECONDS) if is_own else None,
            not is_own and str(self.syslog_field) == "message",
            not is_own if self.rfc5424 is None else self.rfc5424,
            Fields(self.ecs, facilities, severities, self.service_type),
            times,
        )

    def _expression(self) -> Expression:
        default = _ECS_PATTERN if self.ecs else _PATTERN
        library = shipped("ecs-v1" if self.ecs else "legacy")
        try:
            return compile_expression(self.grok_pattern or default, library)
        except (GrokError, RegexError) as error:
            raise OptionProblem("grok_pattern", f"bad pattern: {error}", code="E208") from None

    @cached_property
    def whole(self) -> Codec:
        return SyslogCodec(self.new_codec(), self._rules)

    def decoder(self) -> Codec | None:
        return self.whole

    def claims(self) -> dict[str, str]:
        return {"port": f"TCP port {self.port} of {self.host}"} if self.port else {}

    def tls(self) -> TlsContext | None:
        return self._tls

    def connection_settings(self) -> Settings:
        return Settings(
            proxy_protocol=self.proxy_protocol, handshake=self.ssl_handshake_timeout / 1000
        )

    def bind(self) -> Sequence[socket.socket]:
        """TCP and UDP on one port; for port 0, one that is free for both."""
        for _ in range(_TRIES):
            streams = bind(self.host, self.port)
            port = streams[0].getsockname()[1]
            try:
                return [*streams, *self._bind_datagrams(port)]
            except Misconfigured:
                for each in streams:
                    each.close()
                if self.port:
                    raise
        raise Misconfigured("port", "no port is free for both TCP and UDP")

    def _bind_datagrams(self, port: int) -> list[socket.socket]:
        return bind_datagrams(self, self.host, port, self.receive_buffer_bytes)

    def _origin(self, protocol: str, ip: str) -> Mapping[str, Any]:
        host = {"ip": ip} if self.ecs else ip
        return {"host": host, "@metadata": {"input": {"syslog": {"protocol": protocol}}}}

    def origin_of(self, peer: Peer) -> Mapping[str, Any]:
        return self._origin("tcp", peer.ip)

    def feed_of(self, peer: Peer) -> Feed:
        return FrameFeed(self.gathering, self.whole.longest, self.origin_of(peer))

    async def begin(self, intake: Intake) -> None:
        await super().begin(intake)

        def origin_of(ip: str) -> Mapping[str, Any]:
            return self._origin("udp", ip)

        self._datagrams = ChunkDatagrams(self.gathering, origin_of)

    async def accept(self, listening: socket.socket, tls: ssl.SSLContext | None) -> Acceptor:
        if listening.type == socket.SOCK_STREAM:
            return await super().accept(listening, tls)
        given = self._datagrams, _LONGEST_DATAGRAM, self.queue_size
        return Datagrams(self, listening, self.gathering, *given)

    def look(self) -> None:
        super().look()
        self._losses.look([each for each in self._sockets if each.type == socket.SOCK_DGRAM])
