"""`tak-base init`: it writes a stack file that can be deployed, and overwrites none."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tak_tools.address_book import read_address_book
from tak_tools.errors import InputError
from tak_tools.plan import load_plan
from tak_tools.stack_file import Project, load_project, load_stack
from tak_tools.stack_init import run


@pytest.fixture
def folder(project: Project, tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("__main__.py", "Pulumi.yaml"):
        shutil.copy(project.folder / name, folder)
    return folder


def init(folder: Path, stack: str, **options: Any) -> int:
    defaults: dict[str, Any] = {"environment": None, "region": "ap-southeast-2", "tak_suite": None, "zone": None}
    return run(folder, stack, **defaults | options)


def test_the_first_command_of_the_page_of_the_suite_writes_a_stack_that_breaks_no_rule(folder: Path) -> None:
    assert init(folder, "prod", tak_suite="Prod", zone="tak.example.org") == 0

    plan = load_plan(folder, "prod")
    assert (plan.environment, plan.region, plan.violations) == ("prod", "ap-southeast-2", ())
    assert plan.recording.named("tak-suite-exports").inputs["name"] == "TAK-Prod-BaseInfra"


@pytest.mark.parametrize(("stack", "environment"), [("prod", "prod"), ("dev-test", "dev-test"), ("staging", "prod")])
def test_the_environment_is_prod_unless_the_stack_is_called_dev_test(
    folder: Path, stack: str, environment: str
) -> None:
    init(folder, stack)

    assert load_stack(load_project(folder), stack).settings.environment == environment


def test_each_stack_gets_a_network_of_its_own(folder: Path) -> None:
    for stack in ("prod", "dev-test", "staging"):
        init(folder, stack)

    assert read_address_book(folder).collisions == ()


# YAML reads the last three as numbers.
@pytest.mark.parametrize("stack", ["prod", "no", "2", "0x1f", "1e3"])
def test_the_tag_environment_is_the_name_of_the_stack(folder: Path, stack: str) -> None:
    init(folder, stack)

    assert load_stack(load_project(folder), stack).default_tags["Environment"] == stack


def test_a_stack_that_has_a_file_is_refused(folder: Path) -> None:
    init(folder, "prod")
    before = (folder / "Pulumi.prod.yaml").read_bytes()

    with pytest.raises(InputError, match=r"^Pulumi\.prod\.yaml: exists, expected a stack without a file: "):
        init(folder, "prod")
    assert (folder / "Pulumi.prod.yaml").read_bytes() == before


@pytest.mark.parametrize(
    ("stack", "options", "line"),
    [
        ("prod", {"tak_suite": "Prod"}, "tak-base:hostedZoneName: missing, "),
        ("prod", {"tak_suite": "-", "zone": "tak.example.org"}, "tak-base:takSuite: found "),
        ("prod", {"zone": "tak"}, "tak-base:hostedZoneName: found "),
        ("prod", {"environment": "production"}, "tak-base:environment: found "),
        ("prod", {"region": "sydney"}, "--region: found 'sydney', "),
        ("prod", {"region": "us-east-1\nx: y"}, "--region: found "),
        ("../prod", {}, "stack name: found "),
    ],
)
def test_a_stack_that_could_not_be_deployed_is_refused_and_not_written(
    folder: Path, stack: str, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(InputError) as caught:
        init(folder, stack, **options)
    (problem,) = caught.value.problems
    assert problem.startswith(line)
    assert sorted(path.name for path in folder.parent.rglob("Pulumi.*.yaml")) == []
