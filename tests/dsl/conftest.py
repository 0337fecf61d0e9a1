"""A catalogue of made-up specs, so that the tests of the language need no plugin."""
from collections.abc import Sequence
from typing import Any

import pytest

from penstock.dsl.check import Checked, UnusablePlugin, check
from penstock.dsl.diagnostics import ConfigError, Diagnostic, in_order
from penstock.dsl.parser import parse
from penstock.dsl.settings import settled
from penstock.dsl.source import Source
from penstock.dsl.spec import REQUIRED, Kind, OptionSpec, PluginSpec


def spec(section: str, name: str, *options: OptionSpec) -> PluginSpec:
    """A plugin with an id and some options."""
    return PluginSpec(section, name, f"The {section} {name}.", {o.name: o for o in (option("id", "text"), *options)})


def option(name: str, kind: str, item: str = "", default: Any = None, **more: Any) -> OptionSpec:
    """An option of a kind, of which ``item`` are the items."""
    return OptionSpec(name, Kind(kind, Kind(item) if item else None), f"The {name}.", default, **more)


SPECS = [
    spec("input", "stdin", option("codec", "codec")),
    spec("input", "file", option("path", "list", "text", REQUIRED), option("codec", "codec")),
    spec("output", "stdout", option("codec", "codec")),
    spec("output", "null"),
    spec("codec", "json", option("target", "field")),
    spec("codec", "plain", option("format", "template"), option("charset", "text", choices=("UTF-8", "ASCII"))),
    spec(
        "filter", "mutate",
        option("add_field", "hash", "any"), option("add_tag", "list", "any"), option("gsub", "list", "text"),
        option("rename", "hash", "text"), option("tag_on_failure", "text", deprecated="write `failure_tag`"),
        option("type", "text", obsolete="use a conditional around the filter"),
    ),
    spec("filter", "drop", option("percentage", "integer", at_least=0)),
    spec("filter", "grok", option("match", "hash", "any", REQUIRED), option("break_on_match", "boolean", default=True)),
    spec(
        "filter", "kinds",
        option("text", "text"), option("boolean", "boolean"), option("integer", "integer"), option("number", "number"),
        option("bytes", "bytes"), option("duration", "duration"), option("field", "field"), option("path", "path"),
        option("regex", "regex"), option("template", "template"), option("password", "password"), option("uri", "uri"),
        option("hash", "hash", "text"), option("list", "list", "integer"), option("fields", "list", "field"),
        option("choice", "text", choices=("left", "right")), option("any", "any"),
        option("choices", "list", "text", choices=("a", "b")),
    ),
]


class Specs:
    """Specs by section and name; ``kafka`` is known but cannot be had."""

    def spec(self, section: str, name: str) -> PluginSpec | None:
        """One of SPECS."""
        if name == "kafka":
            raise UnusablePlugin("the input `kafka` needs the package `confluent`", "pip install 'penstock[kafka]'")
        return next((s for s in SPECS if (s.section, s.name) == (section, name)), None)

    def names(self, section: str) -> Sequence[str]:
        """The names in a section."""
        return [s.name for s in SPECS if s.section == section]


class Language:
    """The way from text to program, with the made-up plugins."""

    def check(self, text: str, settings: dict[str, Any] | None = None, **variables: str) -> Checked:
        """What the check says of a text; raises ConfigError where it does not parse."""
        return check([parse(Source("test.conf", text))], Specs(), settled(settings), variables)

    def findings(self, text: str, settings: dict[str, Any] | None = None, **variables: str) -> list[Diagnostic]:
        """All that is found in a text, in order."""
        try:
            return in_order(self.check(text, settings, **variables).diagnostics)
        except ConfigError as error:
            return list(error.diagnostics)

    def setting(self, option: str, value: str, settings: dict[str, Any] | None = None, **variables: str) -> Any:
        """The value that ``kinds { option => value }`` gives; raises ConfigError."""
        checked = self.check(f"filter {{ kinds {{ {option} => {value} }} }}", settings, **variables)
        if checked.diagnostics:
            raise ConfigError(checked.diagnostics)
        (use,) = checked.program.filters
        return use.settings[option].value  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def language() -> Language:
    """The language with made-up plugins."""
    return Language()
