"""The options that name a schema registry; apart from what asks it, which needs more libraries."""

from __future__ import annotations

from pathlib import Path

from ..contract import Plugin
from ..declaration import Secret, Uri, option
from ..option_groups import option_group


@option_group
class RegistryOptions:
    """The options that name a registry, and how to talk to it."""

    schema_registry_url: Uri | None = option(
        "A schema registry that is asked for the Avro schemas of values, such as"
        " `http://registry.example:8081`.",
        default=None,
    )
    schema_registry_key: str | None = option("A user of the registry.", default=None)
    schema_registry_secret: Secret | None = option("The user's password.", default=None)
    schema_registry_proxy: Uri | None = option("A proxy on the way to the registry.", default=None)
    schema_registry_ssl_truststore_location: Path | None = option(
        "The authorities that are trusted to know the registry, a PEM file. Default: those of the"
        " system.",
        default=None,
    )
    schema_registry_ssl_truststore_password: Secret | None = option(
        "Has no effect: PEM files of authorities have no password.", default=None
    )
    schema_registry_ssl_truststore_type: str | None = option(
        "Has no effect: the file is PEM.", default=None
    )
    schema_registry_ssl_keystore_location: Path | None = option(
        "The certificate that is shown to the registry, and its key, in one PEM file.", default=None
    )
    schema_registry_ssl_keystore_password: Secret | None = option(
        "The passphrase of that key.", default=None
    )
    schema_registry_ssl_keystore_type: str | None = option(
        "Has no effect: the file is PEM.", default=None
    )


def check_registry_options(plugin: Plugin, options: RegistryOptions) -> None:
    """Report what is wrong with the options."""
    url = options.schema_registry_url
    if url is None:
        for name in sorted(plugin.given):
            if name.startswith("schema_registry_"):
                message = f"`{name}` requires `schema_registry_url`"
                plugin.problem(name, message, "add schema_registry_url => …")
        return
    if not str(url).startswith(("http://", "https://")):
        message = f"`{url}` is not a valid URL of a registry"
        plugin.problem("schema_registry_url", message, "write http://HOST:8081")
    if options.schema_registry_secret is not None and options.schema_registry_key is None:
        message = "`schema_registry_secret` requires `schema_registry_key`"
        plugin.problem("schema_registry_secret", message, "add schema_registry_key => …")
