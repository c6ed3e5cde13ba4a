"""`make docs`: writes the pages that come from the program, so that they cannot differ from it.

docs/architecture-STACK.md and .svg for prod and dev-test; docs/config.md and docs/outputs.md; the excerpt of a plan in
README.md, and the plan of the example in docs/layers-above.md.
"""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from tak_base.config_values import Row, camel_case, rows_of
from tak_base.outputs import STACK_OUTPUTS
from tak_base.settings import Settings
from tak_tools.diagram.mermaid import mermaid
from tak_tools.diagram.svg import svg
from tak_tools.formatting import markdown_table, short_type, usd
from tak_tools.plan import Plan, load_plan, make_plan
from tak_tools.plan_report import excerpt, whole
from tak_tools.simulate import checked, created
from tak_tools.stack_file import load_project, load_stack

STACKS = ("prod", "dev-test")

# Typical. The page does not change with the machine that writes it.
_DEMO_SECONDS = 1.4


def pages(folder: Path) -> dict[Path, str]:
    """Every generated page with its text."""
    project = load_project(folder)
    plans = {stack: make_plan(load_stack(project, stack)) for stack in STACKS}
    readme = folder / "README.md"
    documents = {folder / "docs" / f"architecture-{stack}.md": architecture_page(plan) for stack, plan in plans.items()}
    documents[folder / "docs" / "config.md"] = config_page(_bootstrap_settings(folder))
    documents[folder / "docs" / "outputs.md"] = outputs_page()
    for stack, plan in plans.items():
        documents[folder / "docs" / f"architecture-{stack}.svg"] = svg(plan.recording, _title(plan))
    example = whole(load_plan(folder / "examples" / "fargate_service", "prod"))
    demo = f"{created(plans['prod'].resource_count, _DEMO_SECONDS)}\n{checked(0)}"
    for page, part, text in (
        (readme, "demo", demo),
        (readme, "plan", excerpt(plans["prod"])),
        (folder / "docs" / "layers-above.md", "plan", example),
    ):
        before = documents.get(page) or page.read_text(encoding="utf-8")
        documents[page] = _replaced(before, part, ["```", *text.splitlines(), "```"])
    return documents


def architecture_page(plan: Plan) -> str:
    """The architecture of one stack: picture, counts, addresses and cost, as markdown."""
    return "\n".join(
        [
            f"# The base layer of {plan.stack}",
            "",
            f"Made by `make docs` from the program and `Pulumi.{plan.stack}.yaml`; `tak-base plan --stack"
            f" {plan.stack}` says more. The picture as an SVG file: [architecture-{plan.stack}.svg]"
            f"(architecture-{plan.stack}.svg).",
            "",
            *_picture(plan),
            "",
            "## Resources",
            "",
            markdown_table(
                ("type", "count"), [(short_type(type_), str(count)) for type_, count in plan.counts.items()]
            ),
            "",
            f"{plan.resource_count} in all. `pulumi preview` says {plan.pulumi_count}: it counts the stack, the"
            " components and the two parts of the image repository too.",
            "",
            "## Addresses",
            "",
            f"VPC {plan.vpc} in {plan.region}.",
            "",
            markdown_table(
                ("subnet", "zone", "IPv4", "usable", "IPv6 /64"),
                [
                    (row.subnet, row.zone, row.ipv4, str(row.usable_addresses), str(row.ipv6_index))
                    for row in plan.addresses
                ],
            ),
            "",
            "## Fixed cost",
            "",
            f"USD a month of 730 hours in {plan.region}, list prices of {plan.cost.prices_as_of}, before tax.",
            "",
            markdown_table(
                ("item", "quantity", "unit price", "a month"),
                [
                    *(
                        (line.item, str(line.quantity), f"{line.unit_price:g} a {line.per}", usd(line.monthly))
                        for line in plan.cost.lines
                    ),
                    ("**Total**", "", "", f"**{usd(plan.cost.monthly)}**"),
                ],
            ),
            "",
        ]
    )


def config_page(bootstrap_settings: type) -> str:
    """Every key of a stack file, as markdown: a section for each group, made of its class."""
    groups: dict[str, tuple[str, dict[str, Row]]] = {"": ("", {})}
    for item in fields(Settings):
        if "row" in item.metadata:
            groups[""][1][camel_case(item.name)] = item.metadata["row"]
        elif isinstance(item.type, type) and is_dataclass(item.type):
            groups[item.name] = (item.type.__doc__ or "", rows_of(item.type))
    lines = [
        "# Config",
        "",
        "Made by `make docs` from `tak_base/settings.py` and `bootstrap/tak_bootstrap/settings.py`.",
        "",
        "The keys of `Pulumi.STACK.yaml`, in the namespace `tak-base:`. A key that is not set has the default of the"
        " stack's `environment`. All mistakes of a stack file are reported together, before anything is deployed; an"
        " unknown key is one of them. `docs/operations.md` describes how to change a live stack.",
        "",
        "Region and tags are config of the AWS provider: `aws:region`, `aws:defaultTags`. So are profile, assumed role"
        " and endpoints.",
    ]
    for name, (meaning, rows) in groups.items():
        lines += ["", f"## {name.upper() if len(name) < 4 else name.capitalize()}", "", meaning] if name else []
        lines += _keys(rows, {"prod": "prod", "dev-test": "dev_test"})
    lines += ["", "## bootstrap/", "", "The keys of the other project, in the namespace `tak-bootstrap:`."]
    lines += _keys(rows_of(bootstrap_settings), {"default": ""})
    return "\n".join(lines) + "\n"


def outputs_page() -> str:
    """Every stack output, as markdown."""
    table = [
        (f"`{name}`", output.type_name, output.meaning, f"with {output.only_with}" if output.only_with else "always")
        for name, output in STACK_OUTPUTS.items()
    ]
    return "\n".join(
        [
            "# Stack outputs",
            "",
            "Made by `make docs` from `tak_base/outputs.py`. `docs/layers-above.md` says how another stack reads them."
            " A name once published never changes its meaning.",
            "",
            markdown_table(("output", "type", "what", "published"), table),
            "",
        ]
    )


def _keys(rows: Mapping[str, Row], columns: Mapping[str, str]) -> list[str]:
    """A table of keys with their defaults, and what each decides."""
    table = [
        (f"`{name}`", row.reader.expected, *(_default(row, column) for column in columns.values()))
        for name, row in rows.items()
    ]
    return [
        "",
        markdown_table(("key", "value", *columns), table),
        "",
        *(f"- `{name}`: {row.doc}{_with_suite(row)}" for name, row in rows.items()),
    ]


def _with_suite(row: Row) -> str:
    """The defaults that `takSuite` changes."""
    if "tak_suite" in row.columns:
        return f" With `takSuite`, the default is {_default(row, 'tak_suite')}."
    if "tak_suite_dev_test" in row.columns:
        return f" With `takSuite`, the default of dev-test is {_default(row, 'tak_suite_dev_test')}."
    return ""


def _default(row: Row, column: str) -> str:
    default = row.default_in(column)
    if row.required:
        return "required"
    if isinstance(default, tuple):
        return f"[{', '.join(default)}]"
    return "not set" if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def main() -> None:
    """Writes the pages of the project in the current folder."""
    for path, text in pages(Path()).items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}", file=sys.stderr)


def _bootstrap_settings(folder: Path) -> type:
    # Where Pulumi looks for the modules of that project.
    sys.path.insert(0, str(folder.resolve() / "bootstrap"))
    try:
        return importlib.import_module("tak_bootstrap.settings").Settings
    finally:
        del sys.path[0]


def _picture(plan: Plan) -> list[str]:
    return ["```mermaid", *mermaid(plan.recording, _title(plan)).rstrip().splitlines(), "```"]


def _title(plan: Plan) -> str:
    return f"TAK base layer: {plan.stack}"


def _replaced(page: str, part: str, lines: list[str]) -> str:
    """`page` with other lines between the marks of a generated part."""
    start, end = f"<!-- {part}: made by `make docs` -->", f"<!-- /{part} -->"
    before, rest = page.split(start)
    _, after = rest.split(end)
    return before + "\n".join([start, "", *lines, "", end]) + after


if __name__ == "__main__":
    main()
