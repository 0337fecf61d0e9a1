"""The options of the filter ruby."""

from __future__ import annotations

from ..plugins.declaration import option
from ._script_options import ScriptOptions


class RubyOptions(ScriptOptions):
    """What ruby is told: the code, what runs it, and how errors show."""

    tag_on_exception: str = option(
        "The tag for an event on which the code raised.", default="_rubyexception"
    )
    engine: str = option(
        "What runs the code: `compiled`, a real ruby (`process`), or the first that can (`auto`).",
        default="auto",
        choices=("auto", "compiled", "process"),
    )
