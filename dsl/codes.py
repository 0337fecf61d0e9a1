"""The page of every diagnostic's code: what it means, an example that gives it and one that does
not.

The pages are prose and stand in ``codes.md``; the tests hold them true: every code that Penstock
can give has its page, the wrong example gives the code, the right one is clean.
"""

from __future__ import annotations

import pkgutil
import re
from functools import cache

import msgspec


class Page(msgspec.Struct, frozen=True):
    """One code. ``wrong`` and ``right`` are examples, empty where none can show it: of
    configurations (``conf``), command lines (``console``) or test files (``yaml``), as ``language``
    says.
    """

    code: str
    title: str
    text: str
    wrong: str
    right: str
    language: str = "conf"

    @property
    def kind(self) -> str:
        """Error or warning."""
        return "error" if self.code.startswith("E") else "warning"


@cache
def pages() -> dict[str, Page]:
    """All pages by their codes, in order."""
    data = pkgutil.get_data(__package__, "codes.md")
    assert data is not None
    chunks = re.split(r"^## ", data.decode(), flags=re.MULTILINE)[1:]
    return {page.code: page for page in map(_page, chunks)}


_BLOCK = re.compile(
    r"^```(?P<language>conf|console|yaml) (?P<role>wrong|right)\n(?P<body>.*?)^```\n",
    re.MULTILINE | re.DOTALL,
)


def _page(chunk: str) -> Page:
    head, _, rest = chunk.partition("\n")
    code, _, title = head.partition(" ")
    blocks = {match["role"]: match for match in _BLOCK.finditer(rest)}
    examples = {role: match["body"].rstrip("\n") for role, match in blocks.items()}
    language = next((match["language"] for match in blocks.values()), "conf")
    return Page(
        code,
        title,
        _BLOCK.sub("", rest).strip(),
        examples.get("wrong", ""),
        examples.get("right", ""),
        language,
    )
