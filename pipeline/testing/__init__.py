"""Unit tests for pipelines: files of cases are read, run against a compiled pipeline and judged.

``document`` reads YAML and JSON with places, ``shapes`` and ``form`` say what may stand in a test
file, ``suite`` is what was meant, ``harness`` is a pipeline on the bench, ``judgement`` compares,
``runner`` runs, ``report`` tells.
"""
