"""``penstock plugins``: which plugins there are, what one does, which grok patterns there are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ...dsl.check import UnusablePlugin
from ...dsl.diagnostics import did_you_mean
from ...plugins import registry
from ...plugins.contract import Plugin
from .plugin_reference import (
    SECTIONS,
    Block,
    Code,
    Heading,
    Option,
    Text,
    page,
    unusable_plugins,
)
from .plugin_reference import plugins as all_plugins

if TYPE_CHECKING:
    from ...dsl.grok import Library


def _complete_plugin(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    names = ((section, name) for section in SECTIONS for name in registry.names(section))
    return [
        CompletionItem(name, help=section) for section, name in names if name.startswith(incomplete)
    ]


section_option = click.option(
    "--section", type=click.Choice(SECTIONS), help="Only plugins of this section."
)


@click.group()
def plugins() -> None:
    """List plugins; show the reference page of one."""


@plugins.command("list")
@section_option
def list_(section: str | None) -> None:
    """List the plugins with what they do."""
    found = list(all_plugins(section))
    width = max(len(cls.spec.name) for cls in found)
    for kind in SECTIONS:
        rows = [cls.spec for cls in found if cls.spec.section == kind]
        if rows:
            click.secho(f"{kind}s", bold=True)
        for spec in rows:
            click.echo(f"  {spec.name.ljust(width)}  {_first_sentence(spec.doc)}")
    broken = list(unusable_plugins(section))
    if broken:
        click.secho("cannot be used", bold=True)
    for _, name, reason in broken:
        click.echo(f"  {name.ljust(width)}  {reason}")


@plugins.command()
@click.argument("name", shell_complete=_complete_plugin)
@section_option
def doc(name: str, section: str | None) -> None:
    """Show the reference page of a plugin: what it does, its options, examples."""
    found = [
        _class(kind, name)
        for kind in ([section] if section else SECTIONS)
        if name in registry.names(kind)
    ]
    if not found:
        known = [known for kind in SECTIONS for known in registry.names(kind)]
        help = did_you_mean(name, known) or "`penstock plugins list` shows them all"
        raise click.UsageError(f"unknown {section or 'plugin'} `{name}`: {help}")
    click.echo("\n\n".join("\n".join(_drawn(block) for block in page(cls)) for cls in found))


def _complete_pattern(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from ...dsl.grok import shipped

    return [
        CompletionItem(name)
        for name in sorted(shipped("ecs-v1").names())
        if name.startswith(incomplete.upper())
    ]


@plugins.command()
@click.argument("name", required=False, shell_complete=_complete_pattern)
@click.argument("line", required=False)
@click.option(
    "--pipeline.ecs_compatibility",
    "ecs",
    type=click.Choice(["disabled", "v1", "v8"]),
    default="v8",
    help="The family.",
)
def patterns(name: str | None, line: str | None, ecs: str) -> None:
    """List the grok patterns; show what one means; try it on a line.

    NAME is the name of a pattern or an expression such as '%{IP:client} %{WORD}'.
    """
    from ...dsl.grok import shipped

    library = shipped("legacy" if ecs == "disabled" else "ecs-v1")
    if name is None:
        for pattern in library:
            click.echo(f"{click.style(pattern.name, bold=True)} {pattern.text}")
        return
    if "%{" not in name:
        found = library.find(name)
        if found is None:
            near = did_you_mean(name, library.names()) or "`penstock plugins patterns` lists them"
            raise click.UsageError(f"unknown pattern `{name}`: {near}")
        click.echo(f"{click.style(name, bold=True)} {found.text}")
    _try(name if "%{" in name else f"%{{{name}}}", line, library, ecs)


def _try(expression: str, line: str | None, library: Library, ecs: str) -> None:
    from ...dsl.grok import GrokError, compile_expression
    from ...dsl.regex import RegexError

    try:
        compiled = compile_expression(expression, library)
    except (GrokError, RegexError) as error:
        raise click.UsageError(f"bad expression: {error}") from None
    if line is None:
        click.echo(f"\nas one regular expression:\n{compiled.pattern.pattern}")
        return
    if compiled.find(line) is None:
        click.echo("no match")
        raise SystemExit(1)
    click.echo(_matched(expression, line, ecs))


def _matched(expression: str, line: str, ecs: str) -> str:
    """What a grok filter makes of a line, as JSON."""
    from ...plugins.contract import Context, Filter

    cls = registry.plugin_class("filter", "grok")
    assert cls is not None
    grok = cls({"match": {"message": expression}}, Context({"pipeline.ecs_compatibility": ecs}))
    assert isinstance(grok, Filter)
    grok.prepare()
    (event,) = grok.run([{"message": line}])
    return json.dumps(
        {key: value for key, value in event.items() if key != "message"},
        ensure_ascii=False,
        indent=2,
    )


def _class(section: str, name: str) -> type[Plugin]:
    try:
        found = registry.plugin_class(section, name)
    except UnusablePlugin as unusable:
        raise click.ClickException(f"{unusable}: {unusable.help}") from None
    assert found is not None
    return found


def _first_sentence(doc: str) -> str:
    return doc.split("\n\n")[0].replace("\n", " ")


def _drawn(block: Block) -> str:
    if isinstance(block, Heading):
        text = block.text.upper() if block.level == 2 else block.text
        return ("" if block.level == 1 else "\n") + click.style(text, bold=True)
    if isinstance(block, Code):
        return re.sub(r"^", "    ", block.text, flags=re.MULTILINE)
    if isinstance(block, Option):
        return _drawn_option(block)
    assert isinstance(block, Text)
    return click.wrap_text(block.text, 80) + ("" if block.text.endswith(":") else "\n")


def _drawn_option(option: Option) -> str:
    if option.default == "required":
        default = "; " + click.style("required", fg="yellow")
    else:
        default = f"; default: {option.default}" if option.default else ""
    text = click.wrap_text(option.doc, 80, "      ", "      ")
    return (
        f"  {click.style(option.name, bold=True)}  {option.takes.replace('`', '')}{default}\n{text}"
    )
