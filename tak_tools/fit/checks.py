"""The checks: functions that compare the layers with their base layer's stack, and yield findings.

A fault makes a deployment fail, or something not work afterwards; a note does not. Values that only a deployment can
know are not checked.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from tak_base.config_values import did_you_mean
from tak_base.settings import NAMESPACE, ImageRepository
from tak_tools.fit.stack import Stack
from tak_tools.fit.template import Layer, Resource, is_known, marks, readable, without_names
from tak_tools.layer_outputs import LayerOutputs

Level = Literal["fault", "note"]


@dataclass(frozen=True)
class Finding:
    """A fault or a note."""

    check: str
    level: Level
    layer: str
    """The name of the layer's stack."""
    resource: str
    """A logical resource of its template, `Outputs`, or empty for the whole layer."""
    property: str
    message: str


@dataclass(frozen=True)
class Case:
    """What the checks look at."""

    stack: Stack
    layers: tuple[Layer, ...]
    other_suites: frozenset[str]
    """The TAK environments of the other stack files in the folder."""

    def of_the_stack(self) -> "Case":
        """Without the layers that use another base layer."""
        return replace(self, layers=tuple(layer for layer in self.layers if not self.elsewhere(layer)))

    def elsewhere(self, layer: Layer) -> str:
        """The TAK environment of a layer's base layer where another stack file has it; otherwise empty."""
        found = {base["suite"] for item in layer.imports if (base := _BASE_EXPORT.fullmatch(item.name))}
        suite = found.pop() if len(found) == 1 else ""
        return suite if suite in self.other_suites and suite != self.stack.settings.tak_suite else ""

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of some types, such as `ECS::Service`, in every layer."""
        for layer in self.layers:
            for resource in layer.resources:
                if resource.type.removeprefix("AWS::") in types:
                    yield resource

    def named(self, layer: str, name: str) -> Resource | None:
        """A resource by its logical ID."""
        for item in self.layers:
            if item.stack_name == layer:
                return next((resource for resource in item.resources if resource.name == name), None)
        return None

    def referred(self, resource: Resource, value: Any) -> list[Resource]:
        """The resources of the same layer that a value refers to."""
        names = sorted({mark.split(".")[0] for mark in marks(value)})
        return [found for name in names if (found := self.named(resource.layer, name))]


Check = Callable[[Case], Iterator[Finding]]
CHECKS: dict[str, Check] = {}

# The checks that also look at layers which use another base layer.
_BETWEEN_STACKS = ("imports", "claimed-names")


def _check(function: Callable[[Case], Iterator[tuple[Any, ...]]]) -> Check:
    """Registers a check. It yields a level, a resource, a path and a message."""
    name = function.__name__.replace("_", "-")

    def check(case: Case) -> Iterator[Finding]:
        for level, resource, path, message in function(case):
            layer, logical_id = (resource.layer, resource.name) if isinstance(resource, Resource) else resource
            yield Finding(name, level, layer, logical_id, path, message)

    CHECKS[name] = check
    return check


def find(case: Case) -> list[Finding]:
    """The findings of every check, by layer; faults before notes."""
    own = case.of_the_stack()
    found = {
        finding: None for name, check in CHECKS.items() for finding in check(case if name in _BETWEEN_STACKS else own)
    }
    order = [layer.stack_name for layer in case.layers]
    return sorted(found, key=lambda item: (order.index(item.layer), item.level, [*CHECKS].index(item.check)))


# Imports

_BASE_EXPORT = re.compile(r"TAK-(?P<suite>.+)-BaseInfra-(?P<key>.+)")


@_check
def imports(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each import is an export of the stack, or of another layer."""
    known = {name for layer in case.layers for name in layer.exports}
    for layer in case.layers:
        if suite := case.elsewhere(layer):
            message = f"uses TAK-{suite}-BaseInfra, which is of another stack file: only its names are compared"
            yield "note", (layer.stack_name, ""), "", message
            continue
        not_given: dict[str, Any] = {}
        wrong: dict[str, list[Any]] = defaultdict(list)
        for item in layer.imports:
            where = (layer.stack_name, item.resource)
            base = _BASE_EXPORT.fullmatch(item.name)
            if item.name in case.stack.exports or item.name in known:
                continue
            if not is_known(item.name):
                yield "note", where, item.property, f"the name of an import is not known: {readable(item.name)}"
            elif base and base["suite"] != case.stack.settings.tak_suite:
                wrong[base["suite"]].append((where, item))
            elif base:
                meant = did_you_mean(item.name, case.stack.exports)
                message = f"imports {item.name}, which the stack {case.stack.name} does not export{meant}"
                yield "fault", where, item.property, message
            else:
                not_given.setdefault(item.name, (where, item.property))
        for suite, found in wrong.items():
            where, item = found[0]
            yield "fault", where, item.property, _of_another_suite(case.stack, item.name, suite, len(found) - 1)
        for name, (where, path) in not_given.items():
            yield "note", where, path, f"imports {name} of a layer that is not among the templates"


def _of_another_suite(stack: Stack, name: str, suite: str, more: int) -> str:
    beside = f" (as {more} more imports of the layer)" if more else ""
    if not stack.settings.tak_suite:
        return f"imports {name}{beside}, but the stack {stack.name} has no exports: set {NAMESPACE}:takSuite: {suite}"
    begin = f"TAK-{stack.settings.tak_suite}-BaseInfra-"
    return f"imports {name}{beside}, but the exports of the stack {stack.name} begin with {begin}"


@_check
def functions(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each function of a template has a value."""
    for layer in case.layers:
        for name, path, reason in layer.failures:
            yield "fault", (layer.stack_name, name), path, reason


@_check
def nested_stacks(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each nested stack can be read."""
    for layer in case.layers:
        for name, reason in layer.unread:
            yield "note", (layer.stack_name, name), "TemplateURL", f"the nested stack is not checked: {reason}"


# Kinds of values

_VPC, _SUBNET, _KEY, _ALIAS = "the ID of a VPC", "the ID of a subnet", "the ARN of a key", "the alias of a key"
_BUCKET, _ZONE, _CERTIFICATE = "the name of a bucket", "the ID of a hosted zone", "the ARN of a certificate"
_BY_PROPERTY: Mapping[str, tuple[str, ...]] = {
    "VpcId": (_VPC,),
    "VPCId": (_VPC,),
    "SubnetId": (_SUBNET,),
    "SubnetIds": (_SUBNET,),
    "Subnets": (_SUBNET,),
    "VPCZoneIdentifier": (_SUBNET,),
    "CertificateArn": (_CERTIFICATE,),
    "AcmCertificateArn": (_CERTIFICATE,),
    "RegionalCertificateArn": (_CERTIFICATE,),
    "KmsKeyArn": (_KEY,),
    "KmsKeyId": (_KEY, _ALIAS),
    "KMSKeyId": (_KEY, _ALIAS),
    "KmsMasterKeyId": (_KEY, _ALIAS),
    "KMSMasterKeyID": (_KEY, _ALIAS),
    "HostedZoneId": (_ZONE,),
    "CidrIp": ("an IPv4 range",),
    "CidrIpv6": ("an IPv6 range",),
    "Cluster": ("the ARN of a cluster",),
    "BucketName": (_BUCKET,),
}
# A log group takes no alias: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-logs-loggroup.html
_BY_TYPE = {("AWS::Logs::LogGroup", "KmsKeyId"): (_KEY,)}


@_check
def kinds(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each exported value is of the kind that the property takes where it is used."""
    for resource in _all(case):
        for path, text in resource.texts():
            found = case.stack.kinds.get(text)
            name = re.sub(r"\[\d+\]", "", path).rsplit(".", 1)[-1]
            expected = _BY_TYPE.get((resource.type, name)) or _BY_PROPERTY.get(name, ())
            if found and expected and found not in expected:
                yield "fault", resource, path, f"is {found}, expected {' or '.join(expected)}"
            elif found and "Statement" in path and name in ("Resource", "NotResource") and "ARN" not in found:
                yield "fault", resource, path, f"is {found}, expected an ARN"


def _all(case: Case) -> Iterator[Resource]:
    for layer in case.layers:
        yield from layer.resources


# Names

_CLUSTER_ARN = re.compile(r":ecs:[^:]*:[^:]*:cluster/(?P<name>[^/]+)$")
_IN_CLUSTER_ARN = re.compile(r":ecs:[^:]*:[^:]*:(?:service|task|container-instance)/(?P<name>[^/]+)/")
_SCALED = re.compile(r"^service/(?P<name>[^/]+)/")
_BASE_NAME = re.compile(r"(?<![a-z0-9-])tak-[a-z0-9-]+-baseinfra(?:-[a-z0-9-]*[a-z0-9])?", re.IGNORECASE)
_BUCKET_ARN = re.compile(r"arn:[^:]*:s3:::(?P<name>[^/*?]+)(?:/.*)?")


@_check
def cluster_names(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each cluster that a layer names is in the stack or in a layer."""
    cluster = case.stack.settings.cluster_name
    known = {cluster, *(str(item.one("ClusterName")) for item in case.of_type("ECS::Cluster"))}
    for resource in _all(case):
        for path, text in resource.texts():
            for name in _cluster_names(resource, path, text):
                if is_known(name) and "*" not in name and name not in known:
                    yield "fault", resource, path, f"names the cluster {name}, but the stack's cluster is {cluster}"


def _cluster_names(resource: Resource, path: str, text: str) -> Iterator[str]:
    for pattern in (_CLUSTER_ARN, _IN_CLUSTER_ARN, _SCALED):
        if found := pattern.search(without_names(text)):
            yield found["name"]
    if resource.type == "AWS::ECS::Service" and path == "Cluster" and not text.startswith("arn:"):
        yield text
    if path.endswith(".Value") and "Dimensions[" in path:
        index = path.rsplit(".", 1)[0]
        names = dict(resource.texts())
        if names.get(f"{index}.Name") == "ClusterName":
            yield text


@_check
def names_of_the_base_layer(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each name like TAK-ENV-BaseInfra is a name of the stack."""
    known = {str(case.stack.settings.suite_stack_name), *case.stack.exports, *case.stack.buckets}
    for resource in _all(case):
        for path, text in resource.texts():
            clusters = [*_cluster_names(resource, path, text)]
            for found in _BASE_NAME.finditer(without_names(text)):
                # The check of clusters has found it.
                if not any(found[0] in name for name in (*known, *clusters)):
                    message = f"names {found[0]}, which the stack {case.stack.name} does not have"
                    yield "fault", resource, path, message


@_check
def bucket_names(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each bucket that a layer names is in the stack, in a layer, or CDK's."""
    own = {str(item.one("BucketName")) for item in case.of_type("S3::Bucket")}
    for resource in _all(case):
        for path, text in resource.texts():
            found = _BUCKET_ARN.fullmatch(text)
            if found and is_known(found["name"]) and found["name"] not in own | case.stack.buckets:
                name = found["name"]
                if not name.startswith("cdk-") and not _BASE_NAME.search(name):
                    yield "note", resource, path, f"names the bucket {name}, which neither the stack nor a layer has"


@_check
def log_group_names(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each log group that a container writes to is created by a layer or by the container, or exists."""
    settings = case.stack.settings
    known = {str(item.one("LogGroupName")) for item in case.of_type("Logs::LogGroup")}
    known |= {settings.flow_log_group_name, settings.exec_log_group_name, settings.insights_log_group_name}
    for definition in case.of_type("ECS::TaskDefinition"):
        for path, options in definition.at("ContainerDefinitions[].LogConfiguration.Options"):
            name = options.get("awslogs-group") if isinstance(options, Mapping) else None
            if is_known(name) and name not in known and str(options.get("awslogs-create-group")).lower() != "true":
                message = f"names the log group {name}, which no layer creates"
                yield "fault", definition, f"{path}.awslogs-group", message


@_check
def name_lengths(case: Case) -> Iterator[tuple[Any, ...]]:
    """Names of load balancers and target groups have at most 32 characters."""
    for resource in case.of_type("ElasticLoadBalancingV2::LoadBalancer", "ElasticLoadBalancingV2::TargetGroup"):
        name = resource.one("Name")
        if is_known(name) and len(name) > 32:
            yield "fault", resource, "Name", f"{name} has {len(name)} characters, expected at most 32"


# By type: the property with the name. AWS has a name once in an account and region, a bucket's once in the world.
_UNIQUE = {
    "ApiGatewayV2::DomainName": "DomainName",
    "CloudFront::CachePolicy": "CachePolicyConfig.Name",
    "CloudFront::Function": "Name",
    "CloudFront::OriginRequestPolicy": "OriginRequestPolicyConfig.Name",
    "CloudWatch::Alarm": "AlarmName",
    "CloudWatch::Dashboard": "DashboardName",
    "DynamoDB::Table": "TableName",
    "ECR::Repository": "RepositoryName",
    "ECS::Cluster": "ClusterName",
    "ElasticLoadBalancingV2::LoadBalancer": "Name",
    "ElasticLoadBalancingV2::TargetGroup": "Name",
    "Events::Rule": "Name",
    "IAM::ManagedPolicy": "ManagedPolicyName",
    "IAM::Role": "RoleName",
    "KMS::Alias": "AliasName",
    "Lambda::Function": "FunctionName",
    "Logs::LogGroup": "LogGroupName",
    "RDS::DBCluster": "DBClusterIdentifier",
    "RDS::DBInstance": "DBInstanceIdentifier",
    "RDS::DBSubnetGroup": "DBSubnetGroupName",
    "S3::Bucket": "BucketName",
    "SNS::Topic": "TopicName",
    "SQS::Queue": "QueueName",
    "SSM::Parameter": "Name",
    "SecretsManager::Secret": "Name",
}


@_check
def claimed_names(case: Case) -> Iterator[tuple[Any, ...]]:
    """No two layers, nor a layer and the stack, claim one physical name."""
    settings, claims = case.stack.settings, defaultdict(list)
    of_the_stack = {
        ("ECS::Cluster", settings.cluster_name),
        ("KMS::Alias", settings.key_alias),
        ("SSM::Parameter", settings.outputs_parameter_name),
        ("Logs::LogGroup", settings.flow_log_group_name),
        ("Logs::LogGroup", settings.exec_log_group_name),
        ("Logs::LogGroup", settings.insights_log_group_name),
    }
    for resource in case.of_type(*_UNIQUE, "ECS::Service", "Route53::RecordSet"):
        type_ = resource.type.removeprefix("AWS::")
        path = _UNIQUE.get(type_, "Name")
        name, kind = resource.one(path), type_
        if type_ == "ECS::Service":
            path, name = "ServiceName", resource.one("ServiceName")
            kind = f"{type_} in {resource.one('Cluster')}"
        elif type_ == "Route53::RecordSet":
            # Several records of one name may share the traffic.
            kind = f"{type_} {resource.one('Type')} {resource.one('SetIdentifier', '')}"
        if is_known(name) and is_known(kind):
            name = name.removesuffix(".") if type_ == "Route53::RecordSet" else name
            claims[kind, name].append((resource, path))
    for (kind, name), claimants in claims.items():
        if (kind, name) in of_the_stack:
            for resource, path in claimants:
                yield "fault", resource, path, f"claims {name}, which the stack {case.stack.name} has"
        (first, _), *others = claimants
        for resource, path in others:
            yield "fault", resource, path, f"claims {name}, which {first.layer}: {first.name} also claims"
    stacks = [layer.stack_name for layer in case.layers]
    for layer in {name for name in stacks if stacks.count(name) > 1}:
        yield "fault", (layer, ""), "", "two templates are for this stack"


# Domain names


@_check
def domain_names(case: Case) -> Iterator[tuple[Any, ...]]:
    """The stack's certificate covers every domain name of a listener or a distribution that uses it."""
    if not case.stack.has(LayerOutputs.certificate_arn):
        return
    certificate = case.stack.certificate_arn
    names = case.stack.settings.dns.certificate_domain_names
    for resource, path, name in _presented(case, certificate):
        if is_known(name) and not _covers(names, name.removesuffix(".")):
            message = (
                f"{name.removesuffix('.')} is not covered by the stack's certificate, which is for {', '.join(names)}"
            )
            yield "fault", resource, path, message
    for distribution in case.of_type("CloudFront::Distribution"):
        path = "DistributionConfig.ViewerCertificate.AcmCertificateArn"
        if distribution.one(path) == certificate and case.stack.region != "us-east-1":
            message = f"is a certificate of {case.stack.region}, and CloudFront takes those of us-east-1 only"
            yield "fault", distribution, path, message


def _presented(case: Case, certificate: str) -> Iterator[tuple[Resource, str, str]]:
    """The uses of the certificate without another one beside it: the resource, the property and the domain name."""
    for domain in case.of_type("ApiGatewayV2::DomainName", "ApiGateway::DomainName"):
        arns = [*domain.at("DomainNameConfigurations[].CertificateArn"), *domain.at("RegionalCertificateArn")]
        if certificate in [arn for _, arn in arns]:
            yield domain, "DomainName", domain.one("DomainName")
    for distribution in case.of_type("CloudFront::Distribution"):
        if distribution.one("DistributionConfig.ViewerCertificate.AcmCertificateArn") == certificate:
            for path, alias in distribution.at("DistributionConfig.Aliases[]"):
                yield distribution, path, alias
    more = [(item, item.one("ListenerArn")) for item in case.of_type("ElasticLoadBalancingV2::ListenerCertificate")]
    for listener in case.of_type("ElasticLoadBalancingV2::Listener"):
        arns = [arn for _, arn in listener.at("Certificates[].CertificateArn")]
        added = any(listener in case.referred(item, arn) for item, arn in more)
        if arns and all(arn == certificate for arn in arns) and not added:
            yield from _names_of_listener(case, listener)


def _names_of_listener(case: Case, listener: Resource) -> Iterator[tuple[Resource, str, str]]:
    balancers = case.referred(listener, listener.one("LoadBalancerArn"))
    for record in case.of_type("Route53::RecordSet"):
        targets = [record.one("AliasTarget.DNSName"), *(text for _, text in record.at("ResourceRecords[]"))]
        if record.layer == listener.layer and balancers and balancers == case.referred(record, targets):
            yield record, "Name", record.one("Name")
    for rule in case.of_type("ElasticLoadBalancingV2::ListenerRule"):
        if listener in case.referred(rule, rule.one("ListenerArn")):
            for path, value in rule.at("Conditions[].HostHeaderConfig.Values[]"):
                yield rule, path, value


def _covers(certificate_names: Iterable[str], name: str) -> bool:
    """A wildcard covers one label."""
    parent = name.partition(".")[2]
    return name in certificate_names or f"*.{parent}" in certificate_names


# Images

_IMAGE = re.compile(r"[^./]+\.dkr\.ecr\.[^.]+\.[^/]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?")


@dataclass(frozen=True)
class _Use:
    """A use of an image in a repository of the stack."""

    resource: Resource
    path: str
    repository: ImageRepository
    tag: str


@_check
def images(case: Case) -> Iterator[tuple[Any, ...]]:
    """Each image is in a repository of the stack, and builds of other components do not expire it."""
    repositories = case.stack.repositories
    own = {str(item.one("RepositoryName")) for item in case.of_type("ECR::Repository")}
    uses = []
    for resource, path, image in _images(case):
        found = _IMAGE.fullmatch(image)
        if not found or not is_known(name := found["repository"]):
            continue
        if repository := repositories.get(name):
            if resource.type == "AWS::Lambda::Function" and not repository.lambda_pull:
                message = f"Lambda may not pull from {repository.name}, which is not in {NAMESPACE}:lambdaRepositories"
                yield "fault", resource, path, message
            if is_known(tag := found["tag"] or "latest"):
                uses.append(_Use(resource, path, repository, tag))
        elif name not in own and not name.startswith("cdk-") and not name.startswith(f"{case.stack.settings.name}-"):
            message = f"names the repository {name}, but the stack's begin with {case.stack.settings.name}-"
            yield "fault", resource, path, message
    yield from _expiring(case.stack, uses)


def _images(case: Case) -> Iterator[tuple[Resource, str, str]]:
    for definition in case.of_type("ECS::TaskDefinition"):
        for path, image in definition.at("ContainerDefinitions[].Image"):
            if isinstance(image, str):
                yield definition, path, image
    for function in case.of_type("Lambda::Function"):
        if isinstance(image := function.one("Code.ImageUri"), str):
            yield function, "Code.ImageUri", image


def _expiring(stack: Stack, uses: list[_Use]) -> Iterator[tuple[Any, ...]]:
    by_rule = defaultdict(list)
    for use in uses:
        prefixes = [prefix for prefix in use.repository.tag_prefixes if use.tag.startswith(prefix)]
        if use.repository.retention_count is None:
            continue
        if use.repository.tag_prefixes and not prefixes:
            message = f"the tag {use.tag} has no prefix of {NAMESPACE}:imageTagPrefixes: such images never expire"
            yield "note", use.resource, use.path, message
        for prefix in prefixes or [""] * (not use.repository.tag_prefixes):
            by_rule[use.repository, prefix].append(use)
    for (repository, prefix), together in by_rule.items():
        components = sorted({_component(use.tag) for use in together})
        if len(components) > 1:
            rule = f"with the prefix {prefix}" if prefix else f"of {repository.name}"
            for use in together:
                message = (
                    f"the tag {use.tag} is counted among the newest {repository.retention_count} images {rule}, with"
                    f" those of other components ({', '.join(components)}), whose builds expire it: give each a prefix"
                    f" in {NAMESPACE}:imageTagPrefixes"
                )
                yield "fault", use.resource, use.path, message


def _component(tag: str) -> str:
    """The component of an image: its tag up to the version or the hash."""
    return re.split(r"[-_.]?(?=v?\d)|[-_.](?=[0-9a-f]{7,}(?:\W|$))", tag, maxsplit=1)[0] or tag


# The key


@_check
def key_users(case: Case) -> Iterator[tuple[Any, ...]]:
    """The key policy allows the AWS services that use the key as principals."""
    patterns = case.stack.settings.log_group_patterns
    for group in case.of_type("Logs::LogGroup"):
        if group.one("KmsKeyId") in case.stack.key_names:
            name = group.one("LogGroupName", f"{group.layer}-{group.name}-...")
            if is_known(name) and not any(fnmatchcase(name, pattern) for pattern in patterns):
                message = f"the key's policy lets CloudWatch Logs use it for {' and '.join(patterns)}, not for {name}"
                yield "fault", group, "KmsKeyId", message
    for target in case.of_type("SNS::Topic", "SQS::Queue"):
        if target.one("KmsMasterKeyId") in case.stack.key_names:
            for sender in sorted(_senders(case, target)):
                message = f"{sender} sends to it, and the key's policy does not let it use the key"
                yield "fault", target, "KmsMasterKeyId", message


def _senders(case: Case, target: Resource) -> set[str]:
    """The AWS services that send to a topic or a queue as principals."""
    places = {
        "cloudwatch.amazonaws.com": ("CloudWatch::Alarm", "AlarmActions[]", "OKActions[]", "InsufficientDataActions[]"),
        "events.amazonaws.com": ("Events::Rule", "Targets[].Arn"),
        "s3.amazonaws.com": (
            "S3::Bucket",
            "NotificationConfiguration.TopicConfigurations[].Topic",
            "NotificationConfiguration.QueueConfigurations[].Queue",
        ),
        "sns.amazonaws.com": ("SNS::Subscription", "Endpoint"),
    }
    return {
        service
        for service, (type_, *paths) in places.items()
        for resource in case.of_type(type_)
        if resource.layer == target.layer
        for path in paths
        if any(target in case.referred(resource, value) for _, value in resource.at(path))
    }


@_check
def ecs_exec(case: Case) -> Iterator[tuple[Any, ...]]:
    """Where the cluster audits ECS Exec, task roles may use the key and write to the log group."""
    if case.stack.settings.compute.ecs_exec != "audited":
        return
    for service in case.of_type("ECS::Service"):
        if service.one("EnableExecuteCommand") is not True:
            continue
        for definition in case.referred(service, service.one("TaskDefinition")):
            for role in case.referred(definition, definition.one("TaskRoleArn")):
                missing = [action for action in ("kms:Decrypt", "logs:PutLogEvents") if not _may(case, role, action)]
                if missing:
                    message = (
                        f"the task role {role.name} lacks {' and '.join(missing)}, which ECS Exec needs with"
                        f" {NAMESPACE}:ecsExec audited"
                    )
                    yield "fault", service, "EnableExecuteCommand", message


def _may(case: Case, role: Resource, action: str) -> bool:
    """Whether a role has the action on any resource, without a condition that names another service."""
    return any(
        fnmatchcase(action.lower(), allowed.lower()) and "kms:ViaService" not in str(statement.get("Condition"))
        for statement in statements_of(case, role)
        for allowed in _as_list(statement.get("Action"))
        if isinstance(allowed, str)
    )


def statements_of(case: Case, role: Resource) -> Iterator[Mapping[str, Any]]:
    """The Allow statements of a role's policies, as far as the templates have them."""
    documents = [document for _, document in role.at("Policies[].PolicyDocument")]
    for policy in case.of_type("IAM::Policy", "IAM::ManagedPolicy"):
        if policy.layer == role.layer and role in case.referred(policy, policy.one("Roles")):
            documents.append(policy.one("PolicyDocument"))
    for policy in case.of_type("IAM::ManagedPolicy"):
        if policy.layer == role.layer and policy in case.referred(role, role.one("ManagedPolicyArns")):
            documents.append(policy.one("PolicyDocument"))
    for document in documents:
        for statement in _as_list(document.get("Statement")) if isinstance(document, Mapping) else []:
            if isinstance(statement, Mapping) and statement.get("Effect") == "Allow":
                yield statement


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


# Logs of load balancers


@_check
def load_balancer_logs(case: Case) -> Iterator[tuple[Any, ...]]:
    """The bucket's policy lets the load balancer write its logs under its prefix."""
    for balancer in case.of_type("ElasticLoadBalancingV2::LoadBalancer"):
        attributes = {
            str(item.get("Key")): (f"{path}.Value", item.get("Value"))
            for path, item in balancer.at("LoadBalancerAttributes[]")
            if isinstance(item, Mapping)
        }
        for logs in ("access_logs", "connection_logs"):
            _, enabled = attributes.get(f"{logs}.s3.enabled", ("", "false"))
            path, bucket = attributes.get(f"{logs}.s3.bucket", ("", ""))
            _, prefix = attributes.get(f"{logs}.s3.prefix", ("", ""))
            if str(enabled).lower() != "true" or not isinstance(bucket, str) or not isinstance(prefix, str):
                continue
            if not is_known(bucket) or not is_known(prefix):
                continue
            kind = case.stack.kinds.get(bucket)
            if kind and bucket not in case.stack.buckets:
                yield "fault", balancer, path, f"is {kind}, expected the name of a bucket"
            elif bucket in case.stack.buckets and not _may_log(case.stack, balancer, bucket, prefix):
                under = f"{prefix}/AWSLogs" if prefix else "AWSLogs"
                kind = balancer.one("Type", "application")
                message = f"the bucket's policy does not let {kind} load balancers write under {under}"
                yield "fault", balancer, path, message


def _may_log(stack: Stack, balancer: Resource, bucket: str, prefix: str) -> bool:
    if "AWSLogs" in prefix:
        # Elastic Load Balancing adds AWSLogs, and refuses a prefix that contains it.
        return False
    network = balancer.one("Type") == "network"
    writer = "delivery.logs.amazonaws.com" if network else "logdelivery.elasticloadbalancing.amazonaws.com"
    path = "/".join(filter(None, [prefix, "AWSLogs", _account(stack), "elasticloadbalancing/any"]))
    return any(
        statement["Effect"] == "Allow"
        and (statement["Principal"] == {"Service": writer} or (not network and "AWS" in statement["Principal"]))
        and "s3:PutObject" in _as_list(statement["Action"])
        and any(fnmatchcase(path, pattern.partition(f"{bucket}/")[2]) for pattern in _as_list(statement["Resource"]))
        for statement in stack.bucket_policies[bucket]
    )


def _account(stack: Stack) -> str:
    return stack.key_arn.split(":")[4]
