"""``python -m relentropy.cli``."""

from relentropy.cli import main

main()
