"""Where commands print: results to standard output, progress and errors to standard error."""

import json
import sys
from typing import Any

from rich.console import Console

_PIPE_WIDTH = 160


def result_console() -> Console:
    """Standard output. In a pipe it has no colour, and is wide enough to keep a table's rows on one line."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    # `:secret:` in an ARN is not an emoji.
    return Console(width=width, highlight=False, soft_wrap=False, emoji=False)


def progress_console() -> Console:
    """Standard error, for progress. Silent in a pipe."""
    return Console(stderr=True, highlight=False, quiet=not sys.stderr.isatty())


def print_json(document: Any) -> None:
    """`document` as JSON on standard output, the same bytes for the same document."""
    print(json.dumps(document, indent=2))


def print_errors(lines: tuple[str, ...]) -> None:
    """Each line on standard error, after the command's name."""
    for line in lines:
        print(f"tak-base: {line}", file=sys.stderr)
