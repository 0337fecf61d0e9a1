"""Former names of options that several plugins share: those of TLS, and of Logstash 1.x.

Source: the change logs of Logstash's plugins, and the options that they report as obsolete.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ..dsl.spec import FormerOption

__all__ = ["FormerNames", "FormerOption", "renamed"]

FormerNames = dict[str, FormerOption]


def renamed(
    names: Mapping[str, str | FormerOption] | None = None, unused: Iterable[str] = ()
) -> FormerNames:
    """Former options by name: the names of today, or what else became of them; and those without a
    successor, which have no effect.
    """
    made = dict.fromkeys(unused, FormerOption())
    for name, now in (names or {}).items():
        made[name] = FormerOption(now) if isinstance(now, str) else now
    return made


_FROM = ["TLSv1.1", "TLSv1.2", "TLSv1.3"]
_LEAST: dict[str, str | list[str]] = {
    "1": _FROM,
    "1.0": _FROM,
    "1.1": _FROM,
    "1.2": _FROM[1:],
    "1.3": _FROM[2:],
}
_GREATEST: dict[str, str | list[str]] = {"1.1": _FROM[:1], "1.2": _FROM[:2], "1.3": _FROM}
_AUTHENTICATION = FormerOption(
    "ssl_client_authentication",
    {"none": "none", "peer": "optional", "force_peer": "required"},
)
_VERIFICATION = FormerOption("ssl_verification_mode", {"true": "full", "false": "none"})

STORES = renamed(
    {
        "keystore": "ssl_keystore_path",
        "keystore_password": "ssl_keystore_password",
        "keystore_type": "ssl_keystore_type",
        "truststore": "ssl_truststore_path",
        "truststore_password": "ssl_truststore_password",
        "truststore_type": "ssl_truststore_type",
    }
)
SERVER_TLS = renamed(
    {
        "ssl": "ssl_enabled",
        "ssl_enable": "ssl_enabled",
        "ssl_cert": "ssl_certificate",
        "ssl_cacert": "ssl_certificate_authorities",
        "ssl_verify_mode": _AUTHENTICATION,
        "verify_mode": _AUTHENTICATION,
        "cipher_suites": "ssl_cipher_suites",
        "tls_min_version": FormerOption("ssl_supported_protocols", _LEAST),
        "tls_max_version": FormerOption("ssl_supported_protocols", _GREATEST),
    }
)
CLIENT_TLS = renamed(
    {
        "ssl": "ssl_enabled",
        "ssl_enable": "ssl_enabled",
        "cacert": "ssl_certificate_authorities",
        "ca_file": "ssl_certificate_authorities",
        "ssl_cacert": "ssl_certificate_authorities",
        "ssl_cert": "ssl_certificate",
        "client_cert": "ssl_certificate",
        "client_key": "ssl_key",
        "ssl_certificate_verification": _VERIFICATION,
        "ssl_certificate_validation": _VERIFICATION,
        "verify_ssl": _VERIFICATION,
    }
)
_ASKING = FormerOption("ssl_client_authentication", {"true": "required", "false": "none"})
VERIFIED_BY_SERVER = msgspec.structs.replace(_ASKING, by_mode={"client": _VERIFICATION})
VERIFIED_BY_CLIENT = msgspec.structs.replace(_VERIFICATION, by_mode={"server": _ASKING})
"""`ssl_verify` of tcp: of the client's certificate as a server, of the server's as a client."""

FORMAT = renamed(
    {
        "format": FormerOption(
            "codec",
            {"json": "json", "json_event": "json", "plain": "plain", "msgpack": "msgpack"},
            help="write codec => json, or codec => plain",
        ),
        "charset": FormerOption(
            values={"utf-8": ""}, help="write codec => plain { charset => … }, or another codec"
        ),
    },
    unused=("message_format", "debug"),
)
"""What all inputs had in Logstash 1.1."""
