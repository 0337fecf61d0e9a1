"""``penstock show plan``: what runs where on an engine, and what it refuses."""

from __future__ import annotations

import json

import click

from ..engines.abilities import ABILITIES
from ..engines.engine import UnknownEngine, engine_named
from ..engines.plan import plan_of
from ..engines.render import as_data, as_text
from .configuration import Selected, show_findings


def show_plan(one: Selected, engine: str, as_json: bool) -> None:
    """Print the plan of a pipeline; leaves with 1 where the engine refuses it. Raises ConfigError
    where the configuration is wrong by itself.
    """
    try:
        can = ABILITIES.get(engine) or engine_named(engine).abilities
    except UnknownEngine as error:
        raise click.UsageError(str(error)) from None
    plan = plan_of(one.sources(), one.settings, engine, can)
    if as_json:
        click.echo(json.dumps(as_data(plan, can), ensure_ascii=False, indent=2))
    else:
        show_findings(plan.diagnostics)
        click.echo(as_text(plan, can), nl=False)
    if any(finding.is_error for finding in plan.diagnostics):
        raise SystemExit(1)
