"""`tak-base fit`: can layers above, given as CloudFormation templates, be deployed on a stack?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from tak_tools.console import print_json, result_console
from tak_tools.fit.capacity import addresses, full_subnets, services, unreachable_services
from tak_tools.fit.checks import Case, Finding, find
from tak_tools.fit.stack import stack_of
from tak_tools.fit.template import read_layers
from tak_tools.stack_file import Project, key_of, load_project, load_stack, stack_names


def run(folder: Path, templates: Sequence[Path], stack: str, *, as_json: bool) -> int:
    """Prints the findings; returns 1 where there is a fault, else 0."""
    project = load_project(folder)
    facts = stack_of(load_stack(project, stack))
    layers = read_layers(templates, facts.region, facts.exports)
    case = Case(facts, tuple(layers), _suites(project, stack))
    findings = find(case)
    # Layers with another base layer use nothing of this stack.
    own = case.of_the_stack()
    findings += [*full_subnets(own), *unreachable_services(own)]
    if as_json:
        print_json(_as_document(case, findings))
    else:
        _print(case, findings)
    return 1 if any(finding.level == "fault" for finding in findings) else 0


def _suites(project: Project, stack: str) -> frozenset[str]:
    """The TAK environments of the other stack files."""
    found = (key_of(project, name, "takSuite") for name in stack_names(project.folder) if name != stack)
    return frozenset(suite for suite in found if isinstance(suite, str))


def _as_document(case: Case, findings: list[Finding]) -> dict[str, Any]:
    return {
        "stack": case.stack.name,
        "suite": case.stack.settings.tak_suite,
        "layers": _rows(case, findings),
        "findings": [asdict(finding) for finding in findings],
        "addresses": [asdict(row) for row in addresses(case.of_the_stack())],
        "services": [asdict(service) for service in services(case.of_the_stack())],
        "nat_gateway_usd_a_gb": case.stack.nat_gateway_gb,
    }


def _rows(case: Case, findings: list[Finding]) -> list[dict[str, Any]]:
    counts = Counter((finding.layer, finding.level) for finding in findings)
    return [
        {
            "layer": layer.stack_name,
            "template": layer.path,
            "resources": len(layer.resources),
            "imports": len({item.name for item in layer.imports if item.name in case.stack.exports}),
            "faults": counts[layer.stack_name, "fault"],
            "notes": counts[layer.stack_name, "note"],
        }
        for layer in case.layers
    ]


def _print(case: Case, findings: list[Finding]) -> None:
    console = result_console()
    layers = _table("layer", "resources", "imports of the stack", "faults", "notes")
    for row in _rows(case, findings):
        numbers = (str(row[key]) for key in ("resources", "imports", "faults", "notes"))
        layers.add_row(escape(row["layer"]), *numbers)
    console.print(layers)
    faults = [finding for finding in findings if finding.level == "fault"]
    for level, found in (("Faults", faults), ("Notes", [item for item in findings if item not in faults])):
        if found:
            console.print(f"\n[bold]{level}[/bold]")
        for finding in found:
            where = ": ".join(filter(None, [finding.layer, finding.resource, finding.property]))
            # One line for each, however long it is: for grep.
            console.print(f"{where}: {finding.message} ({finding.check})", markup=False, soft_wrap=True)
    _print_addresses(case.of_the_stack())
    _print_services(case.of_the_stack())
    count = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}"
    console.print(f"\n{count}: the layers {'do not fit' if faults else 'fit'} on {case.stack.name}.")


def _print_addresses(case: Case) -> None:
    console = result_console()
    table = _table("subnet", "usable", "steady", "at the autoscaling limits", "during a deployment")
    for row in addresses(case.of_the_stack()):
        table.add_row(row.subnet, *(str(value) for value in (row.usable, row.steady, row.at_limits, row.deploying)))
    console.print("\n[bold]IPv4 addresses, those of the base layer included[/bold]")
    console.print(table)


def _print_services(case: Case) -> None:
    called = services(case.of_the_stack())
    if not called:
        return
    console = result_console()
    table = _table("AWS service", "way", "layers")
    for service in called:
        table.add_row(service.name, "endpoint" if service.endpoint else "NAT gateway", ", ".join(service.layers))
    console.print("\n[bold]AWS services that the roles in the private subnets may call[/bold]")
    console.print(table)
    if not all(service.endpoint for service in called) and case.stack.settings.network.nat_gateways:
        price = case.stack.nat_gateway_gb
        console.print(f"Through a NAT gateway: {'no price known' if price is None else f'USD {price:g}'} a GB.")


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="left")
    return table
