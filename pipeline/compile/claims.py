"""What only one plugin of the process may have, such as an address: two pipelines that claim the
same are refused before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse
from ...plugins.context import OptionProblem
from .decorations import diagnosed
from .instantiate import Assembly


def double_claims(assemblies: Iterable[Assembly]) -> list[Diagnostic]:
    """The options that claim what an earlier pipeline claims already."""
    found: list[Diagnostic] = []
    owners: dict[str, PluginUse] = {}
    for assembly in assemblies:
        for use, plugin in assembly.made.items():
            for option, what in plugin.claims().items():
                owner = owners.setdefault(what, use)
                if owner is not use:
                    reason = f"the {what} is taken by another pipeline, at {owner.span.place}"
                    problem = OptionProblem(option, reason, "choose another one")
                    found.append(diagnosed(problem, use))
    return found
