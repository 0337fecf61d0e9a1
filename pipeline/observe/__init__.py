"""Counters, logs and everything that looks at a running pipeline."""
