"""The samples have tests that reach every place of their pipelines."""
from pathlib import Path

import pytest

from penstock.pipeline.testing import coverage_reports
from penstock.pipeline.testing.session import Plan, run

ROOT = Path(__file__).parents[3]
SAMPLES = sorted(path.parent for path in (ROOT / "samples").glob("*/pipeline.conf"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_a_sample_is_tested_to_the_last_branch(sample: Path) -> None:
    (done,) = run(Plan((sample / "pipeline.test.yml",), coverage=True))
    assert [result.name for result in done.results if result.bad] == []
    assert done.coverage.percent() == 100, coverage_reports.text(done.coverage)
