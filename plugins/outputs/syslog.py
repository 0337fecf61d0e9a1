"""The output syslog: events as messages of RFC 3164 or RFC 5424, over UDP, TCP or TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from ...dsl.reference import Event
from ...dsl.template import Template
from ...dsl.timestamp import Timestamp
from ...dsl.values import to_text
from ..batch import Payload
from ..clients.tcp import check_port
from ..clients.tcp_server import TcpServer
from ..clients.udp import DatagramSender
from ..contract import Ecs
from ..declaration import Secret, option
from ..former import renamed
from ..output import Output
from ..syslog_names import FACILITIES, SEVERITIES
from ..tls import VERSIONS, TlsContext, identify, limit, trust

_MOST_TIMES = 1000
_USER_LEVEL, _NOTICE = 1, 5
_UNKNOWN, _HIGHEST = 13, 191
_HOST = Template("%{host}")
_OLD_TIME = Template("%{+MMM dd HH:mm:ss}")
_TIME = Template("%{+YYYY-MM-dd'T'HH:mm:ss.SSSZZ}")
_RENAMED = "it has another name now: `{}`"
_CRL_FLAGS = {"leaf": ssl.VERIFY_CRL_CHECK_LEAF, "chain": ssl.VERIFY_CRL_CHECK_CHAIN}

Render = Callable[[Event], str]


class Syslog(Ecs, Output, name="syslog"):
    """Send each event as a message of syslog.

    The options are templates: `%{field}` stands for a field of the event. With `use_labels` the
    priority is made of `facility` and `severity`, where a name that is not known is user-level, or
    notice; without, it is `priority`, where what is not a number from 0 to 191 is 13. A newline in
    the text is written as `\\n`, unless messages have their length in front.

    Over TCP what was written counts as delivered when the system at the other end has acknowledged
    it, as with the output `tcp`; over UDP, when the system here has taken it.

    Differs from Logstash: `framing` is new; a certificate of one's own is needed only where the
    server asks for it; a datagram that the system does not take is rejected, not passed over; a
    `host` that is a map, as with ECS, gives its name, not JSON.
    """

    former = renamed(
        {
            "ssl_cacert": "ssl_certificate_authorities",
            "ssl_cert": "ssl_certificate",
        },
        unused=("timestamp",),
    )

    pipelined = True

    host: str = option("The host of the syslog server.")
    port: int = option("Its port.")
    protocol: str = option(
        "How messages are sent.", default="udp", choices=("tcp", "udp", "ssl-tcp")
    )
    framing: str = option(
        "What tells one message from the next over TCP: a newline behind it, or its length in front"
        " of it (RFC 6587).",
        default="newline",
        choices=("newline", "octet_counting"),
    )
    rfc: str = option("The format of messages.", default="rfc3164", choices=("rfc3164", "rfc5424"))
    facility: Template = option("The name of the facility.", default=Template("user-level"))
    severity: Template = option("The name of the severity.", default=Template("notice"))
    priority: Template = option(
        "The priority, without `use_labels`.", default=Template("%{syslog_pri}")
    )
    use_labels: bool = option(
        "Whether the priority is made of `facility` and `severity`.", default=True
    )
    sourcehost: Template | None = option(
        "The host of the message; default: `%{host}`, or where that is a map, its `hostname`,"
        " `name` or `ip`.",
        default=None,
    )
    appname: Template = option("The program of the message.", default=Template("LOGSTASH"))
    procid: Template = option("The process of the message.", default=Template("-"))
    msgid: Template = option("The kind of the message, of RFC 5424.", default=Template("-"))
    message: Template = option(
        "The text of the message, unless a codec makes it.", default=Template("%{message}")
    )
    structured_data: Template = option(
        "Structured data of RFC 5424, with its brackets.", default=Template("")
    )
    reconnect_interval: float = option(
        "Seconds between two attempts to connect; default: from one second, ever longer.",
        default=1,
        at_least=0,
    )
    max_in_flight: int = option(
        "How many batches may be written and not acknowledged; their order is kept.",
        default=64,
        at_least=1,
        common=True,
    )
    ssl_verify: bool = option(
        "Whether the server's certificate and its name are verified.", default=False
    )
    ssl_certificate: Path | None = option(
        "The certificate to show to the server, a PEM file.", default=None
    )
    ssl_key: Path | None = option("The key of that certificate, a PEM file.", default=None)
    ssl_key_passphrase: Secret | None = option("The passphrase of that key.", default=None)
    ssl_certificate_authorities: list[Path] = option(
        "The authorities that are trusted, PEM files; default: the system's.", default=[]
    )
    ssl_crl_path: Path | None = option(
        "Certificates that were revoked, a PEM file with one list or several.", default=None
    )
    ssl_crl_check: list[str] = option(
        "Whether the server's certificate or its whole chain is looked for there.",
        default=["leaf"],
        choices=("leaf", "chain"),
    )
    ssl_cipher_suites: list[str] = option(
        "The cipher suites for TLS up to version 1.2.", default=[]
    )
    ssl_supported_protocols: list[str] = option(
        "The versions of TLS; a range of them.", default=[], choices=tuple(VERSIONS)
    )

    _tls: TlsContext | None = None
    _datagrams: DatagramSender | None = None

    def prepare(self) -> None:
        check_port(self, self.port)
        if self.rfc == "rfc3164" and self.structured_data.text:
            self.problem(
                "structured_data", "RFC 3164 has no structured data", "write rfc => rfc5424"
            )
        if self.protocol == "ssl-tcp":
            self._tls = TlsContext(self, self, self._context)
        pause = self.reconnect_interval if "reconnect_interval" in self.given else None
        self._server = TcpServer(self, self.host, self.port, self._tls, "ssl_verify", pause)
        self._is_udp = self.protocol == "udp"
        self._start = self._header()
        self._text = self._text_of()
        self._is_counted = self.framing == "octet_counting" and not self._is_udp

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.ssl_certificate_authorities:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trust(context, self, self.ssl_certificate_authorities)
        if not self.ssl_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.ssl_crl_path is not None:
            self._revoke(context, self.ssl_crl_path)
        identify(context, self, self)
        limit(context, self, self)
        return context

    def _revoke(self, context: ssl.SSLContext, path: Path) -> None:
        try:
            context.load_verify_locations(path)
        except (OSError, ssl.SSLError) as error:
            self.problem("ssl_crl_path", f"`{path}` cannot be used: {error}", "give a PEM file")
            return
        for kind in self.ssl_crl_check:
            context.verify_flags |= _CRL_FLAGS[kind]

    def _text_of(self) -> Render:
        """What makes the text of a message: the codec where one is given that says how."""
        codec = self.new_codec()
        if codec.name == "plain" and "format" not in codec.given:
            return self.message.render
        encode = codec.encode
        return lambda event: encode([event]).decode("utf-8", "replace")

    def _priority_of(self) -> Callable[[Event], int]:
        facility, severity, priority = self.facility, self.severity, self.priority
        if not self.use_labels:
            return lambda event: _number(priority.render(event))
        if facility.is_constant and severity.is_constant:
            constant = _code(facility.text, severity.text)
            return lambda event: constant
        return lambda event: _code(facility.render(event), severity.render(event))

    def _header(self) -> Render:
        """What makes the header of a message."""
        priority = self._priority_of()
        host = _host if self.sourcehost is None else self.sourcehost.render
        program, process, kind = self.appname.render, self.procid.render, self.msgid.render
        data = self.structured_data.render if self.structured_data.text else _nothing
        old_time, time = _remembering(_OLD_TIME.render), _remembering(_TIME.render)

        def rfc3164(event: Event) -> str:
            start = f"<{priority(event)}>{old_time(event)} {host(event)}"
            return f"{start} {program(event)}[{process(event)}]: "

        def rfc5424(event: Event) -> str:
            start = f"<{priority(event)}>1 {time(event)} {host(event)} {program(event)}"
            return f"{start} {process(event)} {kind(event)} {data(event)} "

        return rfc3164 if self.rfc == "rfc3164" else rfc5424

    def _messages(self, events: list[Event]) -> list[bytes]:
        start, text = self._start, self._text
        found = []
        for event in events:
            body = text(event).rstrip().replace("\r\n", "\n")
            if not self._is_counted:
                body = body.replace("\n", "\\n")
            header = start(event).replace("\n", "\\n")
            found.append((header + body).encode("utf-8", "replace"))
        return found

    def pack(self, events: list[Event]) -> list[Payload]:
        messages = self._messages(events)
        if self._is_udp:
            items = [(self.port, message + b"\n") for message in messages]
            return [Payload(items, events)]
        if self._is_counted:
            data = b"".join([b"%d %b" % (len(message), message) for message in messages])
        else:
            data = b"\n".join([*messages, b""])
        return [Payload(data, events)]

    def open(self) -> None:
        if self._is_udp:
            self._datagrams = DatagramSender(self.host, 0, 0.0, self.context.stopping.wait)

    def connect(self) -> None:
        """Connect; raises Disconnected, Misconfigured."""
        if self._datagrams is not None:
            self._datagrams.connect()
        else:
            self._server.connect()

    def deliver(self, payload: Payload) -> Future[None] | None:
        if self._datagrams is not None:
            self._datagrams.send(payload.data)
            return None
        return self._server.write(payload.data)

    def tend(self, timeout: float) -> None:
        self._server.tend()

    def close(self) -> None:
        self._server.close()
        if self._datagrams is not None:
            self._datagrams.close()


def _remembering(render: Render) -> Render:
    """A time that is written again and again is made once."""
    known: dict[str, str] = {}

    def written(event: Event) -> str:
        at = event.get("@timestamp")
        if type(at) is not Timestamp:
            return render(event)
        text = known.get(at)
        if text is None:
            if len(known) >= _MOST_TIMES:
                known.clear()
            text = known[at] = render(event)
        return text

    return written


def _host(event: Event) -> str:
    """The host of an event, however it is told."""
    host = event.get("host")
    if type(host) is dict:
        host = next((host[key] for key in ("hostname", "name", "ip") if host.get(key)), None)
    return _HOST.render(event) if host is None else to_text(host)


def _nothing(event: Event) -> str:
    return "-"


def _code(facility: str, severity: str) -> int:
    """The priority of a facility and a severity."""
    first = FACILITIES.index(facility) if facility in FACILITIES else _USER_LEVEL
    last = SEVERITIES.index(severity) if severity in SEVERITIES else _NOTICE
    return first * 8 + last


def _number(text: str) -> int:
    try:
        priority = int(text)
    except ValueError:
        return _UNKNOWN
    return priority if 0 <= priority <= _HIGHEST else _UNKNOWN
