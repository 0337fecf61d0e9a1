"""Which plugins of a running configuration go on in the next one: those whose options are unchanged
keep their connections, their ports and what they remember.
"""

from __future__ import annotations

from collections import defaultdict, deque

from ...dsl.program import PluginUse
from ...plugins.input import Input
from ...plugins.option_text import options_digest
from ...plugins.plugin import Plugin
from ..compile.instantiate import Assembly

_Key = tuple[str, str, str]


def _key(use: PluginUse, plugin: Plugin) -> _Key:
    return use.spec.section, use.name, options_digest(plugin)


def carry_over(old: Assembly, new: Assembly) -> set[Plugin]:
    """Put the unchanged plugins of the old configuration in the place of the new one's; which they
    are. Those that were configured alike are matched in the order of the text.
    """
    known: dict[_Key, deque[tuple[PluginUse, Plugin]]] = defaultdict(deque)
    for use, plugin in old.made.items():
        if plugin.transactional is None:
            known[_key(use, plugin)].append((use, plugin))
    carried: set[Plugin] = set()
    for use, plugin in list(new.made.items()):
        same = known[_key(use, plugin)]
        if not same or old.program.settings != new.program.settings:
            continue
        _, kept = same.popleft()
        kept.context.where, kept.context.id = plugin.context.where, plugin.context.id
        new.made[use] = kept
        carried.add(kept)
    return carried


def can_follow(old: Assembly, new: Assembly) -> bool:
    """Whether the new configuration can take over while the old one runs: an input that gives
    nothing twice, such as stdin, must be unchanged.
    """

    def keys(assembly: Assembly) -> list[_Key]:
        found = assembly.made.items()
        return [_key(use, p) for use, p in found if isinstance(p, Input) and not p.reloads]

    return sorted(keys(old)) == sorted(keys(new))
