"""HTTP for plugins that ask servers: the options that Logstash's plugins have for it, and a client
that heeds them.

The client is urllib3's; followed here are redirections, so that cookies are kept on the way, and
the time of a request as a whole. Connections are kept and shared by threads; each process makes a
client of its own.
"""

from __future__ import annotations

import ssl
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar
from typing import Any, Self
from urllib.parse import quote, unquote, urljoin, urlsplit
from urllib.request import Request as CookieRequest

from urllib3 import BaseHTTPResponse, PoolManager, ProxyManager, Retry, Timeout, disable_warnings
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InsecureRequestWarning,
    ReadTimeoutError,
)

from ..contract import Plugin
from ..declaration import Secret, option
from ..option_groups import option_group
from ..tls import TlsContext
from .http_failures import HttpFailure, failure_of

_MOST_REDIRECTIONS = 20
_MOST_BYTES = 64 << 20
_CHUNK = 1 << 16


@option_group
class HttpOptions:
    """The options of a client; times are in seconds."""

    request_timeout: float = option(
        "How long a request may take as a whole, in seconds.", default=60
    )
    socket_timeout: float = option("How long to wait for data, in seconds.", default=10)
    connect_timeout: float = option("How long to wait for a connection, in seconds.", default=10)
    follow_redirects: bool = option("Whether to follow redirections.", default=True)
    pool_max: int = option("How many connections there may be.", default=50, at_least=1)
    pool_max_per_route: int = option("How many there may be to one host.", default=25, at_least=1)
    keepalive: bool = option("Whether connections are kept open.", default=True)
    automatic_retries: int = option(
        "How often a request that failed in transit is retried.", default=1, at_least=0
    )
    retry_non_idempotent: bool = option(
        "Whether requests that are not idempotent (POST, PATCH) are retried too.", default=False
    )
    validate_after_inactivity: float = option(
        "Has no effect: a connection is always checked before it is used.", default=200
    )
    cookies: bool = option("Whether cookies are kept and sent back.", default=True)
    proxy: Any = option(
        "A proxy: its URL, or a hash with `url`, or `scheme`, `host` and `port`, and `user` and"
        " `password`.",
        default=None,
    )
    user: str | None = option("A user, for basic authentication.", default=None)
    password: Secret | None = option("The user's password.", default=None)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. The names of headers are as they are sent."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. ``headers`` have small names; those that came several times are lists.
    ``retries``: how often it was asked for again.
    """

    status: int
    headers: dict[str, str | list[str]]
    body: bytes
    reason: str = ""
    retries: int = 0


def retry_after(response: Response, now: float) -> float | None:
    """The seconds that an answer asks to wait, as a number or as a date; None where it asks for
    nothing. ``now``: seconds since 1970.
    """
    given = response.headers.get("retry-after")
    text = given[-1] if isinstance(given, list) else given
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def check_options(plugin: Plugin, options: HttpOptions) -> None:
    """Report what is wrong with the options."""
    if options.proxy is not None and proxy_url(options.proxy) is None:
        plugin.problem(
            "proxy", "the proxy has no host", 'write proxy => "http://proxy.example:3128"'
        )
    if options.password is not None and options.user is None:
        plugin.problem("password", "`password` requires `user`", "add user => …")


class HttpClient:
    """A client as options want it; used by several threads at a time."""

    def __init__(self, options: HttpOptions, tls: TlsContext) -> None:
        self._options, self._tls = options, tls
        self._context = tls.current()
        self._pool = _make_pool(options, self._context)
        self._jar = CookieJar() if options.cookies else None
        self._fixed = {"User-Agent": "Penstock", "Accept-Encoding": "gzip, deflate"}
        if not options.keepalive:
            self._fixed["Connection"] = "close"
        if options.user is not None:
            self._fixed["Authorization"] = _basic(options.user, options.password or "")

    def send(self, request: Request) -> Response:
        """The answer to a request, whatever its status; raises HttpFailure."""
        deadline = time.monotonic() + self._options.request_timeout
        own = {name.lower() for name in request.headers}
        fixed = {name: value for name, value in self._fixed.items() if name.lower() not in own}
        request = replace(request, headers={**fixed, **request.headers})
        try:
            for _ in range(_MOST_REDIRECTIONS):
                response = self._sent(request, deadline)
                onward = _redirected(request, response) if self._options.follow_redirects else None
                if onward is None:
                    return _read(response, deadline)
                response.drain_conn()
                request = onward
        except (HTTPError, OSError, ValueError) as error:
            raise failure_of(error) from error
        raise HttpFailure(f"there are more than {_MOST_REDIRECTIONS} redirections")

    def _sent(self, request: Request, deadline: float) -> BaseHTTPResponse:
        options = self._options
        self._renew()
        left = deadline - time.monotonic()
        if left <= 0:
            raise HttpFailure("the request took too long")
        headers = dict(request.headers)
        cookie_request = CookieRequest(request.url, headers=headers)
        if self._jar is not None:
            self._jar.add_cookie_header(cookie_request)
            headers |= {
                name: value
                for name, value in cookie_request.unredirected_hdrs.items()
                if name == "Cookie"
            }
        response = self._pool.request(
            request.method,
            request.url,
            body=request.body,
            headers=headers,
            redirect=False,
            preload_content=False,
            retries=self._retries(),
            timeout=Timeout(left, options.connect_timeout, options.socket_timeout),
        )
        if self._jar is not None:
            self._jar.extract_cookies(_WithInfo(response), cookie_request)  # type: ignore[arg-type]
        return response

    def _renew(self) -> None:
        """Use certificates that have changed; requests under way end on their connections."""
        context = self._tls.current()
        if context is not self._context:
            self._context = context
            self._pool = _make_pool(self._options, context)

    def _retries(self) -> Retry:
        allowed = None if self._options.retry_non_idempotent else Retry.DEFAULT_ALLOWED_METHODS
        times = self._options.automatic_retries
        return _Retries(
            total=times, redirect=False, allowed_methods=allowed, respect_retry_after_header=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


class _Retries(Retry):
    """Sends again what was lost on its way, but not what took too long."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        *more: Any,
        **named: Any,
    ) -> Self:
        if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
            raise error
        return super().increment(method, url, response, error, *more, **named)


class _WithInfo:
    """A response as cookies are read from one."""

    def __init__(self, response: BaseHTTPResponse) -> None:
        self._headers = response.headers

    def info(self) -> Any:
        return self._headers


disable_warnings(InsecureRequestWarning)  # who does not verify has said so in an option


def _make_pool(options: HttpOptions, tls: ssl.SSLContext) -> PoolManager:
    common: dict[str, Any] = {
        "num_pools": options.pool_max,
        "maxsize": min(options.pool_max, options.pool_max_per_route),
        "block": True,
        "ssl_context": tls,
    }
    url = proxy_url(options.proxy)
    if url is None:
        return PoolManager(**common)
    parts = urlsplit(url)
    login = {}
    if parts.username is not None:
        login["Proxy-Authorization"] = _basic(
            unquote(parts.username), unquote(parts.password or "")
        )
    return ProxyManager(url, proxy_headers=login, **common)


def _basic(user: str, password: str) -> str:
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def proxy_url(given: Any) -> str | None:
    """The URL of a proxy, in whichever form it was given; None for none."""
    if isinstance(given, dict):
        url = str(
            given.get("url")
            or f"{given.get('scheme', 'http')}://{given.get('host', '')}:{given.get('port', 80)}"
        )
        if given.get("user"):
            scheme, _, place = url.partition("://")
            user, password = (
                quote(str(given["user"]), ""),
                quote(str(given.get("password", "")), ""),
            )
            url = f"{scheme}://{user}:{password}@{place}"
    else:
        url = "" if given is None else str(given)
    url = url if "://" in url or not url else f"http://{url}"
    try:
        return url if urlsplit(url).hostname else None
    except ValueError:
        return None


def _redirected(request: Request, response: BaseHTTPResponse) -> Request | None:
    """The request that a redirection asks for; None where there is none."""
    location = response.get_redirect_location()
    if not location:
        return None
    url = urljoin(request.url, location)
    method, body, headers = request.method, request.body, dict(request.headers)
    if method != "HEAD" and (
        response.status == 303 or (response.status in (301, 302) and method == "POST")
    ):
        method, body = "GET", None
        headers = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("content-type", "content-length")
        }
    if urlsplit(url)[:2] != urlsplit(request.url)[:2]:
        headers = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("authorization", "cookie")
        }
    return Request(method, url, headers, body)


def _read(response: BaseHTTPResponse, deadline: float) -> Response:
    try:
        body = b"".join(_parts(response, deadline))
    except BaseException:
        response.close()
        raise
    finally:
        response.release_conn()
    headers: dict[str, str | list[str]] = {}
    for name in response.headers:
        values = response.headers.getlist(name)
        headers[name.lower()] = values[0] if len(values) == 1 else values
    reason, retries = response.reason or "", response.retries
    asked_again = len(retries.history) if retries is not None else 0
    return Response(response.status, headers, body, reason, asked_again)


class TooLarge(HttpFailure):
    """A request whose answer is larger than is read."""


def _parts(response: BaseHTTPResponse, deadline: float) -> Iterator[bytes]:
    """The body as it comes; raises HttpFailure where it is too long or comes too slowly."""
    size = 0
    while part := response.read1(_CHUNK, decode_content=True):
        yield part
        size += len(part)
        if size > _MOST_BYTES:
            raise TooLarge(f"the answer is larger than {_MOST_BYTES >> 20} MiB")
        if time.monotonic() > deadline:
            raise HttpFailure("the request took too long")
