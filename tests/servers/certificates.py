"""Throw-away certificates: an authority, a server (localhost, 127.0.0.1, ::1), a client, one that has
expired, and an authority that nobody should trust.
"""
from __future__ import annotations

import datetime as dt
import ipaddress
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_NAMES = [
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
]
_USES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
_Signed = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


class Certificates:
    """PEM files in a directory; ``ca``, ``foreign_ca`` are certificates, and ``server``, ``client``,
    ``expired``, ``foreign`` (of the foreign authority) are pairs with ``NAME.pem`` and ``NAME.key``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        authority, foreign = _authority("test authority"), _authority("foreign authority")
        self.ca = self._write("ca", authority)
        self.foreign_ca = self._write("foreign-ca", foreign)
        self._authority = authority
        for name in ("server", "client"):
            self.renew(name)
        self._write("expired", _signed("expired", authority, days=-1))
        self._write("foreign", _signed("foreign", foreign))

    def pair(self, name: str) -> tuple[Path, Path]:
        """The certificate and the key of that name."""
        return self.directory / f"{name}.pem", self.directory / f"{name}.key"

    def renew(self, name: str, days: int = 365) -> None:
        """Write a new certificate and key in the place of the old; it is valid for so many days."""
        self._write(name, _signed(name, self._authority, days))

    def _write(self, name: str, signed: _Signed) -> Path:
        certificate, key = signed
        path, key_path = self.pair(name)
        key_path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        key_path.chmod(0o644)  # servers with a user of their own read it
        path.write_bytes(certificate.public_bytes(Encoding.PEM))
        return path


def _builder(name: str, key: ec.EllipticCurvePrivateKey, issuer: str, days: int) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
    )


@cache
def _authority(name: str) -> _Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    built = _builder(name, key, name, 3650).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return built.sign(key, hashes.SHA256()), key


def _signed(name: str, authority: _Signed, days: int = 365) -> _Signed:
    issuer, issuer_key = authority
    (common_name,) = issuer.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    key = ec.generate_private_key(ec.SECP256R1())
    built = (
        _builder(name, key, str(common_name.value), days)
        .add_extension(x509.SubjectAlternativeName(_NAMES), critical=False)
        .add_extension(x509.ExtendedKeyUsage(_USES), critical=False)
    )
    return built.sign(issuer_key, hashes.SHA256()), key
