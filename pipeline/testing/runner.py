"""Runs cases and judges them: one after the other in this process, or file by file in several where
that pays.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ...dsl.diagnostics import ConfigError, Diagnostic, did_you_mean
from ...dsl.source import Span
from ...dsl.values import plain
from .blame import blames
from .cases import Case, Suite
from .compare import Difference, judge
from .harness import Compiled, Harness, Harnesses, Outcome
from .results import Listening, Result
from .snapshots import Snapshots
from .steps import run_steps
from .verifier_run import run_verifier


class Runner:
    """Runs suites. ``observed`` makes the sections that a harness runs, for coverage; ``explain``
    finds who is to blame.
    """

    def __init__(
        self,
        harnesses: Harnesses | None = None,
        observed: Callable[[Harness], Compiled] | None = None,
        explain: bool = True,
        snapshots: Snapshots | None = None,
    ) -> None:
        self.harnesses = harnesses or Harnesses()
        self.observed, self.explain = observed, explain
        self.snapshots = snapshots or Snapshots()

    def run(
        self, suite: Suite, wanted: Callable[[Case], bool] = lambda case: True
    ) -> Iterator[Result]:
        """The results of a suite's cases, in order."""
        cases = [case for case in suite.cases if wanted(case)]
        if suite.verifier is not None:
            yield from run_verifier(self, suite, cases)
            return
        for case in cases:
            yield self.case(suite, case)

    def case(self, suite: Suite, case: Case) -> Result:
        """Run one case."""
        if case.skip:
            return Result(case.name, suite.path, case.span, "skipped", reason=case.skip)
        started = time.perf_counter()
        with Listening() as log:
            result = self._judged(suite, case)
        result.log = log.lines
        result.seconds = time.perf_counter() - started
        return result

    def _judged(self, suite: Suite, case: Case) -> Result:
        try:
            harness = self.harnesses.of(case.setup)
            _check_outputs(harness, case)
            if case.steps:
                return self._stepped(suite, case, harness)
            outcome = harness.run(case.given, self.sections(harness))
        except ConfigError as error:
            return Result(case.name, suite.path, case.span, "error", problems=error.diagnostics)
        differences = self.differences(suite, case, outcome)
        result = self.result(suite, case, outcome, differences)
        if differences and self.explain:
            result.blames = blames(harness, harness.arrivals(case.given), differences)
        return result

    def _stepped(self, suite: Suite, case: Case, harness: Harness) -> Result:
        judged = run_steps(harness, case.steps, self.sections(harness))
        return self.result(suite, case, judged.outcome, judged.differences)

    def sections(self, harness: Harness) -> Compiled | None:
        """What a harness is to run: its own sections, or observed ones."""
        return self.observed(harness) if self.observed is not None else None

    def differences(self, suite: Suite, case: Case, outcome: Outcome) -> list[Difference]:
        """What differs in a case's outcome."""
        found = judge(case.expected, outcome)
        if case.expected.snapshot:
            found += self.snapshots.judge(suite.path, case, outcome)
        return found

    def result(
        self, suite: Suite, case: Case, outcome: Outcome, differences: list[Difference]
    ) -> Result:
        """The result of a case that was run."""
        result = Result(
            case.name, suite.path, case.span, "failed" if differences else "passed", differences
        )
        if differences:
            result.events, result.routes = (
                [plain(event) for event in outcome.events],
                outcome.routes,
            )
        return result


def _check_outputs(harness: Harness, case: Case) -> None:
    """Raise ConfigError where a case names an output that there is not."""
    every = [case.expected, *(step.expected for step in case.steps)]
    wants = [want for one in every for want in (*(one.events or ()), one.each) if want is not None]
    named = [want.outputs or {} for want in wants] + [one.outputs or {} for one in every]
    unknown = [
        (label, span)
        for labels in named
        for label, span in labels.items()
        if label not in harness.outputs
    ]
    if unknown:
        raise ConfigError([_unknown_output(label, span, harness) for label, span in unknown])


def _unknown_output(label: str, span: Span, harness: Harness) -> Diagnostic:
    known = (
        "the outputs are " + ", ".join(harness.outputs)
        if harness.outputs
        else "the pipeline has no outputs"
    )
    help = did_you_mean(label, harness.outputs) or known
    if ":" in label:
        help += "; an output that has an id keeps its name when lines move"
    return Diagnostic("E406", f"unknown output `{label}`", span, help)
