"""`python -m tak_tools` is `tak-base`."""

from tak_tools.cli import main

main()
