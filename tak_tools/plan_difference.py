"""The difference of two plans: what `tak-base plan --compare` shows of two stacks, and a pull request of one.

Run as `python -m tak_tools.plan_difference BEFORE AFTER` on two files of `tak-base plan --json`, it prints Markdown for
the pull request. A missing or empty file stands for a stack that does not exist: one that the change adds or
removes.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tak_tools.console import print_errors
from tak_tools.errors import InputError
from tak_tools.formatting import markdown_table, mask_account_ids, short_type, usd

Document = Mapping[str, Any]
"""The result of `Plan.as_document`, or an empty mapping for no stack."""

_ABSENT = "–"


@dataclass(frozen=True)
class Row:
    """One fact of two plans; a dash where a plan does not have it."""

    name: str
    before: str
    after: str
    change: str = ""
    """The difference of two numbers."""


@dataclass(frozen=True)
class Section:
    """Facts of one kind, whether they differ or not."""

    title: str
    """Empty for the totals."""
    rows: tuple[Row, ...]


def sections(before: Document, after: Document) -> tuple[Section, ...]:
    """Everything that is compared. One of the documents may be empty (no stack)."""
    return (
        Section("", tuple(_totals(before, after))),
        _section("setting", _settings(before), _settings(after)),
        _section("subnet", _subnets(before), _subnets(after)),
        _section("route", _routes(before), _routes(after)),
        _section("endpoint", _endpoints(before), _endpoints(after)),
        _section("USD a month", _cost_lines(before), _cost_lines(after)),
        _section("resources", _counts(before), _counts(after)),
    )


def difference(before: Document, after: Document) -> str:
    """What a change does to a stack, as Markdown. One of the documents may be empty (no stack).

    A plan has the resources without their properties; changes of those are in `pulumi preview`.
    """
    stack = (after or before)["stack"]
    totals, *others = sections(before, after)
    if before == after:
        resources, cost, time, *_ = (row.after for row in totals.rows)
        return f"### `{stack}`: the same plan\n\n{resources} resources, {cost} USD a month, `pulumi up` {time}.\n"
    title = "another plan" if before and after else "new stack" if after else "stack removed from the repository"
    header = ["", "before", "after", "difference"]
    parts = [
        f"### `{stack}`: {title}",
        markdown_table(header, [(row.name, row.before, row.after, row.change) for row in totals.rows]),
        *(_changes(section) for section in others),
        _unprotected(before, after),
        _resources(before, after),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _totals(before: Document, after: Document) -> Iterator[Row]:
    plans = (before, after)
    yield _number("Resources", [sum(plan["counts"].values()) if plan else None for plan in plans], "{:d}", "{:+d}")
    yield _number("Fixed cost, USD a month", [_monthly(plan) for plan in plans], "{:,.2f}", "{:+,.2f}")
    yield _number("`pulumi up` from nothing, typical", [_seconds(plan) for plan in plans], "{:d} s", "{:+d} s")
    for name, key in (("Protected resources", "protected"), ("Policy violations", "violations")):
        yield _number(name, [len(plan.get(key, ())) if plan else None for plan in plans], "{:d}", "{:+d}")
    break_even = [plan["cost"].get("break_even_gb") if plan else None for plan in plans]
    if any(value is not None for value in break_even):
        yield _number("Break-even of the endpoints, GB a month", break_even, "{:,.0f}", "{:+,.0f}")


def _monthly(plan: Document) -> float | None:
    """None also where a price of the region is unknown."""
    return plan["cost"]["monthly"] if plan else None


def _seconds(plan: Document) -> int | None:
    return max((step["ready_after"] for step in plan["critical_path"]), default=0) if plan else None


def _number(name: str, values: Sequence[float | None], shown: str, shown_change: str) -> Row:
    before, after = values
    change = _ABSENT if before is None or after is None else shown_change.format(after - before)
    texts = [_ABSENT if value is None else shown.format(value) for value in values]
    return Row(name, texts[0], texts[1], change)


def _settings(plan: Document) -> dict[str, str]:
    return {key: str(plan[key]) for key in ("environment", "region", "vpc") if plan}


def _subnets(plan: Document) -> dict[str, str]:
    rows = plan.get("addresses", ())
    return {row["subnet"]: f"{row['ipv4']}, {row['zone']}, IPv6 /64: {row['ipv6_index']}" for row in rows}


def _routes(plan: Document) -> dict[str, str]:
    return {f"{row['table']} {row['destination']}": row["target"] for row in plan.get("routes", ())}


def _endpoints(plan: Document) -> dict[str, str]:
    rows = plan.get("endpoints", ())
    return {row["service"]: f"{row['type']}, open to {row['open_to']}, {row['addresses']}" for row in rows}


def _cost_lines(plan: Document) -> dict[str, str]:
    return {line["item"]: _cost_line(line) for line in plan["cost"]["lines"]} if plan else {}


def _cost_line(line: Mapping[str, Any]) -> str:
    monthly = usd(line["monthly"])
    return f"{line['quantity']} x, {monthly}"


def _counts(plan: Document) -> dict[str, str]:
    return {short_type(type_): str(count) for type_, count in plan.get("counts", {}).items()}


def _section(title: str, before: Mapping[str, str], after: Mapping[str, str]) -> Section:
    names = dict.fromkeys([*before, *after])
    return Section(title, tuple(Row(name, before.get(name, _ABSENT), after.get(name, _ABSENT)) for name in names))


def _changes(section: Section) -> str:
    """A table of the facts that differ; empty where none does."""
    rows = [(row.name, row.before, row.after) for row in section.rows if row.before != row.after]
    return markdown_table([section.title, "before", "after"], rows) if rows else ""


def _unprotected(before: Document, after: Document) -> str:
    kept = [(item["type"], item["name"]) for item in after.get("protected", ())]
    lost = [item for item in before.get("protected", ()) if (item["type"], item["name"]) not in kept]
    names = ", ".join(f"{short_type(item['type'])} `{item['name']}`" for item in lost)
    return f"**No longer protected against deletion:** {names}" if lost else ""


def _resources(before: Document, after: Document) -> str:
    old, new = _resource_keys(before), _resource_keys(after)
    added, removed = sorted(new - old), sorted(old - new)
    if not added and not removed:
        return ""
    lines = ["<details>", f"<summary>{len(added)} added, {len(removed)} removed</summary>", ""]
    for component in sorted({item[0] for item in [*added, *removed]}):
        lines.append(f"- **{component.rsplit(':', 1)[-1]}**")
        for word, items in (("added", added), ("removed", removed)):
            lines += [
                f"  - {word}: {short_type(type_)} `{name}`" for parent, type_, name in items if parent == component
            ]
    return "\n".join([*lines, "", "</details>"])


def _resource_keys(plan: Document) -> set[tuple[str, str, str]]:
    return {(item["component"], item["type"], item["name"]) for item in plan.get("resources", ())}


def _read(path: Path) -> Document:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    try:
        return json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise InputError([f"{path}: is not JSON: {error}"]) from None


def main(arguments: Sequence[str]) -> int:
    """Prints the difference of two files; returns the exit code, 2 where they cannot be used."""
    try:
        if len(arguments) != 2:
            raise InputError([f"found {len(arguments)} arguments, expected two files of `tak-base plan --json`"])
        before, after = (_read(Path(name)) for name in arguments)
        if not before and not after:
            raise InputError([f"{' and '.join(arguments)}: found no plan in either, expected one at least"])
    except InputError as error:
        print_errors(error.problems)
        return 2
    print(mask_account_ids(difference(before, after)), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
