"""Tree to program: every plugin bound to its spec, every option typed, every condition resolved.

All problems are found, not the first: what is wrong is reported and left out, and the rest is still
looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from . import tree
from .conditions import Conditions
from .diagnostics import Diagnostic, PenstockError, did_you_mean
from .former_options import FormerOptions
from .literals import ESCAPES_REMEDY, Literals, merged, misread_escape
from .options import Misfit, read_option, scalars
from .program import Arm, Branch, PluginUse, Program, Setting, Statement
from .source import Span
from .spec import OptionSpec, PluginSpec
from .template import Template


class Catalogue(Protocol):
    """Where the specs of plugins come from."""

    def spec(self, section: str, name: str) -> PluginSpec | None:
        """The spec of a plugin, or None; raises UnusablePlugin where it is known but cannot be
        had.
        """
        ...

    def names(self, section: str) -> Sequence[str]:
        """The names of all plugins of a section."""
        ...


class UnusablePlugin(PenstockError):
    """A plugin that exists but cannot be used here; the message says why, ``help`` what to do.
    ``is_elsewhere``: Logstash has it, and Penstock does not.
    """

    def __init__(self, message: str, help: str, is_elsewhere: bool = False) -> None:
        super().__init__(message)
        self.help, self.is_elsewhere = help, is_elsewhere


class Checked(msgspec.Struct, frozen=True):
    """The program and what was found; where there are errors the program is not complete."""

    program: Program
    diagnostics: list[Diagnostic]


def check(
    trees: Iterable[tree.Tree],
    catalogue: Catalogue,
    settings: Mapping[str, Any],
    variables: Mapping[str, str],
) -> Checked:
    """The program of all trees, joined in order."""
    checker = _Checker(catalogue, settings, variables)
    sections: dict[str, list[Statement]] = {"input": [], "filter": [], "output": []}
    for one in trees:
        for section in one.sections:
            sections[section.kind] += checker.body(section.kind, section.body)
    program = Program(
        tuple(sections["input"]),
        tuple(sections["filter"]),
        tuple(sections["output"]),
        dict(settings),
    )
    return Checked(program, checker.found)


class _Checker:
    def __init__(
        self, catalogue: Catalogue, settings: Mapping[str, Any], variables: Mapping[str, str]
    ) -> None:
        self.catalogue = catalogue
        self.found: list[Diagnostic] = []
        self.literals = Literals(
            variables, bool(settings.get("config.support_escapes")), self.found.append
        )
        self.conditions = Conditions(self.literals, self.found.append)
        self.former = FormerOptions(self.literals, self.problem)
        self.ids: dict[str, Span] = {}
        self.lenient = bool(settings.get("penstock.lenient"))

    def problem(self, code: str, message: str, span: Span, help: str = "") -> None:
        self.found.append(Diagnostic(code, message, span, help))

    def body(self, section: str, statements: Iterable[tree.Statement]) -> list[Statement]:
        """The statements of a section that could be understood."""
        made = (self._statement(section, statement) for statement in statements)
        return [statement for statement in made if statement is not None]

    def _statement(self, section: str, statement: tree.Statement) -> Statement | None:
        if isinstance(statement, tree.Plugin):
            return self.plugin(section, statement)
        if section == "input":
            self.problem(
                "E211",
                "`if` is not allowed in an input section",
                statement.span.part(0, 2),
                "put the condition around filters or outputs",
            )
        return Branch(tuple(self._arm(section, arm) for arm in statement.arms), statement.span)

    def _arm(self, section: str, arm: tree.Arm) -> Arm:
        condition = None if arm.condition is None else self.conditions.resolve(arm.condition)
        return Arm(condition, tuple(self.body(section, arm.body)), arm.span)

    def plugin(self, section: str, plugin: tree.Plugin) -> PluginUse | None:
        """The use of a plugin; None when there is no such plugin."""
        spec = self._spec(section, plugin)
        if spec is None:
            return None
        given: dict[str, list[tree.Attribute]] = {}
        for attribute in self.former.read(spec, plugin):
            given.setdefault(attribute.name, []).append(attribute)
        settings = {}
        for name, attributes in given.items():
            setting = self._setting(spec, name, attributes)
            if setting is not None:
                settings[name] = setting
        self._required(spec, given.keys(), plugin)
        self._note_id(settings.get("id"))
        return PluginUse(
            spec, settings, plugin.span, plugin.name_span, frozenset(given.keys() - settings.keys())
        )

    def _spec(self, section: str, plugin: tree.Plugin) -> PluginSpec | None:
        try:
            spec = self.catalogue.spec(section, plugin.name)
        except UnusablePlugin as unusable:
            self._missing(section, plugin, unusable)
            return None
        if spec is None:
            message = f"unknown {section} `{plugin.name}`"
            help = self._plugin_help(section, plugin)
            subject = f"{section} {plugin.name}"
            self.found.append(Diagnostic("E201", message, plugin.name_span, help, subject))
        return spec

    def _missing(self, section: str, plugin: tree.Plugin, why: UnusablePlugin) -> None:
        """Report a plugin that cannot be had, and what can be told of its options without it."""
        code = "E219" if why.is_elsewhere else "E202"
        if why.is_elsewhere and self.lenient and section in ("input", "output"):
            code = "W219"
        subject = f"{section} {plugin.name}"
        self.found.append(Diagnostic(code, str(why), plugin.name_span, why.help, subject))
        for attribute in plugin.attributes:
            if attribute.name == "codec":
                self._codec([attribute])
            else:
                self.literals.value(attribute.value)

    def _plugin_help(self, section: str, plugin: tree.Plugin) -> str:
        near = did_you_mean(plugin.name, self.catalogue.names(section))
        others = [s for s in ("input", "filter", "output", "codec") if s != section]
        elsewhere = next((s for s in others if plugin.name in self.catalogue.names(s)), None)
        if elsewhere:
            return f"`{plugin.name}` is {'an' if elsewhere[0] in 'io' else 'a'} {elsewhere}"
        return near or "`penstock plugins list` shows them all"

    def _setting(
        self, spec: PluginSpec, name: str, attributes: list[tree.Attribute]
    ) -> Setting | None:
        option, first = spec.options.get(name), attributes[0]
        if option is None:
            known = [o.name for o in spec.options.values() if not o.obsolete]
            help = (
                did_you_mean(name, known) or f"`penstock plugins doc {spec.name}` lists the options"
            )
            self.problem("E203", f"`{spec.name}` has no option `{name}`", first.name_span, help)
            return None
        if option.obsolete:
            self.problem(
                "E212",
                f"the option `{name}` of `{spec.name}` was removed",
                first.name_span,
                option.obsolete,
            )
            return None
        if option.deprecated:
            self.problem(
                "W301",
                f"the option `{name}` of `{spec.name}` is deprecated",
                first.name_span,
                option.deprecated,
            )
        return self._typed(option, attributes)

    def _typed(self, option: OptionSpec, attributes: list[tree.Attribute]) -> Setting | None:
        raw = self.literals.value(attributes[0].value)
        for attribute in attributes[1:]:
            raw = merged(raw, self.literals.value(attribute.value))
        setting = Setting(raw, tuple(attributes))
        if option.kind.name == "codec":
            return self._codec(attributes)
        if option.kind.name == "mode" and isinstance(attributes[-1].value, tree.Number):
            raw = attributes[-1].value.span.text  # 0640 and 640 are one number
        try:
            value = read_option(option, raw)
        except Misfit as misfit:
            message = (
                misfit.message if misfit.code != "E204" else f"`{option.name}`: {misfit.message}"
            )
            self.problem(misfit.code, message, setting.span_of(misfit.path), misfit.help)
            return None
        if isinstance(value, Template) and value.problem:
            self.problem("W304", value.problem, setting.span_of(), value.help)
        if option.literal and not self.literals.escapes:
            self._look_for_escapes(value, setting)
        return Setting(value, tuple(attributes))

    def _look_for_escapes(self, value: Any, setting: Setting) -> None:
        for path, several in scalars(value):
            for inner, item in scalars(several):
                text = item.text if isinstance(item, Template) else item
                problem = misread_escape(text) if isinstance(text, str) else None
                if problem is not None:
                    place = setting.span_of((*path, *inner))
                    self.problem("W305", problem, place, ESCAPES_REMEDY)

    def _codec(self, attributes: list[tree.Attribute]) -> Setting | None:
        if len(attributes) > 1:
            self.problem(
                "E213", "`codec` is given twice", attributes[1].span, "keep one of the two"
            )
        node = attributes[0].value
        if isinstance(node, tree.Text | tree.Bareword):
            node = tree.Plugin(str(self.literals.value(node)), node.span, (), node.span)
        if not isinstance(node, tree.Plugin):
            self.problem(
                "E204",
                "expected a codec",
                node.span,
                "write codec => json, or codec => plain { … }",
            )
            return None
        use = self.plugin("codec", node)
        return None if use is None else Setting(use, tuple(attributes))

    def _required(self, spec: PluginSpec, given: Iterable[str], plugin: tree.Plugin) -> None:
        for option in spec.options.values():
            if option.required and option.name not in given:
                self.problem(
                    "E214",
                    f"`{spec.name}` needs the option `{option.name}`:"
                    f" {option.doc[0].lower()}{option.doc[1:].rstrip('.')}",
                    plugin.name_span,
                    f"add {option.name} => …",
                )

    def _note_id(self, setting: Setting | None) -> None:
        if setting is None:
            return
        span = setting.span_of()
        first = self.ids.setdefault(str(setting.value), span)
        if first is not span:
            self.problem(
                "E215",
                f"the id `{setting.value}` is taken: see {first.place}",
                span,
                "give each plugin an id of its own",
            )
