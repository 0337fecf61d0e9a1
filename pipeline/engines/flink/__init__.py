"""Plans on Flink: a translation, and nothing else.

``job`` makes an environment, puts the parts together and watches the job; ``read`` makes rows of
what the inputs name, ``step`` runs Penstock's own ``Work`` in Flink's Python workers, ``state``
keeps the state of filters by shards, ``write`` hands rows to Flink's sinks. ``rows`` says what
travels between them. Nothing of an event is a column but its key, its time and its bytes.
"""

from __future__ import annotations
