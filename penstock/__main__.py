"""``python -m penstock``."""

from .pipeline.commands.main import main

main()
