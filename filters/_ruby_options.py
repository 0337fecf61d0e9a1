"""The options of the filter ruby."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..plugins.contract import Filter
from ..plugins.declaration import option


class RubyOptions(Filter):
    """What ruby is told: the code, and how errors show."""

    code: str | None = option("The code to run on each event.", default=None)
    init: str | None = option("Code to run once, before the first event.", default=None)
    path: Path | None = option("A script with `filter(event)`.", default=None)
    script_params: dict[str, Any] = option(
        "What `register(params)` of the script is given.", default={}
    )
    tag_on_exception: str = option(
        "The tag for an event on which the code raised.", default="_rubyexception"
    )
    tag_with_exception_message: bool = option(
        "Whether a tag with the reason is given, too.", default=False
    )
    engine: str = option(
        "What runs the code: `compiled`, a real ruby (`process`), or the first that can (`auto`).",
        default="auto",
        choices=("auto", "compiled", "process"),
    )
