"""The examples of the filter window."""

from __future__ import annotations

from typing import Any

from ..plugins.declaration import Example


def _at(second: int, **fields: Any) -> dict[str, Any]:
    stamp = f"2025-09-04T08:{second // 60:02d}:{second % 60:02d}.000Z"
    return {"@timestamp": stamp, **fields}


EXAMPLES = ()
