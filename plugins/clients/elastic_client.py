"""Requests to Elasticsearch and OpenSearch, over plain HTTP: both products speak it, and their own
client libraries cost several times as much.

A request goes to one host that is up. A host that does not answer is set down and the next one is
asked; where none is left, ``Disconnected`` is raised. What the answers mean is for the caller to
say, but for one: that the cluster does not accept who we are is ``Misconfigured``.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from ..errors import Disconnected, Misconfigured
from ..rate_limit import PluginLog
from .elastic import Endpoint, Host
from .elastic_hosts import Chores, HostPool
from .http import HttpClient, HttpOptions, Request, Response, TooLarge
from .http_failures import HttpFailure
from .tls_failures import AUTHORITIES, NO_TLS, distrusted, refused

JSON, NDJSON = "application/json", "application/x-ndjson"
_LONGEST_REASON = 500
_ONLY_LEADS = (["master"], ["cluster_manager"])
_BAD_CLIENT_CERTIFICATE = re.compile("CERTIFICATE_REQUIRED|ALERT_(BAD|UNKNOWN)_C|HANDSHAKE_FAILURE")


class Server(NamedTuple):
    """What a cluster says of itself. ``version``: its numbers, (0,) where it does not say."""

    product: str = "elasticsearch"
    version: tuple[int, ...] = (0,)
    flavor: str = "default"

    @property
    def is_opensearch(self) -> bool:
        """Whether it is OpenSearch."""
        return self.product == "opensearch"


class Refused(Exception):
    """An answer that is an error. ``kind``: the server's own name of it."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.kind, self.reason = error_of(response)
        super().__init__(f"{self.status} {self.reason}".strip())


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What is done beside the requests. Seconds; ``sniffing`` is 0 where hosts are not asked for
    others.
    """

    health_path: str = "/"
    resurrect_delay: float = 5.0
    sniffing: float = 0.0
    sniffing_path: str = "/_nodes/http"


class ElasticClient:
    """A client of one cluster, shared by threads."""

    def __init__(
        self, endpoint: Endpoint, http: HttpOptions, log: PluginLog, upkeep: Upkeep | None = None
    ) -> None:
        self._endpoint, self._options, self._log = endpoint, http, log
        self._upkeep = upkeep or Upkeep()
        self._http = HttpClient(http, endpoint.tls)
        self.pool = HostPool(endpoint.hosts)
        self._chores: Chores | None = None

    def connect(self) -> Server:
        """Look which hosts are up, and what they are. Raises Disconnected where none is,
        Misconfigured where one says that an option is wrong.
        """
        wrong: Misconfigured | None = None
        for host in self.pool.hosts:
            try:
                self._check(host)
            except Misconfigured as error:
                wrong = wrong or error
                self.pool.set_down(host, error.reason)
        if wrong is not None and len(self.pool.down) == len(self.pool.hosts):
            raise wrong
        server = self._identify()
        if self._upkeep.sniffing:
            self._sniff()
        self._begin_chores()
        return server

    def _begin_chores(self) -> None:
        chores = []
        if len(self.pool.hosts) > 1 or self._upkeep.sniffing:
            chores.append((self._upkeep.resurrect_delay, self._resurrect))
        if self._upkeep.sniffing:
            chores.append((self._upkeep.sniffing, self._sniff))
        if chores and self._chores is None:
            self._chores = Chores(chores)

    def _check(self, host: Host) -> None:
        """Ask one host whether it is up; raises Misconfigured."""
        try:
            response = self._send_trusting(host, Request("HEAD", self._upkeep.health_path, {}))
        except HttpFailure as error:
            self.pool.set_down(host, error.reason)
            return
        if response.status == 401:
            raise self._unauthorized(host, response)
        if response.status >= 500 or response.status == 429:
            self.pool.set_down(host, f"the health check is answered with {response.status}")
        elif self.pool.set_up(host):
            self._log.info("%s is up", host.name)

    def _send_trusting(self, host: Host, request: Request) -> Response:
        """Ask one host; where its certificate is not trusted, after a look for the authority that
        the options name by its fingerprint. Raises HttpFailure and Misconfigured.
        """
        try:
            return self._send(host, request)
        except HttpFailure as error:
            problem = tls_problem(error)
            if problem is None:
                raise
            authorities = self._endpoint.authorities
            if problem.option != "ssl_certificate_authorities" or not authorities.fingerprint:
                raise problem from error
            if not authorities.look_for(host.url, self._options, self._endpoint.tls):
                reason = f"{host.name} shows no certificate with this fingerprint"
                raise Misconfigured("ca_trusted_fingerprint", reason) from error
        self._http.close()  # connections are made anew, with the authority
        try:
            return self._send(host, request)
        except HttpFailure as error:
            raise tls_problem(error) or error from None

    def _identify(self) -> Server:
        response = self.request("GET", "/")
        if response.status != 200:
            return Server()  # who may write need not be allowed to ask
        try:
            said = msgspec.json.decode(response.body, type=_Root).version
        except msgspec.DecodeError:
            text = "what answers at %s does not look like Elasticsearch or OpenSearch; see `hosts`"
            self._log.warning(text, self.pool.hosts[0].name)
            return Server()
        product = "opensearch" if said.distribution == "opensearch" else "elasticsearch"
        numbers = re.findall(r"\d+", said.number)[:3]
        return Server(product, tuple(map(int, numbers)) or (0,), said.build_flavor)

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The answer of a host that is up, whatever its status. Raises Disconnected where none
        answers, Misconfigured where the cluster does not accept who we are, TooLarge.
        """
        request = Request(method, path, headers or {}, body)
        tried: list[Host] = []
        while True:
            with self.pool.lease(tried) as host:
                try:
                    response = self._send(host, request)
                except TooLarge:
                    raise
                except HttpFailure as error:
                    self._failed(host, error)
                    tried.append(host)
                    continue
            if response.status == 401:
                raise self._unauthorized(host, response)
            return response

    def _failed(self, host: Host, error: HttpFailure) -> None:
        """A host did not answer; raises Misconfigured where it is the only one, and an option is
        to blame.
        """
        problem, is_only = tls_problem(error), len(self.pool.hosts) == 1
        if self.pool.set_down(host, error.reason) and not is_only:
            self._log.warning("%s is down: %s", host.name, error.reason, about=host.name)
        if is_only and problem is not None:
            raise problem from error

    def call(self, method: str, path: str, body: Any = None, kind: str = JSON) -> Any:
        """The answer to a request, from JSON; raises Refused where it is an error."""
        data = body if isinstance(body, bytes | None) else msgspec.json.encode(body)
        response = self.request(method, path, data, {"Content-Type": kind} if data else None)
        if response.status >= 300:
            raise Refused(response)
        return decoded(response)

    def exists(self, path: str) -> bool:
        """Whether there is something at a path; raises Refused where that is not said."""
        response = self.request("HEAD", path)
        if response.status not in (200, 404):
            raise Refused(response)
        return response.status == 200

    def _send(self, host: Host, request: Request) -> Response:
        headers = {**self._endpoint.headers, **request.headers}
        if host.authorization is not None:
            headers = {"Authorization": host.authorization, **headers}
        url = host.url + request.url
        query = self._endpoint.query
        if query:
            url += f"{'&' if '?' in url else '?'}{query}"
        return self._http.send(Request(request.method, url, headers, request.body))

    def _unauthorized(self, host: Host, response: Response) -> Misconfigured:
        option = self._endpoint.login_option
        reason = f"{host.name} refuses the login: {Refused(response)}"
        return Misconfigured(option, reason, "check the user, the password or the API key")

    def _resurrect(self) -> None:
        for host in self.pool.down:
            try:
                self._check(host)
            except Misconfigured as error:
                self._log.warning("%s is down: %s", host.name, error.reason, about=host.name)
            except Exception as error:
                self._log.warning("%s cannot be checked: %s", host.name, error, about=host.name)

    def _sniff(self) -> None:
        """Ask the cluster for its hosts; those that answer HTTP take the place of what is known."""
        try:
            hosts = list(self._sniffed(self.call("GET", self._upkeep.sniffing_path)))
        except Exception as error:  # also an answer of another shape: chores must go on
            self._log.warning("cannot ask the cluster for its hosts: %s", error)
            return
        if hosts and self.pool.replace(hosts):
            self._log.info("the cluster has the hosts %s", ", ".join(host.name for host in hosts))

    def _sniffed(self, answer: Any) -> Iterator[Host]:
        first = self._endpoint.hosts[0]
        scheme = "https" if self._endpoint.is_secure else "http"
        for node in answer.get("nodes", {}).values():
            address = node.get("http", {}).get("publish_address")
            if not address or node.get("roles") in _ONLY_LEADS:
                continue
            name, slash, numbers = address.partition("/")  # name/127.0.0.1:9200
            place = f"{name}:{numbers.rpartition(':')[2]}" if slash else address
            yield Host(f"{scheme}://{place}{urlsplit(first.url).path}", first.authorization)

    def close(self) -> None:
        """Close the connections."""
        if self._chores is not None:
            self._chores.end()
            self._chores = None
        self._http.close()


class _Version(msgspec.Struct):
    number: str = ""
    distribution: str = ""
    build_flavor: str = "default"


class _Root(msgspec.Struct):
    version: _Version = msgspec.field(default_factory=_Version)


def decoded(response: Response) -> Any:
    """The value of a body of JSON; raises Disconnected where it is not JSON: what answers then is
    not the cluster.
    """
    try:
        return msgspec.json.decode(response.body) if response.body else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise Disconnected(f"the answer is not JSON: {error}") from error


def esql_rows(client: ElasticClient, body: bytes) -> list[dict[str, Any]]:
    """The rows that an ES|QL query gives, as nested maps without what is null; raises Refused."""
    answer = client.call("POST", "/_query?format=json", body)
    names = [column["name"].split(".") for column in answer["columns"]]
    return [_nested(zip(names, values, strict=True)) for values in answer["values"]]


def _nested(columns: Iterable[tuple[list[str], Any]]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for keys, value in columns:
        if value is None:
            continue
        inner = row
        for key in keys[:-1]:
            below = inner.setdefault(key, {})
            if type(below) is not dict:  # `a` beside `a.b`
                below = inner[key] = {"": below}
            inner = below
        inner[keys[-1]] = value
    return row


def error_of(response: Response) -> tuple[str, str]:
    """The kind of an error and its reason, from the answer; texts as they are, cut."""
    try:
        found = msgspec.json.decode(response.body)
        error = found.get("error", found)
    except (msgspec.DecodeError, RecursionError, AttributeError):
        error = response.body.decode("utf-8", "replace").strip()
    if isinstance(error, dict):
        return str(error.get("type", "")), reason_of(error)
    return "", str(error or "")[:_LONGEST_REASON]


def reason_of(error: Mapping[str, Any]) -> str:
    """`type: reason; caused by type: reason` of an error as the server gives it."""
    texts: list[str] = []
    cause: Any = error
    while isinstance(cause, Mapping) and len(texts) < 4:
        texts.append(f"{cause.get('type', 'error')}: {cause.get('reason', '')}")
        cause = cause.get("caused_by")
    return "; caused by ".join(texts)[:_LONGEST_REASON]


def tls_problem(error: BaseException) -> Misconfigured | None:
    """The option to blame where a request failed for a certificate; None for other failures."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Misconfigured(AUTHORITIES, *distrusted(cause))
        if isinstance(cause, ssl.SSLError) and _BAD_CLIENT_CERTIFICATE.search(str(cause.reason)):
            return Misconfigured("ssl_certificate", *refused(str(cause.reason)))
        if isinstance(cause, ssl.SSLError) and cause.reason == "WRONG_VERSION_NUMBER":
            help = "write http:// before the host, or name the port for TLS"
            return Misconfigured("hosts", NO_TLS, help)
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args]
