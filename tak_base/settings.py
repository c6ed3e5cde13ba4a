"""Stack config, parsed once into frozen dataclasses. Every config error is raised here.

`parse_settings` is pure and works on plain values; `load_settings` at the end of the file is the edge
where the Pulumi engine's config comes in.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tak_base.addressing import (
    MAJOR_IDS,
    MINOR_IDS,
    PRIVATE_SUBNET_PREFIXES,
    AddressPlan,
    plan_addresses,
)
from tak_base.config_values import (
    ConfigError,
    did_you_mean,
    engine_config,
    flag,
    in_namespace,
    shown,
    snake_case,
)
from tak_base.endpoint_services import ENDPOINT_SERVICES, GATEWAY_SERVICES

NAMESPACE = "tak-base"

# In place of a value: what the environment's profile says. Pulumi.yaml gives it as the default of every
# optional key, because the Pulumi CLI requires a declared key that has no default.
PROFILE = "profile"

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
    1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip

# An ECR lifecycle policy holds 50 rules (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html)
# and one of ours expires untagged images.
_MAX_TAG_PREFIXES = 49

_REPOSITORY_NAME = r"[a-z0-9]+([._-][a-z0-9]+)*"
_DNS_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

Environment = Literal["prod", "dev-test"]
FlowLogs = Literal["none", "reject", "all"]
ContainerInsights = Literal["disabled", "enabled", "enhanced"]
CapacityProvider = Literal["FARGATE", "FARGATE_SPOT"]
TagMutability = Literal["IMMUTABLE", "MUTABLE"]
EndpointPolicies = Literal["none", "account", "organization"]
EndpointIpAddressType = Literal["ipv4", "dualstack"]

# The repository that every stack has: the rest of its logical name, and what a tag prefix without `NAME/` is for.
IMAGES = "images"


@dataclass(frozen=True)
class ImageRepository:
    """An image repository of the stack."""

    name: str
    """`images` for the one that every stack has, otherwise as the stack file names it."""
    tag_prefixes: tuple[str, ...]
    """Empty: the retention count is for the repository as a whole; otherwise for each prefix."""
    lambda_pull: bool
    """Whether Lambda functions of the account may run its images."""


@dataclass(frozen=True)
class Settings:
    """Everything a stack file decides, checked."""

    name: str
    """Project and stack, for example `tak-base-prod`: the start of every physical name that must be known early."""
    environment: Environment
    major_id: int
    minor_id: int
    nat_gateways: int
    nat64: bool
    """Whether what has IPv6 only reaches IPv4 from the private subnets."""
    vpc_endpoints: tuple[str, ...]
    endpoint_policies: EndpointPolicies | None
    """Whose principals may use the endpoints; None: the policies are not managed, AWS's own lets everyone."""
    organization_id: str | None
    """None unless the endpoint policies are for an organization."""
    endpoint_ip_address_type: EndpointIpAddressType | None
    """For the endpoints that can have either; None: not managed, AWS makes them ipv4."""
    availability_zones: tuple[str, str] | None
    """None: the first two zones of the region that are open to every account."""
    private_subnet_prefix: int
    flow_logs: FlowLogs
    log_retention_days: int
    container_insights: ContainerInsights
    default_capacity_provider: CapacityProvider
    image_retention_count: int
    image_tag_prefixes: tuple[str, ...]
    image_tag_mutability: TagMutability
    protect_data: bool
    kms_deletion_window_days: int
    permissions_boundary: str | None
    """An IAM policy of the account, by its name with path; None: roles have no boundary."""
    repositories: tuple[str, ...]
    """Image repositories beside the one that every stack has."""
    lambda_repositories: tuple[str, ...]
    """Those of `repositories` whose images Lambda functions of the account may run."""
    app_images_bucket: bool
    load_balancer_log_bucket: bool
    hosted_zone_name: str | None
    """A public Route 53 hosted zone of the account; None: no public DNS."""

    @property
    def addresses(self) -> AddressPlan:
        return plan_addresses(self.major_id, self.minor_id, self.private_subnet_prefix)

    @property
    def image_repositories(self) -> tuple[ImageRepository, ...]:
        """Every image repository, the one that every stack has first."""
        prefixes = [_split_prefix(prefix) for prefix in self.image_tag_prefixes]
        return tuple(
            ImageRepository(
                name,
                tuple(prefix for repository, prefix in prefixes if repository == name),
                name in self.lambda_repositories,
            )
            for name in (IMAGES, *self.repositories)
        )

    # The key's policy names the cluster and the log groups, so their names are known before the key is made.

    @property
    def key_alias(self) -> str:
        return f"alias/{self.name}"

    @property
    def cluster_name(self) -> str:
        return self.name

    @property
    def flow_log_group_name(self) -> str:
        return f"/{self.name}/flow-log"

    @property
    def exec_log_group_name(self) -> str:
        return f"/{self.name}/ecs-exec"

    @property
    def insights_log_group_name(self) -> str:
        """Fixed by AWS: where Container Insights writes the performance events of a cluster."""
        return f"/aws/ecs/containerinsights/{self.cluster_name}/performance"

    @property
    def log_group_patterns(self) -> tuple[str, str]:
        """The log groups under the key, those of the layers above among them: `/NAME/anything`."""
        return (f"/{self.name}/*", self.insights_log_group_name)


@dataclass(frozen=True)
class _Key:
    """A row of the config table: how a value is read, and what each profile says where there is none."""

    read: Callable[[Any], Any]
    """Returns the setting, or raises ValueError saying what is expected."""
    prod: Any = None
    dev_test: Any = None
    required: bool = False

    def profile(self, environment: Environment) -> Any:
        return self.prod if environment == "prod" else self.dev_test


def _integer(allowed: Collection[int], expected: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise ValueError(f"expected {expected}")
        return value

    return read


def _integer_in(allowed: range) -> Callable[[Any], int]:
    return _integer(allowed, f"an integer {allowed.start}-{allowed.stop - 1}")


def _one_of(*choices: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"expected {' or '.join(choices)}")
        return value

    return read


def _distinct_names(value: Any, expected: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"expected {expected}")
    repeated = sorted({item for item in value if value.count(item) > 1})
    if repeated:
        raise ValueError(f"expected every name once, {', '.join(repeated)} is there twice or more")
    return tuple(value)


def _availability_zones(value: Any) -> tuple[str, ...] | None:
    expected = "2 zone names of the stack's region, such as [ap-southeast-2a, ap-southeast-2b], or [] to choose"
    zones = _distinct_names(value, expected)
    # NAT gateways and Fargate are not offered in every Local Zone or Wavelength Zone, whose names are longer.
    if zones and (len(zones) != 2 or not all(re.fullmatch(r"[a-z]+(-[a-z]+)+-\d[a-z]", zone) for zone in zones)):
        raise ValueError(f"expected {expected}")
    return zones or None


def _vpc_endpoints(value: Any) -> tuple[str, ...]:
    names = _distinct_names(value, "a list of AWS service names, such as [s3, ecr.api]")
    for name in names:
        if name != PROFILE and name not in ENDPOINT_SERVICES:
            raise ValueError(
                f"expected AWS service names, {name!r} is none{did_you_mean(name, ENDPOINT_SERVICES)}"
                " (the names are in tak_base/endpoint_services.py)"
            )
    return names


def _organization_id(value: Any) -> str:
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
    if not isinstance(value, str) or not re.fullmatch(r"o-[a-z0-9]{10,32}", value):
        raise ValueError("expected the ID of an AWS organization, such as o-a1b2c3d4e5")
    return value


def _policy_name(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"([\w-]+/)*[\w+=,.@-]{1,128}", value, re.ASCII):
        raise ValueError("expected the name of an IAM policy of the account with its path, such as bootstrap/boundary")
    return value


def _image_tag_prefixes(value: Any) -> tuple[str, ...]:
    prefixes = _distinct_names(value, "a list of image tag prefixes, such as [tak-server-, cloudtak-]")
    for prefix in prefixes:
        if not re.fullmatch(rf"({_REPOSITORY_NAME}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}", prefix):
            raise ValueError(f"expected starts of image tags (letters, digits, _ . -), {prefix!r} is none")
    counts = Counter(repository for repository, _ in map(_split_prefix, prefixes))
    if any(count > _MAX_TAG_PREFIXES for count in counts.values()):
        raise ValueError(f"expected at most {_MAX_TAG_PREFIXES}: ECR refuses a lifecycle policy of over 50 rules")
    return prefixes


def _split_prefix(prefix: str) -> tuple[str, str]:
    """The repository that a tag prefix is for, and the prefix itself: `etl-tasks/weather-` is for etl-tasks."""
    repository, slash, rest = prefix.rpartition("/")
    return (repository, rest) if slash else (IMAGES, rest)


def _repositories(value: Any) -> tuple[str, ...]:
    names = _distinct_names(value, "a list of names of image repositories, such as [artifacts, etl-tasks]")
    for name in names:
        # The physical name has `tak-images-` in front and a random end, and ECR takes 256 characters in all.
        if not re.fullmatch(_REPOSITORY_NAME, name) or len(name) > 200:
            raise ValueError(f"expected names of small letters and digits, joined by single - . or _, {name!r} is none")
        if name == IMAGES:
            raise ValueError(f"expected further repositories: every stack has {IMAGES}")
    return names


def _hosted_zone_name(value: Any) -> str:
    # ACM takes a first domain name of 64 characters, which is all that a certificate's common name holds.
    if not isinstance(value, str) or len(value) > 64 or not re.fullmatch(rf"{_DNS_LABEL}(\.{_DNS_LABEL})+", value):
        raise ValueError("expected a domain name in small letters, of 64 characters or less, such as tak.example.org")
    return value


_KEYS: dict[str, _Key] = {
    "environment": _Key(_one_of("prod", "dev-test"), required=True),
    "majorId": _Key(_integer_in(MAJOR_IDS), required=True),
    "minorId": _Key(_integer_in(MINOR_IDS), required=True),
    "natGateways": _Key(_integer((1, 2), "1 or 2"), prod=2, dev_test=1),
    "nat64": _Key(flag, prod=False, dev_test=False),
    "vpcEndpoints": _Key(
        _vpc_endpoints, prod=("s3", "ecr.dkr", "ecr.api", "kms", "secretsmanager", "logs"), dev_test=()
    ),
    # No profile has a value of these: a live endpoint keeps what is no longer said, so `none` and `ipv4` say it.
    "endpointPolicies": _Key(_one_of("none", "account", "organization")),
    "organizationId": _Key(_organization_id),
    "endpointIpAddressType": _Key(_one_of("ipv4", "dualstack")),
    "availabilityZones": _Key(_availability_zones),
    "privateSubnetPrefix": _Key(_integer_in(PRIVATE_SUBNET_PREFIXES), prod=26, dev_test=26),
    "flowLogs": _Key(_one_of("none", "reject", "all"), prod="reject", dev_test="none"),
    "logRetentionDays": _Key(
        _integer(LOG_RETENTION_DAYS, f"one of {', '.join(map(str, LOG_RETENTION_DAYS))}"), prod=365, dev_test=30
    ),
    "containerInsights": _Key(_one_of("disabled", "enabled", "enhanced"), prod="enabled", dev_test="disabled"),
    "defaultCapacityProvider": _Key(_one_of("FARGATE", "FARGATE_SPOT"), prod="FARGATE", dev_test="FARGATE_SPOT"),
    "imageRetentionCount": _Key(_integer_in(range(1, 1001)), prod=20, dev_test=5),
    "imageTagPrefixes": _Key(_image_tag_prefixes, prod=(), dev_test=()),
    "imageTagMutability": _Key(_one_of("IMMUTABLE", "MUTABLE"), prod="IMMUTABLE", dev_test="MUTABLE"),
    "protectData": _Key(flag, prod=True, dev_test=False),
    "kmsDeletionWindowDays": _Key(_integer_in(range(7, 31)), prod=30, dev_test=7),
    "permissionsBoundary": _Key(_policy_name),
    "repositories": _Key(_repositories, prod=(), dev_test=()),
    "lambdaRepositories": _Key(_repositories, prod=(), dev_test=()),
    "appImagesBucket": _Key(flag, prod=False, dev_test=False),
    "loadBalancerLogBucket": _Key(flag, prod=False, dev_test=False),
    "hostedZoneName": _Key(_hosted_zone_name),
}

CONFIG_KEYS = tuple(_KEYS)


def parse_settings(
    values: Mapping[str, Any], *, project: str = NAMESPACE, stack: str, region: str | None = None
) -> Settings:
    """The settings of a stack, from the values of its `tak-base:` keys without the namespace.

    Numbers, booleans and lists come as such. A missing key, None or the word `profile` takes the value of the
    environment's profile; in `vpcEndpoints`, `profile` stands for the profile's list. `region` is `aws:region`
    where the stack has one. Raises ConfigError with every problem, a line each.
    """
    problems = [f"{NAMESPACE}:{key}: unknown key{did_you_mean(key, _KEYS)}" for key in values if key not in _KEYS]
    if not re.fullmatch(r"[A-Za-z0-9_-]+", stack):
        # The stack's name goes into the names of the KMS alias, the ECS cluster and the log groups.
        problems.append(f"stack name: found {stack!r}, expected letters, digits, - and _ only")
    parsed: dict[str, Any] = {}
    for key, rule in _KEYS.items():
        value = values.get(key)
        absent = value is None or value == PROFILE
        if absent and not rule.required:
            continue
        try:
            parsed[key] = rule.read(value)
        except ValueError as error:
            problems.append(f"{NAMESPACE}:{key}: {'missing' if absent else f'found {shown(value)}'}, {error}")
    if "environment" in parsed:
        _apply_profile(parsed)
    problems += _refused_together(parsed, region)
    problems += _organization_problems(parsed, values.get("organizationId"))
    if problems:
        raise ConfigError(problems)
    return Settings(name=f"{project}-{stack}", **{snake_case(key): value for key, value in parsed.items()})


def _apply_profile(parsed: dict[str, Any]) -> None:
    for key, rule in _KEYS.items():
        if not rule.required:
            parsed.setdefault(key, rule.profile(parsed["environment"]))
    endpoints = parsed["vpcEndpoints"]
    if PROFILE in endpoints:
        profile = _KEYS["vpcEndpoints"].profile(parsed["environment"])
        added = tuple(name for name in endpoints if name != PROFILE)
        parsed["vpcEndpoints"] = tuple(dict.fromkeys(profile + added))


def _refused_together(parsed: Mapping[str, Any], region: str | None) -> list[str]:
    """What AWS refuses although each value is fine by itself."""
    problems = []
    zones = parsed.get("availabilityZones")
    if zones and region and any(zone[:-1] != region for zone in zones):
        problems.append(
            f"{NAMESPACE}:availabilityZones: found {shown(zones)}, expected zones of aws:region, which is {region}"
        )
    if {"majorId", "minorId", "privateSubnetPrefix", "vpcEndpoints"} <= parsed.keys():
        interface_endpoints = sum(name not in GATEWAY_SERVICES for name in parsed["vpcEndpoints"])
        plan = plan_addresses(parsed["majorId"], parsed["minorId"], parsed["privateSubnetPrefix"])
        usable = plan.tier("private")[0].usable_addresses
        if interface_endpoints > usable:
            problems.append(
                f"{NAMESPACE}:vpcEndpoints: found {interface_endpoints} interface endpoints, expected at most {usable}:"
                f" each takes an address of every private subnet, a /{parsed['privateSubnetPrefix']}"
            )
    if "repositories" in parsed:
        problems += _unknown_repositories(parsed)
    return problems


def _organization_problems(parsed: Mapping[str, Any], found: Any) -> Iterator[str]:
    """An organization's ID without a use, or a use without an ID. What is no ID has been reported."""
    policies = parsed.get("endpointPolicies")
    wanted = policies == "organization"
    if wanted and found in (None, PROFILE):
        yield (
            f"{NAMESPACE}:organizationId: missing, expected the ID of an AWS organization, such as o-a1b2c3d4e5,"
            f" as {NAMESPACE}:endpointPolicies is organization"
        )
    if parsed.get("organizationId") and not wanted:
        yield (
            f"{NAMESPACE}:organizationId: found {shown(found)}, expected none, as {NAMESPACE}:endpointPolicies is"
            f" {policies or 'not set'}"
        )


def _unknown_repositories(parsed: Mapping[str, Any]) -> Iterator[str]:
    """Keys that speak of a repository which `repositories` does not have."""
    named = {
        "lambdaRepositories": parsed.get("lambdaRepositories", ()),
        "imageTagPrefixes": [repository for repository, _ in map(_split_prefix, parsed.get("imageTagPrefixes", ()))],
    }
    for key, names in named.items():
        for name in dict.fromkeys(names):
            if name not in (*parsed["repositories"], *([IMAGES] if key == "imageTagPrefixes" else [])):
                yield (
                    f"{NAMESPACE}:{key}: found {shown(name)}, expected a repository of {NAMESPACE}:repositories,"
                    f" which is {shown(parsed['repositories'])}"
                )


def from_engine(key: str, value: Any) -> Any:
    """The value behind what the Pulumi engine hands to a program, which is text whatever the stack file has.

    Text that is no integer, boolean or list stays text, for `parse_settings` to judge.
    """
    if not isinstance(value, str) or key not in _KEYS:
        return value
    try:
        decoded = json.loads(value)
    except ValueError:
        return value
    return decoded if isinstance(decoded, int | list) else value


def load_settings() -> Settings:
    """The settings of the stack that is being deployed; a mistake stops the deployment without a stack trace."""
    import pulumi

    config = engine_config()
    values = {key: from_engine(key, value) for key, value in in_namespace(config, NAMESPACE).items()}
    try:
        return parse_settings(
            values, project=pulumi.get_project(), stack=pulumi.get_stack(), region=config.get("aws:region")
        )
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None
