"""The sources of events: one file a plugin, found by its name."""
