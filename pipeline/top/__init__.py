"""``penstock top``: what a running process does, live in a terminal."""
