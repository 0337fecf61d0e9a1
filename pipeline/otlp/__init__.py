"""Figures and traces for OpenTelemetry, over OTLP."""
