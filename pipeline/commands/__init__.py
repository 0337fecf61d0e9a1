"""The commands, one module each; ``command`` imports the one that is called."""
