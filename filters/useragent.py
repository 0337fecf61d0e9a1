"""The filter useragent: what browser, system and device a user agent's text tells of.

What a text tells is kept ready as a tree of fields, in a cache by the text: an event costs one
look-up and two small copies.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from ua_parser import OS, UserAgent

from ..dsl.reference import Event, FieldRef
from ..plugins.clients.cache import lru_stats
from ..plugins.contract import Ecs, Filter
from ..plugins.declaration import Example, option
from ._merge_tree import Tree, map_at, nest, plain_key
from ._user_agents import Agent, Parser, RulesError


class Useragent(Ecs, Filter, name="useragent"):
    """Tell browser, operating system and device from the text of a user agent.

    The string is parsed with the regular expressions of uap-core
    (https://github.com/ua-parser/uap-core), as the Python package `ua-parser` carries them; what no
    expression knows is named `Other`. An event without the field, or with an empty one or one that
    is not a string, passes untouched; of a list the first item is taken.

    With `ecs_compatibility`, the fields are `name`, `version`, `[device][name]`, `[os][name]`,
    `[os][version]` and `[os][full]` in `target`, and the parts of versions are below
    `[@metadata][filter][user_agent]`. Without, they are `name`, `version`, `major`, `minor`,
    `patch`, `device`, `os` (the same as `os_name`), `os_full`, `os_version`, `os_major`, `os_minor`
    and `os_patch`, each with `prefix` before it, in `target` or at the top of the event.

    Differs from Logstash: the expressions are those of the installed package, which are often
    newer, so that a few agents are named otherwise.
    """

    matches = True

    source: FieldRef = option("The field with the user agent's text.")
    target: FieldRef | None = option(
        "The field to put the result in. Default: `user_agent` with ECS, else the top"
        " level of the event.",
        default=None,
    )
    prefix: str = option("A prefix for the names of fields; without ECS only.", default="")
    regexes: Path | None = option(
        "A `regexes.yaml` of uap-core to use in place of the package's own.", default=None
    )
    lru_cache_size: int = option("How many strings to cache.", default=100_000)

    examples = (
        Example(
            "a browser, with ECS",
            'useragent { source => "agent" }',
            before={
                "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"
            },
            after={
                "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
                "user_agent": {
                    "name": "Firefox",
                    "version": "115.0",
                    "device": {"name": "Other"},
                    "os": {"name": "Linux", "full": "Linux"},
                },
                "@metadata": {
                    "filter": {"user_agent": {"version": {"major": "115", "minor": "0"}}}
                },
            },
        ),
        Example(
            "a tool, with the names from before ECS",
            'useragent { source => "agent" target => "ua" ecs_compatibility => disabled }',
            before={"agent": "curl/7.88.1"},
            after={
                "agent": "curl/7.88.1",
                "ua": {
                    "name": "curl",
                    "version": "7.88.1",
                    "major": "7",
                    "minor": "88",
                    "patch": "1",
                    "device": "Other",
                    "os": "Other",
                    "os_name": "Other",
                    "os_full": "Other",
                },
            },
        ),
    )

    def prepare(self) -> None:
        try:
            self._parser = Parser(self.regexes)
        except ModuleNotFoundError:
            self.problem(
                "regexes",
                "a file of rules needs the package `PyYAML`",
                "pip install 'penstock[useragent]'",
                code="E202",
            )
        except RulesError as error:
            self.problem(
                "regexes", str(error), "take one from https://github.com/ua-parser/uap-core"
            )
        if self.ecs and self.prefix:
            self.problem(
                "prefix",
                "`prefix` has no effect with ECS",
                "remove it, or give a `target`",
                code="W305",
            )
        if self.target is None and self.ecs:
            self.target = FieldRef("[user_agent]")
        self._takes_source_away = self.target == self.source
        shape = _ecs_fields if self.ecs else self._legacy_fields
        self._look_up = lru_cache(maxsize=self.lru_cache_size)(
            lambda text: shape(text, self._parser.parse(text))
        )

    def stats(self) -> dict[str, int | float]:
        """How often a value was remembered."""
        return lru_stats(self._look_up.cache_info())

    def run(self, events: list[Event]) -> list[Event]:
        get, look_up, decorate, target = self.source.get, self._look_up, self.decorate, self.target
        key = None if target is None or self._takes_source_away else plain_key(target)
        for event in events:
            try:
                text = get(event)
                if key is None or key in event or type(text) is not str or not text:
                    found = self.apply(event)
                else:
                    fields, metadata = look_up(text)
                    event[key], found = fields.copy(), True
                    if metadata:
                        metadata.graft(map_at(event, _METADATA))
                if found and decorate is not None:
                    decorate(event)
            except Exception as error:
                self.failed(event, error)
        return events

    def apply(self, event: Event) -> bool:
        text = self.source.get(event)
        if type(text) is list:
            text = text[0] if text else None
        if type(text) is not str or not text:
            return False
        fields, metadata = self._look_up(text)
        if self._takes_source_away:
            self.source.remove(event)
        fields.graft(event if self.target is None else map_at(event, self.target))
        if metadata:
            metadata.graft(map_at(event, _METADATA))
        return True

    def _legacy_fields(self, text: str, agent: Agent) -> tuple[Tree, Tree]:
        browser, system = agent.browser, agent.os
        fields = {
            "name": browser.family,
            "version": browser_version(browser, text),
            "major": browser.major,
            "minor": browser.minor,
            "patch": browser.patch,
            "device": agent.device,
            "os": system.family,
            "os_name": system.family,
            "os_full": full_name(system),
            "os_version": system_version(system),
            "os_major": system.major,
            "os_minor": system.minor,
            "os_patch": system.patch,
        }
        return Tree(
            {self.prefix + name: value for name, value in fields.items() if value is not None}
        ), Tree({})


_METADATA = FieldRef("[@metadata][filter][user_agent]")


def _ecs_fields(text: str, agent: Agent) -> tuple[Tree, Tree]:
    browser, system = agent.browser, agent.os
    fields = {
        ("name",): browser.family,
        ("version",): browser_version(browser, text),
        ("device", "name"): agent.device,
        ("os", "name"): system.family,
        ("os", "version"): system_version(system),
        ("os", "full"): full_name(system),
    }
    metadata = {
        ("version", "major"): browser.major,
        ("version", "minor"): browser.minor,
        ("version", "patch"): browser.patch,
        ("os", "version", "major"): system.major,
        ("os", "version", "minor"): system.minor,
        ("os", "version", "patch"): system.patch,
    }
    return _known(fields), _known(metadata)


def _known(values: dict[tuple[str, ...], str | None]) -> Tree:
    return nest({path: value for path, value in values.items() if value is not None})


def browser_version(browser: UserAgent, text: str) -> str | None:
    """A browser's version; a fourth part that the rules leave out is taken from the text, where it
    stands there.
    """
    version = _joined(browser)
    if version is None or browser.patch is None or browser.patch_minor is not None:
        return version
    at = text.find(version)
    if at >= 0 and text[at + len(version) :].startswith("."):
        rest, space, _ = text[at + len(version) + 1 :].partition(" ")
        if space and rest.isascii() and rest.isdigit() and str(int(rest)) == rest:
            return f"{version}.{rest}"
    return version


def system_version(system: OS) -> str | None:
    """A system's version: `10.15.7`; where the first part is a name, a space follows it: `XP
    64`.
    """
    version = _joined(system)
    if version is None or system.major is None or system.minor is None or system.major.isdigit():
        return version
    return f"{system.major} {version[len(system.major) + 1 :]}"


def _joined(parts: UserAgent | OS) -> str | None:
    """The parts of a version up to the first that is missing."""
    known = []
    for part in (parts.major, parts.minor, parts.patch, parts.patch_minor):
        if part is None:
            break
        known.append(part)
    return ".".join(known) or None


def full_name(system: OS) -> str:
    """A system's name and version."""
    version = system_version(system)
    return system.family if version is None else f"{system.family} {version}"
