"""Program to plugins: each use becomes a plugin that has prepared itself; what it finds wrong, a
diagnostic at its place.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ...dsl.check import Catalogue, check
from ...dsl.diagnostics import ConfigError, Diagnostic, PenstockError, in_order
from ...dsl.parser import parse_leniently
from ...dsl.program import Branch, PluginUse, Program, Setting, Statement
from ...dsl.reference import escape_style
from ...dsl.secrets import hide
from ...dsl.source import Source
from ...dsl.timestamp import Timestamp
from ...dsl.tree import Tree
from ...dsl.variables import Variables
from ...plugins import registry
from ...plugins.codec import Codec
from ...plugins.codecs._by_line import ByLine
from ...plugins.context import Context, OptionProblem, Shared
from ...plugins.errors import Misconfigured
from ...plugins.filter import Filter
from ...plugins.input import Input
from ...plugins.plugin import Plugin
from ..observe.places import Owner, note_place
from .decorations import diagnosed, filter_decorations, input_decorations
from .streams import stream_findings
from .transactions import transaction_problems

log = logging.getLogger("penstock")


class Environment(msgspec.Struct, frozen=True):
    """What a configuration meets: the plugins that there are, environment variables, and for tests,
    stand-ins.

    ``rewritten`` may change the trees before they are checked; ``override`` gives the plugin to put
    in the place of one, or None.
    """

    catalogue: Catalogue = registry
    variables: Mapping[str, str] = msgspec.field(default_factory=lambda: os.environ)
    rewritten: Callable[[list[Tree]], list[Tree]] | None = None
    override: Callable[[PluginUse, Context], Plugin | None] | None = None


PRODUCTION = Environment()


class Assembly(msgspec.Struct):
    """A checked program with its plugins made. ``made`` has the plugin of each use; ``warnings``
    what was found but not fatal.
    """

    program: Program
    made: dict[PluginUse, Plugin] = msgspec.field(default_factory=dict)
    sources: list[Source] = msgspec.field(default_factory=list)
    shared: Shared = msgspec.field(default_factory=Shared)
    warnings: list[Diagnostic] = msgspec.field(default_factory=list)

    def plugins(self, statements: Iterable[Statement]) -> list[Plugin]:
        """The plugins of a section, in the order of the text."""
        return [self.made[use] for use in uses(statements)]

    def now(self) -> Timestamp:
        """The present, or the instant that a setting fixes."""
        fixed = self.program.settings.get("penstock.now")
        return fixed if fixed is not None else Timestamp.now()

    def close(self) -> None:
        """Close all plugins."""
        for plugin in self.made.values():
            plugin.close()


def uses(statements: Iterable[Statement]) -> Iterator[PluginUse]:
    """The uses of plugins in statements and their branches."""
    for statement in statements:
        if isinstance(statement, Branch):
            for arm in statement.arms:
                yield from uses(arm.body)
        else:
            yield statement


def inspect(
    sources: Sequence[Source], settings: Mapping[str, Any], environment: Environment = PRODUCTION
) -> tuple[Assembly | None, list[Diagnostic]]:
    """All that can be said of a configuration: the assembly if it has no errors, and every finding
    in order.
    """
    with escape_style(_style(settings)):
        return _inspected(sources, settings, environment)


def _style(settings: Mapping[str, Any]) -> str:
    return str(settings.get("config.field_reference.escape_style", "none"))


def _inspected(
    sources: Sequence[Source], settings: Mapping[str, Any], environment: Environment
) -> tuple[Assembly | None, list[Diagnostic]]:
    trees, found = _parsed(sources)
    if environment.rewritten is not None:
        trees = environment.rewritten(trees)
    try:
        variables = variables_of(environment, settings)
    except PenstockError as error:
        return None, in_order([*found, Diagnostic("E232", str(error))])
    checked = check(trees, environment.catalogue, settings, variables)
    assembly = Assembly(checked.program, sources=list(sources))
    found += checked.diagnostics
    for statements in (checked.program.inputs, checked.program.filters, checked.program.outputs):
        for use in uses(statements):
            found += _make(assembly, use, environment)
    sections = (checked.program.inputs, checked.program.filters)
    inputs, filters = [[(use, assembly.made.get(use)) for use in uses(one)] for one in sections]
    found += stream_findings(inputs, filters, settings)
    found += transaction_problems(checked.program, assembly.made)
    found = in_order(found)
    if any(finding.is_error for finding in found):
        assembly.close()
        return None, found
    assembly.warnings = found
    return assembly, found


def variables_of(environment: Environment, settings: Mapping[str, Any]) -> Mapping[str, str]:
    """What ``${NAME}`` stands for; raises KeystoreError."""
    if not settings.get("path.settings"):
        return Variables(environment.variables, {})
    from ..storage.keystore import keystore_values

    return Variables(environment.variables, keystore_values(settings))


def assemble(
    sources: Sequence[Source], settings: Mapping[str, Any], environment: Environment = PRODUCTION
) -> Assembly:
    """The assembly of a configuration; raises ConfigError with all findings if any is an error."""
    assembly, found = inspect(sources, settings, environment)
    if assembly is None:
        raise ConfigError([finding for finding in found if finding.is_error])
    return assembly


def _parsed(sources: Sequence[Source]) -> tuple[list[Tree], list[Diagnostic]]:
    trees: list[Tree] = []
    found: list[Diagnostic] = []
    for source in sources:
        made, problems = parse_leniently(source)
        trees += [made] if made is not None else []
        found += problems
    return trees, found


def misconfigured(assembly: Assembly, error: Misconfigured) -> Diagnostic:
    """What a server refuses, at the place of the option that it is about."""
    use = next((use for use, plugin in assembly.made.items() if plugin is error.plugin), None)
    if use is None:
        return Diagnostic(error.code, str(error), None, error.help)
    name = f"{use.spec.section} `{use.name}`"
    problem = OptionProblem(error.option, f"{name}: {error.reason}", error.help, (), error.code)
    return diagnosed(problem, use)


def unreachable(assembly: Assembly, plugin: Plugin, reason: str) -> Diagnostic:
    """A server that cannot be reached, at the plugin that talks to it."""
    use = next(use for use, made in assembly.made.items() if made is plugin)
    message = f"{use.spec.section} `{use.name}` cannot connect: {reason}"
    help = "is the server up, and are its address and port those of the options?"
    return Diagnostic("E251", message, use.name_span, help)


def remake(assembly: Assembly, use: PluginUse) -> None:
    """Make the plugin of a use anew, without what it has seen."""
    with escape_style(_style(assembly.program.settings)):
        _make(assembly, use, PRODUCTION)


def _make(assembly: Assembly, use: PluginUse, environment: Environment) -> list[Diagnostic]:
    settings, problems = assembly.program.settings, list[Diagnostic]()
    codecs: list[Codec] = []

    def codec(given: Any, streaming: bool) -> Codec:
        codecs.append(made := make_codec(given, use, settings, problems, streaming))
        return made

    override = None
    if environment.override is not None:
        override = environment.override(use, _context(use, settings, codec, assembly.shared))
    plugin = override or _plugin(use, settings, codec, problems, assembly.shared)
    if plugin is not None:
        if isinstance(plugin, Filter):
            problems += filter_decorations(plugin, use)
        elif isinstance(plugin, Input):
            problems += input_decorations(plugin, use)
        plugin.context.codecs = codecs
        assembly.made[use] = plugin
    for setting in use.settings.values() if override is None else ():
        if isinstance(setting.value, PluginUse):
            # Codecs are made when they are needed: look at them now.
            _plugin(setting.value, settings, None, problems)
            problems += _wrong_direction(setting.value, use)
    return problems


def _wrong_direction(codec: PluginUse, use: PluginUse) -> Iterator[Diagnostic]:
    """A codec that only reads, where events are written, or the other way."""
    cls = registry.plugin_class("codec", codec.name)
    assert cls is not None
    assert issubclass(cls, Codec)
    reads = cls.decodes and cls.decode is not Codec.decode
    writes = cls.encodes and cls.encode is not Codec.encode
    if use.spec.section == "input" and not reads:
        message = f"the codec `{codec.name}` only encodes: it cannot be used in an input"
    elif use.spec.section == "output" and not writes:
        message = f"the codec `{codec.name}` only decodes: it cannot be used in an output"
    else:
        return
    wanted = "decodes" if use.spec.section == "input" else "encodes"
    yield Diagnostic("E220", message, codec.name_span, f"use one that {wanted}, such as json_lines")


def _context(
    use: PluginUse, settings: Mapping[str, Any], make_codec: Any, shared: Shared | None
) -> Context:
    place = use.span.place
    is_made = not use.id or use.id == f"{use.name}@{place}"
    pipeline = str(settings.get("pipeline.id", "main"))
    owner = Owner(pipeline, use.name, "" if is_made else use.id)
    note_place(place, owner, is_inner=use.spec.section == "codec")
    return Context(
        settings,
        where=place,
        id=use.id,
        name=use.name,
        make_codec=make_codec,
        shared_things=shared or Shared(),
    )


def _plugin(
    use: PluginUse,
    settings: Mapping[str, Any],
    make_codec: Any,
    found: list[Diagnostic],
    shared: Shared | None = None,
) -> Plugin | None:
    cls = registry.plugin_class(use.spec.section, use.name)
    assert cls is not None
    missing = [
        o.name for o in use.spec.options.values() if o.required and o.name not in use.settings
    ]
    if missing:
        return None  # said by the check
    context = _context(use, settings, make_codec, shared)
    context.spans = {name: setting.span_of() for name, setting in use.settings.items()}
    context.rejected = use.rejected
    values = {name: setting.value for name, setting in use.settings.items()}
    _hide_secrets(use, values)
    plugin = cls(values, context)
    try:
        plugin.prepare()
    except OptionProblem as problem:
        context.problems.append(problem)
    except Exception as error:
        log.debug("%s: %s", use.span.place, use.name, exc_info=True)
        found.append(_fault(use, error))
    found += [
        diagnosed(problem, use)
        for problem in context.problems
        if problem.option not in use.rejected
    ]
    return plugin


def _hide_secrets(use: PluginUse, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if use.spec.options[name].kind.name == "password" and isinstance(value, str):
            hide(value)


def _fault(use: PluginUse, error: Exception) -> Diagnostic:
    reason = f"{type(error).__name__}: {error}"
    help = (
        "this is a bug in the plugin: please report it with the configuration; --log.level"
        " debug shows the traceback"
    )
    return Diagnostic("E299", f"`{use.name}` failed to initialize: {reason}", use.name_span, help)


_STREAMING = {"json": "json_lines", "plain": "line", "edn": "edn_lines"}


def make_codec(
    given: Any,
    owner: PluginUse,
    settings: Mapping[str, Any],
    found: list[Diagnostic] | None = None,
    streaming: bool = False,
) -> Codec:
    """The codec that an option holds (a use of the configuration) or the name of a default;
    findings go to ``found``.

    ``streaming``: the codec that cuts a stream of bytes, where the one given takes whole payloads.
    """
    use = given if isinstance(given, PluginUse) else _default_use(given, owner)
    instead_of = use.name if streaming and use.name in _STREAMING else ""
    if instead_of:
        use = _default_use(_STREAMING[use.name], use, use.settings)
    plugin = _plugin(use, settings, None, [] if found is None else found)
    if not isinstance(plugin, Codec):
        raise OptionProblem("codec", "the codec cannot be used")
    plugin.instead_of = instead_of
    if streaming and plugin.by_line:
        plugin = ByLine(plugin)
    plugin.start()
    return plugin


def _default_use(
    name: str, owner: PluginUse, given: Mapping[str, Setting] | None = None
) -> PluginUse:
    spec = registry.spec("codec", name)
    assert spec is not None
    settings = {key: setting for key, setting in (given or {}).items() if key in spec.options}
    return PluginUse(spec, settings, owner.span, owner.name_span)
