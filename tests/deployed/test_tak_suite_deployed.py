"""The layer beneath TAK's own layers, in a simulated AWS: its exports as other stacks import them."""

import json
from typing import Any

import pytest

from tak_base.outputs import SUITE_EXPORTS
from tak_tools import simulate
from tak_tools.aws import iam_action
from tak_tools.stack_file import Project
from tak_tools.verify import CHECKS
from tests.deployed.case import Case, found_by
from tests.deployed.layer import Layer
from tests.deployed.resources import push, run_service
from tests.deployed.test_verify import calls_of
from tests.options import SUITE, with_options

pytestmark = pytest.mark.slow

STACK = "TAK-Prod-BaseInfra"

# The checks that ask more of AWS with the suite.
OF_THE_SUITE = ("suite-exports", "tags", "leftovers")


def stack_with(outputs: dict[str, Any]) -> dict[str, Any]:
    handle = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
    return {"Resources": {"Nothing": handle}, "Outputs": outputs}


@pytest.mark.usefixtures("undone")
def test_another_stack_imports_every_export_as_the_value_of_the_stack_output(suite_layer: Layer) -> None:
    imported = {key: {"Value": {"Fn::ImportValue": f"{STACK}-{key}"}} for key in SUITE_EXPORTS}
    cloudformation = suite_layer.client("cloudformation")
    cloudformation.create_stack(StackName="TAK-Prod-AuthInfra", TemplateBody=json.dumps(stack_with(imported)))

    (layer,) = cloudformation.describe_stacks(StackName="TAK-Prod-AuthInfra")["Stacks"]
    values = {output["OutputKey"]: output["OutputValue"] for output in layer["Outputs"]}
    outputs = suite_layer.outputs
    assert values == {
        key: outputs[output][entry] if entry else outputs[output] for key, (output, entry) in SUITE_EXPORTS.items()
    }
    assert all(values.values())


def test_scripts_find_the_values_among_the_outputs_of_the_stack(suite_layer: Layer) -> None:
    (stack,) = suite_layer.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    found = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    assert found["EcrArtifactsRepoArnOutput"].split(":repository/", 1)[1].startswith("tak-")
    assert found["AppImagesBucketOutput"] == suite_layer.app_images_bucket_name


def test_the_cluster_has_the_name_that_the_layers_have_as_a_literal(suite_layer: Layer) -> None:
    (cluster,) = suite_layer.client("ecs").describe_clusters(clusters=[STACK])["clusters"]

    assert (cluster["status"], cluster["clusterArn"]) == ("ACTIVE", suite_layer.cluster_arn)


@pytest.mark.parametrize("name", OF_THE_SUITE)
def test_a_check_names_exactly_the_iam_actions_that_it_uses(suite_layer: Layer, name: str) -> None:
    with calls_of(suite_layer) as calls:
        list(CHECKS[name].function(Case(suite_layer).deployment()))
    assert sorted({iam_action(service, operation) for service, operation, _ in calls}) == sorted(CHECKS[name].actions)


@pytest.mark.usefixtures("undone")
def test_a_network_under_a_layer_that_imports_it_is_neither_replaced_nor_deleted(suite_layer: Layer) -> None:
    cloudformation = suite_layer.client("cloudformation")
    imported = {"Vpc": {"Value": {"Fn::ImportValue": f"{STACK}-VpcId"}}}
    cloudformation.create_stack(StackName="TAK-Prod-TakInfra", TemplateBody=json.dumps(stack_with(imported)))
    template = suite_layer.recording.named("tak-suite-exports").inputs["templateBody"]
    changed = template.replace(suite_layer.vpc_id, "vpc-other")

    cloudformation.update_stack(StackName=STACK, TemplateBody=changed)
    cloudformation.delete_stack(StackName=STACK)

    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    # The exports are what they were, and nothing is wrong with the layer.
    assert found_by(Case(suite_layer).deployment()) == []


@pytest.mark.usefixtures("undone")
def test_many_builds_of_a_component_leave_the_images_of_others_in_use(suite_layer: Layer) -> None:
    case = Case(suite_layer)
    url, compute = case.further_repository_urls["artifacts"], suite_layer.stack_file.settings.compute
    repository = url.split("/", 1)[1]
    push(case, "tak-1", repository=repository)
    for number in range(compute.image_retention_count):
        push(case, f"cloudtak-{number}", repository=repository)
    for tag in ("tak-1", f"cloudtak-{number}"):
        run_service(case, f":{tag}", tag, url)
    assert found_by(case.deployment()) == []


@pytest.mark.usefixtures("undone")
def test_simulate_lists_the_exports(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The layer of the other tests is there.
    other = SUITE | {"takSuite": "Other"}
    monkeypatch.setattr(simulate, "load_layer", lambda project, stack: with_options(project, stack, "other", **other))
    simulate.run(project.folder, "prod", as_json=False)
    printed = capsys.readouterr().out

    assert all(f"TAK-Other-BaseInfra-{key}" in printed for key in SUITE_EXPORTS)
