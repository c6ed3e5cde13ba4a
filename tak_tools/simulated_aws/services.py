"""Handlers of resource types of layers above: load balancers, services, secrets, security group rules.

Moto 5.2.5 ignores capacity providers, circuit breaker and ECS Exec of a service; botocore checks their form.
"""

import json
from typing import Any

from tak_tools import resource_types as types
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, handles
from tak_tools.simulated_aws.inputs import Inputs


@handles(types.INGRESS_RULE)
def security_group_ingress_rule(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    return _rule(cloud.client("ec2").authorize_security_group_ingress, cloud, inputs)


@handles(types.EGRESS_RULE)
def security_group_egress_rule(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    return _rule(cloud.client("ec2").authorize_security_group_egress, cloud, inputs)


def _rule(authorize: Any, cloud: SimulatedAws, inputs: Inputs) -> Created:
    permission = {
        "IpProtocol": inputs.take("ipProtocol"),
        "FromPort": inputs.take("fromPort"),
        "ToPort": inputs.take("toPort"),
    }
    description = {"Description": inputs.take("description", "")}
    for ranges, parameter, key in (
        ("IpRanges", "CidrIp", "cidrIpv4"),
        ("Ipv6Ranges", "CidrIpv6", "cidrIpv6"),
        ("PrefixListIds", "PrefixListId", "prefixListId"),
        ("UserIdGroupPairs", "GroupId", "referencedSecurityGroupId"),
    ):
        value = inputs.take(key)
        if value is not None:
            permission[ranges] = [{parameter: value, **description}]
    made = authorize(
        GroupId=inputs.take("securityGroupId"),
        IpPermissions=[permission],
        TagSpecifications=cloud.tag_specifications(inputs, "security-group-rule"),
    )
    rule_id = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return rule_id, {"securityGroupRuleId": rule_id}


@handles(types.LOAD_BALANCER)
def load_balancer(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    elb = cloud.client("elbv2")
    made = elb.create_load_balancer(
        Name=inputs.take("name") or cloud.physical_name(name),
        Type=inputs.take("loadBalancerType", "application"),
        Scheme="internal" if inputs.take("internal", False) else "internet-facing",
        IpAddressType=inputs.take("ipAddressType", "ipv4"),
        Subnets=inputs.take("subnets"),
        SecurityGroups=inputs.take("securityGroups"),
        Tags=cloud.tag_list(inputs),
    )["LoadBalancers"][0]
    arn = made["LoadBalancerArn"]
    attributes = {
        "routing.http.drop_invalid_header_fields.enabled": inputs.take("dropInvalidHeaderFields", False),
        "deletion_protection.enabled": inputs.take("enableDeletionProtection", False),
    }
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=_attributes(attributes))
    return arn, {"arn": arn, "dnsName": made["DNSName"], "zoneId": made["CanonicalHostedZoneId"]}


@handles(types.TARGET_GROUP)
def target_group(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    elb = cloud.client("elbv2")
    health_check = inputs.block("healthCheck")
    arn = elb.create_target_group(
        Name=inputs.take("name") or cloud.physical_name(name),
        TargetType=inputs.take("targetType", "instance"),
        Protocol=inputs.take("protocol"),
        Port=inputs.take("port"),
        VpcId=inputs.take("vpcId"),
        HealthCheckPath=health_check.take("path"),
        Matcher={"HttpCode": health_check.take("matcher")},
        Tags=cloud.tag_list(inputs),
    )["TargetGroups"][0]["TargetGroupArn"]
    attributes = {"deregistration_delay.timeout_seconds": inputs.take("deregistrationDelay", 300)}
    elb.modify_target_group_attributes(TargetGroupArn=arn, Attributes=_attributes(attributes))
    return arn, {"arn": arn}


@handles(types.LISTENER)
def listener(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    certificate, tls_policy = inputs.take("certificateArn"), inputs.take("sslPolicy")
    arn = cloud.client("elbv2").create_listener(
        LoadBalancerArn=inputs.take("loadBalancerArn"),
        Protocol=inputs.take("protocol"),
        Port=inputs.take("port"),
        DefaultActions=[_action(action) for action in inputs.blocks("defaultActions")],
        Tags=cloud.tag_list(inputs),
        **({"Certificates": [{"CertificateArn": certificate}]} if certificate else {}),
        **({"SslPolicy": tls_policy} if tls_policy else {}),
    )["Listeners"][0]["ListenerArn"]
    return arn, {"arn": arn}


def _action(action: Inputs) -> dict[str, Any]:
    type_ = action.take("type")
    if type_ == "forward":
        return {"Type": type_, "TargetGroupArn": action.take("targetGroupArn")}
    redirect = action.block("redirect")
    target = {"Protocol": redirect.take("protocol"), "Port": redirect.take("port")}
    return {"Type": type_, "RedirectConfig": {**target, "StatusCode": redirect.take("statusCode")}}


def _attributes(values: dict[str, Any]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": str(value).lower()} for key, value in values.items()]


@handles(types.SECRET)
def secret(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    made = cloud.client("secretsmanager").create_secret(
        Name=inputs.take("name") or cloud.physical_name(name),
        Description=inputs.take("description", ""),
        KmsKeyId=inputs.take("kmsKeyId"),
        Tags=cloud.tag_list(inputs),
    )
    return made["ARN"], {"arn": made["ARN"], "name": made["Name"]}


@handles(types.TASK_DEFINITION)
def task_definition(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    platform = inputs.block("runtimePlatform")
    made = cloud.client("ecs").register_task_definition(
        family=inputs.take("family"),
        requiresCompatibilities=inputs.take("requiresCompatibilities"),
        networkMode=inputs.take("networkMode"),
        cpu=inputs.take("cpu"),
        memory=inputs.take("memory"),
        runtimePlatform={
            "operatingSystemFamily": platform.take("operatingSystemFamily"),
            "cpuArchitecture": platform.take("cpuArchitecture"),
        },
        executionRoleArn=inputs.take("executionRoleArn"),
        taskRoleArn=inputs.take("taskRoleArn"),
        containerDefinitions=json.loads(inputs.take("containerDefinitions")),
        volumes=[{"name": volume.take("name")} for volume in inputs.blocks("volumes")],
        tags=_ecs_tags(cloud, inputs),
    )["taskDefinition"]
    return made["family"], {"arn": made["taskDefinitionArn"], "revision": made["revision"]}


@handles(types.SERVICE)
def service(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    _require_listeners(cloud, inputs)
    network = inputs.block("networkConfiguration")
    breaker = inputs.block("deploymentCircuitBreaker")
    made = cloud.client("ecs").create_service(
        cluster=inputs.take("cluster"),
        serviceName=inputs.take("name") or cloud.physical_name(name),
        taskDefinition=inputs.take("taskDefinition"),
        desiredCount=inputs.take("desiredCount", 1),
        capacityProviderStrategy=[
            {"capacityProvider": strategy.take("capacityProvider"), "weight": strategy.take("weight", 0)}
            for strategy in inputs.blocks("capacityProviderStrategies")
        ],
        networkConfiguration={
            "awsvpcConfiguration": {
                "subnets": network.take("subnets"),
                "securityGroups": network.take("securityGroups"),
                "assignPublicIp": "ENABLED" if network.take("assignPublicIp", False) else "DISABLED",
            }
        },
        loadBalancers=[
            {
                "targetGroupArn": target.take("targetGroupArn"),
                "containerName": target.take("containerName"),
                "containerPort": target.take("containerPort"),
            }
            for target in inputs.blocks("loadBalancers")
        ],
        healthCheckGracePeriodSeconds=inputs.take("healthCheckGracePeriodSeconds", 0),
        deploymentConfiguration={
            "minimumHealthyPercent": inputs.take("deploymentMinimumHealthyPercent", 100),
            "maximumPercent": inputs.take("deploymentMaximumPercent", 200),
            "deploymentCircuitBreaker": {"enable": breaker.take("enable"), "rollback": breaker.take("rollback")},
        },
        enableExecuteCommand=inputs.take("enableExecuteCommand", False),
        enableECSManagedTags=inputs.take("enableEcsManagedTags", False),
        propagateTags=inputs.take("propagateTags", "NONE"),
        tags=_ecs_tags(cloud, inputs),
    )["service"]
    return made["serviceArn"], {"arn": made["serviceArn"], "name": made["serviceName"]}


def _require_listeners(cloud: SimulatedAws, inputs: Inputs) -> None:
    elb = cloud.client("elbv2")
    for arn in [target["targetGroupArn"] for target in inputs.take("loadBalancers", [])]:
        (group,) = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
        if not group["LoadBalancerArns"]:
            # AWS's error; Moto creates the service.
            raise RuntimeError(f"InvalidParameterException: target group {arn} does not have a load balancer")


def _ecs_tags(cloud: SimulatedAws, inputs: Inputs) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in cloud.tags(inputs).items()]
