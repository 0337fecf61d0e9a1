"""AWS: the options that its plugins share, the clients that they make, and what errors mean for
them.

A request is never repeated by the client library: it would sleep where nobody can wake it, and only
the plugin knows what to do with a part that was taken. So every failure comes up as one of ours
(see ``aws_errors``), and the runtime waits and tries again. A session, which loads megabytes of
descriptions, is made once for a pipeline and its credentials; a client is made for each connect.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import boto3
import botocore.config
import botocore.session
from botocore.credentials import CredentialProvider, CredentialResolver, Credentials

from ..contract import Plugin
from ..declaration import Secret, Uri, option
from ..former import FormerOption, renamed
from ..option_groups import option_group
from .aws_credentials import Role, assumed, changed_at, from_file
from .aws_errors import RAISED, meaning
from .aws_settings import client_settings, trusted

logging.getLogger("botocore.credentials").setLevel(logging.ERROR)  # warns with a traceback

_SESSIONS = threading.Lock()
_OF_A_SESSION = (
    "access_key_id",
    "secret_access_key",
    "session_token",
    "aws_credentials_file",
    "profile",
    "role_arn",
    "role_session_name",
    "web_identity_token_file",
    "region",
    "proxy_uri",
)
"""The options whose values tell one session from another."""

_OF_THE_SERVICE = ("s3", "signature_version")
"""Settings that are not for the service which gives credentials."""


@option_group
class AwsOptions:
    """The options of whatever talks to AWS."""

    former = renamed(
        {
            "use_ssl": FormerOption(values={"true": ""}, help='write endpoint => "http://…"'),
            "region_endpoint": "region",
        }
    )

    profile: str | None = None
    """A profile of ``~/.aws``; an option of some plugins only."""

    region: str = option("The region.", default="us-east-1")
    access_key_id: str | None = option(
        "The access key; without one it is looked for as AWS' own tools do: in the environment, in"
        " `~/.aws`, in the metadata of the machine.",
        default=None,
    )
    secret_access_key: Secret | None = option("The secret of that key.", default=None)
    session_token: Secret | None = option("The token of temporary credentials.", default=None)
    aws_credentials_file: Path | None = option(
        "A YAML file with `:access_key_id:`, `:secret_access_key:` and maybe `:session_token:`;"
        " read again when it changes.",
        default=None,
    )
    role_arn: str | None = option("A role to assume, with those credentials.", default=None)
    role_session_name: str = option("The name of that role's session.", default="logstash")
    web_identity_token_file: Path | None = option(
        "A file with a token with which `role_arn` is assumed instead of credentials.", default=None
    )
    proxy_uri: Uri | None = option("A proxy for HTTP.", default=None)
    endpoint: Uri | None = option(
        "The URL of the service, where it is not the region's.", default=None
    )
    use_aws_bundled_ca: bool = option(
        "Whether to trust the certificate authorities that come with the client library, and not"
        " those of the system.",
        default=False,
    )
    additional_settings: dict[str, Any] = option(
        "Settings of the client, by the names of AWS' Ruby or Python library, such as"
        " `force_path_style`, `http_read_timeout`, `ssl_ca_bundle` and `ssl_verify_peer`.",
        default={},
    )


class Aws:
    """Makes clients, as the options of a plugin say. Made in ``prepare``, where it reports what is
    wrong with them. ``settings``: those of ``additional_settings`` that are the client's, where
    there are others.
    """

    def __init__(
        self, plugin: Plugin, options: AwsOptions, settings: Mapping[str, Any] | None = None
    ) -> None:
        self._plugin, self._options = plugin, options
        own = options.additional_settings if settings is None else settings
        self._settings = client_settings(plugin, own)
        _check(plugin, options)

    def client(self, service: str, endpoint: str | None = None, **settings: Any) -> Any:
        """A client of a service (botocore's: its calls may come from any thread). ``endpoint``:
        another one than the option's; ``settings``: of ``botocore.config.Config``, where the
        configuration does not say otherwise. Raises Misconfigured, Disconnected.
        """
        options, given = self._options, self._settings
        config = {"retries": {"total_max_attempts": 1}, "parameter_validation": False}
        config |= {"user_agent_extra": "penstock", **self._proxies(), **settings, **given.config}
        try:
            with _SESSIONS:
                return self._session().client(
                    service,
                    region_name=options.region,
                    endpoint_url=endpoint or (options.endpoint and str(options.endpoint)),
                    verify=trusted(given.verify, options.use_aws_bundled_ca),
                    config=botocore.config.Config(**config),
                )
        except (*RAISED, ValueError, TypeError) as error:
            self.raise_as_ours(error, "region")

    def _proxies(self) -> dict[str, Any]:
        proxy = self._options.proxy_uri and str(self._options.proxy_uri)
        return {"proxies": {"http": proxy, "https": proxy}} if proxy else {}

    def _session(self) -> boto3.session.Session:
        """The session of these credentials, made by the first plugin of a pipeline that needs
        it.
        """
        options = self._options
        changed = changed_at(options.aws_credentials_file) if options.aws_credentials_file else 0
        key = ("aws", changed, *(str(getattr(options, name)) for name in _OF_A_SESSION))
        session: boto3.session.Session = self._plugin.context.shared(key, self._made)
        return session

    def _made(self) -> boto3.session.Session:
        options = self._options
        core = botocore.session.Session(profile=options.profile)
        own = self._own_credentials()
        if own is not None:
            core.register_component("credential_provider", _Given(own).resolver())
        if options.role_arn:
            config = {k: v for k, v in self._settings.config.items() if k not in _OF_THE_SERVICE}
            token, name = options.web_identity_token_file, options.role_session_name
            role = Role(options.role_arn, name, token, options.region, config | self._proxies())
            provider = _Given(assumed(core, role))
            core = botocore.session.Session()
            core.register_component("credential_provider", provider.resolver())
        return boto3.session.Session(botocore_session=core)

    def _own_credentials(self) -> Credentials | None:
        options = self._options
        if options.access_key_id and options.secret_access_key:
            token = options.session_token and str(options.session_token)
            return Credentials(options.access_key_id, str(options.secret_access_key), token)
        if options.aws_credentials_file:
            return from_file(options.aws_credentials_file)
        return None

    def asked(self, resource: str, command: Callable[..., Any], **parameters: Any) -> Any:
        """What a command answers. ``resource``: the option to blame where what it names is not
        there, or may not be used. Raises as ``raise_as_ours``.
        """
        try:
            return command(**parameters)
        except RAISED as error:
            self.raise_as_ours(error, resource)

    def raise_as_ours(self, error: Exception, resource: str) -> NoReturn:
        """Raise what an error of the client library means: Disconnected, Retry, Misconfigured, or
        the error itself where it says nothing of these.
        """
        ours = meaning(error, self._plugin.given, self._options.region, resource)
        if ours is error:
            raise error
        raise ours from error


class _Given(CredentialProvider):  # type: ignore[misc]  # the library has no types
    """Credentials that a configuration gives, in the form that a session asks for them."""

    METHOD = "penstock"

    def __init__(self, credentials: Any) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Any:
        """The credentials."""
        return self._credentials

    def resolver(self) -> Any:
        """The only provider of a session."""
        return CredentialResolver([self])


def _check(plugin: Plugin, options: AwsOptions) -> None:
    for name, other in (
        ("access_key_id", "secret_access_key"),
        ("secret_access_key", "access_key_id"),
        ("session_token", "access_key_id"),
        ("web_identity_token_file", "role_arn"),
    ):
        if getattr(options, name) and not getattr(options, other):
            plugin.problem(name, f"`{name}` requires `{other}`", f"add {other}, or remove it")
    if not options.region:
        plugin.problem("region", "the region is empty", 'write region => "eu-central-1"')
