"""What a pipeline that is exactly once may have: one input and one output that share a transaction,
and nothing beside them that would keep events elsewhere.
"""

from __future__ import annotations

from ...dsl.diagnostics import Diagnostic
from ...dsl.program import PluginUse, Program
from ...plugins.context import OptionProblem
from ...plugins.plugin import Plugin
from .decorations import diagnosed


def transaction_problems(program: Program, made: dict[PluginUse, Plugin]) -> list[Diagnostic]:
    """What stands in the way of the plugins that take part in a transaction."""
    asking = {use: plugin for use, plugin in made.items() if plugin.transactional is not None}
    found: list[Diagnostic] = []
    for use, plugin in asking.items():
        option = str(plugin.transactional)
        for message, help in _obstacles(program, use, made, asking):
            found.append(diagnosed(OptionProblem(option, f"`{option}` {message}", help), use))
    return found


def _obstacles(
    program: Program,
    use: PluginUse,
    made: dict[PluginUse, Plugin],
    asking: dict[PluginUse, Plugin],
) -> list[tuple[str, str]]:
    section = use.spec.section
    other = "output" if section == "input" else "input"
    found = []
    if not any(each.spec.section == other for each in asking):
        message = f"requires an {other} `{use.name}` with the same option"
        found.append((message, f"add {made[use].transactional} => true to both"))
    beside = [each for each in made if each.spec.section == section and each is not use]
    if beside:
        message = f"cannot hold beside another {section}, `{beside[0].name}`"
        help = f"give it a pipeline of its own; the other one is at {beside[0].span.place}"
        found.append((message, help))
    if section == "input" and program.settings.get("queue.type") == "persisted":
        message = "cannot hold with a disk queue, which acknowledges what was not written yet"
        found.append((message, "set queue.type to memory for this pipeline"))
    return found
