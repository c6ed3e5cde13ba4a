"""Handlers of the compute's resource types (ECS, ECR)."""

from tak_tools import resource_types as types
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, handles
from tak_tools.simulated_aws.inputs import Inputs


@handles(types.CLUSTER)
def cluster(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    configuration = inputs.block("configuration")
    storage = configuration.block("managedStorageConfiguration")
    execute_command = configuration.block("executeCommandConfiguration")
    log = execute_command.block("logConfiguration")
    audit = {
        "kmsKeyId": execute_command.take("kmsKeyId"),
        "logConfiguration": {
            "cloudWatchLogGroupName": log.take("cloudWatchLogGroupName"),
            "cloudWatchEncryptionEnabled": log.take("cloudWatchEncryptionEnabled"),
        },
    }
    logging = execute_command.take("logging")
    made = cloud.client("ecs").create_cluster(
        clusterName=inputs.take("name"),
        settings=[{"name": s.take("name"), "value": s.take("value")} for s in inputs.blocks("settings")],
        configuration={
            "managedStorageConfiguration": {
                "fargateEphemeralStorageKmsKeyId": storage.take("fargateEphemeralStorageKmsKeyId")
            },
            "executeCommandConfiguration": {"logging": logging, **(audit if logging == "OVERRIDE" else {})},
        },
        tags=[{"key": key, "value": value} for key, value in cloud.tags(inputs).items()],
    )["cluster"]
    return made["clusterArn"], {"arn": made["clusterArn"], "name": made["clusterName"]}


@handles(types.CLUSTER_CAPACITY_PROVIDERS)
def cluster_capacity_providers(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    cluster_name = inputs.take("clusterName")
    cloud.client("ecs").put_cluster_capacity_providers(
        cluster=cluster_name,
        capacityProviders=inputs.take("capacityProviders"),
        defaultCapacityProviderStrategy=[
            {"capacityProvider": strategy.take("capacityProvider"), "weight": strategy.take("weight", 0)}
            for strategy in inputs.blocks("defaultCapacityProviderStrategies")
        ],
    )
    return cluster_name, {}


@handles(types.AWSX_REPOSITORY)
def repository(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    """The repository in the component; the program creates the lifecycle policy itself."""
    ecr = cloud.client("ecr")
    # Counts only when the repository is deleted.
    inputs.take("forceDelete")
    repository_name = inputs.take("name") or cloud.physical_name(name)
    (encryption,) = inputs.blocks("encryptionConfigurations")
    made = ecr.create_repository(
        repositoryName=repository_name,
        imageTagMutability=inputs.take("imageTagMutability"),
        imageScanningConfiguration={"scanOnPush": inputs.block("imageScanningConfiguration").take("scanOnPush", False)},
        encryptionConfiguration={
            "encryptionType": encryption.take("encryptionType"),
            "kmsKey": encryption.take("kmsKey"),
        },
        tags=cloud.tag_list(inputs),
    )["repository"]
    if not inputs.block("lifecyclePolicy").take("skip"):
        raise NotImplementedError(f"the simulated AWS makes no lifecycle policy within {name}, expected skip")
    return repository_name, {"url": made["repositoryUri"]}


@handles(types.REPOSITORY_POLICY)
def repository_policy(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    repository_name = inputs.take("repository")
    cloud.client("ecr").set_repository_policy(repositoryName=repository_name, policyText=inputs.take("policy"))
    return repository_name, {}


@handles(types.LIFECYCLE_POLICY)
def lifecycle_policy(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    repository_name = inputs.take("repository")
    cloud.client("ecr").put_lifecycle_policy(repositoryName=repository_name, lifecyclePolicyText=inputs.take("policy"))
    return repository_name, {}
