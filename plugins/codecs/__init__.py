"""Bytes to events and back: one file a codec, found by its name."""
