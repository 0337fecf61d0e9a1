"""What all plugins share: options as attributes, a place in the configuration, a life.

A plugin is made once for its place in a configuration: ``__init__`` sets its options as attributes,
``prepare`` builds what its loop needs and reports what is wrong with the options, ``open`` takes
hold of files in the process that uses it, ``close`` lets go of them, only where ``open`` returned.
After ``prepare`` nothing is looked up or parsed per event.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..dsl.spec import FormerOption, PluginSpec
from .context import Context, OptionProblem
from .declaration import Example, Option, declared, option
from .epoch import Changelog, Participant


class Plugin:
    """What all plugins share: options as attributes, a context, a place.

    ``section`` and ``name`` are given as class keywords. Every subclass with a name is a plugin and
    gets a ``spec``.
    """

    spec: ClassVar[PluginSpec]
    examples: ClassVar[tuple[Example, ...]] = ()
    section: ClassVar[str] = ""
    former: ClassVar[dict[str, FormerOption]] = {}
    """Options that older versions of Logstash had, by their names; those of the classes below are
    joined to it.
    """

    participant: Participant | None = None
    """Commits for many batches at once, where the plugin does; set in ``open`` at the latest, and
    in ``prepare`` by a filter that is not stateful, so that it is run by one worker.
    """

    changelog: Changelog | None = None
    """Where its participant keeps state of filters with the partitions of the input; set in
    ``open`` at the latest. The participant is then given a ``ShardedState``.
    """

    transactional: str | None = None
    """The option by which it takes part in one transaction of an input and an output, which stand
    alone in their pipeline then; set in ``prepare``. It does not outlive a reload: its other half
    may be another after it.
    """

    id: str | None = option(
        "A name for this plugin in logs and metrics.", default=None, common=True
    )
    enable_metric: bool = option(
        "Whether metrics of this plugin are collected.", default=True, common=True
    )

    def __init_subclass__(cls, name: str | None = None, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        declared_here = {
            key: value for key, value in vars(cls).items() if isinstance(value, Option)
        }
        cls._declared = declared_here  # type: ignore[attr-defined]
        for key in declared_here:
            delattr(cls, key)
        if name is not None:
            cls.spec = declared(cls, cls.section, name)

    def __init__(self, values: Mapping[str, Any], context: Context | None = None) -> None:
        self.context = context or Context()
        for key, spec in self.spec.options.items():
            value = values[key] if key in values else copy.copy(spec.default)
            setattr(self, key, value)
        self.given = frozenset(values)

    @property
    def name(self) -> str:
        """The plugin's name in configurations."""
        return self.spec.name

    @property
    def finite(self) -> bool:
        """Whether it never puts a number into events that is not finite (infinity, NaN): where all
        plugins say so, what is written need not be looked through for them.
        """
        return False

    @property
    def ecs(self) -> bool:
        """Whether fields are named as the Elastic Common Schema says."""
        return (getattr(self, "ecs_compatibility", None) or self.context.ecs) != "disabled"

    def problem(
        self,
        option: str,
        message: str,
        help: str = "",
        path: Sequence[str | int] = (),
        code: str = "E220",
    ) -> None:
        """Report an option that cannot be used (a code with W warns), and go on looking."""
        self.context.problems.append(OptionProblem(option, message, help, path, code))

    def claims(self) -> dict[str, str]:
        """What only one plugin of the process may have, such as an address or a port, by the option
        that says so: another that claims the same is refused before anything starts.
        """
        return {}

    def prepare(self) -> None:
        """Build what the loop needs; report bad options with ``problem`` or raise OptionProblem."""

    def open(self) -> None:
        """Open files and connections; called once, before the first event of a run, not when a
        configuration is checked. Raises OSError or Misconfigured; anything else is shown as a fault
        of the plugin. It ends the run.
        """

    def close(self) -> None:
        """Let go of files and connections; called once, and only where ``open`` returned. What it
        raises is logged.
        """

    def stats(self) -> dict[str, int | float]:
        """What the plugin counts for itself, by name, such as the hits of a cache: for the metrics,
        which count events already. Called from another thread than the others.
        """
        return {}


# `Plugin` itself runs no __init_subclass__: its options are taken off by hand.
_own = {name: value for name, value in vars(Plugin).items() if isinstance(value, Option)}
Plugin._declared = _own  # type: ignore[attr-defined]
for _key in _own:
    delattr(Plugin, _key)


class Ecs:
    """Mixed into plugins whose field names depend on the Elastic Common Schema."""

    ecs_compatibility: str | None = option(
        "Which field names to use. Default: the setting of the pipeline.",
        default=None,
        choices=("disabled", "v1", "v8"),
        common=True,
    )


Ecs._declared = {"ecs_compatibility": Ecs.ecs_compatibility}  # type: ignore[attr-defined]
del Ecs.ecs_compatibility
