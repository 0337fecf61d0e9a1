"""Stand-ins: what a test puts in the place of plugins that need a database, a server or the world.

A mock that is a piece of configuration (or nothing) replaces the plugin in the tree, before
anything is checked. One that is a table takes the plugin's place when plugins are made, so that the
plugin itself is never prepared. Outputs are always recorders, inputs never opened: neither needs
its plugin to be installed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from ...dsl import tree
from ...dsl.check import UnusablePlugin
from ...dsl.diagnostics import ConfigError, Diagnostic, did_you_mean
from ...dsl.event import add_tag
from ...dsl.parser import parse
from ...dsl.program import PluginUse
from ...dsl.reference import Event, FieldRef
from ...dsl.source import Source, Span
from ...dsl.spec import Kind, OptionSpec, PluginSpec
from ...dsl.values import copy, to_text
from ...plugins import registry
from ...plugins.contract import Context, Filter, Input, Output, Plugin
from .cases import Mock
from .labels import labels

_PATH = Kind("path")
_LOOKED_UP = ("source", "field", "address", "query", "resolve", "reverse")


class Recorder(Output, name="recorder"):
    """Stands for an output: writes down which events came."""

    def __init__(self, values: Mapping[str, Any], context: Context | None = None) -> None:
        super().__init__(values, context)
        self.label = ""
        self.seen: list[Event] = []

    def write(self, events: list[Event]) -> None:
        self.seen += events


class Unopened(Input, name="unopened"):
    """Stands for an input: has its codec and decoration, reads nothing, and ends where the test
    does.
    """

    @property
    def bounded(self) -> bool:
        return True


class Table(Filter, name="table"):
    """Stands for a filter that looks something up: the value of a field leads to fields that are
    set.
    """

    def fill(self, use: PluginUse, mock: Mapping[str, Any]) -> None:
        """Take the mock's table, and from the filter's own options the field to look up and what to
        do when nothing is found.
        """
        is_long = isinstance(mock.get("table"), dict)
        table = mock["table"] if is_long else mock
        self.rows = {
            str(key): _fields(values) for key, values in table.items() if values is not None
        }
        self.otherwise = _fields(mock["otherwise"]) if is_long and mock.get("otherwise") else None
        self.source = (
            FieldRef(str(mock["field"])) if is_long and mock.get("field") else _looked_up(use)
        )
        self.failure_tags = _failure_tags(use)

    def apply(self, event: Event) -> bool:
        value = None if self.source is None else self.source.get(event)
        row = None if value is None else self.rows.get(to_text(value))
        fields = self.otherwise if row is None else row
        for ref, held in fields or ():
            if ref.keys == ("tags",):
                for tag in held if isinstance(held, list) else [held]:
                    add_tag(event, str(tag))
            else:
                ref.set(event, copy(held))
        if row is None:
            for tag in self.failure_tags if self.otherwise is None else ():
                add_tag(event, tag)
        return row is not None


def _fields(values: Mapping[str, Any]) -> list[tuple[FieldRef, Any]]:
    return [(FieldRef(name), value) for name, value in values.items()]


def _looked_up(use: PluginUse) -> FieldRef | None:
    """The one field that a filter looks up, None where its options do not say it."""
    given = [use.settings[name].value for name in _LOOKED_UP if name in use.settings]
    named = [one for value in given for one in (value if isinstance(value, list) else [value])]
    is_list = any(isinstance(value, list) for value in given)
    if not named or (is_list and len(named) > 1):
        return None
    return FieldRef(str(named[0]))


def _failure_tags(use: PluginUse) -> list[str]:
    if "tag_on_failure" in use.settings:
        given = use.settings["tag_on_failure"].value
    else:
        option = dict.get(use.spec.options, "tag_on_failure")
        given = option.default if option else []
    if isinstance(given, str):
        return [given]
    return list(given) if isinstance(given, list) else []


class _AnyOption(dict[str, OptionSpec]):
    """Options of a plugin that is not there: whatever is asked for."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or OptionSpec(
            name, Kind("codec" if name == "codec" else "any"), ""
        )


class Lenient:
    """The catalogue of plugins, in which those that no test runs need not exist."""

    def __init__(self, mocked: set[str]) -> None:
        self.mocked = mocked

    def spec(self, section: str, name: str) -> PluginSpec | None:
        """The spec of a plugin, or one that takes all options, where the plugin is not run."""
        stands_in = section != "filter" or name in self.mocked
        try:
            found = registry.spec(section, name)
        except UnusablePlugin as unusable:
            if not stands_in:
                raise UnusablePlugin(
                    str(unusable), f"{unusable.help}; or mock it, by its id", unusable.is_elsewhere
                ) from None
            found = None
        if found is not None and section in ("input", "output"):
            return _fileless(found)
        if found is None and stands_in:
            roots = {"input": Unopened, "output": Recorder, "filter": Table}
            known = dict(roots[section].spec.options) if section in roots else {}
            return PluginSpec(section, name, "", _AnyOption(known))
        return found

    def names(self, section: str) -> Sequence[str]:
        """The names of all plugins of a section."""
        return registry.names(section)


def _fileless(spec: PluginSpec) -> PluginSpec:
    """A spec that does not ask whether files are there."""
    options = {
        name: replace(o, kind=Kind("text")) if o.kind == _PATH else o
        for name, o in spec.options.items()
    }
    return replace(spec, options=options)


def _without_files(plugin: tree.Plugin) -> tree.Plugin:
    """A filter without the options that name files: they need not be there for a mock."""
    try:
        spec = registry.spec("filter", plugin.name)
    except UnusablePlugin:
        spec = None
    options = spec.options if spec else {}
    files = {name for name, option in options.items() if option.kind == _PATH}
    return replace(plugin, attributes=tuple(a for a in plugin.attributes if a.name not in files))


class Mocks:
    """The mocks of a test, applied to a configuration. ``tolerated`` names those that need not be
    there.
    """

    def __init__(
        self,
        mocks: Mapping[str, Mock],
        tolerated: frozenset[str],
        place: Span | None,
        places: Mapping[str, Span] | None = None,
    ) -> None:
        self.mocks, self.tolerated = mocks, tolerated
        self.place, self.places = place, places or {}
        self.problems: list[Diagnostic] = []
        self.tables: dict[tuple[str, int], str] = {}
        self.names: set[str] = set()
        self.labels: dict[int, str] = {}
        self.catalogue = Lenient(self.names)

    def rewritten(self, trees: list[tree.Tree]) -> list[tree.Tree]:
        """The trees with pieces of configuration in the place of the plugins that they mock.

        A plugin without an id answers to its label (see ``labels``).
        """
        plugins = [
            plugin for one in trees for section in one.sections for plugin in _plugins(section.body)
        ]
        named = zip(plugins, labels(plugins, [_id_of(plugin) for plugin in plugins]), strict=True)
        self.labels = {id(plugin): label for plugin, label in named}
        known = set(self.labels.values())
        missing = [name for name in self.mocks if name not in known and name not in self.tolerated]
        if missing:
            raise ConfigError([self._missing(name, known) for name in missing])
        return [self._tree(one) for one in trees]

    def _missing(self, name: str, known: set[str]) -> Diagnostic:
        help = did_you_mean(name, known) or f"give the plugin this id: id => {name}"
        return Diagnostic(
            "E406", f"no plugin to mock has the id `{name}`", self.place_of(name), help
        )

    def place_of(self, name: str) -> Span | None:
        """Where a mock is written."""
        return self.places.get(name, self.place)

    def refuse(self) -> None:
        """Raise ConfigError with what was found wrong while plugins were made."""
        if self.problems:
            raise ConfigError(self.problems)

    def _tree(self, one: tree.Tree) -> tree.Tree:
        sections = (replace(s, body=tuple(self._body(s.kind, s.body))) for s in one.sections)
        return replace(one, sections=tuple(sections))

    def _body(self, section: str, body: Sequence[tree.Statement]) -> Iterator[tree.Statement]:
        for statement in body:
            if isinstance(statement, tree.Branch):
                arms = (
                    replace(arm, body=tuple(self._body(section, arm.body)))
                    for arm in statement.arms
                )
                yield replace(statement, arms=tuple(arms))
            else:
                yield from self._plugin(section, statement)

    def _plugin(self, section: str, plugin: tree.Plugin) -> Sequence[tree.Statement]:
        label = self.labels.get(id(plugin), "")
        if label not in self.mocks:
            return (plugin,)
        mock = self.mocks[label]
        if isinstance(mock, dict):
            self.tables[plugin.span.source.name, plugin.span.start] = label
            self.names.add(plugin.name)
            return (_without_files(plugin),)
        return _parsed(section, label, mock or "")

    def override(self, use: PluginUse, context: Context) -> Plugin | None:
        """A recorder for an output, an unopened input, a table for a filter that has one."""
        section = use.spec.section
        if section == "output":
            return Recorder({}, context)
        if section == "input":
            return _unopened(use, context)
        label = self.tables.get((use.span.source.name, use.span.start))
        if label is None:
            return None
        table = Table(
            {name: s.value for name, s in use.settings.items() if name in Table.spec.options},
            context,
        )
        mock = self.mocks[label]
        assert isinstance(mock, dict)
        table.fill(use, mock)
        if table.source is None:
            self.problems.append(self._no_source(use, label))
        return table

    def _no_source(self, use: PluginUse, label: str) -> Diagnostic:
        help = 'write {field: "[a][b]", table: {value: {fields}}}'
        return Diagnostic(
            "E406",
            f"the mock `{label}` must say which field `{use.name}` looks up",
            self.place_of(label),
            help,
        )


def _unopened(use: PluginUse, context: Context) -> Unopened:
    made = Unopened(
        {name: s.value for name, s in use.settings.items() if name in Unopened.spec.options},
        context,
    )
    try:
        cls = registry.plugin_class("input", use.name)
    except UnusablePlugin:
        cls = None
    if cls is not None and issubclass(cls, Input):
        made.default_codec = cls.default_codec  # type: ignore[misc]
        made.streams = cls.streams  # type: ignore[misc]
    return made


def _plugins(body: Sequence[tree.Statement]) -> Iterator[tree.Plugin]:
    for statement in body:
        if isinstance(statement, tree.Branch):
            for arm in statement.arms:
                yield from _plugins(arm.body)
        else:
            yield statement


def _id_of(plugin: tree.Plugin) -> str | None:
    for attribute in plugin.attributes:
        if attribute.name == "id" and isinstance(attribute.value, tree.Text | tree.Bareword):
            return attribute.value.value
    return None


def _parsed(section: str, label: str, text: str) -> tuple[tree.Statement, ...]:
    """The statements of a mock, the one plugin with the id of what it stands for."""
    parsed = parse(Source(f"(mock {label})", f"{section} {{\n{text}\n}}"))
    body = parsed.sections[0].body if parsed.sections else ()
    if (
        len(body) == 1
        and isinstance(body[0], tree.Plugin)
        and not any(a.name == "id" for a in body[0].attributes)
    ):
        plugin, span = body[0], body[0].name_span
        given = tree.Attribute("id", span, tree.Text(label, span), span)
        return (replace(plugin, attributes=(*plugin.attributes, given)),)
    return body
