"""Names of Logstash's plugins that Penstock does not have: a configuration that uses one is told
so, not asked what it means.

A name that is built here is looked up before this table, so that it need not be taken out.
"""

from __future__ import annotations

_INPUTS = """azure_event_hubs cloudwatch couchdb_changes drupal_dblog dynamodb
elastic_agent elastic_serverless_forwarder eventlog exec ganglia gelf
google_cloud_storage google_pubsub graphite heroku imap irc jdbc jms jmx journald log4j
log4j2 meetup mongodb neo4j opensearch perfmon pipe puppet_facter rackspace relp rss
s3_sns_sqs salesforce snmp snmptrap sqlite stomp twitter varnishlog websocket wmi xmpp
zenoss"""
_FILTERS = """age elastic_integration fluentd gelfify language math metaevent metricize
multiline oui yaml zeromq"""
_OUTPUTS = """appsearch boundary circonus cloudwatch csv datadog datadog_metrics
dynatrace elastic_app_search elastic_workplace_search elasticsearch_http
elasticsearch_river email exec ganglia gelf gemfire google_bigquery google_cloud_storage
google_pubsub graphite graphtastic hipchat influxdb irc jdbc jira jms juggernaut librato
loggly logentries loki metriccatcher mongodb monasca_log_api nagios nagios_nsca neo4j
newrelic opentsdb pagerduty pipe prometheus rackspace redmine riak riemann sink slack
solr_http splunk statsd stomp timber tinybird webhdfs websocket xmpp zabbix"""
_CODECS = """compress_spooler oldlogstashjson s3plain spool"""

ELSEWHERE = {
    "input": frozenset(_INPUTS.split()),
    "filter": frozenset(_FILTERS.split()),
    "output": frozenset(_OUTPUTS.split()),
    "codec": frozenset(_CODECS.split()),
}

INSTEAD = {
    ("filter", "multiline"): "lines are joined by a codec of the input: codec => multiline {"
    ' pattern => "^\\s" what => previous }, with the options of the filter; stream_identity falls'
    " away, for each file or connection is joined by itself",
    ("output", "elasticsearch_http"): "write elasticsearch, with hosts instead of host and port",
    ("output", "elasticsearch_river"): "write rabbitmq; Elasticsearch has no rivers any more",
    ("input", "elastic_agent"): "write beats: it is the same protocol",
    ("codec", "oldlogstashjson"): "write json; events of Logstash 1.1 are no longer met",
}
"""What to write instead of some of them."""
