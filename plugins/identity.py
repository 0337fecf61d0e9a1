"""Why a certificate and its key cannot be used, said of the one of both files that is to blame.

OpenSSL says of most files only that it could not read them ("PEM lib"). So the files are looked at
again: a PEM file says in its own lines what it holds, and whether a passphrase protects it.
"""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import NamedTuple

_CERTIFICATES = (b"-----BEGIN CERTIFICATE-----", b"-----BEGIN TRUSTED CERTIFICATE-----")
_KEY = b"PRIVATE KEY-----"
_PROTECTED = (b"-----BEGIN ENCRYPTED PRIVATE KEY-----", b"Proc-Type: 4,ENCRYPTED")
_PEM_HELP = "give a PEM file; openssl x509 and openssl pkcs12 convert to it"
_KEY_HELP = "give a PEM file; openssl pkey and openssl pkcs12 convert to it"


_PLACE = re.compile(r" *\(_ssl\.c:\d+\)|\[[A-Z0-9: _]+\] *")


def in_words(error: OSError) -> str:
    """What an error of a file, or of TLS, says, without OpenSSL's places and names."""
    reason = getattr(error, "reason", None)
    if reason:
        return str(reason).lower().replace("_", " ")
    return _PLACE.sub("", error.strerror or str(error))


class Fault(NamedTuple):
    """What is wrong: at the certificate, the key or the passphrase (``part``: `certificate`, `key`,
    `passphrase`), and what to do.
    """

    part: str
    message: str
    help: str


def load_identity(
    context: ssl.SSLContext,
    certificate: Path,
    key: Path,
    passphrase: str | None,
    passphrase_option: str,
) -> Fault | None:
    """Have a context show a certificate; what is wrong with it, if anything. ``passphrase_option``:
    the option to add where the key needs one.
    """
    try:
        context.load_cert_chain(certificate, key, passphrase or "")
    except (OSError, ssl.SSLError) as error:
        found = _fault(certificate, key, passphrase, passphrase_option, error)
        return found or Fault("certificate", _unknown(certificate, key, error), _PEM_HELP)
    return None


def _fault(
    certificate: Path, key: Path, passphrase: str | None, option: str, error: OSError
) -> Fault | None:
    shown, content = _read(certificate, "certificate"), _read(key, "key")
    if isinstance(shown, Fault):
        return shown
    if isinstance(content, Fault):
        return content
    if not any(mark in shown for mark in _CERTIFICATES):
        return Fault("certificate", f"`{certificate}` holds no certificate in PEM", _PEM_HELP)
    if _KEY not in content:
        return Fault("key", f"`{key}` holds no private key in PEM", _KEY_HELP)
    reason = getattr(error, "reason", None)
    if reason == "KEY_VALUES_MISMATCH":
        message = f"`{key}` is not the key of the certificate `{certificate}`"
        return Fault("key", message, "give the key that the certificate was made for")
    if reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK", "CA_KEY_TOO_SMALL"):
        message = f"`{certificate}` is too weak: {reason.lower().replace('_', ' ')}"
        return Fault("certificate", message, "make one with a longer key and SHA-256")
    if any(mark in content for mark in _PROTECTED):
        if not passphrase:
            return Fault("key", f"the key `{key}` has a passphrase", f"add {option} => …")
        message = f"the passphrase does not open the key `{key}`"
        return Fault("passphrase", message, "give the passphrase that the key was protected with")
    return None


def _unknown(certificate: Path, key: Path, error: OSError) -> str:
    return f"`{certificate}` and its key `{key}` cannot be used: {in_words(error)}"


def _read(path: Path, part: str) -> bytes | Fault:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"`{path}` cannot be read: {error.strerror or error}"
        return Fault(part, message, "check the path and its permissions")
