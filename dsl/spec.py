"""What a plugin declares, as plain data: the language checks a configuration against it without
knowing the plugin.

The kinds of option values are a closed set, in ``options``.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec


class _Required:
    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED: Final = _Required()


class Kind(msgspec.Struct, frozen=True):
    """What values an option takes: the name of a kind of ``options.KINDS`` and, for lists and
    hashes, that of their items.
    """

    name: str
    item: Kind | None = None


class OptionSpec(msgspec.Struct, frozen=True):
    """One option of a plugin.

    ``choices`` closes the set of texts; ``at_least`` bounds numbers; ``deprecated`` and
    ``obsolete`` say what to write instead. In a ``literal`` text a backslash is itself: `\\n` in it
    is hardly meant, and warned of.
    """

    name: str
    kind: Kind
    doc: str
    default: Any = None
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    deprecated: str = ""
    obsolete: str = ""
    common: bool = False
    literal: bool = False

    @property
    def required(self) -> bool:
        """Whether a configuration must give it."""
        return self.default is REQUIRED


class FormerOption(msgspec.Struct, frozen=True):
    """What an option of an older Logstash is now.

    ``now``: the name of today, "" for one that has no effect any more. ``values``: its values, in
    lower case, and what they are now, where they changed; others are refused. ``entry``: the key
    under which it is part of a hash now, and the text there, `{}` for what is given. ``by_mode``:
    what it is instead, by what the option `mode` says. ``help``: what to write, where the name
    of today does not say it.
    """

    now: str = ""
    values: dict[str, str | list[str]] = msgspec.field(default_factory=dict)
    entry: tuple[str, str] | None = None
    by_mode: dict[str, FormerOption] = msgspec.field(default_factory=dict)
    help: str = ""

    @property
    def remedy(self) -> str:
        """What to do about it."""
        if self.help:
            return self.help
        return f"write `{self.now}`" if self.now else "remove it: it has no effect"

    def for_role(self, mode: str) -> FormerOption:
        """What it is for a plugin in a mode."""
        return self.by_mode.get(mode, self)


class PluginSpec(msgspec.Struct, frozen=True):
    """A plugin as the language sees it. ``section`` is input, filter, output or codec; ``former``
    has the options of older versions by their names.
    """

    section: str
    name: str
    doc: str
    options: dict[str, OptionSpec] = msgspec.field(default_factory=dict)
    former: dict[str, FormerOption] = msgspec.field(default_factory=dict)
