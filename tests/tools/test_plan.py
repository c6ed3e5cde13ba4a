"""`tak-base plan`: the resources of a stack, its cost and its critical path."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from tak_tools import plan_report
from tak_tools.console import result_console
from tak_tools.cost import cost_of
from tak_tools.critical_path import critical_path
from tak_tools.plan import Plan, load_plan, make_plan
from tak_tools.plan_difference import difference, sections
from tak_tools.program import Recording
from tak_tools.stack_file import Project, load_stack
from tests.options import EVERY_NETWORK_EXTRA, SERVICES, Evaluate, with_options
from tests.unit.test_program import ENDPOINT, PROD_TYPES

PROJECT_FOLDER = Path(__file__).parent.parent.parent
PRICES = tomllib.loads((PROJECT_FOLDER / "tak_tools/prices.toml").read_text())["regions"]["ap-southeast-2"]


@pytest.fixture(scope="module")
def prod_plan(project: Project) -> Plan:
    return make_plan(load_stack(project, "prod"))


@pytest.fixture(scope="module")
def dev_test_plan(project: Project) -> Plan:
    return make_plan(load_stack(project, "dev-test"))


@pytest.fixture(scope="module")
def extras_plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """prod with every extra of the network."""
    folder = tmp_path_factory.mktemp("extras")
    for path in (*PROJECT_FOLDER.glob("Pulumi.yaml"), PROJECT_FOLDER / "__main__.py"):
        shutil.copy(path, folder)
    lines = [f"  tak-base:{key}: {json.dumps(value)}" for key, value in EVERY_NETWORK_EXTRA.items()]
    text = (PROJECT_FOLDER / "Pulumi.prod.yaml").read_text(encoding="utf-8").rstrip("\n")
    Path(folder, "Pulumi.prod.yaml").write_text("\n".join([text, *lines]) + "\n")
    return load_plan(folder, "prod")


@pytest.fixture(scope="module")
def services_plan(project: Project) -> Plan:
    """The same with endpoints of every kind, of which six are interface endpoints."""
    return make_plan(with_options(project, "prod", **EVERY_NETWORK_EXTRA | {"vpcEndpoints": SERVICES}))


def test_the_plan_of_prod_has_the_counts_of_the_design(prod_plan: Plan) -> None:
    expected = {
        "aws:ec2/vpc:Vpc": 1,
        "aws:ec2/subnet:Subnet": 4,
        "aws:ec2/natGateway:NatGateway": 2,
        "aws:ec2/eip:Eip": 2,
        "aws:ec2/routeTable:RouteTable": 3,
        ENDPOINT: PROD_TYPES[ENDPOINT],
        "aws:ecs/cluster:Cluster": 1,
        "awsx:ecr:Repository": 1,
        "aws:s3/bucket:Bucket": 1,
        "aws:kms/key:Key": 1,
        "aws:kms/alias:Alias": 1,
    }
    assert {type_: prod_plan.counts[type_] for type_ in expected} == expected


def test_pulumi_also_counts_the_stack_the_components_and_what_awsx_makes(prod_plan: Plan) -> None:
    # The stack, its 4 components, and the repository within awsx's: what the real engine counts, too.
    assert prod_plan.pulumi_count == prod_plan.resource_count + 6


def test_the_address_table_has_every_subnet_with_its_usable_addresses(prod_plan: Plan) -> None:
    assert [(r.subnet, r.zone, r.ipv4, r.usable_addresses, r.ipv6_index) for r in prod_plan.addresses] == [
        ("public-a", "first of the region", "10.1.16.0/24", 251, 0),
        ("public-b", "second of the region", "10.1.17.0/24", 251, 1),
        ("private-a", "first of the region", "10.1.20.0/26", 59, 2),
        ("private-b", "second of the region", "10.1.21.0/26", 59, 3),
    ]


def test_the_plan_shows_where_each_private_route_leads(extras_plan: Plan) -> None:
    routes = [(r.table, r.destination, r.target) for r in extras_plan.routes if r.table.endswith("-private-b")]
    assert routes == [
        ("tak-route-table-private-b", "0.0.0.0/0", "tak-nat-gateway-b"),
        ("tak-route-table-private-b", "::/0", "tak-egress-only-gateway"),
        ("tak-route-table-private-b", "64:ff9b::/96", "tak-nat-gateway-b"),
    ]


def test_the_plan_says_of_each_endpoint_who_may_use_it_and_over_which_protocols(
    prod_plan: Plan, services_plan: Plan
) -> None:
    assert {(e.open_to, e.addresses) for e in prod_plan.endpoints} == {("the account", "ipv4")}
    assert {e.service: (e.type, e.open_to, e.addresses) for e in services_plan.endpoints} == {
        "s3": ("Gateway", "the account", "dualstack"),
        "ecr.api": ("Interface", "the account", "dualstack"),
        "ecr.dkr": ("Interface", "the account", "dualstack"),
        "kms": ("Interface", "the account", "dualstack"),
        "logs": ("Interface", "the account", "ipv4 (offers no other)"),
        "secretsmanager": ("Interface", "the account", "ipv4 (offers no other)"),
        "ssmmessages": ("Interface", "everyone (takes no policy)", "ipv4 (offers no other)"),
    }


def test_the_extras_of_the_network_break_no_rule(extras_plan: Plan) -> None:
    assert extras_plan.violations == ()


def test_network_extras_cost_nothing_but_the_endpoint_that_is_added(prod_plan: Plan, extras_plan: Plan) -> None:
    assert extras_plan.cost.monthly == pytest.approx(
        (prod_plan.cost.monthly or 0) + 2 * PRICES["interface_endpoint_hour"] * 730
    )


def test_the_plan_names_what_is_protected(prod_plan: Plan, dev_test_plan: Plan) -> None:
    assert [item.name for item in prod_plan.protected] == ["tak-outputs", "tak-images", "tak-key", "tak-config"]
    assert dev_test_plan.protected == ()


def test_the_fixed_cost_of_prod_counts_each_interface_endpoint_in_both_zones(services_plan: Plan) -> None:
    hours = {"hour": 730, "month": 1}
    assert [(line.item, line.quantity, line.unit_price, line.monthly) for line in services_plan.cost.lines] == [
        (item, quantity, PRICES[key], pytest.approx(quantity * PRICES[key] * hours[key.rsplit("_", 1)[1]]))
        for item, quantity, key in (
            ("NAT gateway", 2, "nat_gateway_hour"),
            ("Public IPv4 address", 2, "public_ipv4_hour"),
            ("Interface endpoint, in each zone", 12, "interface_endpoint_hour"),
            ("Customer-managed KMS key", 1, "kms_key_month"),
        )
    ]
    assert services_plan.cost.monthly == pytest.approx(sum(line.monthly or 0 for line in services_plan.cost.lines))


def test_the_fixed_cost_of_dev_test_has_one_nat_gateway_and_no_endpoints(dev_test_plan: Plan) -> None:
    assert [(line.item, line.quantity) for line in dev_test_plan.cost.lines] == [
        ("NAT gateway", 1),
        ("Public IPv4 address", 1),
        ("Customer-managed KMS key", 1),
    ]


def test_endpoints_pay_for_themselves_where_their_fixed_cost_equals_what_they_save(services_plan: Plan) -> None:
    saved = PRICES["nat_gateway_gb"] - PRICES["interface_endpoint_gb"]
    assert services_plan.cost.break_even_gb == pytest.approx(12 * PRICES["interface_endpoint_hour"] * 730 / saved)


def test_gateway_endpoints_cost_nothing_and_have_no_break_even(evaluate: Evaluate) -> None:
    cost = cost_of(evaluate("prod", vpcEndpoints=["s3", "dynamodb"]), "ap-southeast-2")
    assert [line.item for line in cost.lines] == ["NAT gateway", "Public IPv4 address", "Customer-managed KMS key"]
    assert cost.break_even_gb is None


@pytest.mark.parametrize(
    "region", ["ap-southeast-2", "us-east-1", "us-west-2", "eu-west-1", "eu-west-2", "eu-central-1"]
)
def test_every_fixed_cost_of_a_known_region_has_a_price(prod: Recording, region: str) -> None:
    cost = cost_of(prod, region)
    assert cost.prices_as_of
    assert all(line.unit_price for line in cost.lines)


def test_a_region_without_some_prices_has_no_total_and_no_break_even(prod: Recording) -> None:
    cost = cost_of(prod, "ap-southeast-6")
    assert (cost.monthly, cost.break_even_gb, cost.nat_gateway_month) == (None, None, None)
    assert {line.item: line.monthly for line in cost.lines}["Customer-managed KMS key"] == PRICES["kms_key_month"]


def test_without_nat_gateways_the_plan_says_what_is_saved_and_that_ipv4_has_no_way_out(project: Project) -> None:
    plan, base = (make_plan(with_options(project, "dev-test", natGateways=count)) for count in (0, 1))
    saved = (base.cost.monthly or 0) - (plan.cost.monthly or 0)

    assert (plan.ipv4_way_out, base.ipv4_way_out) == (False, True)
    assert plan.cost.nat_gateway_month == pytest.approx(saved)
    assert f"would cost {saved:,.2f} USD a month" in " ".join(plan_report.whole(plan).split())
    assert "over IPv6 only" not in plan_report.whole(base)


def test_an_unknown_region_shows_quantities_and_no_price(services_plan: Plan) -> None:
    cost = cost_of(services_plan.recording, "mars-north-1")
    assert [line.quantity for line in cost.lines] == [2, 2, 12, 1]
    assert (cost.prices_as_of, cost.monthly, cost.break_even_gb) == (None, None, None)
    assert {line.monthly for line in cost.lines} == {None}


def test_the_nat_gateway_is_on_the_critical_path(prod: Recording) -> None:
    path = critical_path(prod)
    assert [step.name for step in path] == [
        "tak-vpc",
        "tak-subnet-public-a",
        "tak-nat-gateway-a",
        "tak-route-private-a-ipv4",
        "tak-outputs",
    ]
    assert [step.ready_after for step in path] == [21, 33, 138, 139, 140]


def test_the_critical_path_follows_the_recorded_dependencies(prod: Recording) -> None:
    nat_gateway = prod.named("tak-nat-gateway-a")
    waits_for_the_key = replace(
        nat_gateway, dependencies=nat_gateway.dependencies | {prod.named("tak-config-lifecycle").urn}
    )
    changed = tuple(waits_for_the_key if item is nat_gateway else item for item in prod.registrations)
    assert [step.name for step in critical_path(replace(prod, registrations=changed))][:3] == [
        "tak-config",
        "tak-config-versioning",
        "tak-config-lifecycle",
    ]


@pytest.mark.slow
def test_the_plan_is_a_pure_function_of_the_stack_file(prod_plan: Plan) -> None:
    command = [sys.executable, "-m", "tak_tools", "plan", "--stack", "prod", "--json"]
    done = subprocess.run(command, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout == json.dumps(prod_plan.as_document(), indent=2) + "\n"


def test_the_report_shows_every_section(capsys: pytest.CaptureFixture[str], prod_plan: Plan) -> None:
    plan_report.run(PROJECT_FOLDER, "prod", None, as_json=False)
    printed = capsys.readouterr().out
    for expected in (
        f"prod (prod) in ap-southeast-2: {prod_plan.resource_count} resources,"
        f" {prod_plan.cost.monthly:,.2f} USD a month plus usage\n",
        "kms Key tak-key (protected, retained)",
        "ecr LifecyclePolicy tak-images",
        "private-b   second of the region   10.1.21.0/26   59       3",
        f"NAT gateway                        2 x {PRICES['nat_gateway_hour']:g} a hour",
        f"pay for themselves above {prod_plan.cost.break_even_gb:,.0f} GB a month",
        "tak-nat-gateway-a          105     138",
    ):
        assert expected in printed
    assert "\x1b" not in printed


def test_two_stacks_are_shown_side_by_side(capsys: pytest.CaptureFixture[str], prod_plan: Plan) -> None:
    plan_report.run(PROJECT_FOLDER, "prod", "dev-test", as_json=False)
    lines = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    rows = {name: values for name, *values in lines}
    assert rows["ec2 NatGateway"] == ["2", "1"]
    assert rows["ec2 VpcEndpoint"] == [str(PROD_TYPES[ENDPOINT]), "–"]
    assert rows["Fixed cost, USD a month"][0] == f"{prod_plan.cost.monthly:,.2f}"
    assert rows["vpc"] == ["10.1.16.0/20", "10.1.32.0/20"]
    assert rows["Protected resources"] == ["4", "0", "-4"]


def test_a_comparison_and_a_pull_request_show_one_difference(
    capsys: pytest.CaptureFixture[str], prod_plan: Plan, dev_test_plan: Plan
) -> None:
    plan_report.run(PROJECT_FOLDER, "prod", "dev-test", as_json=False)
    printed = capsys.readouterr().out
    text = difference(prod_plan.as_document(), dev_test_plan.as_document())
    for section in sections(prod_plan.as_document(), dev_test_plan.as_document()):
        for row in section.rows:
            assert row.name in printed
            assert (f"| {row.name} | {row.before} | {row.after} |" in text) == (
                section.title == "" or row.before != row.after
            )


def test_the_plan_of_every_option_costs_the_same_and_names_the_zone_that_has_to_be_there(
    project: Project, prod_plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    # A certificate is free, the zone is there already, buckets and repositories cost by use.
    plan = make_plan(with_options(project, "prod"))
    plan_report._print_plan(result_console(), plan)
    printed = capsys.readouterr().out

    assert plan.pulumi_count == plan.resource_count + 9
    assert plan.cost.lines == prod_plan.cost.lines
    assert "Has to exist before the stack\npublic hosted zone tak.example.org\n" in printed
    assert "Buckets, storage" in printed
    assert "Image repositories, storage" in printed
    assert plan.as_document()["existing"] == ["public hosted zone tak.example.org"]
