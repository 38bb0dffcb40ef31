"""`python -m ccfb`."""

from ccfb.cli import main

main()
