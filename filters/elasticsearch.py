"""The filter elasticsearch: what a search finds is put into the event.

The searches of a batch are asked in one request (`_msearch`), those that are alike once; an answer
may be remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..dsl.diagnostics import PenstockError
from ..dsl.event import add_tag
from ..dsl.reference import Event, FieldRef
from ..dsl.template import Template
from ..dsl.values import copy, json_text
from ..plugins.clients.cache import Cache
from ..plugins.clients.elastic import ElasticOptions, endpoint, http_options
from ..plugins.clients.elastic_client import NDJSON, ElasticClient, Refused, esql_rows, reason_of
from ..plugins.clients.http_failures import HttpFailure
from ..plugins.contract import Disconnected, Filter, Misconfigured, complain
from ..plugins.declaration import Example, option
from ._per_process import PerProcess
from ._references import named_field, named_template, set_all, set_each

_RETRIED = [500, 502, 503, 504]
_TOTAL = FieldRef("[@metadata][total_hits]")


class SearchFailed(PenstockError):
    """A search without a result; ``status`` 0 where there was no answer."""

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(reason)
        self.status = status


Search = tuple[str, bytes]
Found = dict[str, Any] | SearchFailed


class Elasticsearch(ElasticOptions, Filter, name="elasticsearch"):
    """Search Elasticsearch or OpenSearch for each event, and put what is found into it.

    `query` is a query as one types it into a search field, with fields of the event, such as
    `type:start AND id:%{[id]}`; `query_template` is a file with the whole body of a search, as
    JSON, with fields as well. Of the first `result_size` hits by `sort`, `fields` says which fields
    go where: `{ "[user][name]" => "[user][name]" }`; where there are several hits, lists of their
    values. `docinfo_fields` does the same for what a hit says of itself (`_id`, `_index`),
    `aggregation_fields` for aggregations of a template. The number of all hits is in
    `[@metadata][total_hits]`. With `target`, all goes below that field. `query_type => "esql"` asks
    by ES|QL and puts the rows into `target`.

    Where nothing is found, the event stays as it is and the common options do not apply; where the
    search fails it gets the tags of `tag_on_failure`. A request that fails is sent again
    `retry_on_failure` times.

    The searches of a batch are one request. Where the same is asked again and again, `cache_size`
    says how many answers are remembered, for `cache_expiration` seconds.

    The filter needs the package urllib3: `pip install 'penstock[elasticsearch]'`.

    Differs from Logstash: a cluster that is away when the pipeline starts does not stop it. A
    `query` is sent as a query_string query, so that the searches of a batch can be asked at once.
    `cache_size` and `cache_expiration` are new. Keys and certificates are PEM files.
    """

    external = True

    index: Template = option(
        "The indices to search, with fields. Default: all.", default=Template("")
    )
    query: Template | None = option("The query, with fields.", default=None)
    query_template: Path | None = option(
        "A file with the body of a search, as JSON with fields.", default=None
    )
    query_type: str = option("How the query is written.", default="dsl", choices=("dsl", "esql"))
    query_params: dict[str, Any] = option(
        "Values for the placeholders (`?name`) of an ES|QL query, with fields.", default={}
    )
    fields: dict[str, str] = option(
        "Fields of the documents found, and the fields for them.", default={}
    )
    docinfo_fields: dict[str, str] = option(
        "What a hit says of itself, and the fields for that.", default={}
    )
    aggregation_fields: dict[str, str] = option(
        "Aggregations, and the fields for them.", default={}
    )
    target: FieldRef | None = option(
        "The field below which the result is put. Default: the top level of the event.",
        default=None,
    )
    enable_sort: bool = option("Whether hits are sorted.", default=True)
    sort: str = option(
        "By what hits are sorted, `field:direction` with commas.", default="@timestamp:desc"
    )
    result_size: int = option("How many hits are used.", default=1, at_least=0)
    tag_on_failure: list[str] = option(
        "Tags for an event whose search failed.", default=["_elasticsearch_lookup_failure"]
    )
    retry_on_failure: int = option(
        "How often a request that failed is sent again.", default=0, at_least=0
    )
    retry_on_status: list[int] = option(
        "The statuses for which this is so, besides broken connections.", default=_RETRIED
    )
    cache_size: int = option("How many answers to cache.", default=0, at_least=0)
    cache_expiration: float = option("For how many seconds an answer is cached.", default=5.0)

    examples = (
        Example(
            "a cluster that cannot be reached",
            """elasticsearch {
  hosts => ["127.0.0.1:1"]
  index => "logins"
  query => "type:start AND session:%{[session]}"
  fields => { "@timestamp" => "started" }
}""",
            before={"session": "a7"},
            after={"session": "a7", "tags": ["_elasticsearch_lookup_failure"]},
        ),
        Example(
            "another tag, and answers that are remembered",
            """elasticsearch {
  hosts => ["127.0.0.1:1"]
  index => "hosts"
  query => "ip:%{[source][ip]}"
  fields => { "owner" => "[source][owner]" }
  cache_size => 10000
  cache_expiration => 60
  tag_on_failure => ["owner_unknown"]
}""",
            before={"source": {"ip": "10.0.0.1"}},
            after={"source": {"ip": "10.0.0.1"}, "tags": ["owner_unknown"]},
        ),
    )

    def prepare(self) -> None:
        self._where = endpoint(self, self)
        self._http = http_options(
            self, request_timeout=60, socket_timeout=60, connect_timeout=10, connections=4
        )
        self._clients = PerProcess(self._connected, ElasticClient.close)
        self._cache: Cache[dict[str, Any]] = Cache(self.cache_size, self.cache_expiration)
        self._body = self._read_template()
        self._fields = self._targets("fields", self.fields)
        self._docinfo = self._targets("docinfo_fields", self.docinfo_fields)
        self._aggregations = self._targets("aggregation_fields", self.aggregation_fields)
        self._sort = [_sorted_by(each) for each in self.sort.split(",") if each.strip()]
        self._params = {
            name: named_template(self, "query_params", str(value), (name,))
            for name, value in self.query_params.items()
        }

    def _read_template(self) -> Template | None:
        if (self.query is None) is (self.query_template is None):
            name = "query" if self.query is not None else "query_template"
            message = "one of `query` and `query_template` must be given, and only one"
            self.problem(name, message, 'such as query => "id:%{[id]}"')
        if self.query_type == "esql":
            for name in ("query_template", "fields", "docinfo_fields", "aggregation_fields"):
                if name in self.given:
                    self.problem(name, f"`{name}` does not go with ES|QL", "remove it")
            return None
        if self.query_template is None:
            return None
        try:
            text = self.query_template.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.problem("query_template", f"`{self.query_template}` cannot be read: {error}")
            return None
        return named_template(self, "query_template", text)

    def _targets(self, name: str, given: Mapping[str, str]) -> list[tuple[FieldRef, FieldRef]]:
        pairs = []
        for found, to in given.items():
            source = named_field(self, name, found, (found,))
            pairs.append((source, named_field(self, name, self._below(to), (found,))))
        return pairs

    def _below(self, field: str) -> str:
        """The field for a result, below the target."""
        target = self.target
        if target is None:
            return field
        return target.canonical + (field if field.startswith("[") else f"[{field}]")

    def open(self) -> None:
        self._clients.get()

    def _connected(self) -> ElasticClient:
        client = ElasticClient(self._where, self._http, self.context.log)
        try:
            client.connect()
        except (Disconnected, Misconfigured) as error:
            self._complain(error)
        return client

    def run(self, events: list[Event]) -> list[Event]:
        searches = [self._search(event) for event in events]
        found = self._found([search for search in searches if isinstance(search, tuple)])
        for event, search in zip(events, searches, strict=True):
            result = found[search] if isinstance(search, tuple) else search
            try:
                if isinstance(result, Exception):
                    self._failed(event, result)
                elif self._take(event, result) and self.decorate is not None:
                    self.decorate(event)
            except Exception as error:
                self._failed(event, error)
        return events

    def _search(self, event: Event) -> Search | Exception:
        """The search for an event: its index and its body, as JSON."""
        try:
            index = self.index.render(event)
            if self._body is not None:
                body = self._body.render(event).encode("utf-8", "replace")
                return index, msgspec.json.encode(msgspec.json.decode(body))
            assert self.query is not None
            query = self.query.render(event)
            if self.query_type == "esql":
                given = [{name: to.render(event)} for name, to in self._params.items()]
                more = {"params": given} if given else {}
                return index, msgspec.json.encode({"query": query, **more})
            body_of = {"query": {"query_string": {"query": query}}, "size": self.result_size}
            sort = {"sort": self._sort} if self.enable_sort and self._sort else {}
            return index, json_text({**body_of, **sort}).encode("utf-8", "replace")
        except Exception as error:
            return error

    def _found(self, searches: Sequence[Search]) -> dict[Search, Found]:
        """The results of searches; the same is asked once."""
        found: dict[Search, Found] = {}
        for search in dict.fromkeys(searches):
            known = self._cache.get(search) if self._cache.size else None
            if known is not None:
                found[search] = known
        asked = [search for search in dict.fromkeys(searches) if search not in found]
        left = asked
        for _ in range(self.retry_on_failure + 1):
            if not left:
                break
            found |= dict(zip(left, self._ask(left), strict=True))
            left = [search for search in left if self._may_be_asked_again(found[search])]
        for search in asked:
            result = found[search]
            if not isinstance(result, Exception):
                self._cache.put(search, result)
        return found

    def _may_be_asked_again(self, result: Found) -> bool:
        return isinstance(result, SearchFailed) and result.status in (0, *self.retry_on_status)

    def _ask(self, searches: Sequence[Search]) -> list[Found]:
        """The results of searches that differ."""
        client = self._clients.get()
        try:
            if len(client.pool.down) == len(client.pool.hosts):
                client.connect()  # whoever is up again
            if self.query_type == "esql":
                return [self._rows(client, search) for search in searches]
            lines = [line for search in searches for line in (_header(search[0]), search[1])]
            answer = client.call("POST", "/_msearch", b"\n".join(lines) + b"\n", NDJSON)
            return [_result(each) for each in answer["responses"]]
        except Refused as error:
            return [SearchFailed(str(error), error.status)] * len(searches)
        except (Disconnected, Misconfigured, HttpFailure, KeyError) as error:
            return [SearchFailed(str(error))] * len(searches)

    def _rows(self, client: ElasticClient, search: Search) -> Found:
        try:
            return {"rows": esql_rows(client, search[1])}
        except Refused as error:
            return SearchFailed(str(error), error.status)

    def _take(self, event: Event, result: dict[str, Any]) -> bool:
        """Put a result into its event; whether there is one."""
        if self.query_type == "esql":
            return self._take_rows(event, result["rows"])
        hits = result["hits"]
        total = hits.get("total", len(hits["hits"]))
        _TOTAL.set(event, total["value"] if isinstance(total, dict) else total)
        sources = [hit.get("_source", {}) for hit in hits["hits"]]
        values = [(to, _values(source, sources)) for source, to in self._fields]
        values += [(to, _values(source, hits["hits"])) for source, to in self._docinfo]
        aggregations = result.get("aggregations") or {}
        own = [(to, copy(source.get(aggregations))) for source, to in self._aggregations]
        if sources:
            set_each(event, values)
        if aggregations:
            set_each(event, own)
        return bool(sources or aggregations)

    def _take_rows(self, event: Event, rows: list[dict[str, Any]]) -> bool:
        if rows and self.target is not None:
            self.target.set(event, copy(rows))
        elif rows:
            set_all(event, copy(rows[0]))
        return bool(rows)

    def _failed(self, event: Event, error: Exception) -> None:
        self._complain(error)
        self.failures += 1
        for tag in self.tag_on_failure:
            add_tag(event, tag)

    def _complain(self, error: Exception) -> None:
        where = self.context.where
        complain(where, "%s: elasticsearch: a search failed: %s", where, error)

    def stats(self) -> dict[str, int | float]:
        return self._cache.stats() if self._cache.size else {}

    def close(self) -> None:
        self._clients.close()


def _sorted_by(text: str) -> Any:
    """`field:direction` as a search has it."""
    name, _, direction = text.strip().rpartition(":")
    return {name: direction} if name and direction in ("asc", "desc") else text.strip()


def _header(index: str) -> bytes:
    return msgspec.json.encode({"index": index} if index else {})


def _result(answer: dict[str, Any]) -> Found:
    """One of the answers to several searches."""
    error = answer.get("error")
    if error is not None:
        reason = reason_of(error) if isinstance(error, dict) else str(error)
        return SearchFailed(reason, int(answer.get("status", 0)))
    failures = answer.get("_shards", {}).get("failures")
    return SearchFailed(f"shards failed: {failures}") if failures else answer


def _values(source: FieldRef, found: Sequence[dict[str, Any]]) -> Any:
    """The value of a field; a list of them where several documents were found."""
    values = [copy(source.get(each)) for each in found]
    return values[0] if len(values) == 1 else values
