"""How deep the interpreter's stack must be for events that nest as deep as they may."""

from __future__ import annotations

STACK = 3 * (1000 + 200)
"""Frames for events that nest as deep as penstock.limits.depth allows, in a process of ours."""
