"""Delivering bulk requests: what the outputs elasticsearch and opensearch have in common.

A request goes to a host that is up, compressed; its answer says of each item what became of it. A
request that the cluster, or a proxy before it, finds too large is halved, and so is one that is
refused as a whole, until only the items to blame are refused. The size that was too large is
remembered.

Several requests are under way at once. Where documents have ids, those of one id keep their order:
each id belongs to one lane. Documents without ids have no order.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator, Sequence
from typing import ClassVar
from zlib import crc32

import msgspec

from ...dsl.reference import Event
from ...dsl.template import Template
from ..batch import Payload
from ..clients.elastic import endpoint, http_options
from ..clients.elastic_client import NDJSON, ElasticClient, Refused, Upkeep
from ..clients.http import Response, retry_after
from ..contract import Batching, Misconfigured, Output, Rejected, Retry
from ..declaration import option
from ._bulk_actions import ACTIONS, REFUSAL, CannotSend, Items, redirected
from ._bulk_answers import Judge, Verdict, answer_of
from ._bulk_options import BulkOptions
from ._data_streams import Streams, check_names, wants_streams
from ._index_setup import IndexSetup

_FILTER = "filter_path=errors,items.*.error,items.*.status"
_HALVED = (400, 413)
_TOO_LARGE = 413
_SMALLEST = 1024


class BulkOutput(BulkOptions, Output):
    """What the two outputs have in common."""

    batching = Batching(bytes=8 << 20, events=5000, age=0.05)
    identified_by = "document_id"
    streams_by_default: ClassVar[bool] = True
    """Whether events go to data streams where the options do not say it, and do not go against
    it.
    """

    max_in_flight: int = option(
        "How many requests may be under way at once; documents of one `document_id` keep their"
        " order.",
        default=4,
        at_least=1,
        common=True,
    )

    _client: ElasticClient | None = None

    def prepare(self) -> None:
        self.endpoint = endpoint(self, self, self.path, self.parameters)
        name = "ecs-logstash" if self.ecs else "logstash"
        self._streams = Streams(self) if self._goes_to_streams() else None
        self._setup = IndexSetup(
            self, name, has_index=self.index is not None, uses_streams=self._streams is not None
        )
        self._level = self.compression_level if self.http_compression else 0
        self._check_actions()
        streams = self._streams
        action = self.action or Template("index" if streams is None else "create")
        index = self.index or Template(f"{name}-%{{+yyyy.MM.dd}}")
        self._items = (
            Items(self, action, index.render)
            if streams is None
            else Items(self, action, streams.index_of, streams.document)
        )
        silent = {*self.silence_errors_in_log, *self.failure_type_logging_whitelist}
        self._judge = Judge(
            self.dlq_custom_codes,
            set(self.drop_error_types),
            silent,
            self.context.log,
            self.context.metrics,
        )
        below = f"/{self.bulk_path.lstrip('/')}" if self.bulk_path else f"/_bulk?{_FILTER}"
        self._bulk_path = below
        self._wait, self._most_bytes = float(self.retry_initial_interval), 1 << 62

    def _goes_to_streams(self) -> bool:
        check_names(self)
        if self.data_stream is None and not self.streams_by_default:
            self.data_stream = "true" if self._has_stream_options() else "false"
        return wants_streams(self)

    def _has_stream_options(self) -> bool:
        return any(name.startswith("data_stream_") for name in self.given)

    def _check_actions(self) -> None:
        if self.compression_level > 9:
            self.problem("compression_level", "levels go from 0 to 9", "write 1 for the fastest")
        action = self.action
        if action is not None and action.is_constant:
            if action.text not in ACTIONS:
                message = f"`{action.text}` is not an action"
                self.problem("action", message, f"write one of {', '.join(ACTIONS)}")
            elif action.text in ("update", "delete") and self.document_id is None:
                message = f"`{action.text}` requires `document_id`"
                self.problem("action", message, "add document_id => …")
        if (self.parent is None) is not (self.join_field is None):
            given, lacking = ("parent", "join_field") if self.parent else ("join_field", "parent")
            self.problem(given, f"`{given}` requires `{lacking}`", f"add {lacking} => …")
        if self.script_type == "file":
            message = "clusters have had no scripts in files since Elasticsearch 6"
            self.problem("script_type", message, "store the script, and write `indexed`")
        if self.scripted_upsert and self.script is None:
            self.problem("scripted_upsert", "`scripted_upsert` requires `script`", "add a script")
        if self.doc_as_upsert and self.scripted_upsert:
            message = "`doc_as_upsert` and `scripted_upsert` exclude each other"
            self.problem("scripted_upsert", message, "keep one of them")
        for name in ("action", "index", "document_id", "routing", "pipeline", "version", "parent"):
            template: Template | None = getattr(self, name)
            if template is not None and template.problem:
                self.problem(name, template.problem, "write a field as [a][b]", code="W304")

    def open(self) -> None:
        connections = min(self.pool_max, self.pool_max_per_route)
        http = http_options(
            self,
            request_timeout=self.timeout,
            socket_timeout=self.timeout,
            connect_timeout=min(self.timeout, 10),
            connections=connections,
        )
        upkeep = Upkeep(
            f"/{self.healthcheck_path.lstrip('/')}",
            self.resurrect_delay,
            self.sniffing_delay if self.sniffing else 0.0,
            f"/{self.sniffing_path.lstrip('/')}",
        )
        self._client = ElasticClient(self.endpoint, http, self.context.log, upkeep)
        self._is_set_up, self._alias = False, b""

    def connect(self) -> None:
        assert self._client is not None
        server = self._client.connect()
        if not self._is_set_up:
            alias = self._setup.run(self._client, server)
            if alias is not None and self.index is not None:
                self.context.log.warning("`index` has no effect: `%s` is written to", alias)
            self._alias = (alias or "").encode()
            self._is_set_up = True

    def pack(self, events: list[Event]) -> list[Payload]:
        items = self._items.make(events)
        if self.document_id is None or self.max_in_flight == 1:
            return [Payload(items, events)]
        lanes: dict[int, list[int]] = {}
        for place, event in enumerate(events):
            lanes.setdefault(self._lane_of(event), []).append(place)
        return [
            Payload([items[i] for i in places], [events[i] for i in places], lane)
            for lane, places in lanes.items()
        ]

    def _lane_of(self, event: Event) -> int:
        try:
            name = self._items.id_of(event)
        except (CannotSend, ValueError):
            return 0
        return crc32(name.encode("utf-8", "replace")) % self.max_in_flight

    def deliver(self, payload: Payload) -> None:
        verdict, start = Verdict(), 0
        for items in self._requests(payload.data):
            verdict.add(self._send(items), start)
            start += len(items)
        if verdict.retry:
            after = self._next_wait(verdict.after)
            if verdict.rejected:
                raise Rejected(verdict.rejected, verdict.retry, after)
            raise Retry(f"not taken now: {verdict.reason}", verdict.retry, after)
        self._wait = float(self.retry_initial_interval)
        if verdict.rejected:
            raise Rejected(verdict.rejected)

    def _next_wait(self, asked: float | None) -> float:
        """Seconds before a retry: what the cluster asks for, else twice as long as before."""
        own, self._wait = self._wait, min(self._wait * 2, self.retry_max_interval)
        return own if asked is None else asked

    def _requests(self, items: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """The items in requests that are not known to be too large."""
        begin = size = 0
        for index, item in enumerate(items):
            size += len(item)
            if size > self._most_bytes and index > begin:
                yield items[begin:index]
                begin, size = index, len(item)
        yield items[begin:] if begin else items

    def _send(self, items: Sequence[bytes]) -> Verdict:
        """What becomes of some items."""
        refused = {i: item for i, item in enumerate(items) if item.startswith(REFUSAL)}
        if not refused:
            return self._send_valid(items)
        kept = [i for i in range(len(items)) if i not in refused]
        verdict = Verdict({i: item[1:].decode() for i, item in refused.items()})
        if kept:
            sent = self._send_valid([items[i] for i in kept])
            verdict.rejected |= {kept[i]: reason for i, reason in sent.rejected.items()}
            verdict.retry = [kept[i] for i in sent.retry]
            verdict.reason, verdict.after = sent.reason, sent.after
        return verdict

    def _send_valid(self, items: Sequence[bytes]) -> Verdict:
        response = self._posted(items)
        if response.status == 200:
            return self._judged(response, len(items))
        error = Refused(response)
        if response.status in _HALVED:
            return self._halved(items, error)
        self._check_status(error)
        return _retry_all(len(items), str(error), retry_after(response, time.time()))

    def _posted(self, items: Sequence[bytes]) -> Response:
        assert self._client is not None
        if self._alias:
            items = [redirected(item, self._alias) for item in items]
        body, headers = b"".join(items), {"Content-Type": NDJSON}
        if self._level and len(body) > _SMALLEST:
            body = gzip.compress(body, self._level, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return self._client.request("POST", self._bulk_path, body, headers)

    def _judged(self, response: Response, count: int) -> Verdict:
        try:
            answer = answer_of(response.body)
        except msgspec.DecodeError as error:
            return _retry_all(count, f"the answer cannot be read: {error}")
        if answer.errors and len(answer.items) != count:
            return _retry_all(count, f"{len(answer.items)} answers to {count} documents")
        return self._judge.verdict(answer)

    def _halved(self, items: Sequence[bytes], error: Refused) -> Verdict:
        """A request was refused as a whole: send its halves, so that only those items are refused
        that are to blame.
        """
        if len(items) == 1:
            return Verdict({0: str(error)})
        middle = len(items) // 2
        if error.status == _TOO_LARGE:
            most = max(sum(map(len, items)) // 2, _SMALLEST)
            self._most_bytes = min(self._most_bytes, most)
            self.context.log.warning("a request is too large; now at most %d bytes are sent", most)
        verdict = self._send_valid(items[:middle])
        verdict.add(self._send_valid(items[middle:]), middle)
        return verdict

    def _check_status(self, error: Refused) -> None:
        """Raise Misconfigured where a request was refused for what an option says."""
        if error.status == 403:
            option = self.endpoint.login_option
            raise Misconfigured(option, f"may not write: {error}", "give it the privileges")
        if error.status in (404, 405):
            option = "bulk_path" if self.bulk_path else "path"
            raise Misconfigured(option, f"bulk requests are not served there: {error}")
        if 300 <= error.status < 400:
            raise Misconfigured("hosts", f"the host answers with a redirection: {error}")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


def _retry_all(count: int, reason: str, after: float | None = None) -> Verdict:
    return Verdict(retry=list(range(count)), reason=reason, after=after)
