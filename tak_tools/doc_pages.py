"""`make docs`: writes the pages that come from the program, so that they cannot differ from it.

docs/architecture-STACK.md and .svg for prod and dev-test; docs/config.md, docs/controls.md and docs/outputs.md; the
excerpt of a plan in README.md, the plan of the example in docs/layers-above.md, and the exports in docs/tak-suite.md.
"""

import importlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_args

from tak_base.config_values import Row, camel_case, rows_of
from tak_base.outputs import STACK_OUTPUTS, SUITE_EXPORTS
from tak_base.settings import CONFIG_KEYS, Environment, Settings, parse_settings
from tak_tools.controls import CIS_VERSIONS, CONTROLS, Control, State, cited
from tak_tools.diagram.mermaid import mermaid
from tak_tools.diagram.svg import svg
from tak_tools.formatting import markdown_table, short_type, usd
from tak_tools.plan import Plan, load_plan, make_plan
from tak_tools.plan_report import excerpt, whole
from tak_tools.policy.rules import RULES
from tak_tools.simulate import checked, created
from tak_tools.stack_file import load_project, load_stack
from tak_tools.verify import CHECKS

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
    documents[folder / "docs" / "controls.md"] = controls_page()
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
    suite = folder / "docs" / "tak-suite.md"
    documents[suite] = _replaced(suite.read_text(encoding="utf-8"), "exports", [exports_table()])
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
    """Every key of a stack file, as markdown: a section for each settings class."""
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


def exports_table() -> str:
    """The exports for TAK's own layers, as markdown."""
    rows = [
        (export, f"`{output}`" + (f", `{entry}`" if entry else "")) for export, (output, entry) in SUITE_EXPORTS.items()
    ]
    return markdown_table(("export `TAK-Prod-BaseInfra-...`, output `...Output`", "stack output"), rows)


def controls_page() -> str:
    """Every control of AWS and CIS that concerns the layer's resource types, with what enforces it, as markdown."""
    enforced = enforced_by()
    defaults = default_settings()
    states = {
        control.id: [control.state(settings, enforced=bool(enforced[control.id])) for settings in defaults.values()]
        for control in CONTROLS.values()
    }
    counts = [Counter(states[id_][column] for id_ in states) for column in range(len(defaults))]
    lines = [
        "# Security controls",
        "",
        "Made by `make docs` from `tak_tools/controls.py`, the rules in `tak_tools/policy/rules.py` and the checks in"
        " `tak_tools/verify/`, each of which names its controls.",
        "",
        "The controls of AWS Security Hub for the resource types of the layer: those of AWS Foundational Security Best"
        f" Practices (FSBP), those of the CIS AWS Foundations Benchmark (CIS {', '.join(CIS_VERSIONS)}, by the"
        " numbers that AWS gives), and a few of other standards that are often asked for. Titles are in our own words;"
        " [AWS's"
        " reference](https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-controls-reference.html)"
        " has the original ones. Controls for users, the root user, CloudTrail, AWS Config, GuardDuty and alarms are"
        " for the account's administrators, and are not listed. Those of the AWS Resource Tagging standard are met by"
        " the default tags of the stack file: rule `required-tags`, check `tags`.",
        "",
        "The states are those of the defaults of each environment. A policy **rule** judges every preview and"
        " deployment, a **check** is one of `tak-base verify`, and **program** is the file and the text that set it."
        " `docs/config.md` explains the keys.",
        "",
        markdown_table(
            ("state", *defaults),
            [(state, *(str(count[state]) for count in counts)) for state in get_args(State)],
        ),
        "",
        f"{len(CONTROLS)} in all.",
    ]
    for owner, title in _CONTROL_SECTIONS.items():
        shown = [control for control in CONTROLS.values() if control.owner == owner]
        lines += ["", f"## {title}", ""]
        columns = defaults if owner == "stack" else ()
        lines.append(
            markdown_table(
                ("control", "what it asks", "standard", *columns, "enforced by", "remarks"),
                [
                    (
                        control.id,
                        control.title,
                        "<br>".join(control.standards) or "other",
                        *(states[control.id] if columns else ()),
                        "<br>".join(_enforcement(control, enforced[control.id])) or "-",
                        " ".join(_remarks(control)) or "-",
                    )
                    for control in shown
                ],
            )
        )
    return "\n".join(lines) + "\n"


_CONTROL_SECTIONS = {
    "stack": "In the stack",
    "account": "In the account",
    "layer above": "In layers above",
    "nobody": "Without such a resource",
}


def enforced_by() -> dict[str, list[str]]:
    """The rules and checks that name each control. Raises ValueError for a control without a row."""
    enforced: dict[str, list[str]] = {id_: [] for id_ in CONTROLS}
    for what, items in (("rule", RULES), ("check", CHECKS.values())):
        for item in items:
            for control in cited(item.controls):
                enforced[control.id].append(f"{what} `{item.name}`")
    return enforced


def default_settings() -> dict[str, Settings]:
    """What a stack file without more than the required keys gives, by environment."""
    return {
        environment: parse_settings({"environment": environment, "majorId": 0, "minorId": 0}, stack=environment)
        for environment in get_args(Environment)
    }


def _enforcement(control: Control, named: Iterable[str]) -> list[str]:
    program = []
    if control.program:
        file, text = control.program
        program.append(f"program `{file}`: `{text.removeprefix('def ')}`")
    return [*program, *named]


def _remarks(control: Control) -> list[str]:
    """What decides a control, with the defaults, and why it is not met."""
    remarks = []
    for name in control.keys:
        row = CONFIG_KEYS[name]
        defaults = {environment: _default(row, environment.replace("-", "_")) for environment in get_args(Environment)}
        shown = ", ".join(f"{environment}: {default}" for environment, default in defaults.items())
        remarks.append(f"Depends on `{name}`{'' if name == 'vpcEndpoints' else f' ({shown})'}.")
    return [*remarks, *([control.reason] if control.reason else [])]


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
    # Pulumi finds the modules of that project here.
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
