import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tak_tools import plan_difference
from tak_tools.plan import make_plan
from tak_tools.plan_difference import difference, main
from tak_tools.stack_file import Project, load_project, load_stack


def plan(*resources: tuple[str, str, str], monthly: float | None = 100.0, **changes: Any) -> dict[str, Any]:
    """A document with `resources`: component, type and name of each."""
    types = [type_ for _, type_, _ in resources]
    return {
        "stack": "prod",
        "environment": "prod",
        "region": "ap-southeast-2",
        "vpc": "10.1.16.0/20",
        "resources": [
            {"component": f"tak-base:index:{parent}", "type": type_, "name": name} for parent, type_, name in resources
        ],
        "counts": {type_: types.count(type_) for type_ in types},
        "addresses": [{"subnet": "public-a", "zone": "first", "ipv4": "10.1.16.0/24", "ipv6_index": 0}],
        "protected": [],
        "cost": {"lines": [{"item": "NAT gateway", "quantity": 1, "monthly": monthly}], "monthly": monthly},
        "critical_path": [{"name": "tak-vpc", "ready_after": 20}],
        **changes,
    }


VPC = ("Network", "aws:ec2/vpc:Vpc", "tak-vpc")
EIP = ("Network", "aws:ec2/eip:Eip", "tak-eip-a")
KEY = ("EncryptedStorage", "aws:kms/key:Key", "tak-key")


@pytest.fixture
def change_stack(project: Project, tmp_path: Path) -> Callable[..., Project]:
    """`change_stack("prod", {...})`: a copy of the project's files, with other config in one stack file."""

    def change(stack: str, config: dict[str, Any]) -> Project:
        for name in ("Pulumi.yaml", f"Pulumi.{stack}.yaml", "__main__.py"):
            shutil.copy(project.folder / name, tmp_path)
        path = tmp_path / f"Pulumi.{stack}.yaml"
        document = yaml.safe_load(path.read_text())
        path.write_text(yaml.safe_dump({**document, "config": {**document["config"], **config}}))
        return load_project(tmp_path)

    return change


def test_the_same_plan_is_one_heading_and_one_line() -> None:
    assert difference(plan(VPC), plan(VPC)) == (
        "### `prod`: the same plan\n\n1 resources, 100.00 USD a month, `pulumi up` 20 s.\n"
    )


def test_routes_and_endpoints_that_differ_are_shown() -> None:
    endpoint = {"service": "s3", "type": "Gateway", "open_to": "everyone", "addresses": "ipv4"}
    route = {"table": "tak-route-table-private-a", "destination": "64:ff9b::/96", "target": "tak-nat-gateway-a"}
    text = difference(
        plan(VPC, endpoints=[endpoint]),
        plan(VPC, endpoints=[{**endpoint, "open_to": "the account"}], routes=[route]),
    )
    assert "| tak-route-table-private-a 64:ff9b::/96 | – | tak-nat-gateway-a |" in text
    assert "| s3 | Gateway, open to everyone, ipv4 | Gateway, open to the account, ipv4 |" in text


def test_totals_show_before_after_and_difference() -> None:
    after = plan(VPC, EIP, monthly=1143.5, critical_path=[{"ready_after": 20}, {"ready_after": 139}])
    text = difference(plan(VPC), after)
    assert "| Resources | 1 | 2 | +1 |" in text
    assert "| Fixed cost, USD a month | 100.00 | 1,143.50 | +1,043.50 |" in text
    assert "| `pulumi up` from nothing, typical | 20 s | 139 s | +119 s |" in text


def test_added_and_removed_resources_stand_under_their_component() -> None:
    text = difference(plan(VPC, EIP), plan(VPC, KEY))
    assert text.endswith(
        "<details>\n<summary>1 added, 1 removed</summary>\n\n"
        "- **EncryptedStorage**\n  - added: kms Key `tak-key`\n"
        "- **Network**\n  - removed: ec2 Eip `tak-eip-a`\n\n</details>\n"
    )
    assert "tak-vpc" not in text


def test_a_renamed_resource_is_removed_and_added_though_the_count_stays() -> None:
    text = difference(plan(EIP), plan((*EIP[:2], "tak-eip-b")))
    assert "| Resources | 1 | 1 | +0 |" in text
    assert "added: ec2 Eip `tak-eip-b`" in text
    assert "removed: ec2 Eip `tak-eip-a`" in text
    assert "| resources |" not in text


def test_only_counts_that_change_are_listed() -> None:
    text = difference(plan(VPC, EIP), plan(VPC, EIP, (*EIP[:2], "tak-eip-b"), KEY))
    assert "| resources | before | after |\n| --- | --- | --- |\n| ec2 Eip | 1 | 2 |\n| kms Key | – | 1 |\n" in text
    assert "ec2 Vpc" not in text


def test_changed_addresses_show_both_ranges() -> None:
    moved = [{"subnet": "public-a", "zone": "first", "ipv4": "10.1.32.0/24", "ipv6_index": 0}]
    text = difference(plan(VPC), plan(VPC, vpc="10.1.32.0/20", addresses=moved))
    assert "| vpc | 10.1.16.0/20 | 10.1.32.0/20 |" in text
    assert "| public-a | 10.1.16.0/24, first, IPv6 /64: 0 | 10.1.32.0/24, first, IPv6 /64: 0 |" in text


def test_a_cost_item_that_changes_is_named_and_an_unknown_price_is_no_number() -> None:
    text = difference(plan(VPC), plan(VPC, monthly=None))
    assert "| NAT gateway | 1 x, 100.00 | 1 x, no price |" in text
    assert "| Fixed cost, USD a month | 100.00 | – | – |" in text


def test_a_resource_that_loses_its_protection_is_called_out() -> None:
    protected = [{"type": KEY[1], "name": KEY[2]}]
    text = difference(plan(KEY, protected=protected), plan(KEY))
    assert "**No longer protected against deletion:** kms Key `tak-key`" in text
    assert "No longer protected" not in difference(plan(KEY), plan(KEY, protected=protected))


def test_a_new_stack_and_a_removed_one_are_said_to_be_that() -> None:
    new, removed = difference({}, plan(VPC)), difference(plan(VPC), {})
    assert new.startswith("### `prod`: new stack\n")
    assert "| Resources | – | 1 | – |" in new
    assert "added: ec2 Vpc `tak-vpc`" in new
    assert removed.startswith("### `prod`: stack removed from the repository\n")
    assert "removed: ec2 Vpc `tak-vpc`" in removed


def test_real_plans_of_a_change_of_the_stack_file(project: Project, change_stack: Callable[..., Project]) -> None:
    """The documents here are those of `tak-base plan --json`, so that its shape and this module stay together."""
    before = make_plan(load_stack(project, "dev-test")).as_document()
    changed = change_stack("dev-test", {"tak-base:natGateways": 2, "tak-base:minorId": 5})
    after = make_plan(load_stack(changed, "dev-test")).as_document()
    assert difference(before, before).startswith("### `dev-test`: the same plan\n")
    text = difference(json.loads(json.dumps(before)), json.loads(json.dumps(after)))
    assert "| ec2 NatGateway | 1 | 2 |" in text
    assert "added: ec2 NatGateway `tak-nat-gateway-b`" in text
    assert "| vpc | 10.1.32.0/20 | 10.1.80.0/20 |" in text
    assert "| private-b | 10.1.37.0/26, " in text
    assert re.search(r"^\| NAT gateway \| 1 x, [\d.]+ \| 2 x, [\d.]+ \|$", text, re.MULTILINE)


def test_the_command_reads_two_files_and_prints_the_difference(tmp_path: Path) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps(plan(VPC)))
    after.write_text(json.dumps(plan(VPC, EIP)))
    result = subprocess.run(  # noqa: S603, it is this module
        [sys.executable, "-m", plan_difference.__name__, before, after],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONUTF8": "1"},
    )
    assert result.stdout == difference(plan(VPC), plan(VPC, EIP))


@pytest.mark.parametrize("absent", ["missing", "empty"])
def test_a_missing_or_empty_file_stands_for_no_stack(
    absent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there, not_there = tmp_path / "there.json", tmp_path / "not-there.json"
    there.write_text(json.dumps(plan(VPC)))
    if absent == "empty":
        not_there.write_text("\n")
    assert main([str(not_there), str(there)]) == 0
    assert capsys.readouterr().out == difference({}, plan(VPC))
    assert main([str(there), str(not_there)]) == 0
    assert capsys.readouterr().out == difference(plan(VPC), {})


def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    for arguments in ([], [str(tmp_path / "a"), str(tmp_path / "b")], [str(broken), str(broken)]):
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("tak-base: ")
        assert captured.err.count("\n") == 1
