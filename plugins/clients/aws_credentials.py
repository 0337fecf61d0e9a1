"""Credentials for AWS: from Logstash's file of them, and of a role that is assumed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import botocore
import botocore.config
import yaml
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    Credentials,
    DeferredRefreshableCredentials,
)

from ..contract import Misconfigured


def changed_at(path: Path) -> int:
    """When a file was changed last, in nanoseconds. Raises Misconfigured where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError as error:
        is_gone = isinstance(error, FileNotFoundError)
        known = "does not exist" if is_gone else f"cannot be read: {error.strerror}"
        help = "name a file that this user may read"
        raise Misconfigured("aws_credentials_file", f"`{path}` {known}", help) from error


def from_file(path: Path) -> Credentials:
    """The credentials of a YAML file, whose keys may be Ruby's symbols. Raises Misconfigured."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise Misconfigured("aws_credentials_file", f"`{path}` cannot be read: {reason}") from error
    pairs = found.items() if isinstance(found, dict) else ()
    values = {str(key).strip(":"): str(value) for key, value in pairs}
    if not values.get("access_key_id") or not values.get("secret_access_key"):
        message = f"`{path}` lacks access_key_id or secret_access_key"
        help = "write a line `:access_key_id: …` and one `:secret_access_key: …`"
        raise Misconfigured("aws_credentials_file", message, help)
    token = values.get("session_token")
    return Credentials(values["access_key_id"], values["secret_access_key"], token)


class Role(NamedTuple):
    """A role, and how to ask for it. ``config``: for ``botocore.config.Config``; ``token``: a file
    with a token that is shown instead of credentials.
    """

    arn: str
    session_name: str
    token: Path | None
    region: str
    config: Mapping[str, Any]


def assumed(core: Any, role: Role) -> DeferredRefreshableCredentials:
    """Credentials of a role, had when they are first needed, and again before they expire.
    ``core``: a session of the client library with the credentials to begin with.
    """

    def client(service: str, **more: Any) -> Any:
        """A client as the fetchers ask for it."""
        config = dict(role.config)
        if role.token is not None:
            config["signature_version"] = botocore.UNSIGNED
        more["config"] = botocore.config.Config(**config)
        return core.create_client(service, region_name=role.region, **more)

    extra = {"RoleSessionName": role.session_name}
    if role.token is not None:
        read = role.token.read_text
        fetcher = AssumeRoleWithWebIdentityCredentialFetcher(client, read, role.arn, extra)
    else:
        own = core.get_credentials()
        if own is None:
            help = "give access_key_id and secret_access_key"
            raise Misconfigured("role_arn", "no credentials to assume it with", help)
        fetcher = AssumeRoleCredentialFetcher(client, own, role.arn, extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
