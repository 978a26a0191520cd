"""`python -m kaogae.cli`, the same as `kaogae`."""

from kaogae.cli import main

main()
