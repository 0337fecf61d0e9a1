"""The settings, declared once: reading them, completion and the page of settings derive from this.

Keys are Logstash's, and Penstock's own, which start with ``penstock.``. Settings that Logstash
knows and that mean nothing here are listed as well, so that a ``logstash.yml`` can be kept.
"""

from __future__ import annotations

from typing import Any

import msgspec


class SettingSpec(msgspec.Struct, frozen=True):
    """A setting: ``kind`` is boolean, integer, size, duration, string, instant, zone or choice.

    ``default_text`` says the default where its value does not.
    """

    key: str
    kind: str
    default: Any
    doc: str
    choices: tuple[str, ...] = ()
    at_least: int = 0
    at_most: int | None = None
    default_text: str = ""


def _flag(key: str, doc: str, default: bool = False) -> SettingSpec:
    return SettingSpec(key, "boolean", default, doc)


def _count(
    key: str, default: int, doc: str, at_least: int = 0, at_most: int | None = None
) -> SettingSpec:
    return SettingSpec(key, "integer", default, doc, at_least=at_least, at_most=at_most)


def _text(key: str, doc: str, default: str = "") -> SettingSpec:
    return SettingSpec(key, "string", default, doc)


def _choice(key: str, choices: str, doc: str) -> SettingSpec:
    """A closed set, the default first."""
    first, *others = choices.split()
    return SettingSpec(key, "choice", first, doc, (first, *others))


_TABLE = (
    _choice(
        "pipeline.ecs_compatibility",
        "v8 v1 disabled",
        "Whether plugins name fields as the Elastic Common Schema does (`v1`, `v8`) or as of old"
        " (`disabled`). The option `ecs_compatibility` of a plugin takes precedence.",
    ),
    _text("pipeline.id", "The pipeline's name.", "main"),
    _count(
        "pipeline.workers",
        1,
        "How many processes filter. No more are started than there are processors (at least two),"
        " except where a filter waits for servers.",
        at_least=1,
    ),
    _count(
        "pipeline.batch.size",
        0,
        "The largest number of events in one batch; 0 uses the batches of the input.",
    ),
    _choice(
        "pipeline.ordered",
        "auto true false",
        "Whether several workers keep the order of events; they do, except with `false`.",
    ),
    _flag(
        "pipeline.reloadable",
        "Whether the pipeline may be reloaded when its configuration changes.",
        True,
    ),
    _flag("config.support_escapes", "Whether `\\n`, `\\t` and the like are read in strings."),
    _choice(
        "config.field_reference.escape_style",
        "none percent ampersand",
        "How brackets in names of fields are written: as they are, `%5B` or `&#91;`.",
    ),
    _flag("config.test_and_exit", "Check the configuration and exit, as `-t`."),
    _flag("config.reload.automatic", "Look for changes of the configuration, as `-r`."),
    SettingSpec("config.reload.interval", "duration", "3s", "How often to check for changes."),
    _text("path.config", "The configuration, as `-f`."),
    _text("config.string", "The configuration as a string, as `-e`."),
    _text("path.settings", "The directory of `penstock.yml` and `pipelines.yml`."),
    SettingSpec(
        "path.data",
        "string",
        "",
        "Where positions, queues, dead letters and spills are kept.",
        default_text="`~/.local/state/penstock`",
    ),
    _text("path.queue", "Where queues are kept, if not under `path.data`."),
    _text("path.dead_letter_queue", "Where dead letters are kept, if not under `path.data`."),
    _choice(
        "queue.type",
        "memory persisted",
        "`persisted` keeps events on disk until outputs have acknowledged them.",
    ),
    SettingSpec("queue.max_bytes", "size", "1024mb", "The largest size of a queue on disk."),
    _count("queue.max_events", 0, "The most events that a queue keeps; 0 for any number."),
    SettingSpec("queue.page_capacity", "size", "64mb", "The size of a segment file of a queue."),
    _count("queue.checkpoint.writes", 1024, "How many events are written between two fsync calls."),
    _count(
        "queue.checkpoint.acks", 1024, "How many events are acknowledged between two checkpoints."
    ),
    _flag(
        "queue.drain",
        "Whether a stop waits until the queue and the spills of outputs are empty.",
    ),
    _flag(
        "dead_letter_queue.enable",
        "Whether events that a filter or an output cannot handle are kept as dead letters.",
    ),
    SettingSpec(
        "dead_letter_queue.max_bytes",
        "size",
        "1024mb",
        "The largest size of the dead letters on disk.",
    ),
    _choice(
        "dead_letter_queue.storage_policy",
        "drop_newer drop_older",
        "What is dropped when dead letters reach their largest size.",
    ),
    SettingSpec(
        "dead_letter_queue.retain.age",
        "duration",
        "",
        "How long dead letters are kept, such as `7d`.",
        default_text="for ever",
    ),
    _count(
        "dead_letter_queue.flush_interval",
        5000,
        "Milliseconds after which a file of dead letters is ended, so that readers can clean up.",
    ),
    _text(
        "penstock.path.spill",
        'Where outputs with `when_full => "spill"` keep what did not fit, if not under'
        " `path.data`.",
    ),
    SettingSpec(
        "penstock.limits.line",
        "size",
        16 << 20,
        "The longest line, in bytes (or `16MiB`), that becomes one event; a longer one comes in"
        " tagged parts. `decode_size_limit_bytes` of a codec takes precedence.",
        at_least=1,
    ),
    _count(
        "penstock.limits.depth",
        1000,
        "How deep JSON may nest. In a program that embeds Penstock, Python's recursion limit"
        " (`sys.getrecursionlimit()`) may come first.",
        at_least=1,
        at_most=1000,
    ),
    _count(
        "penstock.limits.fields",
        100_000,
        "How many values a JSON text may hold in all its maps and lists, and how many columns,"
        " pairs, elements or events the filters csv, kv, xml and split make of one event.",
        at_least=1,
    ),
    _count(
        "penstock.limits.match",
        1000,
        "How many milliseconds of CPU time a match of a regular expression may take in conditions,"
        " filters and `multiline`; 0 for no limit. grok and kv have `timeout_millis`.",
    ),
    SettingSpec(
        "penstock.limits.state",
        "size",
        256 << 20,
        "About how much memory the state of one filter of event time may take; over it, what was"
        " quiet longest is emitted, tagged `_partial`.",
        at_least=1,
    ),
    _flag(
        "penstock.lenient",
        "Whether `check` only warns of inputs and outputs of Logstash that Penstock does not have;"
        " `run` refuses them, and `test` and `trace` do without them.",
    ),
    _text(
        "penstock.geoip.database",
        "The database of geoip filters without `database`: a file, or a directory with"
        " GeoLite2-City.mmdb and GeoLite2-ASN.mmdb.",
    ),
    _flag(
        "penstock.ruby.process",
        "Whether Ruby that is not compiled may run in a process of a real Ruby.",
        True,
    ),
    _count(
        "pipeline.batch.delay",
        0,
        (
            "How many milliseconds outputs wait for a request to fill, as `-u`; 0 for the"
            " default of each output."
        ),
    ),
    _count("penstock.shutdown_timeout", 30, "How many seconds a stop waits for outputs."),
    _flag(
        "api.enabled",
        "Whether figures, health and logging can be asked for over HTTP; in Logstash it is on.",
    ),
    _text("api.http.host", "The address that the API listens on.", "127.0.0.1"),
    _text(
        "api.http.port",
        "Its port, or a range of which the first that is free is taken.",
        "9600-9700",
    ),
    _text("api.environment", "A name that the API tells.", "production"),
    _choice("api.auth.type", "none basic", "Whether the API asks for a user and a password."),
    _text("api.auth.basic.username", "The user."),
    _text("api.auth.basic.password", "The password; `${NAME}` may come from the keystore."),
    _flag("api.ssl.enabled", "Whether the API speaks TLS."),
    _text("api.ssl.certificate", "The certificate of the API, a PEM file."),
    _text("api.ssl.key", "The key of that certificate, a PEM file."),
    _flag(
        "penstock.api.open",
        "Whether the API may listen on other addresses than loopback without a password.",
    ),
    _text(
        "penstock.otlp.endpoint",
        "The OpenTelemetry collector, such as `http://localhost:4318`, that figures are sent to."
        " Headers and certificates come from the variables of OpenTelemetry's SDK.",
    ),
    SettingSpec("penstock.otlp.interval", "duration", "15s", "How often figures are sent."),
    _count(
        "penstock.otlp.traces",
        0,
        "One in so many batches is sent as a trace, with a span for each plugin; 0 for none.",
    ),
    _choice("log.level", "info fatal error warn debug trace", "The least severe log lines shown."),
    _choice("log.format", "plain json", "The format of log lines."),
    *(
        SettingSpec(
            f"slowlog.threshold.{level}",
            "duration",
            "",
            f"From which time on a filter that took so long for a batch is logged at {level};"
            " `-1` for never.",
            default_text="never",
        )
        for level in ("warn", "info", "debug", "trace")
    ),
    SettingSpec(
        "penstock.state.interval",
        "duration",
        "5s",
        "How often transactions, and state that filters keep by event time, are committed.",
    ),
    _choice(
        "penstock.state",
        "auto memory durable",
        "Where filters of event time keep what they hold: on disk where the inputs can give events"
        " again or the queue is persisted, else in memory (`auto`); always in memory; on disk, or"
        " the pipeline does not start (`durable`).",
    ),
    SettingSpec(
        "penstock.now", "instant", None, "An instant that stands for the present, for tests."
    ),
    SettingSpec(
        "penstock.timezone",
        "zone",
        None,
        "The zone of dates without one, such as `Europe/Berlin`.",
        default_text="the machine's",
    ),
)

SETTINGS: dict[str, SettingSpec] = {setting.key: setting for setting in _TABLE}
DEFAULTS: dict[str, Any] = {setting.key: setting.default for setting in _TABLE}

INERT = (
    "allow_superuser",
    "config.debug",
    "dead_letter_queue.flush_check_interval",
    "event_api.tags.illegal",
    "log.format.json.fix_duplicate_message_fields",
    "metric.collect",
    "modules",
    "node.name",
    "node.uuid",
    "path.logs",
    "path.plugins",
    "pipeline.batch.metrics.sampling_mode",
    "pipeline.batch.output_chunking.growth_threshold_factor",
    "pipeline.buffer.type",
    "pipeline.java_execution",
    "pipeline.output.workers",
    "pipeline.plugin_classloaders",
    "pipeline.recoverable",
    "pipeline.separate_logs",
    "pipeline.system",
    "pipeline.unsafe_shutdown",
    "queue.checkpoint.interval",
    "queue.checkpoint.retry",
    "queue.compression",
    "var.input",
)
"""Settings that Logstash knows, and that have no effect here."""

INERT_GROUPS = (
    "api",  # of Java: key stores
    "cloud",
    "geoip",
    "http",
    "keystore",
    "monitoring",
    "otel",
    "ssl",
    "xpack",
)
"""Groups of settings of which none has an effect here: ``http.port``, ``api.ssl.enabled``."""


def is_inert(key: str) -> bool:
    """Whether a key is a setting of Logstash that has no effect here."""
    return key not in SETTINGS and (key in INERT or key.partition(".")[0] in INERT_GROUPS)
