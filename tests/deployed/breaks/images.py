"""Breaks of the images that something uses."""

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import ACCOUNT, Case
from tests.deployed.resources import policy_of, push, run_service, task_definition


@breaks("images-in-use")
def the_image_of_a_service_has_expired(case: Case) -> list[str]:
    push(case, "tak-2")
    run_service(case, ":tak-1")
    return [f"{case.repository_name}:tak-1: found no such image, used by service tak, expected the image"]


@breaks("images-in-use")
def images_of_services_have_expired_and_the_registry_has_its_other_names(case: Case) -> list[str]:
    registry = f"{ACCOUNT}.{{}}/{case.repository_name}"
    for number, host in enumerate(("dkr-ecr.{}.on.aws", "dkr-ecr-fips.{}.on.aws", "dkr.ecr-fips.{}.amazonaws.com")):
        url = registry.format(host.format(case.layer.stack_file.region))
        run_service(case, f":tak-{number}", f"tak-{number}", url)
    return [
        f"{case.repository_name}:tak-{number}: found no such image, used by service tak-{number}, expected the image"
        for number in range(3)
    ]


@breaks("images-in-use")
def the_image_of_a_service_expires_with_the_next_pushes(case: Case) -> list[str]:
    # The repository keeps 20 images, and up to 10 are to come.
    push(case, "tak-1", "tak-stable")
    for number in range(2, 12):
        push(case, f"tak-{number}")
    run_service(case, ":tak-1")
    return [
        f"{case.repository_name}:tak-1: found lifecycle rule 2 expires it after 10 more pushes: it keeps the newest 20;"
        " it is used by service tak, expected an image that stays through the next pushes (--image-pushes)"
    ]


@breaks("images-in-use")
def a_service_runs_an_image_that_has_lost_its_tag(case: Case) -> list[str]:
    digest = push(case)
    run_service(case, f":tak-1@{digest}")
    return [
        f"{case.repository_name}@{digest}: found lifecycle rule 1 expires it on 2026-11-15, 14 days after its push;"
        " it is used by service tak, expected an image that stays through the next pushes (--image-pushes)"
    ]


@breaks("images-in-use")
def a_task_runs_an_image_that_is_deleted(case: Case) -> list[str]:
    ecs, digest = case.client("ecs"), "sha256:" + "0" * 64
    network = {"awsvpcConfiguration": {"subnets": [case.subnet_id("private", "a")]}}
    definition = task_definition(case, "@" + digest)
    task = ecs.run_task(
        cluster=case.cluster_name, taskDefinition=definition, launchType="FARGATE", networkConfiguration=network
    )["tasks"][0]["taskArn"]
    (running,) = [item for item in case.moto("ecs").tasks[case.cluster_name].values() if item.task_arn == task]
    # Moto says neither.
    running.containers[0].image = case.repository_url + ":tak-1"
    running.containers[0].image_digest = digest
    name = task.rsplit("/", 1)[-1]
    return [
        f"{case.repository_name}:tak-1: found no such image, used by task {name}, expected the image",
        f"{case.repository_name}@{digest}: found no such image, used by task {name}, expected the image",
    ]


@breaks("images-in-use")
def a_rule_and_a_schedule_start_an_image_that_is_deleted(case: Case) -> list[str]:
    cluster, definition = case.cluster_arn, task_definition(case, ":tak-1")
    task, role = {"TaskDefinitionArn": definition}, f"arn:aws:iam::{ACCOUNT}:role/start"
    events, target = case.client("events"), {"Arn": cluster, "RoleArn": role, "EcsParameters": task}
    events.put_rule(Name="nightly", ScheduleExpression="rate(1 day)")
    events.put_targets(Rule="nightly", Targets=[{"Id": "1", **target}])
    events.create_event_bus(Name="partner")
    events.put_rule(Name="feed", EventBusName="partner", EventPattern='{"source": ["feed"]}')
    events.put_targets(Rule="feed", EventBusName="partner", Targets=[{"Id": "1", **target}])
    case.client("scheduler").create_schedule(
        Name="hourly", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    users = "rule feed, rule nightly, schedule hourly"
    return [f"{case.repository_name}:tak-1: found no such image, used by {users}, expected the image"]


@breaks("images-in-use")
def a_schedule_starts_a_task_definition_that_is_deleted(case: Case) -> list[str]:
    definition = task_definition(case, ":tak-1")
    name = definition.rsplit("/", 1)[-1]
    target = {
        "Arn": case.cluster_arn,
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/start",
        "EcsParameters": {"TaskDefinitionArn": definition},
    }
    case.client("scheduler").create_schedule(
        Name="hourly", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    case.moto("ecs").task_definitions.clear()
    return [f"{name}: found no such task definition, used by schedule hourly, expected the task definition"]


@breaks("images-in-use")
def the_image_of_a_lambda_function_is_deleted(case: Case) -> list[str]:
    push(case, "etl-1")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = case.client("iam").create_role(RoleName="etl", AssumeRolePolicyDocument=policy_of(trust))["Role"]["Arn"]
    image = case.repository_url + ":etl-1"
    functions = case.client("lambda")
    functions.create_function(FunctionName="etl", PackageType="Image", Code={"ImageUri": image}, Role=role)
    functions.publish_version(FunctionName="etl")
    digest = functions.get_function(FunctionName="etl")["Code"]["ResolvedImageUri"].split("@")[1]
    case.client("ecr").batch_delete_image(repositoryName=case.repository_name, imageIds=[{"imageTag": "etl-1"}])
    users = "Lambda function etl, Lambda function etl version 1"
    return [f"{case.repository_name}@{digest}: found no such image, used by {users}, expected the image"]
