"""A schema that is fetched by HTTP, with the client of all plugins that ask servers."""

from __future__ import annotations

from typing import NamedTuple

from ..clients.http import HttpClient, HttpOptions, Request
from ..clients.http_failures import HttpFailure, TlsFailure
from ..clients.tls import ClientTls, client_tls
from ..contract import OptionProblem, Plugin
from ..declaration import Secret, Uri

_SECONDS = 30.0


class Login(NamedTuple):
    """Who asks, and by which proxy."""

    user: str | None
    password: Secret | None
    proxy: Uri | None


class _Once(HttpOptions):
    """The options of a client that asks once."""

    request_timeout = socket_timeout = connect_timeout = _SECONDS
    follow_redirects = True
    pool_max = pool_max_per_route = 1
    keepalive = cookies = retry_non_idempotent = False
    automatic_retries = 1


def fetched(plugin: Plugin, tls: ClientTls, login: Login, url: str) -> bytes:
    """The schema at a URL. Raises OptionProblem, at the option that is to blame."""
    options = _Once()
    options.user, options.password = login.user, login.password
    options.proxy = login.proxy and str(login.proxy)
    client = HttpClient(options, client_tls(plugin, tls))
    try:
        response = client.send(Request("GET", url, {}))
    except TlsFailure as error:
        option = error.option if error.option in plugin.spec.options else "schema_uri"
        raise OptionProblem(option, f"the schema cannot be fetched: {error}") from error
    except HttpFailure as error:
        message = f"the schema cannot be fetched: {error}"
        raise OptionProblem("schema_uri", message, "check the URI") from error
    finally:
        client.close()
    if response.status != 200:
        message = f"the schema cannot be fetched: the server answers {response.status}"
        help = "check the URI, and `username` and `password`"
        raise OptionProblem("schema_uri", message, help)
    return response.body
