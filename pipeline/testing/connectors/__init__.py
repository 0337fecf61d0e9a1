"""Contract tests for connectors; public as ``penstock.testing.connectors``."""
