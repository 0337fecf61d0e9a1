"""Names of Logstash's plugins that Penstock does not have: a configuration that uses one gets told so, not asked what it means."""
from __future__ import annotations

FOREIGN: dict[str, frozenset[str]] = {
    "input": frozenset(
        ["azure_event_hubs", "beats", "cloudwatch", "couchdb_changes", "dead_letter_queue", "elastic_serverless_forwarder", "elasticsearch", "exec", "ganglia", "gelf", "graphite", "http", "http_poller", "imap", "jdbc", "jms", "journald", "kafka", "kinesis", "log4j2", "logstash", "mqtt", "neo4j", "pipe", "pipeline", "rabbitmq", "redis", "s3", "salesforce", "snmp", "snmptrap", "sqlite", "sqs", "syslog", "tcp", "twitter", "udp", "unix", "websocket", "wmi", "xmpp", "zeromq"]
    ),
    "filter": frozenset(
        ["age", "elastic_integration", "elasticsearch", "http", "jdbc_static", "jdbc_streaming", "json_encode", "language", "memcached", "metricize", "oui", "yaml", "zeromq"]
    ),
    "output": frozenset(
        ["appsearch", "boundary", "circonus", "cloudwatch", "csv", "datadog", "elasticsearch", "email", "exec", "gelf", "google_bigquery", "google_cloud_storage", "graphite", "http", "influxdb", "jdbc", "kafka", "kinesis", "librato", "loggly", "logstash", "lumberjack", "mongodb", "mqtt", "nagios", "newrelic", "opentsdb", "pagerduty", "pipe", "pipeline", "prometheus", "rabbitmq", "redis", "riemann", "s3", "slack", "sns", "solr_http", "sqs", "statsd", "stomp", "syslog", "tcp", "timber", "udp", "webhdfs", "websocket", "xmpp", "zabbix", "zeromq"]
    ),
    "codec": frozenset(["cloudfront", "cloudtrail", "collectd", "compress_spooler", "nmap", "oldlogstashjson", "s3plain"]),
}
