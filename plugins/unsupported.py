"""Names of Logstash's plugins that Penstock does not have: a configuration that uses one is told
so, not asked what it means.
"""

from __future__ import annotations

_INPUTS = """azure_event_hubs beats cloudwatch couchdb_changes elastic_serverless_forwarder
elasticsearch exec ganglia gelf graphite http http_poller imap jdbc jms journald
kinesis log4j2 logstash mqtt neo4j pipe rabbitmq redis s3 snmp snmptrap sqs
syslog tcp twitter udp unix websocket zeromq"""
_FILTERS = """age elastic_integration elasticsearch language metricize oui yaml"""
_OUTPUTS = """cloudwatch csv datadog elasticsearch email exec gelf google_bigquery
google_cloud_storage graphite http influxdb jdbc kinesis librato loggly
logstash lumberjack mongodb mqtt nagios newrelic opentsdb pagerduty pipe prometheus
rabbitmq redis riemann s3 slack sns solr_http sqs statsd stomp syslog tcp udp
webhdfs websocket xmpp zabbix zeromq"""
_CODECS = """cloudfront cloudtrail compress_spooler nmap oldlogstashjson s3plain"""

ELSEWHERE = {
    "input": frozenset(_INPUTS.split()),
    "filter": frozenset(_FILTERS.split()),
    "output": frozenset(_OUTPUTS.split()),
    "codec": frozenset(_CODECS.split()),
}
