"""The engine ``spark``, as the command finds it: nothing here needs Spark before a plan starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ....dsl.diagnostics import Diagnostic
from ..abilities import ABILITIES
from ..engine import missing
from ..parts import Plan

if TYPE_CHECKING:
    from .job import SparkJob


class SparkEngine:
    """Runs plans on Spark: inputs that end as one batch, others as a stream of batches."""

    name = "spark"
    abilities = ABILITIES["spark"]

    def check(self, plan: Plan) -> list[Diagnostic]:
        """Nothing besides what the plan says."""
        return []

    def start(
        self, plan: Plan, options: Mapping[str, str], checkpoint: str | None = None
    ) -> SparkJob:
        """Begin to run a plan. Raises ConfigError for options that are not valid, and where Spark
        does not start, and UnknownEngine where it is not installed.
        """
        try:
            from .job import SparkJob
        except ModuleNotFoundError as error:
            raise missing("spark", error) from error

        return SparkJob(plan, options, checkpoint)
