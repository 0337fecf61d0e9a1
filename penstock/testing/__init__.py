"""Tests of pipelines in Python.

    from penstock.testing import event, pipeline

    def test_a_request() -> None:
        apache = pipeline("apache.conf", now="2025-09-04T12:00:00Z")
        assert apache('1.2.3.4 - - [04/Sep/2025:20:51:05 +0000] "GET / HTTP/1.1" 200 512') == [
            event({"[http][response][status_code]": 200}, tags=[], outputs=["archive"])
        ]

The pytest plugin (``pip install 'penstock[pytest]'``) shows what differs, and has the fixture
``penstock_pipeline``. Tests of connectors are in ``penstock.testing.connectors``.
"""

from ..pipeline.testing.embedded import Event, Expectation, Pipeline, event, pipeline
from ..pipeline.testing.examples import check_examples

__all__ = ["Event", "Expectation", "Pipeline", "check_examples", "event", "pipeline"]
