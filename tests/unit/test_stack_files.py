"""The stack files of this repository."""

import itertools

import pytest

from tak_tools.stack_file import Project, StackFile, load_stack, stack_names


@pytest.fixture(scope="module")
def stack_files(project: Project) -> list[StackFile]:
    return [load_stack(project, stack) for stack in stack_names(project.folder)]


@pytest.mark.parametrize("environment", ["prod", "dev-test"])
def test_there_is_a_stack_named_for_each_environment(stack_files: list[StackFile], environment: str) -> None:
    (stack_file,) = [file for file in stack_files if file.stack == environment]

    assert stack_file.settings.environment == environment


def test_the_stacks_have_networks_that_do_not_overlap(stack_files: list[StackFile]) -> None:
    networks = [file.settings.addresses.vpc for file in stack_files]

    assert not any(one.overlaps(other) for one, other in itertools.combinations(networks, 2))


def test_everything_a_stack_makes_is_tagged_with_its_origin(stack_files: list[StackFile]) -> None:
    for file in stack_files:
        assert file.region == "ap-southeast-2"
        assert file.default_tags == {
            "Project": "TAK",
            "Component": "BaseLayer",
            "Environment": file.settings.environment,
            "ManagedBy": "Pulumi",
        }
