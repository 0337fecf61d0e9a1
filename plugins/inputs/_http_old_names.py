"""Options that the input http once had in Logstash, known so that it can be said what to write."""

from __future__ import annotations

from ..declaration import option
from ..option_groups import option_group

_RENAMED = "it has another name now: `{}`"


@option_group
class OldNames:
    """The options, each an error that names its successor."""

    ssl: bool = option("Removed.", default=False, obsolete=_RENAMED.format("ssl_enabled"))
    cipher_suites: list[str] = option(
        "Removed.", default=[], obsolete=_RENAMED.format("ssl_cipher_suites")
    )
    keystore: str | None = option(
        "Removed.", default=None, obsolete=_RENAMED.format("ssl_certificate")
    )
    keystore_password: str | None = option(
        "Removed.", default=None, obsolete=_RENAMED.format("ssl_key_passphrase")
    )
    verify_mode: str | None = option(
        "Removed.", default=None, obsolete=_RENAMED.format("ssl_client_authentication")
    )
    ssl_verify_mode: str | None = option(
        "Removed.", default=None, obsolete=_RENAMED.format("ssl_client_authentication")
    )
    tls_min_version: float | None = option(
        "Removed.", default=None, obsolete=_RENAMED.format("ssl_supported_protocols")
    )
    tls_max_version: float | None = option(
        "Removed.", default=None, obsolete=_RENAMED.format("ssl_supported_protocols")
    )
