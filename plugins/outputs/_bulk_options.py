"""The options of the outputs elasticsearch and opensearch.

Those of ``TransportOptions`` say how a cluster is reached and how failures are dealt with; those of
``IndexOptions`` say where and how events are kept. Only the first go with every data stream.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...dsl.template import Template
from ..clients.elastic import ElasticOptions
from ..contract import Ecs, Plugin
from ..declaration import option
from ..former import FormerOption, renamed
from ..option_groups import option_group


@option_group
class TransportOptions(ElasticOptions):
    """How bulk requests get to a cluster."""

    path: str | None = option("The path that the cluster is served below.", default=None)
    bulk_path: str | None = option(
        "The path of bulk requests; default: `_bulk` below `path`, with a filter of what is"
        " answered.",
        default=None,
    )
    parameters: dict[str, Any] = option("Parameters for the URL of every request.", default={})
    timeout: float = option("How long a request may take, in seconds.", default=60)
    pool_max: int = option("How many connections there may be.", default=1000, at_least=1)
    pool_max_per_route: int = option(
        "How many connections there may be to one host.", default=100, at_least=1
    )
    validate_after_inactivity: float = option(
        "Has no effect: a connection is always looked at before it is used.", default=10000
    )
    compression_level: int = option(
        "How hard requests are compressed, from 1 to 9; 0 for not at all.", default=1, at_least=0
    )
    http_compression: bool = option(
        "Whether requests are compressed.",
        default=True,
        deprecated="write compression_level => 1, or 0 for no compression",
    )
    retry_initial_interval: float = option(
        "Seconds before the first retry of what was not taken; doubled with each.",
        default=2,
        at_least=0,
    )
    retry_max_interval: float = option(
        "The most seconds between two retries.", default=64, at_least=0
    )
    healthcheck_path: str = option(
        "What a host that is down is asked for, with HEAD, until it answers.", default="/"
    )
    resurrect_delay: float = option(
        "Seconds between two looks at hosts that are down, where there are several.",
        default=5,
        at_least=0.1,
    )
    sniffing: bool = option(
        "Whether the cluster is asked for its hosts, which then take the place of `hosts`.",
        default=False,
    )
    sniffing_delay: float = option("Seconds between two such questions.", default=5, at_least=0.1)
    sniffing_path: str = option("The path that is asked.", default="/_nodes/http")
    dlq_custom_codes: list[int] = option(
        "Statuses of single documents for which these are dead letters, besides 400 and 404.",
        default=[],
    )
    dlq_on_failed_indexname_interpolation: bool = option(
        "Whether an event is a dead letter that lacks a field of `index`.", default=True
    )
    drop_error_types: list[str] = option(
        "Types of errors of single documents that are given up: counted, not retried.", default=[]
    )
    silence_errors_in_log: list[str] = option(
        "Types of errors of single documents that the log is not told of.", default=[]
    )
    failure_type_logging_whitelist: list[str] = option(
        "The same.", default=[], deprecated="write silence_errors_in_log => […]"
    )


@option_group
class IndexOptions:
    """What becomes of events in the cluster."""

    action: Template | None = option(
        "What is done with a document: index, create, update or delete, with fields; default:"
        " `create` for data streams, else `index`.",
        default=None,
    )
    index: Template | None = option(
        "The index, with fields and dates; default: `ecs-logstash-%{+yyyy.MM.dd}`, without ECS"
        " `logstash-%{+yyyy.MM.dd}`.",
        default=None,
    )
    document_id: Template | None = option(
        "The id of the document, with fields; default: the cluster makes one.", default=None
    )
    document_type: str | None = option(
        "Has no effect: clusters of today have no types.",
        default=None,
        deprecated="remove it: it has no effect",
    )
    routing: Template | None = option("The routing of the document, with fields.", default=None)
    pipeline: Template | None = option(
        "The ingest pipeline for the document, with fields; an empty text is none.", default=None
    )
    version: Template | None = option("The version of the document, with fields.", default=None)
    version_type: str | None = option(
        "How versions are compared.",
        default=None,
        choices=("internal", "external", "external_gt", "external_gte", "force"),
    )
    join_field: str | None = option(
        "The field that joins a document with its `parent`.", default=None
    )
    parent: Template | None = option(
        "The id of the parent, with fields; also the routing.", default=None
    )
    retry_on_conflict: int = option(
        "How often the cluster itself tries an update again that another one has crossed.",
        default=1,
        at_least=0,
    )
    doc_as_upsert: bool = option(
        "Whether an update makes the document where it is missing.", default=False
    )
    upsert: Template | None = option(
        "The document, as JSON with fields, that an update makes where there is none.",
        default=None,
    )
    script: Template | None = option(
        "The script of updates, with fields: its text, or its id for `indexed`.", default=None
    )
    script_lang: str = option("The language of an inline script.", default="painless")
    script_type: str = option(
        "Whether `script` is a text or the id of a stored script.",
        default="inline",
        choices=("inline", "indexed", "file"),
    )
    script_var_name: str = option(
        "The name of the event among the script's `params`.", default="event"
    )
    scripted_upsert: bool = option(
        "Whether the script also makes documents that are missing.", default=False
    )
    data_stream: str | None = option(
        "Whether events go to data streams; `auto` decides by the other options.",
        default=None,
        choices=("true", "false", "auto"),
    )
    data_stream_type: str = option(
        "The type of the data stream.",
        default="logs",
        choices=("logs", "metrics", "synthetics", "traces"),
    )
    data_stream_dataset: str = option("The dataset of the data stream.", default="generic")
    data_stream_namespace: str = option("The namespace of the data stream.", default="default")
    data_stream_auto_routing: bool = option(
        "Whether `[data_stream]` of an event says to which stream it goes.", default=True
    )
    data_stream_sync_fields: bool = option(
        "Whether `[data_stream]` of the document is made to say where it is.", default=True
    )
    manage_template: bool = option(
        "Whether an index template is set up, where there is none of that name.", default=True
    )
    template: Path | None = option(
        "A file with an index template, in place of the one that is built in.", default=None
    )
    template_name: str | None = option(
        "The name of the template; default: `ecs-logstash`, without ECS `logstash`.",
        default=None,
    )
    template_overwrite: bool = option(
        "Whether the template is set up even where there is one of that name.", default=False
    )
    template_api: str = option(
        "The API for templates; the newer one, `composable`, where the cluster has it.",
        default="auto",
        choices=("auto", "legacy", "composable"),
    )
    ilm_enabled: str = option(
        "Whether indices are rolled over by a policy (ILM; on OpenSearch, ISM). With `auto` an"
        " Elasticsearch does so where `index` is not given.",
        default="auto",
        choices=("true", "false", "auto"),
    )
    ilm_rollover_alias: str | None = option(
        "The alias that is written to; default: `ecs-logstash`, without ECS `logstash`.",
        default=None,
    )
    ilm_pattern: str = option(
        "What follows the alias in the name of the first index.", default="{now/d}-000001"
    )
    ilm_policy: str = option(
        "The policy; `logstash-policy` is set up where there is none of that name.",
        default="logstash-policy",
    )


class BulkOptions(TransportOptions, IndexOptions, Ecs, Plugin):
    """All options, on a plugin."""

    former = renamed(
        {
            "host": "hosts",
            "port": FormerOption(values={"9200": ""}, help='write hosts => ["HOST:PORT"]'),
            "protocol": FormerOption(
                values={"http": "", "node": "", "transport": ""},
                help="remove it: hosts are connected to over HTTP, by default at port 9200",
            ),
            "embedded": FormerOption(
                values={"false": ""}, help="start a server, and name it in hosts"
            ),
        },
        unused=(
            "bind_host",
            "bind_port",
            "cluster",
            "flush_size",
            "idle_flush_time",
            "index_type",
            "max_inflight_requests",
            "max_retries",
            "node_name",
            "retry_max_items",
        ),
    )
    """Options that the output had before version 5 of Logstash, and some until later."""
