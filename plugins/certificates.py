"""When the certificates of a PEM file expire.

Python tells the dates of a certificate only of one that a peer has shown and that was trusted. So
the file is read here, as far as to the dates: a certificate is a sequence of elements, each with a
tag, a length and its bytes (DER), and the fifth of its body, or the fourth where it has no version,
holds the two dates.
"""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

SOON = timedelta(days=14)
"""How long before it expires a certificate is warned of."""

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_VERSION, _TWO_DIGITS = 0xA0, 0x17
_FIRST_OF_1900S = 50


def expiry_of(path: Path) -> datetime | None:
    """When the first of the certificates in a file expires; None where that cannot be read."""
    try:
        found = _CERTIFICATE.findall(path.read_text(encoding="latin-1"))
        return min(_end_of(ssl.PEM_cert_to_DER_cert(text)) for text in found)
    except (OSError, ValueError, IndexError):
        return None


def warning_of(path: Path, now: datetime | None = None) -> tuple[str, str] | None:
    """What is to be said of a certificate that has expired, or will within ``SOON``, and what to do
    about it; None for any other.
    """
    now, end = now or datetime.now(UTC), expiry_of(path)
    if end is None or end - now > SOON:
        return None
    when = f"{end:%Y-%m-%d %H:%M} UTC"
    if end <= now:
        return f"`{path}` expired on {when}; who verifies it refuses the connection", _renewal()
    days = (end - now).days
    left = f"in {days} days" if days > 1 else "in less than two days"
    return f"`{path}` expires on {when}, {left}", _renewal()


def _renewal() -> str:
    return "renew the certificate; a file that has changed is read again"


def _end_of(certificate: bytes) -> datetime:
    """When a certificate expires; raises ValueError or IndexError where it is not one."""
    _, body, _ = _element(certificate, 0)
    _, at, _ = _element(certificate, body)
    first, _, after = _element(certificate, at)
    if first == _VERSION:
        at = after
    for _ in ("serial number", "algorithm", "issuer"):
        _, _, at = _element(certificate, at)
    _, at, _ = _element(certificate, at)
    _, _, at = _element(certificate, at)
    tag, start, end = _element(certificate, at)
    text = certificate[start:end].decode("ascii")
    if tag == _TWO_DIGITS:
        text = f"{'19' if int(text[:2]) >= _FIRST_OF_1900S else '20'}{text}"
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _element(data: bytes, at: int) -> tuple[int, int, int]:
    """The tag of the element that begins there, and where its bytes begin and end."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    return data[at], start, start + length
