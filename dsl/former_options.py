"""Options under the names that older versions of Logstash gave them.

Configurations live longer than names: `ssl => true` became `ssl_enabled => true`. A plugin says for
each former name what it is now (``FormerOption``); the attribute is read as if it had been written
so, at its own place, with a warning. One that has no effect any more is left out.
"""

from __future__ import annotations

from collections.abc import Callable

from . import tree
from .literals import Literals
from .source import Span
from .spec import FormerOption, PluginSpec

Problem = Callable[[str, str, Span, str], None]
"""Reports a code, a message, a place and what to do."""


class FormerOptions:
    """Reads the attributes of plugins that have former names."""

    def __init__(self, literals: Literals, problem: Problem) -> None:
        self._literals, self._problem = literals, problem

    def read(self, spec: PluginSpec, plugin: tree.Plugin) -> list[tree.Attribute]:
        """The attributes of a plugin under the names of today; what is wrong is reported. What is
        given under both names is as the name of today says.
        """
        today = [given for given in plugin.attributes if given.name not in spec.former]
        written = {given.name for given in today}
        renamed: dict[str, tree.Attribute] = {}
        for given in plugin.attributes:
            if given.name not in spec.former:
                continue
            former = spec.former[given.name].for_role(self._role(plugin))
            read = self._renamed(spec, former, given)
            if read is not None and read.name not in written:
                renamed[read.name] = _narrowed(renamed.get(read.name), read)
        return [*today, *renamed.values()]

    def _role(self, plugin: tree.Plugin) -> str:
        """What the option `mode` says, where a plugin is a server or a client."""
        given = [each.value for each in plugin.attributes if each.name == "mode"]
        return str(self._literals.value(given[-1])) if given else ""

    def _renamed(
        self, spec: PluginSpec, former: FormerOption, given: tree.Attribute
    ) -> tree.Attribute | None:
        name = given.name
        value = _value(former, given.value, self._literals)
        if value is None:
            self._problem(
                "E212",
                f"the option `{name}` of `{spec.name}` was removed",
                given.name_span,
                former.remedy,
            )
            return None
        self._problem(
            "W301",
            f"the option `{name}` of `{spec.name}` is deprecated",
            given.name_span,
            former.remedy,
        )
        if not former.now:
            return None
        return tree.Attribute(former.now, given.name_span, value, given.span)


def _value(former: FormerOption, node: tree.Value, literals: Literals) -> tree.Value | None:
    """The value that the option of today gets; None for one that it cannot have."""
    if former.values:
        now = former.values.get(_text(literals.value(node)))
        if now is None:
            return None
        if isinstance(now, str):
            return tree.Text(now, node.span)
        items = tuple(tree.Text(item, node.span) for item in now)
        return tree.Array(items, node.span)
    if former.entry:
        key, template = former.entry
        written = tree.Text(template.format(literals.value(node)), node.span)
        name = tree.Text(key, node.span)
        return tree.Hash((tree.Entry(name, written, node.span),), node.span)
    return node


def _text(value: object) -> str:
    """A literal as the tables of values write it; a list of one item is that item."""
    if isinstance(value, list) and len(value) == 1:
        return _text(value[0])
    return str(value).lower()


def _narrowed(before: tree.Attribute | None, given: tree.Attribute) -> tree.Attribute:
    """Two former options that became one: of lists, such as the versions from a least one and up
    to a greatest one, what both have.
    """
    if before is None:
        return given
    first, second = before.value, given.value
    if not isinstance(first, tree.Array) or not isinstance(second, tree.Array):
        return given
    wanted = {_text(item.value) for item in second.items if isinstance(item, tree.Text)}
    both = [item for item in first.items if isinstance(item, tree.Text)]
    items = tuple(item for item in both if _text(item.value) in wanted)
    return tree.Attribute(
        given.name, given.name_span, tree.Array(items, given.value.span), given.span
    )
