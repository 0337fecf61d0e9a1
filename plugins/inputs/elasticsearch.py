"""The input elasticsearch: the answers to a query, once or again and again.

What was delivered is known page by page; between runs it is the value of `tracking_field`, which is
kept on disk when a whole run was delivered.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...dsl.joda.zones import find_zone, platform_zone
from ...dsl.reference import Event, FieldRef
from ...dsl.values import to_text
from ..batch import Batch, Part, Position
from ..clients.elastic import endpoint, http_options
from ..clients.elastic_client import ElasticClient, Refused, Server
from ..clients.http import TooLarge
from ..contract import Disconnected, Ecs, EndOfInput, Input, Misconfigured, Outcome
from ..declaration import option
from ..schedule import Schedule, ScheduleError, parse_schedule
from ._atomic import write_atomically
from ._elastic_hits import HitEvents, body_of, filled, is_sorted_by, value_before_last
from ._elastic_pages import (
    AggregationPage,
    EsqlPage,
    Page,
    Pages,
    Query,
    ScrollPages,
    SearchAfterPages,
)
from ._elastic_run import Arrivals, Fetchers, Run
from ._elastic_search_options import SearchOptions

_SEARCH_AFTER_SINCE = (8,)
_KEEP_EVERY = 10.0
_NEVER = float("inf")


class _Token(NamedTuple):
    round: int
    number: int


class _Mark(NamedTuple):
    """What is delivered when a batch is. ``value``: the tracking value at its end; ``safe``: one
    behind which another run may begin, though this one was not delivered to its end.
    """

    number: int
    run: Run
    slice: int
    page: Page
    value: str
    safe: str | None


class Elasticsearch(SearchOptions, Ecs, Input, name="elasticsearch"):
    """Read documents, or aggregations, of Elasticsearch or OpenSearch.

    The query is asked once, and the input ends; or with each turn of `schedule`: a cron line, with
    seconds in front if there are six fields, or `every 10m`. An event is a document as it was
    indexed, below `target` if that is given; `docinfo => true` adds where it comes from, in
    `[@metadata][input][elasticsearch]` (without ECS `[@metadata]`). `response_type =>
    "aggregations"` gives one event with the aggregations.

    With `tracking_field` a run goes on where the one before it ended: `:last_value` in the query
    stands for the value of that field in the last event, `:present` for the time half a minute ago.
    Sort by that field, from its least value on. The value is kept in `last_run_metadata_path` when
    the events before it were delivered: after a crash the pages that were under way are read again,
    or the whole run, where the query sorts by something else; none is left out.

    Documents come by scrolling, or by `search_after` over a point in time: with `auto`, the latter
    from Elasticsearch 8 on. With `search_after` a page that could not be delivered is asked for
    again, and the server keeps its place while outputs hang. A scroll is begun again then, or when
    the outputs take longer for a page than `scroll` says. With `slices` so many parts of the answer
    are fetched at the same time. A server that is away is waited for.

    The input needs the package urllib3: `pip install 'penstock[elasticsearch]'`.

    Differs from Logstash: a search that some shards did not answer is asked again (there the rest
    is lost). `retries` has no effect: what can be mended by asking again is asked again, with
    back-off; a query that is refused ends the run at the start, and is tried again once it has
    worked. `tracking_field` and `slices` exclude each other. A page that is too large for an answer
    is asked for in smaller ones. Keys and certificates are PEM files.
    """

    replays = True
    exclusive = True

    max_in_flight: int = option(
        "The most pages that are read and not yet acknowledged; above it nothing is read.",
        default=16,
        at_least=1,
        common=True,
    )

    _client: ElasticClient | None = None
    _fetchers: Fetchers | None = None
    _run: Run | None = None
    _arrivals: Arrivals | None = None

    def prepare(self) -> None:
        self.endpoint = endpoint(self, self)
        self._due_by = self._parsed_schedule()
        origin = "[@metadata][input][elasticsearch]" if self.ecs else "[@metadata]"
        info_target = (self.docinfo_target or FieldRef(origin)) if self.docinfo else None
        self._is_sorted = False
        self._hits = HitEvents(self.target, info_target, self.docinfo_fields)
        if self.query_type == "dsl":
            try:
                body = body_of(self.query, self.tracking_field_seed)
                self._is_sorted = self._sorts_by_value(body)
            except ValueError as error:
                self.problem("query", f"this is not a JSON object: {error}", "such as { }")
        self._check_combinations()

    def _check_combinations(self) -> None:
        is_whole = self.query_type == "esql" or self.response_type == "aggregations"
        for name in ("slices", "search_api", "docinfo"):
            if is_whole and name in self.given:
                self.problem(name, f"`{name}` is for hits of a query in JSON", "remove it")
        if self.query_type == "esql" and self.response_type == "aggregations":
            self.problem("response_type", "ES|QL gives rows", "remove one of them")
        if self.slices is not None and self.tracking_field is not None:
            message = "`slices` and `tracking_field` exclude each other: slices have no last event"
            self.problem("slices", message, "remove it")

    def _sorts_by_value(self, body: dict[str, Any]) -> bool:
        field = self.tracking_field
        return field is not None and self.target is None and is_sorted_by(body, field)

    def _parsed_schedule(self) -> Schedule | None:
        if self.schedule is None:
            return None
        zone = find_zone(str(self.context.settings.get("penstock.timezone"))) or platform_zone()
        try:
            return parse_schedule(self.schedule, zone)
        except ScheduleError as error:
            self.problem("schedule", str(error), error.help)
            return None

    def claims(self) -> dict[str, str]:
        if self.tracking_field is None:
            return {}
        return {"last_run_metadata_path": str(self._value_path().absolute())}

    def _value_path(self) -> Path:
        if self.last_run_metadata_path is not None:
            return Path(self.last_run_metadata_path)
        pipeline = str(self.context.settings.get("pipeline.id", "main"))
        directory = self.context.data_directory / "plugins" / "inputs" / "elasticsearch"
        return directory / pipeline / "last_run_value"

    @property
    def bounded(self) -> bool:
        return self.schedule is None

    def open(self) -> None:
        http = http_options(
            self,
            request_timeout=self.request_timeout_seconds,
            socket_timeout=self.socket_timeout_seconds,
            connect_timeout=self.connect_timeout_seconds,
            connections=(self.slices or 1) + 1,
        )
        self._client = ElasticClient(self.endpoint, http, self.context.log)
        self._server, self._size = Server(), self.size
        self._fetchers = Fetchers(self.slices or 1)
        self._arrivals = Arrivals()
        self._value = self._remembered()
        self._runs = self._delivered = self._number = self._round = 0
        self._marks: dict[str, deque[_Mark]] = {}
        self._open: set[int] = set()
        self._incarnation = str(time.time_ns())
        self._due, self._kept = self._next_turn(), 0.0

    def _remembered(self) -> str:
        if self.tracking_field is None:
            return self.tracking_field_seed
        try:
            return self._value_path().read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return self.tracking_field_seed
        except (OSError, UnicodeDecodeError) as error:
            raise Misconfigured("last_run_metadata_path", f"it cannot be read: {error}") from error

    def _next_turn(self) -> float:
        """When the query is asked next, in seconds since 1970."""
        if self._due_by is None:
            return _NEVER if self._runs else 0.0
        after = self._due_by.after(int(time.time() * 1000))
        return _NEVER if after is None else after / 1000

    def connect(self) -> None:
        assert self._client is not None
        self._server = self._client.connect()
        self._go_back()

    def _go_back(self) -> None:
        """Read again what was not delivered: of the latest run, or, where earlier ones were not
        delivered either, by one that begins where they did.
        """
        self._forget_batches()
        run = self._run
        if run is None or run.number <= self._delivered:
            return
        if run.number == self._delivered + 1:
            run.rewind()
            return
        self._delivered = self._runs
        self._begin(self._value)

    def _forget_batches(self) -> None:
        """What is under way no longer counts."""
        self._round += 1
        self._marks.clear()
        self._open.clear()

    def _begin(self, value: str) -> None:
        assert self._fetchers is not None
        assert self._arrivals is not None
        if self._run is not None:
            self._run.close()
        self._runs += 1
        slices = self.slices or 1
        self._run = Run(self._runs, value, slices, self._pages, self._fetchers, self._arrivals)

    def _pages(self, part: int, value: str) -> Pages:
        assert self._client is not None
        if self.query_type == "esql":
            return EsqlPage(self._client, filled(self.query, value))
        body = body_of(self.query, value)
        if (self.slices or 1) > 1:
            body["slice"] = {"id": part, "max": self.slices}
        query = Query(self.index, body, self._size, self.scroll)
        if self.response_type == "aggregations":
            return AggregationPage(self._client, query)
        is_new = not self._server.is_opensearch and self._server.version >= _SEARCH_AFTER_SINCE
        if self.search_api == "search_after" or (self.search_api == "auto" and is_new):
            return SearchAfterPages(self._client, query, self._server)
        return ScrollPages(self._client, query)

    def read(self, timeout: float) -> Batch | None:
        run = self._run
        if run is None or run.is_read:
            if not self._begins_a_run(timeout):
                return None
            run = self._run
        assert run is not None
        try:
            got = run.next(timeout)
        except Refused as error:
            self._refused(run, error)
        except TooLarge as error:
            self._ask_for_less(run, error)
        else:
            return None if got is None else self._batch(run, *got)
        return None

    def _begins_a_run(self, timeout: float) -> bool:
        """Begin a run if it is time for one, else wait for that. Raises EndOfInput."""
        if time.time() < self._due:
            if self.bounded and not self._open:
                raise EndOfInput
            assert self._arrivals is not None
            self._arrivals.get(min(timeout, self._due - time.time()))
            return False
        self._begin(self._value if self._run is None else self._run.read_value)
        self._due = self._next_turn()
        return True

    def _batch(self, run: Run, part: int, page: Page) -> Batch:
        if run.is_read and not self.schedule_overlap and self._due < time.time():
            self._due = self._next_turn()
        events = self._hits.make(page.hits, self.context.now())
        safe = self._track(run, events)
        self._number += 1
        partition = str(part)
        mark = _Mark(self._number, run, part, page._replace(hits=[]), run.read_value, safe)
        self._marks.setdefault(partition, deque()).append(mark)
        self._open.add(self._number)
        place = Part(partition, Position(self._incarnation, self._number), len(events))
        return Batch(events, token=_Token(self._round, self._number), parts=[place])

    def _track(self, run: Run, events: list[Event]) -> str | None:
        """Note the tracking value of the last event; one that is safe before the run has ended,
        None where there is none.
        """
        field = self.tracking_field
        if field is None or not events:
            return None
        value = field.get(events[-1])
        if value is None:
            message = "the last event of a page has no `%s`: the next run begins as this one"
            self.context.log.warning(message, field.text)
            return None
        before, run.read_value = run.read_value, to_text(value)
        if not self._is_sorted or before == run.read_value:
            return None
        # What is tied with the last value may come with the next page: the value before it.
        return value_before_last(events, field, before)

    def _refused(self, run: Run, error: Refused) -> None:
        """A query was refused. Raises Misconfigured or Disconnected, but where the server has lost
        its place in the answer: then the run is begun again.
        """
        if error.status == 404 and error.kind != "index_not_found_exception":
            message = "the server has lost its place; the query is asked once more: %s"
            self.context.log.warning(message, error)
            self._forget_batches()
            run.restart()
        elif error.status == 404:
            raise Misconfigured("index", f"{error}") from error
        elif error.status == 403:
            raise Misconfigured(self.endpoint.login_option, f"may not read: {error}") from error
        elif error.status == 400:
            raise Misconfigured("query", f"it is refused: {error}") from error
        else:
            raise Disconnected(f"the query is not answered: {error}") from error

    def _ask_for_less(self, run: Run, error: TooLarge) -> None:
        """A page is too large: begin again, with smaller ones."""
        if self._size == 1:
            raise Misconfigured("query", f"one document is too much: {error}", "leave fields out")
        self._size = max(1, self._size // 8)
        self.context.log.warning("%s; pages have %d documents from now on", error, self._size)
        self._forget_batches()
        run.restart()

    def wake(self) -> None:
        arrivals = self._arrivals
        if arrivals is not None:
            arrivals.wake()

    def tend(self, timeout: float) -> None:
        if self._run is not None and time.monotonic() - self._kept > _KEEP_EVERY:
            self._kept = time.monotonic()
            self._run.keep()

    def settle(self, outcomes: Sequence[Outcome], behind: Mapping[str, Position]) -> None:
        for partition, position in behind.items():
            self._delivered_to(self._marks.get(partition), position.offset)
        is_failed = False
        for token, error in outcomes:
            if token.round == self._round:
                self._open.discard(token.number)
                is_failed = is_failed or error is not None
        if is_failed:
            self._go_back()

    def _delivered_to(self, marks: deque[_Mark] | None, number: int) -> None:
        while marks and marks[0].number <= number:
            mark = marks.popleft()
            mark.run.delivered(mark.slice, mark.page, mark.value)
            if mark.run.is_delivered:
                self._delivered = max(self._delivered, mark.run.number)
                self._keep_value(mark.run.delivered_value)
            elif mark.safe is not None:
                self._keep_value(mark.safe)

    def _keep_value(self, value: str) -> None:
        """All of a run was delivered: the next one may begin behind it, after a crash too."""
        if self.tracking_field is None or value == self._value:
            return
        path = self._value_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(str(path), f"{value}\n".encode())
        self._value = value

    def close(self) -> None:
        if self._run is not None:
            self._run.close()
            self._run = None
        self._arrivals = None
        if self._fetchers is not None:
            self._fetchers.end()
            self._fetchers = None
        if self._client is not None:
            self._client.close()
            self._client = None
