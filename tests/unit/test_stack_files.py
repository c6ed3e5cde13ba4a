"""Stack files: those of this repository, and how the tools read any."""

import itertools
import shutil
from pathlib import Path

import pytest

from tak_tools.errors import InputError
from tak_tools.stack_file import Project, StackFile, load_project, load_stack, stack_names


@pytest.fixture(scope="module")
def stack_files(project: Project) -> list[StackFile]:
    return [load_stack(project, stack) for stack in stack_names(project.folder)]


@pytest.mark.parametrize("environment", ["prod", "dev-test"])
def test_there_is_a_stack_named_for_each_environment(stack_files: list[StackFile], environment: str) -> None:
    (stack_file,) = [file for file in stack_files if file.stack == environment]

    assert stack_file.settings.environment == environment


def test_the_stacks_have_networks_that_do_not_overlap(stack_files: list[StackFile]) -> None:
    networks = [file.settings.network.addresses.vpc for file in stack_files]

    assert not any(one.overlaps(other) for one, other in itertools.combinations(networks, 2))


def test_everything_a_stack_makes_is_tagged_with_its_origin(stack_files: list[StackFile]) -> None:
    for file in stack_files:
        assert file.region == "ap-southeast-2"
        assert file.default_tags == {
            "Project": "TAK",
            "Component": "BaseLayer",
            "Environment": file.stack,
            "ManagedBy": "Pulumi",
        }


@pytest.fixture
def load(project: Project, tmp_path: Path):
    """Reads a stack file with the given config lines beside the real Pulumi.yaml."""

    def read(config: str) -> StackFile:
        shutil.copy(project.folder / "Pulumi.yaml", tmp_path)
        Path(tmp_path, "Pulumi.other.yaml").write_text(config, encoding="utf-8")
        return load_stack(load_project(tmp_path), "other")

    return read


GOOD = "config:\n  aws:region: eu-west-1\n  tak-base:environment: prod\n  tak-base:majorId: 3\n  tak-base:minorId: 4\n"


def test_a_number_in_quotes_is_a_number_as_the_pulumi_cli_writes_it(load) -> None:
    quoted = GOOD.replace("3", '"3"') + '  tak-base:protectData: "false"\n'

    assert (load(quoted).settings.network.major_id, load(quoted).settings.protect_data) == (3, False)


def test_the_pattern_of_names_is_that_of_the_project_file_with_project_and_stack_in_it(load) -> None:
    assert load(GOOD).name_pattern == "tak-base-other-${name}-${hex(7)}"
    assert load(GOOD + "  pulumi:autonaming: {pattern: '${name}-${stack}'}\n").name_pattern == "${name}-other"


def test_a_key_without_a_namespace_belongs_to_the_project(load) -> None:
    assert load(GOOD.replace("tak-base:", "")).settings == load(GOOD).settings


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("", "found nothing, expected a stack file"),
        ("- a\n", "found a list, expected a stack file"),
        ("config: 5\n", "config: found 5, expected keys with values"),
        ("config: [\n", "is not YAML: "),
        (GOOD.replace("eu-west-1", "7"), "aws:region: found 7, expected an AWS region such as ap-southeast-2"),
        (GOOD.replace("3", "three"), 'tak-base:majorId: found "three", expected an integer 0-255'),
        (GOOD.replace("3", "2024-01-01"), "tak-base:majorId: found 2024-01-01, expected an integer 0-255"),
        (
            GOOD + "  pulumi:autonaming: {mode: verbatim}\n",
            'pulumi:autonaming: found {"mode": "verbatim"}, expected a `pattern:` of ${project}, ${stack}, ${name} and',
        ),
        (GOOD + "  pulumi:autonaming: {pattern: '${name}${uuid}'}\n", "pulumi:autonaming: found "),
        (GOOD + "  aws:defaultTags: [a]\n", 'aws:defaultTags: found ["a"], expected `tags:` with names and texts'),
        (
            GOOD + "  aws:defaultTags: {tags: {Project: 5}}\n",
            'aws:defaultTags: found {"tags": {"Project": 5}}, expected `tags:` with names and texts',
        ),
    ],
)
def test_a_bad_stack_file_is_one_line_with_the_name_of_the_file(load, config: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        load(config)

    (line,) = caught.value.problems
    assert line.startswith(f"Pulumi.other.yaml: {problem}")
    assert "\n" not in line
