"""docs/controls.md says what is so: each claim has something behind it, and each gap a reason."""

import re
from pathlib import Path
from typing import Any

import pytest

from tak_base.settings import CONFIG_KEYS, parse_settings
from tak_tools.controls import CIS_VERSIONS, CONTROLS, Control, cited, references
from tak_tools.doc_pages import controls_page, default_settings, enforced_by
from tak_tools.policy.rules import RULES
from tak_tools.verify import CHECKS

PROJECT_FOLDER = Path(__file__).parent.parent.parent
ALL = list(CONTROLS.values())
CONFIGURED = [control for control in ALL if control.keys]

# A value of each key that decides controls with which they are met, and one with which they are not.
MET_AND_NOT: dict[str, tuple[Any, Any]] = {
    "containerInsights": ("enhanced", "disabled"),
    "flowLogs": ("all", "none"),
    "hostedZoneName": ("tak.example.org", None),
    "imageTagMutability": ("IMMUTABLE", "MUTABLE"),
    "loadBalancerLogBucket": (False, True),
    "logRetentionDays": (400, 180),
    "takSuite": (None, "Prod"),
    "vpcEndpoints": (["ec2", "ecr.api", "ecr.dkr", "ssm", "ssm-contacts", "ssm-incidents"], ["s3"]),
}


def test_every_control_that_a_rule_or_a_check_names_has_a_row() -> None:
    named = {name for item in [*RULES, *CHECKS.values()] for name in item.controls} - {"design"}
    assert named - CONTROLS.keys() == set()
    with pytest.raises(ValueError, match=r"^controls: found EC2\.999, expected controls with a row in tak_tools"):
        cited(["EC2.2", "EC2.999"])


def test_every_control_is_enforced_or_has_a_reason() -> None:
    enforced = enforced_by()
    assert [control.id for control in ALL if not (enforced[control.id] or control.program or control.reason)] == []


def test_what_is_not_met_by_default_or_not_for_the_stack_has_a_reason() -> None:
    enforced = enforced_by()
    unmet = {
        control.id
        for settings in default_settings().values()
        for control in ALL
        if control.state(settings, enforced=bool(enforced[control.id])) != "met" and not _is_configured(control)
    }
    assert {name for name in unmet if not CONTROLS[name].reason} == set()


def _is_configured(control: Control) -> bool:
    return control.owner == "stack" and bool(control.keys)


def test_what_the_stack_meets_is_in_the_program_and_not_only_in_a_check() -> None:
    enforced = enforced_by()
    assert [
        control.id for control in ALL if control.owner == "stack" and enforced[control.id] and not control.program
    ] == []


@pytest.mark.parametrize("control", [control for control in ALL if control.program], ids=lambda control: control.id)
def test_the_file_that_meets_a_control_has_the_text_that_does(control: Control) -> None:
    assert control.program
    file, text = control.program
    assert text in (PROJECT_FOLDER / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("control", CONFIGURED, ids=lambda control: control.id)
def test_the_keys_of_a_control_decide_it(control: Control) -> None:
    (key,) = control.keys
    assert key in CONFIG_KEYS

    def state(value: Any) -> str:
        config = {"environment": "prod", "majorId": 0, "minorId": 0, "hostedZoneName": "tak.example.org"} | {key: value}
        return control.state(parse_settings(config, stack="prod"), enforced=True)

    met, other = map(state, MET_AND_NOT[key])
    assert met in ("met", "no resource")
    assert other in ("not met", "no resource")
    assert met != other


def test_a_control_whose_answer_differs_between_the_environments_names_a_key() -> None:
    prod, dev_test = default_settings().values()
    differing = {control.id for control in ALL if control.when(prod) != control.when(dev_test)}
    assert differing
    assert {name for name in differing if not CONTROLS[name].keys} == set()


def test_a_control_has_an_id_as_aws_gives_it_and_a_cis_number_for_each_version() -> None:
    for control in ALL:
        assert re.fullmatch(r"[A-Z][A-Za-z0-9]+\.\d+", control.id)
        assert len(control.cis) in (0, len(CIS_VERSIONS)), control.id
        assert all(re.fullmatch(r"(\d+(\.\d+)+)?", number) for number in control.cis), control.id
        assert re.fullmatch(r"[A-Z][^|\n]*\.", control.title)
        assert not re.search(r"[|\n]", control.reason)


@pytest.mark.parametrize(
    "name", ["EC2.10", "EC2.16", "EC2.172", "S3.9", "S3.15", "ELB.17", "ELB.18", "ELB.21", "ELB.22"]
)
def test_what_scanners_report_of_the_layer_is_explained(name: str) -> None:
    assert CONTROLS[name].reason


def test_the_pack_gives_the_numbers_of_the_newest_cis_benchmark() -> None:
    assert references(["EC2.2", "KMS.3"]) == "EC2.2, KMS.3, CIS 5.5"
    assert references(["design"]) == "design"


def test_the_page_counts_every_control_once_for_each_environment() -> None:
    rows = re.findall(r"^\| [a-z ]+ \| (\d+) \| (\d+) \|$", controls_page(), re.MULTILINE)
    assert [sum(map(int, column)) for column in zip(*rows, strict=True)] == [len(ALL)] * 2
