"""What `pulumi preview` shows for a stack, as Markdown for a pull request or an approval, with its breaking changes.

`python -m tak_tools.preview_report report` reads what the CLI printed in two runs: `pulumi preview --diff` for
people, and `pulumi preview --json --show-sames` (a PreviewDigest: pkg/display/json.go in pulumi/pulumi). The exit code
is 1 where the preview failed, or where it has a breaking change that nobody has allowed. `... fingerprint` prints one
line that stays the same as long as the state and the operations on it do.
"""

import argparse
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tak_tools.console import print_errors
from tak_tools.errors import InputError
from tak_tools.formatting import markdown_table, mask_account_ids, short_type
from tak_tools.resource_types import ROWS

Preview = Mapping[str, Any]
"""What `pulumi preview --json` prints."""

LABEL = "allow-breaking-change"

# Of a replacement the engine shows `replace`, and its parts only with --show-replacement-steps. `delete-replaced`
# without a `replace` takes away what an interrupted update has replaced already.
_REPLACING = ("replace", "create-replacement", "import-replacement")

_SUMMARY = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to delete",
    "same": "unchanged",
}


@dataclass(frozen=True)
class BreakingChange:
    """A resource that the update would replace or delete although it has data, or others rely on it."""

    type: str
    name: str
    what: str
    why: str


def breaking_changes(preview: Preview) -> list[BreakingChange]:
    """Every resource with data in it, or that others rely on, that the previewed update would replace or delete."""
    changes = {}
    for step in preview.get("steps", ()):
        type_, name = step["urn"].split("::")[2].split("$")[-1], step["urn"].split("::", 3)[3]
        row = ROWS.get(type_)
        if not row or not (row.data or row.relied_on):
            continue
        if step["op"] in _REPLACING:
            changes[step["urn"]] = BreakingChange(type_, name, "replaced", _why_replaced(step))
        elif step["op"] == "delete":
            kept = (step.get("oldState") or {}).get("retainOnDelete")
            what = "removed from the stack, but kept in AWS" if kept else "deleted"
            changes[step["urn"]] = BreakingChange(type_, name, what, "the program no longer has it")
    return list(changes.values())


def _why_replaced(step: Mapping[str, Any]) -> str:
    keys = step.get("replaceReasons") or step.get("diffReasons") or ()
    changed = ", ".join(f"`{key}`" for key in sorted(keys))
    return f"change of {changed}" if changed else "something that it depends on is replaced"


def fingerprint(preview: Preview) -> str:
    """The same for two previews of one commit that start from one state and come to the same operations.

    Needs `--show-sames`: the old state of what stays counts too. The new state does not: it has the random names that
    each preview makes up for new resources.
    """
    steps = sorted(
        json.dumps(
            {
                "op": step["op"],
                "urn": step["urn"],
                "oldState": step.get("oldState"),
                "diffReasons": sorted(step.get("diffReasons") or ()),
                "replaceReasons": sorted(step.get("replaceReasons") or ()),
                "detailedDiff": step.get("detailedDiff"),
            },
            sort_keys=True,
        )
        for step in preview.get("steps", ())
    )
    return hashlib.sha256("\n".join(steps).encode()).hexdigest()


def report(stack: str, preview: Preview, text: str, *, failed: bool, allowed: bool, longest: int | None = None) -> str:
    """The preview as Markdown without account IDs. `longest` cuts its text, in characters."""
    changes = breaking_changes(preview)
    title = "the preview failed" if failed else _summary(preview)
    sections = [f"### `{stack}`: {title}", _breaking(changes, allowed=allowed), _folded(text, longest)]
    return mask_account_ids("\n\n".join(section for section in sections if section) + "\n")


def _summary(preview: Preview) -> str:
    counts = preview.get("changeSummary") or {}
    return ", ".join(f"{counts[op]} {words}" for op, words in _SUMMARY.items() if counts.get(op)) or "no resources"


def _breaking(changes: Sequence[BreakingChange], *, allowed: bool) -> str:
    if not changes:
        return ""
    rows = [(f"{short_type(change.type)} `{change.name}`", change.what, change.why) for change in changes]
    title = "Breaking changes" if allowed else f"Breaking changes, which need the label `{LABEL}`"
    return f"**{title}:**\n\n{markdown_table(['resource', 'what happens', 'why'], rows)}"


def _folded(text: str, longest: int | None) -> str:
    if longest is not None and len(text) > longest:
        text = f"{text[:longest].rstrip()}\n... the summary of the run has the rest"
    # Longer than every fence in the text, which would end it.
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"<details>\n<summary>pulumi preview</summary>\n\n{fence}diff\n{text.rstrip()}\n{fence}\n\n</details>"


def _read_preview(path: Path, *, failed: bool) -> Preview:
    try:
        preview = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(preview, dict):
            return preview
        problem = f"found a {type(preview).__name__}"
    except (OSError, ValueError) as error:
        problem = str(error)
    if failed:
        # A CLI that stops before the engine starts prints no document.
        return {}
    raise InputError([f"{path}: expected what `pulumi preview --json` prints: {problem}"])


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError([f"{path}: expected what `pulumi preview --diff` prints: {error}"]) from None


def _print_report(arguments: argparse.Namespace) -> int:
    preview = _read_preview(arguments.preview, failed=arguments.failed)
    text = _read_text(arguments.text)

    def written(longest: int | None = None) -> str:
        return report(
            arguments.stack, preview, text, failed=arguments.failed, allowed=arguments.allow_breaking, longest=longest
        )

    print(written(), end="")
    if arguments.comment:
        arguments.comment.write_text(written(longest=arguments.longest), encoding="utf-8")
    refused = [] if arguments.allow_breaking else breaking_changes(preview)
    print_errors(tuple(f"{short_type(change.type)} {change.name}: {change.what}: {change.why}" for change in refused))
    return 1 if arguments.failed or refused else 0


def _print_fingerprint(arguments: argparse.Namespace) -> int:
    print(fingerprint(_read_preview(arguments.preview, failed=False)))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Runs one of the two commands; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tak_tools.preview_report")
    commands = parser.add_subparsers(required=True)
    reporting = commands.add_parser("report", help="print the Markdown")
    reporting.add_argument("--stack", required=True)
    reporting.add_argument("--text", type=Path, required=True, help="what `pulumi preview --diff` printed")
    reporting.add_argument("--failed", action="store_true", help="one of the previews ended with an error")
    reporting.add_argument("--allow-breaking", action="store_true", help="a breaking change is no error")
    reporting.add_argument("--comment", type=Path, help="also write the Markdown here, its text cut to --longest")
    reporting.add_argument("--longest", type=int, default=15_000, help="characters of the text (15000)")
    reporting.set_defaults(run=_print_report)
    fingerprinting = commands.add_parser("fingerprint", help="print the line to compare two previews by")
    fingerprinting.set_defaults(run=_print_fingerprint)
    for command in (reporting, fingerprinting):
        command.add_argument("preview", type=Path, help="what `pulumi preview --json --show-sames` printed")
    parsed = parser.parse_args(arguments)
    try:
        return parsed.run(parsed)
    except InputError as error:
        print_errors(error.problems)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
