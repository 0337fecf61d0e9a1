"""The options of filters that run code: ruby and python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..plugins.contract import Filter
from ..plugins.declaration import option


class ScriptOptions(Filter):
    """The code, inline or as a script, and whether tags tell why it raised."""

    code: str | None = option("The code to run on each event.", default=None)
    init: str | None = option("Code to run once, before the first event.", default=None)
    path: Path | None = option("A script with `filter(event)`.", default=None)
    script_params: dict[str, Any] = option(
        "What `register(params)` of the script is given.", default={}
    )
    tag_with_exception_message: bool = option(
        "Whether a tag with the reason is given, too.", default=False
    )
