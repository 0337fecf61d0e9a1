"""What failures of RabbitMQ mean.

The server says what is wrong with a code and a text. Some codes close the channel, some the whole
connection; which option is to blame follows from what was being done, and, where arguments differ
from what is there, from the text.
"""

from __future__ import annotations

import re
import ssl

from pika import exceptions
from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed

from ..errors import Disconnected, Misconfigured
from .tls import tls_failure, tls_refusal

ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED = 403, 404, 405, 406
_COMMAND_INVALID, _NOT_ALLOWED, _NOT_IMPLEMENTED = 503, 530, 540
_INEQUIVALENT = re.compile(r"inequivalent arg '([^']+)' for (\w+) '")
_INVALID = re.compile(r"invalid (arg|property) '([^']+)'")
_QUOTED = re.compile(r"""ConnectionClosedByBroker: \(\d+\) ['"](.+)['"]$""")
_TLS = re.compile(r"\[SSL: (\w+)\]")
_LOGIN_HELP = "give the user and the password that the server knows"
_OPTIONS = {
    "type": "exchange_type",
    "durable": "durable",
    "non-durable": "durable",
    "auto_delete": "auto_delete",
    "auto-delete": "auto_delete",
    "exclusive": "exclusive",
    "exclusive-queue": "exclusive",
}


def code_of(error: BaseException | None) -> int:
    """The code that the server gave as the reason to close; 0 where it gave none."""
    return int(getattr(error, "reply_code", 0) or 0)


def text_of(error: BaseException) -> str:
    """What an error says, in a line."""
    said = getattr(error, "reply_text", None)
    if said:
        return str(said)
    inner = _inner(error)
    if inner is not None:
        return text_of(inner)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(map(str, error.args)) or type(error).__name__
    if "Timeout while setting up AMQP" in text:
        return "the server did not answer; does it speak AMQP on this port?"
    quoted = _QUOTED.search(text)
    if quoted is not None:
        return quoted[1]
    if isinstance(error, exceptions.IncompatibleProtocolError):
        return "the connection ended before the server spoke AMQP; if it is for TLS, set `ssl`"
    return text


def _inner(error: BaseException) -> BaseException | None:
    """The error that the library has wrapped."""
    if isinstance(error, AMQPConnectionWorkflowFailed):
        return error.exceptions[-1] if error.exceptions else None
    inner = getattr(error, "exception", None)
    if isinstance(inner, BaseException):
        return inner
    return next((part for part in error.args if isinstance(part, BaseException)), None)


def _tls_of(error: BaseException) -> ssl.SSLError | None:
    """The failure of TLS behind an error; of some the library leaves the text alone."""
    found: BaseException | None = error
    while found is not None:
        tls = tls_failure(found)
        if tls is not None:
            return tls
        found = _inner(found)
    said = _TLS.search(str(error.args))
    if said is None:
        return None
    made = ssl.SSLError(said[1])
    made.reason = said[1]
    return made


def as_ours(error: BaseException, blame: str = "") -> Exception:
    """The error to raise for one of the client library's. ``blame``: the option that names what was
    asked for.
    """
    if isinstance(error, Disconnected | Misconfigured):
        return error
    tls = _tls_of(error)
    if tls is not None:
        return tls_refusal(tls)
    said, code = text_of(error), code_of(error)
    if _is_of_login(error, code):
        return Misconfigured("password", f"the login was refused: {said}", _LOGIN_HELP)
    if isinstance(error, exceptions.ProbableAccessDeniedError) or code == _NOT_ALLOWED:
        help = "name a virtual host that exists and that the user may use"
        return Misconfigured("vhost", said, help)
    if code == _COMMAND_INVALID and "exchange type" in said:
        return Misconfigured("exchange_type", said, "is the plugin of that type enabled there?")
    if isinstance(error, exceptions.ChannelClosedByBroker) and blame:
        return _of_channel(code, said, blame)
    return Disconnected(said)


def _is_of_login(error: BaseException, code: int) -> bool:
    if isinstance(error, exceptions.ProbableAuthenticationError | exceptions.AuthenticationError):
        return True
    return isinstance(error, exceptions.ConnectionClosed) and code == ACCESS_REFUSED


def _of_channel(code: int, said: str, blame: str) -> Exception:
    """What it means that a question closed the channel."""
    if code == ACCESS_REFUSED:
        return Misconfigured(blame, said, "give the user the right to it")
    if code == NOT_FOUND:
        return Misconfigured(blame, said, "declare it, or name another")
    if code == PRECONDITION_FAILED:
        return _of_precondition(said, blame)
    if code == _NOT_IMPLEMENTED:
        return Misconfigured(blame, said)
    return Disconnected(said)


def _of_precondition(said: str, blame: str) -> Misconfigured:
    """What differs from what the server has, or what it does not take."""
    differs = _INEQUIVALENT.search(said)
    if differs is not None:
        name, kind = differs.groups()
        help = f"declare the {kind} as it is, or set passive => true"
        return Misconfigured(_OPTIONS.get(name, "arguments"), said, help)
    invalid = _INVALID.search(said)
    if invalid is None:
        return Misconfigured(blame, said)
    kind, name = invalid.groups()
    option = "arguments" if kind == "arg" else _OPTIONS.get(name, blame)
    return Misconfigured(option, said)
