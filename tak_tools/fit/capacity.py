"""What the layers use of the stack: addresses in its subnets, and AWS services through its endpoints."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from tak_base.endpoint_services import ENDPOINT_SERVICES
from tak_base.settings import NAMESPACE
from tak_tools.fit.checks import Case, Finding, statements_of
from tak_tools.fit.template import Resource, marks


@dataclass(frozen=True)
class Addresses:
    """IPv4 addresses in a subnet: those of the stack and of every layer, in three states of the layers' services."""

    subnet: str
    """Such as private-a"""
    usable: int
    steady: int
    """With as many tasks as the services start with"""
    at_limits: int
    """With the most tasks that autoscaling starts"""
    deploying: int
    """While all services are being deployed at the limits"""


@dataclass(frozen=True)
class Service:
    """An AWS service that tasks and functions in the private subnets may call."""

    name: str
    """Of its endpoint, such as ecr.api"""
    endpoint: bool
    """Whether the stack has an endpoint for it; otherwise calls go through the NAT gateways."""
    layers: tuple[str, ...]


# Addresses


def addresses(case: Case) -> list[Addresses]:
    """The addresses in each subnet, in the order of the plan.

    AWS spreads network interfaces over their subnets; of an odd number, each subnet may get the larger half.
    """
    rows = {
        id_: Addresses(subnet.role, subnet.usable, *[subnet.taken] * 3) for id_, subnet in case.stack.subnets.items()
    }
    for subnet_ids, numbers in _interfaces(case):
        known = [id_ for id_ in subnet_ids if id_ in rows]
        for id_ in dict.fromkeys(known):
            steady, at_limits, deploying = (ceil(number / len(set(subnet_ids))) for number in numbers)
            row = rows[id_]
            rows[id_] = replace(
                row,
                steady=row.steady + steady,
                at_limits=row.at_limits + at_limits,
                deploying=row.deploying + deploying,
            )
    order = [plan.role for plan in case.stack.settings.network.addresses.subnets]
    return sorted(rows.values(), key=lambda row: order.index(row.subnet))


_Numbers = tuple[float, float, float]


def _interfaces(case: Case) -> Iterator[tuple[list[str], _Numbers]]:
    """The subnets of everything that has network interfaces, with their numbers in the three states."""
    groups = {(item.layer, item.name): _texts(item, "SubnetIds[]") for item in case.of_type("RDS::DBSubnetGroup")}
    for service in case.of_type("ECS::Service"):
        yield _texts(service, "NetworkConfiguration.AwsvpcConfiguration.Subnets[]"), _tasks(case, service)
    for rule in case.of_type("Events::Rule"):
        for _, parameters in rule.at("Targets[].EcsParameters"):
            block = Resource(rule.layer, rule.name, rule.type, parameters if isinstance(parameters, Mapping) else {})
            count = block.one("TaskCount", 1)
            subnets = _texts(block, "NetworkConfiguration.AwsVpcConfiguration.Subnets[]")
            yield subnets, (count, count, count) if isinstance(count, int) else (1, 1, 1)
    instances: Counter[tuple[str, str, str]] = Counter()
    for instance in case.of_type("RDS::DBInstance"):
        clusters = case.referred(instance, instance.one("DBClusterIdentifier"))
        for owner in [*clusters, instance]:
            for group in case.referred(owner, owner.one("DBSubnetGroupName")):
                instances[group.layer, group.name, owner.name] += 1
    for (layer, group_name, _), count in instances.items():
        yield groups.get((layer, group_name), []), (count,) * 3
    for type_, path in _ONE_IN_EACH.items():
        for resource in case.of_type(type_):
            subnets = _texts(resource, path)
            if type_ != "EC2::VPCEndpoint" or resource.one("VpcEndpointType") == "Interface":
                yield subnets, (len(set(subnets)),) * 3
    for type_, path in _ONE_IN_ONE.items():
        for resource in case.of_type(type_):
            yield _texts(resource, path), (1, 1, 1)


# A load balancer has one interface in each of its subnets at first, and more under load. A function has one in each,
# which all functions with the same security groups share.
_ONE_IN_EACH = {
    "ElasticLoadBalancingV2::LoadBalancer": "Subnets[]",
    "ElasticLoadBalancing::LoadBalancer": "Subnets[]",
    "Lambda::Function": "VpcConfig.SubnetIds[]",
    "EC2::VPCEndpoint": "SubnetIds[]",
    "RDS::DBProxy": "VpcSubnetIds[]",
}
_ONE_IN_ONE = {"EFS::MountTarget": "SubnetId", "EC2::Instance": "SubnetId", "EC2::NetworkInterface": "SubnetId"}


def _texts(resource: Resource, path: str) -> list[str]:
    return [value for _, value in resource.at(path) if isinstance(value, str)]


def _tasks(case: Case, service: Resource) -> _Numbers:
    """The tasks of a service at first, at the limit of its autoscaling, and during a deployment at that limit."""
    steady = _whole(service.one("DesiredCount"), 1)
    limit = steady
    for target in case.of_type("ApplicationAutoScaling::ScalableTarget"):
        if target.layer == service.layer and f"{service.name}.Name" in marks(target.one("ResourceId")):
            limit = max(limit, _whole(target.one("MaxCapacity"), limit))
            steady = max(steady, _whole(target.one("MinCapacity"), steady))
    percent = _whole(service.one("DeploymentConfiguration.MaximumPercent"), 200)
    return steady, limit, max(limit, limit * percent // 100)


def _whole(value: Any, default: int) -> int:
    text = str(value)
    return int(text) if text.isdigit() else default


def full_subnets(case: Case) -> Iterator[Finding]:
    """A fault for each subnet that is too small."""
    states = {"steady": "steady", "at_limits": "at the autoscaling limits", "deploying": "during a deployment"}
    for row in addresses(case):
        needed = {words: getattr(row, name) for name, words in states.items()}
        too_many = [f"{number} {words}" for words, number in needed.items() if number > row.usable]
        if too_many:
            hint = f": set {NAMESPACE}:privateSubnetPrefix to 24" if row.subnet.startswith("private") else ""
            message = f"{row.subnet} has {row.usable} addresses, and the layers need {', '.join(too_many)}{hint}"
            yield Finding("addresses", "fault", "all layers", "", "", message)


# Services

# Services whose endpoint has another name than their IAM actions.
_ENDPOINTS: Mapping[str, tuple[str, ...]] = {
    "bedrock": ("bedrock-runtime",),
    "cloudwatch": ("monitoring",),
    "ecr": ("ecr.api", "ecr.dkr"),
    "firehose": ("kinesis-firehose",),
    "kinesis": ("kinesis-streams",),
    "ses": ("email",),
}
# The services that AWS managed policies allow a task or a function.
_MANAGED = {"AmazonECSTaskExecutionRolePolicy": ("ecr", "logs"), "AWSLambdaVPCAccessExecutionRole": ("logs",)}
# Services without regional endpoints, and services that no task calls.
_NO_ENDPOINT = ("cloudfront", "iam", "route53", "tag")


def services(case: Case) -> list[Service]:
    """The AWS services that the roles of tasks and functions in the private subnets allow them to call."""
    callers = defaultdict(set)
    for role in _roles_in_private_subnets(case):
        for name in _called(case, role):
            for endpoint in _ENDPOINTS.get(name, (name,)):
                callers[endpoint].add(role.layer)
    has = case.stack.settings.endpoints.vpc_endpoints
    return [Service(name, name in has, tuple(sorted(layers))) for name, layers in sorted(callers.items())]


def _roles_in_private_subnets(case: Case) -> Iterator[Resource]:
    private = case.stack.private_subnet_ids
    for service in case.of_type("ECS::Service"):
        if private & set(_texts(service, "NetworkConfiguration.AwsvpcConfiguration.Subnets[]")):
            for definition in case.referred(service, service.one("TaskDefinition")):
                for path in ("TaskRoleArn", "ExecutionRoleArn"):
                    yield from case.referred(definition, definition.one(path))
    for function in case.of_type("Lambda::Function"):
        if private & set(_texts(function, "VpcConfig.SubnetIds[]")):
            yield from case.referred(function, function.one("Role"))


def _called(case: Case, role: Resource) -> set[str]:
    names = set()
    for statement in statements_of(case, role):
        actions = statement.get("Action")
        for action in actions if isinstance(actions, list) else [actions]:
            if isinstance(action, str) and ":" in action:
                names.add(action.split(":")[0].lower())
    for _, arn in role.at("ManagedPolicyArns[]"):
        names.update(_MANAGED.get(str(arn).rsplit("/", 1)[-1], ()))
    return names - set(_NO_ENDPOINT)


def unreachable_services(case: Case) -> Iterator[Finding]:
    """A fault for each service that is called and has neither an endpoint nor a way through a NAT gateway."""
    if case.stack.settings.network.nat_gateways:
        return
    for service in services(case):
        if not service.endpoint:
            add = f": add {service.name} to {NAMESPACE}:vpcEndpoints" if service.name in ENDPOINT_SERVICES else ""
            message = f"calls {service.name}, and there is no endpoint for it and no NAT gateway{add}"
            for layer in service.layers:
                yield Finding("services", "fault", layer, "", "", message)
