"""`tak-base` and `python -m tak_tools`: starts cli.py, or says in one line that the tools are not installed."""

import sys
from importlib.util import find_spec

# The imports of the extra `tools` (pyproject.toml). A layer above imports tak_base without them.
_TOOLS = ("boto3", "moto", "rich", "typer", "yaml")


def main() -> None:
    """The entry point."""
    missing = [name for name in _TOOLS if find_spec(name) is None]
    if missing:
        print(f'tak-base: found no {", ".join(missing)}, expected: pip install "tak-base[tools]"', file=sys.stderr)
        sys.exit(2)
    from tak_tools import cli

    cli.main()


if __name__ == "__main__":
    main()
