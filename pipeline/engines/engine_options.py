"""Options of an engine (``--engine-option``), read by declared kinds as those of plugins are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from ...dsl.diagnostics import ConfigError, Diagnostic, did_you_mean
from ...dsl.options import Misfit, read_option
from ...dsl.spec import Kind, OptionSpec


def declared(name: str, kind: str, at_least: float | None = None) -> OptionSpec:
    """An option that an engine has."""
    return OptionSpec(name, Kind(kind), "", at_least=at_least)


def typed(
    engine: str, given: Mapping[str, str], known: Sequence[OptionSpec], others: str = ""
) -> dict[str, Any]:
    """The options that were given, as what they are declared to be. ``others``: which names are
    the engine's own, for the help. Raises ConfigError for one that is not known, or not valid.
    """
    specs = {spec.name: spec for spec in known}
    found = {}
    for name, text in given.items():
        if name not in specs:
            listed = "known ones: " + ", ".join(sorted(specs))
            help = did_you_mean(name, specs) or listed + others
            refuse(f"unknown option `{name}` of the engine `{engine}`", help)
        try:
            found[name] = read_option(specs[name], text)
        except Misfit as misfit:
            wanted = misfit.message.partition(", found")[0]
            message = f"option `{name}` of the engine `{engine}`: {wanted}, found `{text}`"
            refuse(message, "" if "quotes" in misfit.help else misfit.help)
    return found


def refuse(message: str, help: str = "", code: str = "E230") -> NoReturn:
    """Raise ConfigError: the engine cannot start so."""
    raise ConfigError([Diagnostic(code, message, None, help)])
