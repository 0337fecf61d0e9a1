"""Why a client's handshake of TLS failed, in words instead of OpenSSL's names."""

from __future__ import annotations

import ssl

from ..identity import in_words

_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "UNKNOWN_PROTOCOL",
    "RECORD_LAYER_FAILURE",
    "UNEXPECTED_MESSAGE",
}


def handshake_failure(error: OSError) -> str:
    """What was wrong with a client, as the rest of a sentence behind "TLS failed: "."""
    reason = getattr(error, "reason", None) or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "it shows no certificate"
    if reason in _NOT_TLS:
        return "it does not speak TLS"
    if "ALERT" in reason:
        alert = reason.rpartition("ALERT_")[2].lower().replace("_", " ")
        return f"it does not accept this server: {alert}"
    if reason == "UNEXPECTED_EOF_WHILE_READING" or isinstance(error, ssl.SSLEOFError):
        return "it ended the connection"
    return in_words(error)
