"""``python -m igrules.cli``."""

from igrules.cli import main

main()
