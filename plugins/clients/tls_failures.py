"""Why a handshake of TLS failed, and what to do, in words instead of OpenSSL's names.

The one hard thing: what to do differs with what is wrong. A certificate that has expired is
renewed, a server whose certificate has another name is reached by that one, and only where its
authority is unknown, the authority is to be named.
"""

from __future__ import annotations

import ssl

from ..identity import in_words

AUTHORITIES = "ssl_certificate_authorities"

_NOT_YET_VALID, _EXPIRED = 9, 10
_OTHER_NAMES = (62, 64)
_REVOKED = 23
NOT_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")
_PAIR = "give `ssl_certificate` and `ssl_key`, of an authority that the server trusts"
_WHAT_TO_DO = {
    "certificate required": _PAIR,
    "handshake failure": f"it may ask for a certificate: {_PAIR}",
    "certificate expired": "renew the certificate",
    "certificate revoked": "take another certificate",
    "unknown ca": "take a certificate of an authority that the server trusts",
    "certificate unknown": "take a certificate that the server accepts",
    "bad certificate": "take a certificate that the server accepts",
}


ENDED = (
    "the server ended the connection at the handshake of TLS; does it speak TLS on this port, or"
    " ask for another certificate (`ssl_certificate`)?"
)
"""What is said of a connection that ends at the handshake, or before a server has judged our
certificate: a reset may overtake the alert that says why.
"""

NO_TLS = "the server does not speak TLS here"


def distrusted(
    error: ssl.SSLCertVerificationError, authorities: str = AUTHORITIES
) -> tuple[str, str]:
    """Why the server's certificate is not accepted, and what to do. ``authorities``: the option
    that names whom to trust.
    """
    reason = f"the server's certificate is not trusted: {error.verify_message}"
    code = error.verify_code
    if code == _EXPIRED:
        return reason, "renew the server's certificate"
    if code == _NOT_YET_VALID:
        return reason, "check the clocks of both machines"
    if code == _REVOKED:
        return reason, "have the server show another certificate"
    if code in _OTHER_NAMES:
        return reason, "connect by a name that stands in the server's certificate"
    return reason, f"name the file of its authority in `{authorities}`"


def refuses_certificate(reason: str) -> bool:
    """Whether a reason of OpenSSL says that the server wants another certificate of us, or one."""
    return "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason)


def refused(reason: str) -> tuple[str, str]:
    """Why the server does not accept ours, from OpenSSL's reason, and what to do."""
    name = reason.partition("]")[0].rpartition("ALERT_")[2]
    words = name.lower().replace("_", " ")
    help = _WHAT_TO_DO.get(words, "")
    if words == "certificate required":
        return "the server asks for a certificate", help
    if words == "handshake failure":
        return "the server refuses the handshake", help
    return f"the server refuses the certificate: {words}", help


def has_ended(error: OSError) -> bool:
    """Whether the other end is gone without a word."""
    reason = getattr(error, "reason", None)
    is_end = isinstance(error, ConnectionError | ssl.SSLEOFError | ssl.SSLZeroReturnError)
    return is_end or reason == "UNEXPECTED_EOF_WHILE_READING"


def said(error: OSError) -> str:
    """What an error of a connection says; with TLS 1.3 a server refuses a certificate only when the
    handshake is over.
    """
    if isinstance(error, TimeoutError):
        return "the server does not answer to TLS; does it speak TLS on this port?"
    reason = getattr(error, "reason", None)
    if isinstance(reason, str) and refuses_certificate(reason):
        return "; ".join(refused(reason))
    if reason in NOT_TLS:
        return NO_TLS
    if isinstance(error, ssl.SSLError) and has_ended(error):
        return "the other end has closed the connection"
    return in_words(error)
