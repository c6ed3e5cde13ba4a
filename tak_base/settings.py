"""Stack config, parsed once into frozen dataclasses: every key is one field here. Every config error is raised here.

`parse_settings` is pure and works on plain values; `load_settings` at the end of the file is the edge where the
Pulumi engine's config comes in. docs/config.md is made of the fields by `make docs`.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tak_base.addressing import MAJOR_IDS, MINOR_IDS, PRIVATE_SUBNET_PREFIXES, ZONES, AddressPlan, plan_addresses
from tak_base.config_values import (
    PROFILE,
    ConfigError,
    apply_defaults,
    did_you_mean,
    engine_config,
    flag,
    in_namespace,
    integer,
    key,
    names,
    one_of,
    read_keys,
    rows_of,
    settings_from,
    shown,
    text,
)
from tak_base.endpoint_services import ENDPOINT_SERVICES, GATEWAY_SERVICES

NAMESPACE = "tak-base"

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
EcsExec = Literal["audited", "default"]
EndpointPolicies = Literal["none", "account", "organization"]
EndpointIpAddressType = Literal["ipv4", "dualstack"]

# The repository that every stack has: the last part of its logical name. Tag prefixes without `NAME/` are for it.
IMAGES = "images"

# What TAK's own layers (TAK-NZ on GitHub) take from the layer: docs/tak-suite.md.
ARTIFACTS = "artifacts"
ETL_TASKS = "etltasks"
SUITE_REPOSITORIES = (ARTIFACTS, ETL_TASKS)
# The tags of the components that share ARTIFACTS. Each component is built separately.
SUITE_TAG_PREFIXES = (
    "tak-", "authentik-", "ldap-", "cloudtak-", "events-", "pmtiles-", "retention-", "data-", "mediamtx-",
    "utils-tileserver-gl-", "utils-weather-proxy-", "utils-ais-proxy-", "utils-power-outages-", "utils-terrain-proxy-",
    "utils-display-proxy-",
)  # fmt: skip
SUITE_CERTIFICATE_NAMES = ("*.map",)

# Checks of single keys


def _check_zones(zones: tuple[str, ...]) -> None:
    # NAT gateways and Fargate are not offered in every Local Zone or Wavelength Zone, whose names are longer.
    if len(zones) not in (0, len(ZONES)) or not all(re.fullmatch(r"[a-z]+(-[a-z]+)+-\d[a-z]", zone) for zone in zones):
        raise ValueError


def _check_services(services: tuple[str, ...]) -> None:
    for name in services:
        if name not in ENDPOINT_SERVICES:
            raise ValueError(
                f"expected AWS service names: {name!r} is not one{did_you_mean(name, ENDPOINT_SERVICES)}"
                " (the names are in tak_base/endpoint_services.py)"
            )


def _check_repositories(repositories: tuple[str, ...]) -> None:
    for name in repositories:
        # The physical name is `PROJECT-STACK-tak-images-NAME-1234567`, and ECR takes 256 characters.
        if not re.fullmatch(_REPOSITORY_NAME, name) or len(name) > 190:
            raise ValueError(
                f"expected names of lower-case letters and digits, joined by single - . or _: {name!r} is not one"
            )
        if name == IMAGES:
            raise ValueError(f"expected further repositories: every stack has {IMAGES}")


def _check_tag_prefixes(prefixes: tuple[str, ...]) -> None:
    for prefix in prefixes:
        if not re.fullmatch(rf"({_REPOSITORY_NAME}/)?[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}", prefix):
            raise ValueError(f"expected image tag prefixes of letters, digits, _ . and -: {prefix!r} is not one")
    counts = Counter(repository for repository, _ in map(_split_prefix, prefixes))
    if any(count > _MAX_TAG_PREFIXES for count in counts.values()):
        raise ValueError(
            f"expected at most {_MAX_TAG_PREFIXES} for a repository: an ECR lifecycle policy holds 50 rules"
        )


def _check_certificate_names(certificate_names: tuple[str, ...]) -> None:
    for name in certificate_names:
        # With the zone's name of up to 64 characters, it has to fit into the 253 of a domain name.
        if not re.fullmatch(rf"(\*\.)?{_DNS_LABEL}(\.{_DNS_LABEL})*", name) or len(name) > 180:
            raise ValueError(
                f"expected domain names without the zone's name, such as {SUITE_CERTIFICATE_NAMES[0]}, in lower-case"
                f" letters: {name!r} is not one"
            )


def _split_prefix(prefix: str) -> tuple[str, str]:
    """The repository that a tag prefix is for, and the prefix itself: `etl-tasks/weather-` is for etl-tasks."""
    repository, slash, rest = prefix.rpartition("/")
    return (repository, rest) if slash else (IMAGES, rest)


# The keys


@dataclass(frozen=True)
class NetworkSettings:
    """The VPC, its subnets, the ways out of them and the flow log."""

    major_id: int = key(
        integer(MAJOR_IDS),
        "The second number of the VPC's range, `10.{majorId}.{minorId * 16}.0/20`. A change replaces the VPC.",
        required=True,
    )
    minor_id: int = key(
        integer(MINOR_IDS),
        "Which /20 of `10.{majorId}.0.0/16` the VPC has. Stacks with the same two IDs have the same addresses, so they"
        " can never be connected. A change replaces the VPC.",
        required=True,
    )
    availability_zones: tuple[str, ...] = key(
        names(
            f"[] or {len(ZONES)} zone names of the stack's region",
            example=tuple(f"ap-southeast-2{zone}" for zone in ZONES),
            check=_check_zones,
        ),
        "The zones of the subnets, A first. With [], the subnets are created in the first zones of the region that are"
        " open to every account, and stay there. A change replaces subnets.",
        default=(),
    )
    private_subnet_prefix: int = key(
        integer(PRIVATE_SUBNET_PREFIXES),
        "The prefix length of the private subnets. A change replaces the private subnets; the addresses of the public"
        " subnets are the same with any prefix.",
        default=26,
        tak_suite=24,
    )
    nat_gateways: int = key(
        integer(*range(len(ZONES) + 1)),
        "How many zones have a NAT gateway. With 1, all private subnets use the one in zone A. With 0, private subnets"
        " reach the internet over IPv6 only: read `docs/operations.md` (Without NAT gateways) before you set it.",
        prod=len(ZONES),
        dev_test=1,
    )
    nat64: bool = key(
        flag,
        "With true, DNS64 and a route to the NAT gateways let IPv6-only clients in the private subnets reach IPv4"
        " addresses. Read `docs/endpoints.md` before you set it on a live stack.",
        default=False,
    )
    flow_logs: FlowLogs = key(
        one_of(FlowLogs),
        "Which traffic the VPC flow log records. With none there is no flow log.",
        prod="reject",
        dev_test="none",
    )

    @property
    def addresses(self) -> AddressPlan:
        return plan_addresses(self.major_id, self.minor_id, self.private_subnet_prefix)


@dataclass(frozen=True)
class EndpointSettings:
    """The VPC endpoints of the private subnets. `docs/endpoints.md` says what a change of a live stack affects."""

    vpc_endpoints: tuple[str, ...] = key(
        names("a list of AWS service names", example=("s3", "ecr.api"), check=_check_services, extends_default=True),
        "The services that get an endpoint: `s3` and `dynamodb` a gateway endpoint, which is free, every other service"
        " an interface endpoint in all private subnets. `profile` in the list stands for the default list:"
        " `[profile, ssmmessages]` adds an endpoint to the default ones, the one that ECS Exec uses.",
        prod=("s3", "ecr.dkr", "ecr.api", "kms", "secretsmanager", "logs"),
        dev_test=(),
        tak_suite_dev_test=("s3",),
    )
    endpoint_policies: EndpointPolicies = key(
        one_of(EndpointPolicies),
        "Which principals may use the endpoints: those of the account, those of the organization, or with none any"
        " principal, as in AWS's default policy.",
        default="account",
    )
    organization_id: str | None = key(
        # https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
        text(r"o-[a-z0-9]{10,32}", "the ID of an AWS organization", example="o-a1b2c3d4e5"),
        "The organization whose principals may use the endpoints. Only with `endpointPolicies: organization`.",
    )
    # No default: a live endpoint keeps what is no longer said, so `ipv4` says it.
    endpoint_ip_address_type: EndpointIpAddressType | None = key(
        one_of(EndpointIpAddressType),
        "The IP address type of the endpoints whose services offer both. Where it is not set, the type is not managed;"
        " AWS creates endpoints with ipv4.",
    )


@dataclass(frozen=True)
class StorageSettings:
    """The customer-managed key, and the buckets beside the config bucket."""

    kms_deletion_window_days: int = key(
        integer(range(7, 31)),
        "How many days a deleted key can still be restored.",
        prod=30,
        dev_test=7,
    )
    app_images_bucket: bool = key(
        flag,
        "With true, there is a bucket for application images, configured as the config bucket is.",
        default=False,
        tak_suite=True,
    )
    load_balancer_log_bucket: bool = key(
        flag,
        "With true, there is a bucket to which the account's load balancers may write access logs, with any prefix or"
        " none. Logs expire after `logRetentionDays`. The bucket is encrypted with S3's own key (SSE-S3): Elastic Load"
        " Balancing cannot write to a bucket with a customer-managed key.",
        default=False,
        tak_suite=True,
    )


@dataclass(frozen=True)
class ImageRepository:
    """An image repository of the stack."""

    name: str
    """`images` for the one that every stack has, otherwise as the stack file names it."""
    tag_prefixes: tuple[str, ...]
    """Empty: the retention count is for the repository as a whole; otherwise for each prefix."""
    retention_count: int | None
    """None: tagged images never expire."""
    lambda_pull: bool
    """Whether Lambda functions of the account may run its images."""


@dataclass(frozen=True)
class ComputeSettings:
    """The ECS cluster and the image repositories."""

    container_insights: ContainerInsights = key(
        one_of(ContainerInsights), "The Container Insights setting of the cluster.", prod="enabled", dev_test="disabled"
    )
    default_capacity_provider: CapacityProvider = key(
        one_of(CapacityProvider),
        "The capacity provider of services that do not name one.",
        prod="FARGATE",
        dev_test="FARGATE_SPOT",
    )
    repositories: tuple[str, ...] = key(
        names("a list of names of image repositories", example=("artifacts", "etl-tasks"), check=_check_repositories),
        "Further image repositories, configured as the one that every stack has.",
        default=(),
        tak_suite=SUITE_REPOSITORIES,
    )
    lambda_repositories: tuple[str, ...] = key(
        names("a list of names that are in `repositories`", example=("etl-tasks",)),
        "The repositories whose images the account's Lambda functions may run.",
        default=(),
        tak_suite=SUITE_REPOSITORIES,
    )
    image_retention_count: int = key(
        integer(range(1, 1001)),
        "How many images a repository keeps, or with `imageTagPrefixes` how many for each prefix. Untagged images"
        " expire after 14 days.",
        prod=20,
        dev_test=5,
    )
    image_tag_prefixes: tuple[str, ...] = key(
        names("a list of image tag prefixes", example=("tak-server-", "cloudtak-"), check=_check_tag_prefixes),
        "**Set it where a repository holds the images of several components**: images are then counted for each prefix,"
        " so that frequent builds of one component do not expire the live image of another. A prefix for one of"
        " `repositories` begins with its name, such as `etl-tasks/weather-`.",
        default=(),
        tak_suite=tuple(f"{ARTIFACTS}/{prefix}" for prefix in SUITE_TAG_PREFIXES),
    )
    keep_all_images: tuple[str, ...] = key(
        names("a list of names that are in `repositories`, or images", example=(IMAGES,)),
        "The repositories whose tagged images never expire, for images that are built rarely and all in use."
        " `images` is the repository that every stack has. Not for a repository that has `imageTagPrefixes`.",
        default=(),
        tak_suite=(ETL_TASKS,),
    )
    image_tag_mutability: TagMutability = key(
        one_of(TagMutability),
        "Whether a tag can be moved to another image.",
        prod="IMMUTABLE",
        dev_test="MUTABLE",
    )
    ecs_exec: EcsExec = key(
        one_of(EcsExec),
        "With audited, ECS Exec encrypts sessions with the stack's key and records them in the log group"
        " `/PROJECT-STACK/ecs-exec`: task roles need `kms:Decrypt` on the key and `logs:PutLogEvents` on the log group,"
        " or `execute-command` fails. With default, the cluster has ECS's own setting, which needs neither. A change"
        " from audited to default deletes the log group and what it has recorded.",
        default="audited",
        tak_suite="default",
    )

    @property
    def image_repositories(self) -> tuple[ImageRepository, ...]:
        """Every image repository, the one that every stack has first."""
        prefixes = [_split_prefix(prefix) for prefix in self.image_tag_prefixes]
        return tuple(
            ImageRepository(
                name,
                (own := tuple(prefix for repository, prefix in prefixes if repository == name)),
                None if name in self.keep_all_images and not own else self.image_retention_count,
                name in self.lambda_repositories,
            )
            for name in (IMAGES, *self.repositories)
        )


@dataclass(frozen=True)
class DnsSettings:
    """The public domain name."""

    hosted_zone_name: str | None = key(
        # ACM takes a first domain name of 64 characters, which is all that a certificate's common name holds.
        text(
            rf"(?=.{{1,64}}$){_DNS_LABEL}(\.{_DNS_LABEL})+",
            "the name of a public Route 53 hosted zone, in lower-case letters and of 64 characters or less",
            example="tak.example.org",
        ),
        "The name of a public Route 53 hosted zone that exists in the account. The stack gets a certificate for this"
        " name and its wildcard, validated by a record in the zone. The record stays when the stack is deleted, as"
        " certificates of other stacks for the same name need it for renewal.",
    )
    certificate_names: tuple[str, ...] = key(
        names(
            "a list of domain names without the zone's name",
            example=SUITE_CERTIFICATE_NAMES,
            check=_check_certificate_names,
        ),
        "Further names of the certificate: `*.map` is `*.map.tak.example.org` in the zone tak.example.org. A wildcard"
        " covers one label, so `*.tak.example.org` does not cover tiles.map.tak.example.org. A change replaces the"
        " certificate. Only with `hostedZoneName`.",
        default=(),
        tak_suite=SUITE_CERTIFICATE_NAMES,
    )

    @property
    def certificate_domain_names(self) -> tuple[str, ...]:
        """The names of the certificate, the zone's first; none where there is no zone."""
        zone = self.hosted_zone_name
        return (zone, *(f"{name}.{zone}" for name in dict.fromkeys(("*", *self.certificate_names)))) if zone else ()


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a stack file decides, checked."""

    project: str
    stack: str
    environment: Environment = key(
        one_of(Environment), "Decides the defaults of the keys that the stack file does not set.", required=True
    )
    tak_suite: str | None = key(
        text(
            r"[A-Za-z]([A-Za-z0-9-]{0,13}[A-Za-z0-9])?",
            "a name of up to 15 letters, digits and -, which begins with a letter and does not end in -",
            example="Prod",
        ),
        "The name of the TAK environment, where TAK's own layers (auth-infra, tak-infra, CloudTAK, media-infra,"
        " utils-infra) are deployed on this one: `Prod` for layers that are called `TAK-Prod-AuthInfra`. The stack then"
        " publishes the CloudFormation stack `TAK-Prod-BaseInfra` with the exports that they import, and the cluster"
        " has this name. Other keys get the defaults that the layers need. Needs `hostedZoneName`. Read"
        " `docs/tak-suite.md` first.",
    )
    protect_data: bool = key(
        flag,
        "With true, the key, the buckets and the image repositories are protected and retained: no deployment deletes"
        " them. With false, `pulumi destroy` deletes them with everything in them.",
        prod=True,
        dev_test=False,
    )
    log_retention_days: int = key(
        integer(*LOG_RETENTION_DAYS),
        "For how many days log groups and the load balancer log bucket keep logs.",
        prod=365,
        dev_test=30,
    )
    permissions_boundary: str | None = key(
        text(
            r"([\w-]+/)*[\w+=,.@-]{1,128}",
            "the name of an IAM policy of the account with its path",
            example="bootstrap/boundary",
        ),
        "The permissions boundary of the roles that the stack creates (the flow log's). The deploy roles of"
        " `docs/bootstrap.md` can create roles only with the boundary that it describes.",
    )
    network: NetworkSettings
    endpoints: EndpointSettings
    storage: StorageSettings
    compute: ComputeSettings
    dns: DnsSettings

    @property
    def name(self) -> str:
        """Project and stack, for example `tak-base-prod`: the start of every physical name that must be known early."""
        return f"{self.project}-{self.stack}"

    @property
    def outputs_parameter_name(self) -> str:
        """The SSM parameter that has the stack outputs as JSON."""
        return f"/{self.project}/{self.stack}/outputs"

    # The key's policy names the cluster and the log groups, so their names are known before the key is made.

    @property
    def key_alias(self) -> str:
        return f"alias/{self.name}"

    @property
    def cluster_name(self) -> str:
        # TAK's own layers have the name of their base layer's stack as a literal.
        return self.suite_stack_name or self.name

    @property
    def suite_stack_name(self) -> str | None:
        """The CloudFormation stack that TAK's own layers import from; None where the stack file has no `takSuite`."""
        return f"TAK-{self.tak_suite}-BaseInfra" if self.tak_suite else None

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


CONFIG_KEYS = rows_of(Settings)


def parse_settings(
    values: Mapping[str, Any], *, project: str = NAMESPACE, stack: str, region: str | None = None
) -> Settings:
    """The settings of a stack, from the values of its `tak-base:` keys without the namespace.

    A value is what the stack file has, or the text that the Pulumi engine makes of it. A key that is missing takes
    the default of the environment. `region` is `aws:region` where the stack has one. Raises ConfigError with every
    problem, a line each.
    """
    # Pulumi.yaml used to declare every key with the default `profile`, and stack files have it too.
    values = {name: None if value == PROFILE else value for name, value in values.items()}
    settings, problems = read_keys(CONFIG_KEYS, values, NAMESPACE)
    problems += name_problems(project, stack)
    if "environment" in settings:
        environment = settings["environment"].replace("-", "_")
        suite = (f"tak_suite_{environment}", "tak_suite") if settings.get("takSuite") else ()
        apply_defaults(CONFIG_KEYS, settings, *suite, environment)
    problems += _unsupported_region(region)
    problems += _zones_of_another_region(settings, region)
    problems += _nat64_without_nat_gateway(settings)
    problems += _too_many_interface_endpoints(settings)
    problems += _organization_id_without_use(settings, values.get("organizationId"))
    problems += _unknown_repositories(settings, values)
    problems += _kept_and_counted(settings, values)
    problems += _certificate_without_zone(settings)
    problems += _missing_for_the_suite(settings)
    if problems:
        raise ConfigError(problems)
    return settings_from(Settings, settings, project=project, stack=stack)


# Pulumi names resources without a name PROJECT-STACK-LOGICALNAME-1234567 (Pulumi.yaml, pulumi:autonaming). The flow
# log's role, `tak-flow-log-role`, leaves 38 of the 64 characters that IAM allows; buckets leave 40 of S3's 63.
MAX_NAME_PREFIX = 38


def name_problems(project: str, stack: str) -> Iterator[str]:
    """Why AWS would refuse physical names that begin with this project and stack."""
    for what, name in (("project name", project), ("stack name", stack)):
        # S3 and ECR are the strictest about characters.
        if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", name):
            yield (
                f"{what}: found {name!r}, expected lower-case letters and digits, joined by single -:"
                " names in AWS begin with it"
            )
    if project.startswith("sg-"):
        yield f"project name: found {project!r}, expected no sg- at the start: AWS reserves it in security group names"
    if len(f"{project}-{stack}") > MAX_NAME_PREFIX:
        yield (
            f"stack name: found {stack!r}, expected at most {MAX_NAME_PREFIX} characters for {project}-{stack}, with"
            " which names in AWS begin"
        )


# Combinations of good values that AWS or the program refuses. A key with a mistake may be missing here.


def _unsupported_region(region: str | None) -> Iterator[str]:
    """The program asks AWS for the partition (deployment_target.py); a region's name tells it without AWS."""
    if region and re.match(r"(cn|eusc|eu-isoe|us-iso[a-z]?)-", region):
        yield f"aws:region: found {region}, expected a region of the partition aws or aws-us-gov"


def _zones_of_another_region(settings: Mapping[str, Any], region: str | None) -> Iterator[str]:
    zones = settings.get("availabilityZones")
    if zones and region and any(zone[:-1] != region for zone in zones):
        yield f"{NAMESPACE}:availabilityZones: found {shown(zones)}, expected zones of aws:region, which is {region}"


def _nat64_without_nat_gateway(settings: Mapping[str, Any]) -> Iterator[str]:
    if settings.get("nat64") and settings.get("natGateways") == 0:
        yield (
            f"{NAMESPACE}:nat64: found true, expected false, as {NAMESPACE}:natGateways is 0: a NAT gateway translates"
            " the addresses"
        )


def _too_many_interface_endpoints(settings: Mapping[str, Any]) -> Iterator[str]:
    if not {"majorId", "minorId", "privateSubnetPrefix", "vpcEndpoints"} <= settings.keys():
        return
    interface_endpoints = sum(name not in GATEWAY_SERVICES for name in settings["vpcEndpoints"])
    plan = plan_addresses(settings["majorId"], settings["minorId"], settings["privateSubnetPrefix"])
    usable = plan.tier("private")[0].usable_addresses
    if interface_endpoints > usable:
        yield (
            f"{NAMESPACE}:vpcEndpoints: found {interface_endpoints} interface endpoints, expected at most {usable}:"
            f" each takes an address of every private subnet, a /{settings['privateSubnetPrefix']}"
        )


def _organization_id_without_use(settings: Mapping[str, Any], found: Any) -> Iterator[str]:
    """An organization's ID without a use, or a use without an ID. A bad ID has been reported."""
    policies = settings.get("endpointPolicies")
    needed = policies == "organization"
    if needed and found is None:
        yield (
            f"{NAMESPACE}:organizationId: missing, expected {CONFIG_KEYS['organizationId'].reader.expected}, as"
            f" {NAMESPACE}:endpointPolicies is organization"
        )
    if settings.get("organizationId") and not needed:
        yield (
            f"{NAMESPACE}:organizationId: found {shown(found)}, expected no value, as {NAMESPACE}:endpointPolicies is"
            f" {policies}"
        )


def _unknown_repositories(settings: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """Keys of the stack file that name a repository which `repositories` does not have."""
    if "repositories" not in settings:
        return
    repositories = settings["repositories"]
    for name_of_key, in_every_stack in (
        ("lambdaRepositories", ()),
        ("imageTagPrefixes", (IMAGES,)),
        ("keepAllImages", (IMAGES,)),
    ):
        if values.get(name_of_key) is None or name_of_key not in settings:
            continue
        found = settings[name_of_key]
        if name_of_key == "imageTagPrefixes":
            found = [repository for repository, _ in map(_split_prefix, found)]
        for name in dict.fromkeys(found):
            if name not in (*in_every_stack, *repositories):
                yield (
                    f"{NAMESPACE}:{name_of_key}: found {shown(name)}, expected a repository of"
                    f" {NAMESPACE}:repositories, which is {shown(repositories)}"
                )


def _prefixes_of(settings: Mapping[str, Any], repository: str) -> list[str]:
    prefixes = map(_split_prefix, settings.get("imageTagPrefixes", ()))
    return [prefix for name, prefix in prefixes if name == repository]


def _kept_and_counted(settings: Mapping[str, Any], values: Mapping[str, Any]) -> Iterator[str]:
    """Repositories for which the stack file wants every image kept, and the newest of each prefix."""
    if values.get("keepAllImages") is None:
        return
    for repository in settings.get("keepAllImages", ()):
        if _prefixes_of(settings, repository):
            yield (
                f"{NAMESPACE}:keepAllImages: found {shown(repository)}, expected a repository without"
                f" {NAMESPACE}:imageTagPrefixes, which has {shown(settings['imageTagPrefixes'])}"
            )


def _certificate_without_zone(settings: Mapping[str, Any]) -> Iterator[str]:
    found = settings.get("certificateNames")
    if found and not settings.get("hostedZoneName") and not settings.get("takSuite"):
        yield (
            f"{NAMESPACE}:certificateNames: found {shown(found)}, expected no value, as {NAMESPACE}:hostedZoneName is"
            " not set"
        )


def _missing_for_the_suite(settings: Mapping[str, Any]) -> Iterator[str]:
    """What an override takes away from what TAK's own layers need."""
    suite = settings.get("takSuite")
    if not suite or "environment" not in settings:
        return
    because = f", as {NAMESPACE}:takSuite is {suite} (docs/tak-suite.md)"
    if not settings["hostedZoneName"]:
        yield f"{NAMESPACE}:hostedZoneName: missing, expected {CONFIG_KEYS['hostedZoneName'].reader.expected}{because}"
    for name, needed in (
        ("repositories", SUITE_REPOSITORIES),
        ("lambdaRepositories", SUITE_REPOSITORIES),
        ("certificateNames", SUITE_CERTIFICATE_NAMES),
    ):
        if not set(needed) <= set(settings[name]):
            yield f"{NAMESPACE}:{name}: found {shown(settings[name])}, expected {', '.join(needed)} among them{because}"
    for name in ("appImagesBucket", "loadBalancerLogBucket"):
        if not settings[name]:
            yield f"{NAMESPACE}:{name}: found false, expected true{because}"
    rules = _prefixes_of(settings, ARTIFACTS)
    kept = settings["keepAllImages"]
    counted_together = [rule for rule in rules or [""] if sum(tag.startswith(rule) for tag in SUITE_TAG_PREFIXES) > 1]
    if counted_together and (rules or ARTIFACTS not in kept):
        yield (
            f"{NAMESPACE}:imageTagPrefixes: found {shown(settings['imageTagPrefixes'])}, expected a prefix in"
            f" {ARTIFACTS} for each component, such as {ARTIFACTS}/tak- and {ARTIFACTS}/cloudtak-: builds of one would"
            f" expire the images of another{because}"
        )
    if ETL_TASKS not in kept and not _prefixes_of(settings, ETL_TASKS):
        yield f"{NAMESPACE}:keepAllImages: found {shown(kept)}, expected {ETL_TASKS} among them{because}"


def load_settings() -> Settings:
    """The settings of the stack that is being deployed; a mistake stops the deployment without a stack trace."""
    import pulumi

    config = engine_config()
    try:
        return parse_settings(
            in_namespace(config, NAMESPACE),
            project=pulumi.get_project(),
            stack=pulumi.get_stack(),
            region=config.get("aws:region"),
        )
    except ConfigError as error:
        raise pulumi.RunError(str(error)) from None
