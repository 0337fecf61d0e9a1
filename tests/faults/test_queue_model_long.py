"""The model of tests/pipeline/storage/test_queue_model.py, for longer."""
from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from ..pipeline.storage.test_queue_model import QueueMachine


@pytest.mark.soak("The disk queue alone")
def test_five_thousand_lives_of_a_queue() -> None:
    run_state_machine_as_test(
        QueueMachine, settings=settings(max_examples=5000, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck))
    )
