"""The options that all filters and inputs share, which add and take away fields and tags: what is
wrong with them, at its place, and the function that applies them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ...dsl.diagnostics import Diagnostic
from ...dsl.event import add_tag
from ...dsl.naming import FieldName
from ...dsl.program import PluginUse, Setting
from ...dsl.reference import FieldError, ReferenceSyntaxError
from ...dsl.template import Template, texts
from ...plugins.context import OptionProblem
from ...plugins.decoration import decoration, only_keys
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from ...plugins.rate_limit import complain


def diagnosed(problem: OptionProblem, use: PluginUse) -> Diagnostic:
    """A problem with an option as a diagnostic at the option's place."""
    setting: Setting | None = use.settings.get(problem.option)
    span = setting.span_of(problem.path) if setting else use.name_span
    if problem.part is not None and len(span.text) > problem.part[1]:
        span = span.part(problem.part[0] + 1, problem.part[1] + 1)  # behind the quote
    return Diagnostic(problem.code, problem.message, span, problem.help)


def filter_decorations(plugin: Filter, use: PluginUse) -> list[Diagnostic]:
    """Have a filter decorate what it handled; what is wrong with the names and templates."""
    found = [
        *_named_badly(plugin, use),
        *_written_badly(plugin, ("add_field", "remove_field", "add_tag", "remove_tag"), use),
    ]
    if not any(finding.is_error for finding in found):
        plugin.decorate = decoration(
            plugin.add_field, plugin.remove_field, plugin.add_tag, plugin.remove_tag
        )
        adds = plugin.add_field or plugin.add_tag or plugin.remove_tag
        plugin.removes = () if adds else only_keys(plugin.remove_field)
    return found


def _named_badly(plugin: Filter, use: PluginUse) -> Iterator[Diagnostic]:
    """Fields to add or remove whose names are not references; a bad date pattern in a name is said
    with the texts.
    """
    names: list[tuple[str, str, tuple[str | int, ...]]] = [
        ("add_field", name, (name,)) for name in plugin.add_field
    ]
    names += [("remove_field", name, (i,)) for i, name in enumerate(plugin.remove_field)]
    for option, name, path in names:
        field = FieldName(name)
        if field.problem and Template(name).problem is None:  # else it is said with the texts
            yield _warned(option, field.problem, field.help, path, use)


def _written_badly(plugin: Plugin, options: Sequence[str], use: PluginUse) -> Iterator[Diagnostic]:
    """Texts in these options that are not templates, or fail as such when events come."""
    for option in options:
        for path, text in texts(getattr(plugin, option)):
            template = Template(text)
            if template.problem:
                yield _warned(option, template.problem, template.help, path, use)


def _warned(
    option: str, problem: str, remedy: str, path: tuple[str | int, ...], use: PluginUse
) -> Diagnostic:
    help = f"every event that reaches this plugin will be tagged as failed: {remedy}"
    return diagnosed(OptionProblem(option, problem, help, path, "W304"), use)


def input_decorations(plugin: Input, use: PluginUse) -> list[Diagnostic]:
    """Have an input decorate its events; what is wrong with the names and templates."""
    unusable = list(_written_badly(plugin, ("add_field", "tags"), use))
    plugin.decorate = None if unusable else _input_decoration(plugin)
    return unusable


def _input_decoration(plugin: Input) -> Any:
    adding = decoration(plugin.add_field, (), plugin.tags)
    kind, tag = plugin.type, f"_{plugin.name}_exception"
    if kind is None and adding is None:
        return None

    def decorate(event: dict[str, Any]) -> None:
        if kind is not None:
            event.setdefault("type", kind)
        if adding is None:
            return
        try:
            adding(event)
        except (FieldError, ReferenceSyntaxError) as error:
            add_tag(event, tag)
            where = plugin.context.where
            complain(where, "%s: a field of `add_field` cannot be set: %s", where, error)

    return decorate
