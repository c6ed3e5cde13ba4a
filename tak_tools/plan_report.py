"""Prints plans: one with all its sections, or two side by side."""

from collections.abc import Callable, Iterable, Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tak_tools.console import print_json, result_console
from tak_tools.cost import Cost
from tak_tools.formatting import short_type, usd
from tak_tools.plan import Plan, load_plan
from tak_tools.plan_difference import sections
from tak_tools.policy.rules import RULES
from tak_tools.resource_tree import resource_tree


def run(folder: Path, stack: str, compare: str | None, *, as_json: bool) -> int:
    """Prints the plan of `stack`, beside that of `compare`; returns 1 where one breaks a mandatory rule, else 0."""
    plans = [load_plan(folder, name) for name in ([stack, compare] if compare else [stack])]
    if as_json:
        documents = [plan.as_document() for plan in plans]
        print_json(documents if compare else documents[0])
    elif compare:
        _print_comparison(result_console(), *plans)
    else:
        _print_plan(result_console(), plans[0])
    return 1 if any(violation.rule.level == "mandatory" for plan in plans for violation in plan.violations) else 0


def excerpt(plan: Plan) -> str:
    """The parts of a plan that the README shows: cost and critical path."""
    return _printed(plan, _print_excerpt)


def whole(plan: Plan) -> str:
    """Everything that the command prints."""
    return _printed(plan, _print_plan)


def _printed(plan: Plan, print_parts: Callable[[Console, Plan], None]) -> str:
    console = Console(file=StringIO(), width=120, highlight=False)
    with console.capture() as capture:
        print_parts(console, plan)
    return "\n".join(line.rstrip() for line in capture.get().strip().splitlines())


def _print_excerpt(console: Console, plan: Plan) -> None:
    _print_cost(console, plan.cost)
    _print_critical_path(console, plan)


def _print_plan(console: Console, plan: Plan) -> None:
    console.print(
        f"[bold]{plan.stack}[/bold] ({plan.environment}) in {plan.region}: {plan.resource_count} resources,"
        f" {_monthly(plan.cost)}"
    )
    _section(console, "Resources")
    project = plan.recording.registrations[0].urn.split("::")[1]
    console.print(resource_tree(plan.recording, f"[bold]{project}[/bold]"))
    _section(console, f"Counts; `pulumi preview` says {plan.pulumi_count}, with the stack, components and awsx's parts")
    console.print(_table([], [[short_type(type_), str(count)] for type_, count in plan.counts.items()]))
    if plan.base_layer:
        _section(console, f"On top of {plan.base_layer}, in its VPC {plan.vpc}")
        console.print("`tak-base plan` of that stack has the addresses and the policy")
    else:
        _print_addresses(console, plan)
    _section(console, "Protected: no deployment deletes these")
    for item in plan.protected:
        console.print(f"{short_type(item.type)} {item.name}")
    if not plan.protected:
        console.print("nothing: `pulumi destroy` deletes the stack's data too (protectData is false)")
    if plan.existing:
        _section(console, "Has to exist before the stack")
        for item in plan.existing:
            console.print(item)
    if not plan.base_layer:
        _print_policy(console, plan)
    _print_cost(console, plan.cost)
    _print_critical_path(console, plan)


def _print_addresses(console: Console, plan: Plan) -> None:
    _section(console, f"Addresses: VPC {plan.vpc}")
    console.print(
        _table(
            ["subnet", "zone", "IPv4", "usable", "IPv6 /64"],
            [[r.subnet, r.zone, r.ipv4, str(r.usable_addresses), f"{r.ipv6_index}"] for r in plan.addresses],
        )
    )
    _section(console, "Routes")
    console.print(_table(["table", "destination", "to"], [[r.table, r.destination, r.target] for r in plan.routes]))
    if not plan.ipv4_way_out:
        console.print(
            "\nPrivate subnets reach the internet over IPv6 only (natGateways is 0). A NAT gateway with its address"
            f" would cost {usd(plan.cost.nat_gateway_month)} USD a month. What does not work without one is in"
            " docs/operations.md, Without NAT gateways."
        )
    if plan.endpoints:
        _section(console, "Private endpoints; `everyone` is every caller within the VPC")
        rows = [[e.service, e.type, e.open_to, e.addresses] for e in plan.endpoints]
        console.print(_table(["service", "type", "open to", "addresses"], rows))


def _print_critical_path(console: Console, plan: Plan) -> None:
    _section(console, "Critical path: what bounds the time of `pulumi up`, typical seconds")
    console.print(
        _table(
            ["resource", "takes", "ready after"],
            [[step.name, str(step.seconds), str(step.ready_after)] for step in plan.critical_path],
        )
    )


def _print_policy(console: Console, plan: Plan) -> None:
    _section(console, f"Policy: {len(RULES)} rules")
    if plan.violations:
        rows = [[v.rule.level, v.rule.name, v.resource.name, v.message] for v in plan.violations]
        console.print(_table(["level", "rule", "resource", "what"], rows))
    else:
        console.print("no violation")


def _print_cost(console: Console, cost: Cost) -> None:
    if cost.prices_as_of:
        _section(console, f"Fixed cost in {cost.region}, USD, list prices of {cost.prices_as_of}, before tax")
    else:
        _section(console, f"Fixed cost: tak_tools/prices.toml has no prices for {cost.region}, so quantities only")
    if cost.prices_older_than_a_year:
        console.print("The prices are older than a year: `tak-base prices --refresh` reads those of today.")
    rows = [
        [line.item, f"{line.quantity} x {_price(line.unit_price)} a {line.per}", usd(line.monthly)]
        for line in cost.lines
    ]
    console.print(_table(["", "", "a month"], [*rows, ["Total", "", usd(cost.monthly)]], right=2))
    if cost.usage:
        _section(console, "Usage, on top of the fixed cost, USD")
        console.print(_table([], [[price.item, f"{_price(price.price)} a {price.unit}"] for price in cost.usage]))
    if cost.break_even_gb is not None:
        console.print(
            f"\nThe interface endpoints pay for themselves above {cost.break_even_gb:,.0f} GB a month of traffic to"
            " their services, which NAT gateways would carry otherwise."
        )


def _print_comparison(console: Console, left: Plan, right: Plan) -> None:
    rows: list[list[str]] = []
    for section in sections(left.as_document(), right.as_document()):
        if section.rows:
            rows += [["", "", "", ""]] if rows else []
            rows += [[f"[dim]{section.title}[/dim]", "", "", ""]] if section.title else []
            rows += [[row.name, row.before, row.after, row.change] for row in section.rows]
    console.print(_table(["", left.stack, right.stack, "difference"], rows))


def _monthly(cost: Cost) -> str:
    return "no total, as a price is missing" if cost.monthly is None else f"{cost.monthly:,.2f} USD a month plus usage"


def _price(price: float | None) -> str:
    return "no price" if price is None else f"{price:g}"


def _section(console: Console, title: str) -> None:
    console.print(f"\n[bold]{title}[/bold]")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: int | None = None) -> Table:
    rows = list(rows)
    table = Table(box=None, show_header=bool(header), padding=(0, 3, 0, 0), header_style="dim")
    for index in range(len(rows[0])):
        table.add_column(header[index] if header else "", justify="right" if index == right else "left")
    for row in rows:
        table.add_row(*row)
    return table
