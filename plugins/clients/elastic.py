"""Elasticsearch and OpenSearch: the options that their input, filter and outputs share, and the
endpoint that these make.

Hosts may be written in any of the forms that Logstash takes (`es`, `es:9200`, `//es`,
`https://es/path`), or stand in a cloud id. Authentication is one of four: a user, a cloud's
authentication, an API key, or a login inside the address of a host.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from ...dsl.values import to_text
from ..contract import Plugin
from ..declaration import Secret, Uri, option
from ..option_groups import option_group
from ..tls import TlsContext
from .elastic_trust import Authorities
from .http import HttpOptions
from .tls import ClientTls, client_context

DEFAULT_PORT = 9200
_CLOUD_PORT = 443
_FINGERPRINT = re.compile(r"[0-9a-fA-F]{64}")


@option_group
class ElasticOptions(ClientTls):
    """The options of whatever talks to a cluster."""

    hosts: list[Uri] = option(
        "The hosts, as `host`, `host:port` or URLs; the default port is 9200.",
        default=[Uri("127.0.0.1")],
    )
    user: str | None = option("A user, for basic authentication.", default=None)
    password: Secret | None = option("The user's password.", default=None)
    api_key: Secret | None = option(
        "An API key, `id:key` or as it comes encoded; needs TLS.", default=None
    )
    cloud_id: str | None = option(
        "The id of a cluster in Elastic Cloud, for `hosts`.", default=None
    )
    cloud_auth: Secret | None = option("`user:password`, for `user` and `password`.", default=None)
    ca_trusted_fingerprint: str | None = option(
        "The SHA-256 fingerprint, 64 hexadecimal digits, of an authority that is trusted; the"
        " server must show it in its chain.",
        default=None,
    )
    custom_headers: dict[str, Any] = option("Headers for every request.", default={})
    proxy: Uri | None = option("The URL of an HTTP proxy.", default=None)
    ssl_enabled: bool = option(
        "Whether hosts are connected to over TLS; default: as their addresses say.", default=False
    )


@dataclass(frozen=True, slots=True)
class Host:
    """One host: the URL that paths are put behind, without a slash at its end, and what proves who
    we are there.
    """

    url: str
    authorization: str | None = None

    @property
    def name(self) -> str:
        """What the log calls it."""
        return urlsplit(self.url).netloc


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A cluster as the options describe it. ``query`` goes behind every path; ``login_option`` is
    to blame where the cluster does not accept who we are.
    """

    hosts: tuple[Host, ...]
    headers: Mapping[str, str]
    query: str
    login_option: str
    tls: TlsContext
    authorities: Authorities
    is_secure: bool


def endpoint(
    plugin: Plugin,
    options: ElasticOptions,
    path: str | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Endpoint:
    """The cluster that the options describe; what is wrong with them is reported. ``path`` and
    ``parameters`` go to every host.
    """
    authorization, login_option = _authorization(plugin, options)
    hosts = _hosts(plugin, options, path, authorization)
    if login_option == "user" and any(host.authorization for host in hosts):
        login_option = "hosts"
    is_secure = any(host.url.startswith("https:") for host in hosts)
    options.ssl_enabled = is_secure
    if not is_secure:
        _refuse_tls_options(plugin)
    if options.api_key is not None and not is_secure:
        help = "write `https://` before the hosts, or add ssl_enabled => true"
        plugin.problem("api_key", "`api_key` requires TLS", help)
    _check_fingerprint(plugin, options)
    _check_proxy(plugin, options)
    query = urlencode({key: to_text(value) for key, value in (parameters or {}).items()})
    headers = {name: to_text(value) for name, value in options.custom_headers.items()}
    authorities = Authorities(options.ca_trusted_fingerprint)
    tls = TlsContext(
        plugin, options, lambda: authorities.trusted_by(client_context(plugin, options))
    )
    return Endpoint(tuple(hosts), headers, query, login_option, tls, authorities, is_secure)


def http_options(
    options: ElasticOptions,
    *,
    request_timeout: float,
    socket_timeout: float,
    connect_timeout: float,
    connections: int,
) -> HttpOptions:
    """The options of the client beneath; times are in seconds."""
    http = HttpOptions()
    http.request_timeout, http.socket_timeout = request_timeout, socket_timeout
    http.connect_timeout = connect_timeout
    http.follow_redirects, http.cookies, http.keepalive = False, False, True
    http.pool_max, http.pool_max_per_route = max(connections, 10), connections
    http.automatic_retries, http.retry_non_idempotent = 0, False
    http.proxy = options.proxy or None
    http.user = http.password = None
    return http


def _authorization(plugin: Plugin, options: ElasticOptions) -> tuple[str | None, str]:
    """The header that says who we are, if there is one, and the option to blame for it."""
    has_user = options.user is not None or options.password is not None
    ways = {"user": has_user, "cloud_auth": options.cloud_auth, "api_key": options.api_key}
    given = [name for name, value in ways.items() if value]
    if len(given) > 1:
        names = " and ".join(f"`{name}`" for name in given)
        plugin.problem(given[1], f"{names} exclude each other", "keep one of them")
    if options.api_key is not None:
        return f"ApiKey {_encoded_key(options.api_key)}", "api_key"
    if options.cloud_auth is not None:
        user, colon, password = options.cloud_auth.partition(":")
        if not user or not colon or not password:
            plugin.problem("cloud_auth", "this is not `user:password`", "write user:password")
        return basic(user, password), "cloud_auth"
    if not has_user:
        return None, "user"
    for lacking, named in (("user", "password"), ("password", "user")):
        if getattr(options, lacking) is None:
            plugin.problem(named, f"`{named}` requires `{lacking}`", f"add {lacking} => …")
    return basic(options.user or "", options.password or ""), "password"


def basic(user: str, password: str) -> str:
    """The header of basic authentication."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def _encoded_key(key: str) -> str:
    return b64encode(key.encode()).decode() if ":" in key else key


def _hosts(
    plugin: Plugin, options: ElasticOptions, path: str | None, authorization: str | None
) -> list[Host]:
    if options.cloud_id is not None:
        if "hosts" in plugin.given:
            plugin.problem("cloud_id", "`cloud_id` and `hosts` exclude each other", "keep one")
        return _cloud_hosts(plugin, options.cloud_id, authorization)
    if not options.hosts:
        plugin.problem("hosts", "`hosts` is empty", 'write hosts => ["localhost:9200"]')
    ssl = options.ssl_enabled if "ssl_enabled" in plugin.given else None
    hosts = []
    for place, text in enumerate(options.hosts):
        try:
            hosts.append(parse_host(text, ssl, path, authorization))
        except ValueError as error:
            plugin.problem("hosts", str(error), "such as https://host:9200", path=(place,))
    return hosts


def parse_host(
    text: str, ssl: bool | None = None, path: str | None = None, authorization: str | None = None
) -> Host:
    """The host that a text means; raises ValueError. ``ssl``: whether TLS is asked for, where an
    option says so.
    """
    shown = re.sub(r"//[^/@]*@", "//…@", text)
    scheme, mark, rest = text.strip().rpartition("//")
    scheme = scheme.removesuffix(":")
    if scheme not in ("", "http", "https"):
        raise ValueError(f"`{shown}` is neither an HTTP nor an HTTPS address")
    if ssl is not None and scheme and (scheme == "https") is not ssl:
        raise ValueError(f"`{shown}` contradicts `ssl_enabled`")
    scheme = scheme or ("https" if ssl else "http")
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or DEFAULT_PORT
    except ValueError:
        raise ValueError(f"`{shown}` is not a valid address of a host") from None
    if not parts.hostname or parts.query or (not mark and "@" in rest):
        raise ValueError(f"`{shown}` is not a valid address of a host")
    if path and parts.path.strip("/"):
        raise ValueError(f"`{shown}` has a path, and so has `path`")
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if parts.username is not None and authorization is None:
        authorization = basic(unquote(parts.username), unquote(parts.password or ""))
    below = (path or parts.path).strip("/")
    return Host(f"{scheme}://{name}:{port}{'/' if below else ''}{below}", authorization)


def _cloud_hosts(plugin: Plugin, cloud_id: str, authorization: str | None) -> list[Host]:
    """The one host of a cloud id: LABEL:BASE64 of DOMAIN[:PORT]$ID[:PORT]$…"""
    try:
        text = b64decode(cloud_id.rpartition(":")[2], validate=True).decode()
        domain, cluster = text.split("$")[:2]
    except (binascii.Error, ValueError):
        domain = cluster = ""
    if not domain or not cluster or cluster == "undefined":
        plugin.problem("cloud_id", "this is not a valid cloud id", "copy it from the console")
        return []
    name, _, port = domain.partition(":")
    cluster, _, own_port = cluster.partition(":")
    address = f"https://{quote(cluster)}.{name}:{own_port or port or _CLOUD_PORT}"
    return [Host(address, authorization)]


def _refuse_tls_options(plugin: Plugin) -> None:
    """Report what is only for TLS, where there is none."""
    for name in sorted(plugin.given - {"ssl_enabled"}):
        if name.startswith("ssl_") or name == "ca_trusted_fingerprint":
            help = "write `https://` before the hosts, or add ssl_enabled => true"
            plugin.problem(name, f"`{name}` requires TLS", help)


def _check_fingerprint(plugin: Plugin, options: ElasticOptions) -> None:
    fingerprint = options.ca_trusted_fingerprint
    if fingerprint is None:
        return
    if not _FINGERPRINT.fullmatch(fingerprint.replace(":", "")):
        message = "this is not a SHA-256 fingerprint"
        plugin.problem("ca_trusted_fingerprint", message, "write 64 hexadecimal digits")
    if options.ssl_certificate_authorities:
        message = "`ca_trusted_fingerprint` and `ssl_certificate_authorities` exclude each other"
        plugin.problem("ca_trusted_fingerprint", message, "keep one of them")


def _check_proxy(plugin: Plugin, options: ElasticOptions) -> None:
    proxy = options.proxy
    if not proxy:
        return
    try:
        has_host = urlsplit(proxy if "://" in proxy else f"http://{proxy}").hostname
    except ValueError:
        has_host = None
    if not has_host:
        plugin.problem("proxy", "the proxy has no host", 'write "http://proxy.example:3128"')
