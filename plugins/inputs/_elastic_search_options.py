"""The options of the input elasticsearch."""

from __future__ import annotations

from ...dsl.reference import FieldRef
from ..clients.elastic import ElasticOptions
from ..declaration import option
from ..former import renamed
from ..option_groups import option_group


@option_group
class SearchOptions(ElasticOptions):
    """What is asked for, when, and what becomes of it."""

    former = renamed(unused=("scan",))

    index: str = option("The index, an alias, or patterns, with commas.", default="logstash-*")
    query: str = option("The query, as JSON; or as ES|QL.", default='{ "sort": [ "_doc" ] }')
    query_type: str = option("How the query is written.", default="dsl", choices=("dsl", "esql"))
    response_type: str = option(
        "What events are made of.", default="hits", choices=("hits", "aggregations")
    )
    search_api: str = option(
        "How pages are asked for.", default="auto", choices=("auto", "search_after", "scroll")
    )
    size: int = option("How many documents a page has.", default=1000, at_least=1)
    scroll: str = option("How long the server keeps its place between two pages.", default="1m")
    slices: int | None = option(
        "In how many parts documents are fetched at the same time.", default=None, at_least=1
    )
    retries: int = option("Has no effect: outages are waited for.", default=0, at_least=0)
    schedule: str | None = option("When the query is asked; default: once.", default=None)
    schedule_overlap: bool = option(
        "Whether a turn that comes while a run is under way is made up for.", default=True
    )
    tracking_field: FieldRef | None = option(
        "The field whose last value begins the next run.", default=None
    )
    tracking_field_seed: str = option(
        "The value for the first run.", default="1970-01-01T00:00:00.000000000Z"
    )
    last_run_metadata_path: str | None = option(
        "The file for the value; default: one in `path.data`.", default=None
    )
    docinfo: bool = option("Whether events say which document they are.", default=False)
    docinfo_fields: list[str] = option("What they say.", default=["_index", "_type", "_id"])
    docinfo_target: FieldRef | None = option("The field for that.", default=None)
    target: FieldRef | None = option("The field for the document; default: the root.", default=None)
    connect_timeout_seconds: int = option(
        "How long to wait for a connection, in seconds.", default=10, at_least=1
    )
    request_timeout_seconds: int = option(
        "How long a request may take, in seconds.", default=60, at_least=1
    )
    socket_timeout_seconds: int = option(
        "How long to wait for data, in seconds.", default=60, at_least=1
    )
