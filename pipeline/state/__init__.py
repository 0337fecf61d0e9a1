"""State that outlives a run: epochs, snapshots, shards of keys."""
