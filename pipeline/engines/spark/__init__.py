"""Penstock on Spark: ranges of files and topics go to tasks, and the worker's step runs there."""
