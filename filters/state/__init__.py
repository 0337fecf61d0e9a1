"""What filters that remember by event time stand on: plain data and arithmetic, without I/O.

Times are whole milliseconds since 1970. ``NEVER`` lies before all of them, ``FOREVER`` behind.
"""

from __future__ import annotations

NEVER = -(1 << 70)
FOREVER = 1 << 70
