"""``python -m penstock``."""
from .pipeline.command import main

main()
