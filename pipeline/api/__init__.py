"""The monitoring API: what can be asked of a process that runs."""
