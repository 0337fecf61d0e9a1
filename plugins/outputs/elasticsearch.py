"""The output elasticsearch."""

from __future__ import annotations

from ._bulk_output import BulkOutput


class Elasticsearch(BulkOutput, name="elasticsearch"):
    """Write events to Elasticsearch, or to OpenSearch.

    Events go to data streams, `logs-generic-default` unless `[data_stream]` of the event or the
    options say otherwise, where no option is given that needs an index (`index`, `document_id`,
    templates, policies, actions other than `create`) and fields are named by ECS; else to `index`.
    `data_stream => false` or an `index` says it plainly.

    With `document_id` an event that is delivered twice, after a crash, is there once. `action`,
    `index`, `document_id`, `routing`, `pipeline`, `version`, `parent`, `script` and `upsert` may
    have fields. A document that the cluster refuses (400, 404, and `dlq_custom_codes`) is a dead
    letter, with the cluster's reason; so is an event that lacks a field of `index` or
    `document_id`. All else that goes wrong is tried again, after `retry_initial_interval`, twice as
    long each time, or as long as the cluster says. A `create` of a document that is there already
    (409) counts as done, and is counted as `conflicts`; so does a `delete` of one that is not.

    Up to `max_in_flight` requests are under way at once, over the `hosts` that are up. Those that
    are not are looked at every `resurrect_delay` seconds. Requests are compressed, which costs more
    than anything else that the output does: on a fast network write `compression_level => 0`.

    At the first connection an index template is set up where there is none of its name, and where
    an Elasticsearch rolls indices over by a policy (`ilm_enabled`) the policy, the alias and the
    first index. Who may write and may not do that gets a warning.

    The output needs the package urllib3: `pip install 'penstock[elasticsearch]'`.

    Differs from Logstash: OpenSearch is served too. The built-in templates are shorter: with ECS,
    texts are keywords but for `message`, and addresses and places are known by their names. An
    event that lacks a field of `document_id` is a dead letter (there all such events overwrite each
    other). An update that another one has crossed (409) is tried again (there it is lost), and a
    `delete` of what is not there is not a dead letter. A request that is refused as a whole is
    halved until the documents to blame are found. `script_type => "file"` and `parent` without
    `join_field`, which no cluster of today knows, are errors; `document_type` has no effect. Keys
    and certificates are PEM files.
    """
