"""``penstock show``: the tree that was written, the program that was meant, the Python that
runs.
"""

from __future__ import annotations

import re
from typing import Any

import click
import msgspec

from ...dsl.diagnostics import ConfigError
from ...dsl.parser import parse
from ...dsl.program import PluginUse, Program, Setting
from ...dsl.source import Span
from ..compile.generate import generate
from ..compile.instantiate import Assembly, assemble
from .configuration import PATH, Chosen, configuration_options, refuse
from .settings_flags import SettingsCommand
from .show_plan import show_plan

_MONITORING = ("dashboard", "alerts")


@click.command(cls=SettingsCommand)
@click.argument("what", type=click.Choice(["tree", "program", "code", "plan", *_MONITORING]))
@configuration_options
@click.option(
    "--engine",
    default="local",
    metavar="NAME",
    help="With plan: what runs where on local, spark, flink or kafka.",
)
@click.option("--json", "as_json", is_flag=True, help="With plan: for machines.")
@click.argument("files", nargs=-1, type=PATH)
def show(what: str, chosen: Chosen, files: tuple[str, ...], engine: str, as_json: bool) -> None:
    """Show the parsed tree, the checked program, or the generated Python code of a configuration;
    its plan on an engine; or the dashboard for Grafana and the alert rules for Prometheus.
    """
    if what in _MONITORING:
        if chosen.also(files).named:
            raise click.UsageError(f"`show {what}` is the same for all configurations: name none")
        click.echo(_monitoring(what), nl=False)
        return
    try:
        one = chosen.also(files).pipeline()
        if what == "plan":
            show_plan(one, engine, as_json)
            return
        if what == "tree":
            shown = "\n".join(_drawn(parse(source).sections) for source in one.sources())
        else:
            assembly = assemble(one.sources(), one.settings)
            shown = _drawn(_plain(assembly.program)) if what == "program" else _code(assembly)
    except ConfigError as error:
        refuse(error)
    click.echo(shown)


def _monitoring(what: str) -> str:
    if what == "dashboard":
        from ..observe.dashboard import dashboard

        return dashboard()
    from ..observe.alerts import rules

    return rules()


def _code(assembly: Assembly) -> str:
    program = assembly.program
    sections = ((program.filters, "filters"), (program.outputs, "outputs"))
    return "\n".join(generate(body, assembly.made, name).text for body, name in sections)


def _plain(program: Program) -> dict[str, Any]:
    return {"inputs": program.inputs, "filters": program.filters, "outputs": program.outputs}


def _drawn(value: Any, depth: int = 0) -> str:
    """The parts of a tree or a program as an indented outline, each with its place; short ones on a
    line.
    """
    pad = "  " * depth
    if isinstance(value, dict):
        return "\n".join(f"{pad}{key}:\n{_drawn(item, depth + 1)}" for key, item in value.items())
    if isinstance(value, tuple | list):
        return "\n".join(_drawn(item, depth) for item in value) or f"{pad}(nothing)"
    if isinstance(value, PluginUse):
        return _use(value, depth)
    if not isinstance(value, msgspec.Struct):
        return f"{pad}{_secretless(value)}"
    lines = [f"{pad}{type(value).__name__}{_place(value)}"]
    for name in value.__struct_fields__:
        inner = getattr(value, name)
        if isinstance(inner, Span):
            continue
        if isinstance(inner, tuple | list | msgspec.Struct):
            lines.append(f"{pad}  {name}:\n{_drawn(inner, depth + 2)}")
        else:
            lines.append(f"{pad}  {name}: {_secretless(inner)}")
    return "\n".join(lines)


def _use(use: PluginUse, depth: int) -> str:
    pad = "  " * depth
    lines = [f"{pad}{use.spec.section} {use.name}{_place(use)}"]
    for name, setting in use.settings.items():
        lines.append(f"{pad}  {name} => {_shown(use, name, setting)}")
    return "\n".join(lines)


def _shown(use: PluginUse, name: str, setting: Setting) -> str:
    if use.spec.options[name].kind.name == "password":
        return "<password>"
    if isinstance(setting.value, PluginUse):
        return _use(setting.value, 0).strip()
    return repr(setting.value)


def _place(value: Any) -> str:
    span = getattr(value, "span", None)
    return f"  ({span.line}:{span.column})" if isinstance(span, Span) else ""


def _secretless(value: Any) -> str:
    return re.sub(r"(://[^:/@]+:)[^@]+@", r"\1…@", repr(value))
