"""The answers to a query, page by page: with a scroll, with search_after over a point in time, or
all at once.

A scroll is a cursor of the server's that only goes on: what was not delivered can be had again only
by beginning again. With search_after a page is asked for by where the one before it ended, so that
any page can be asked for again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from ..clients.elastic_client import JSON, ElasticClient, Refused, Server, decoded, esql_rows
from ..codecs._json import parse
from ..errors import Disconnected

_SHARD_DOC_SINCE = (7, 12)


class Page(NamedTuple):
    """Hits, each with its ``_source``; ``after`` is where the next page begins."""

    hits: list[dict[str, Any]]
    after: Any = None
    is_last: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. ``body`` may have `query`, `sort`, `slice` and so on; ``keep_alive`` is
    how long the server keeps its place between two pages, such as 1m.
    """

    index: str
    body: Mapping[str, Any]
    size: int = 1000
    keep_alive: str = "1m"

    def path(self, name: str) -> str:
        """The path of an API below the index."""
        return f"/{quote(self.index, ',*')}/{name}"


class Pages(Protocol):
    """The pages of one query, fetched one after another, by one thread at a time."""

    can_go_back: bool

    def fetch(self, after: Any) -> Page:
        """The page behind a place, the first for None. Raises Refused, Disconnected, TooLarge."""
        ...

    def keep(self) -> None:
        """Have the server keep its place; raises as ``fetch``."""
        ...

    def close(self) -> None:
        """Have the server forget it, where it answers."""
        ...


class ScrollPages:
    """Pages of a scroll."""

    can_go_back = False

    def __init__(self, client: ElasticClient, query: Query) -> None:
        self._client, self._query = client, query
        self._id: str | None = None

    def fetch(self, after: Any) -> Page:
        """The next page."""
        query = self._query
        if self._id is None:
            path = query.path(f"_search?scroll={query.keep_alive}")
            answer = searched(self._client, path, {"size": query.size, **query.body})
        else:
            body = {"scroll": query.keep_alive, "scroll_id": self._id}
            answer = searched(self._client, "/_search/scroll", body)
        self._id = answer.get("_scroll_id")
        hits = answer["hits"]["hits"]
        return Page(hits, True, len(hits) < query.size or self._id is None)

    def keep(self) -> None:
        """A scroll is kept by nothing but its next page."""

    def close(self) -> None:
        """End the scroll."""
        if self._id is not None:
            _forget(self._client, "/_search/scroll", {"scroll_id": self._id})


class SearchAfterPages:
    """Pages over a point in time, which the server keeps as it was."""

    can_go_back = True

    def __init__(self, client: ElasticClient, query: Query, server: Server) -> None:
        self._client, self._query, self._server = client, query, server
        self._id: str | None = None

    def fetch(self, after: Any) -> Page:
        """The page behind some values of its sort."""
        body = {"size": self._query.size, **self._query.body, **self._point()}
        body["sort"] = self._sort(body.get("sort"))
        if after is not None:
            body["search_after"] = after
        answer = searched(self._client, "/_search?track_total_hits=false", body)
        self._id = answer.get("pit_id", self._id)
        hits = answer["hits"]["hits"]
        return Page(hits, hits[-1]["sort"] if hits else after, len(hits) < self._query.size)

    def _point(self) -> dict[str, Any]:
        keep = self._query.keep_alive
        if self._id is None:
            name = "_search/point_in_time" if self._server.is_opensearch else "_pit"
            answer = self._client.call("POST", self._query.path(f"{name}?keep_alive={keep}"))
            self._id = answer["pit_id" if self._server.is_opensearch else "id"]
        return {"pit": {"id": self._id, "keep_alive": keep}}

    def _sort(self, given: Any) -> list[Any]:
        """A sort that has no ties: what is tied over the end of a page would be left out."""
        sort = given if isinstance(given, list) else [given]
        if not given:
            sort = []
        if not self._server.is_opensearch and self._server.version >= _SHARD_DOC_SINCE:
            return [each for each in sort if each != "_doc"] or ["_shard_doc"]
        names = {each if isinstance(each, str) else next(iter(each)) for each in sort}
        ends = [name for name in ("_index", "_id") if name not in names]
        return [*[each for each in sort if each != "_doc"], *ends]

    def keep(self) -> None:
        """Ask for nothing, which keeps the point in time."""
        if self._id is not None:
            searched(self._client, "/_search", {"size": 0, **self._point()})

    def close(self) -> None:
        """End the point in time."""
        if self._id is None:
            return
        if self._server.is_opensearch:
            _forget(self._client, "/_search/point_in_time", {"pit_id": [self._id]})
        else:
            _forget(self._client, "/_pit", {"id": self._id})


class AggregationPage:
    """The aggregations of a query, as one event."""

    can_go_back = True

    def __init__(self, client: ElasticClient, query: Query) -> None:
        self._client, self._query = client, query

    def fetch(self, after: Any) -> Page:
        """The one page."""
        path = self._query.path("_search")
        answer = searched(self._client, path, {**self._query.body, "size": 0})
        found = answer.get("aggregations")
        return Page([{"_source": found}] if found else [])

    def keep(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is kept."""


class EsqlPage:
    """The rows of an ES|QL query, each as an event; columns without a value are left out."""

    can_go_back = True

    def __init__(self, client: ElasticClient, text: str) -> None:
        self._client, self._text = client, text

    def fetch(self, after: Any) -> Page:
        """The one page."""
        body = msgspec.json.encode({"query": self._text})
        return Page([{"_source": row} for row in esql_rows(self._client, body)])

    def keep(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing is kept."""


def searched(client: ElasticClient, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to a search. What only some shards answered is none: documents would be lost."""
    data = msgspec.json.encode(body)
    response = client.request("POST", path, data, {"Content-Type": JSON})
    if response.status >= 300:
        raise Refused(response)
    try:
        answer = parse(response.body)
    except ValueError:
        answer = decoded(response)
    shards = answer.get("_shards", {})
    if shards.get("failed") or answer.get("timed_out"):
        failures = shards.get("failures") or [{}]
        reason = failures[0].get("reason", "the search timed out")
        raise Disconnected(f"{shards.get('failed', 0)} shards did not answer: {reason}")
    found: dict[str, Any] = answer
    return found


def _forget(client: ElasticClient, path: str, body: Mapping[str, Any]) -> None:
    """Have the server let go of what it kept; it would do so by itself after a while."""
    with contextlib.suppress(Exception):
        client.call("DELETE", path, body)
