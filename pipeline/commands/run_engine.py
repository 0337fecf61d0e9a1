"""``penstock run --engine``: a configuration on an engine instead of in this process."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import click

from ...dsl.diagnostics import ConfigError
from ..api.engine_jobs import EngineJob
from ..engines.engine import Engine, Job, UnknownEngine, engine_named
from ..engines.plan import Plan, plan_of
from ..runtime.signals import SignalThread
from .configuration import Selected, refuse, settings_pairs, show_findings
from .run_endings import endings_said
from .run_watched import Watched

log = logging.getLogger("penstock")

_WITHOUT_EFFECT: dict[str, tuple[object, ...]] = {
    "config.reload.automatic": (False,),
    "queue.type": ("memory",),
    "pipeline.workers": (0, 1),  # an engine has options of its own for how much runs at once
}
"""Settings that only a pipeline in this process follows, with values that ask for nothing."""

STOPS = (signal.SIGINT, signal.SIGTERM)


def run_on_engine(
    name: str,
    pipelines: Sequence[Selected],
    options: Sequence[str],
    checkpoint: str | None,
    signals: SignalThread,
    only_checks: bool = False,
) -> None:
    """Run one pipeline on an engine until its job ends, or only check it."""
    if len(pipelines) > 1:
        names = ", ".join(one.id for one in pipelines)
        raise click.UsageError(f"an engine runs one pipeline: name one with -f ({names})")
    (one,) = pipelines
    try:
        engine = engine_named(name)
        plan = plan_of(one.sources(), one.settings, name, engine.abilities)
        plan.diagnostics += engine.check(plan)
        show_findings([*plan.assembly.warnings, *plan.diagnostics])
        if any(finding.is_error for finding in plan.diagnostics):
            raise SystemExit(1)
        if only_checks:
            click.echo("Configuration OK", err=True)
            return
        given = {key: str(value) for key, value in settings_pairs(options).items()}
    except UnknownEngine as error:
        raise click.UsageError(str(error)) from None
    except ConfigError as error:
        refuse(error)
    _run(engine, plan, one, (given, checkpoint), signals)


def _run(
    engine: Engine,
    plan: Plan,
    one: Selected,
    given: tuple[dict[str, str], str | None],
    signals: SignalThread,
) -> None:
    """Run a plan that is not refused; its figures are told where the settings ask for that."""
    for name, nothing in _WITHOUT_EFFECT.items():
        if one.settings[name] not in nothing:
            log.warning("`%s` has no effect on an engine", name)
    member = EngineJob(one.id, one.settings, engine.name)
    with ExitStack() as ending:
        try:
            watched = Watched(one.settings)
            ending.callback(watched.close)
            watched.start([member])
            with endings_said():
                member.job = job = engine.start(plan, *given)
        except UnknownEngine as error:
            raise click.UsageError(str(error)) from None
        except ConfigError as error:
            refuse(error)
        signals.start({number: partial(_stop, job, number, []) for number in STOPS})
        with endings_said():
            job.wait()


def _stop(job: Job, number: int, stops: list[int]) -> None:
    """Let the job end in order; a second signal leaves at once."""
    if stops:
        os._exit(128 + number)
    stops.append(number)
    job.stop()
