"""The same configuration on something that exists: an engine is a place where Penstock's own step
runs.

``plan`` says what is read, worked and written where, and what an engine must refuse; ``shipping``
carries the configuration to another machine; ``work`` is decode, filters and pack there, ``keyed``
the filters that keep state, by shards of keys, ``deliver`` the outputs. ``local`` runs a plan in
this process. No module here imports an engine but those in the directory with its name.
"""

from __future__ import annotations
