"""A deployed stack: its stack file, its outputs, and the answers of AWS."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from botocore.loaders import create_loader

from tak_base.addressing import ZONES, SubnetPlan
from tak_base.deployment_target import DeploymentTarget
from tak_base.endpoint_services import GATEWAY_SERVICES
from tak_base.settings import Settings
from tak_tools.aws import Aws
from tak_tools.layer_outputs import LayerOutputs
from tak_tools.program import Registration, run_program
from tak_tools.pulumi_stack import StateResource
from tak_tools.stack_file import StackFile
from tak_tools.stub_aws import StubAws

Subject = Literal["VPC", "key", "bucket", "repository", "cluster"]

_GONE = frozenset({"deleted", "deleting", "failed"})


def in_batches(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """`items` in parts of at most `size`: some operations of AWS take no more at once."""
    return (items[start : start + size] for start in range(0, len(items), size))


@dataclass(frozen=True)
class Deployment(LayerOutputs):
    """The architecture of a stack and its resources on AWS. Every answer of AWS is fetched once.

    Listings are narrowed to the VPC, or to names; what other stacks have beside the base layer does not matter.
    """

    stack_file: StackFile
    outputs: Mapping[str, Any]
    aws: Aws
    state: tuple[StateResource, ...] | None = None
    """None where the user has not given the stack's state."""
    image_pushes: int | None = None
    """Through how many more pushes an image in use has to stay; None: as image_lifecycle.py says."""

    @property
    def settings(self) -> Settings:
        return self.stack_file.settings

    @property
    def region(self) -> str:
        return self.stack_file.region

    def exists(self, subject: Subject) -> bool:
        """Whether AWS has what the outputs name."""
        found: dict[Subject, Any] = {
            "VPC": lambda: self.vpc,
            "key": lambda: self.key,
            "bucket": lambda: self.bucket_location,
            "repository": lambda: self.repository,
            "cluster": lambda: self.cluster,
        }
        return bool(found[subject]())

    # What the outputs name

    @property
    def target(self) -> DeploymentTarget:
        """Where the stack is deployed to, as its outputs say."""
        partitions = create_loader().load_data("partitions")["partitions"]
        suffixes = {item["id"]: item["outputs"]["dnsSuffix"] for item in partitions}
        return DeploymentTarget(self.account_id, self.region, self.partition, suffixes[self.partition])

    @property
    def further_bucket_names(self) -> list[str]:
        """The existing buckets beside the config bucket."""
        outputs = (LayerOutputs.app_images_bucket_name, LayerOutputs.log_bucket_name)
        names = [self.outputs[output.name] for output in outputs if self.has(output)]
        return [name for name in names if self.bucket("get_bucket_location", absent="NoSuchBucket", name=name)]

    def is_key(self, value: str | None) -> bool:
        """Whether `value`, an ARN or an id, is the layer's key."""
        return value in (self.key_arn, self.key_arn.rsplit("/", 1)[-1])

    def log_group_arn(self, name: str) -> str:
        return self.target.arn("logs", f"log-group:{name}")

    # What the stack file decides

    @property
    def interface_services(self) -> tuple[str, ...]:
        return tuple(name for name in self.settings.endpoints.vpc_endpoints if name not in GATEWAY_SERVICES)

    @property
    def log_group_names(self) -> tuple[str, ...]:
        """The log groups that the layer makes."""
        settings = self.settings
        names = []
        if settings.compute.ecs_exec == "audited":
            names.append(settings.exec_log_group_name)
        if settings.compute.container_insights != "disabled":
            names.append(settings.insights_log_group_name)
        if settings.network.flow_logs != "none":
            names.append(settings.flow_log_group_name)
        return tuple(names)

    @cached_property
    def planned_resources(self) -> tuple[Registration, ...]:
        """What the program creates, with the names that it gives."""
        return run_program(self.stack_file, StubAws(self.region, self.stack_file.name_pattern)).resources

    # What AWS has

    @property
    def suite_stack(self) -> dict[str, Any] | None:
        """The CloudFormation stack with the exports for TAK's own layers; None where there is none."""
        name = self.settings.suite_stack_name
        if not name:
            return None
        answer = self.aws.ask("cloudformation", "describe_stacks", absent=["ValidationError"], StackName=name)
        return answer["Stacks"][0] if answer else None

    @property
    def vpc(self) -> dict[str, Any] | None:
        vpcs = self.in_vpc("describe_vpcs", "Vpcs")
        return vpcs[0] if vpcs else None

    @property
    def subnets(self) -> dict[str, dict[str, Any]]:
        """Every subnet of the VPC by its id."""
        return {subnet["SubnetId"]: subnet for subnet in self.in_vpc("describe_subnets", "Subnets")}

    def planned_subnets(self) -> list[tuple[SubnetPlan, str]]:
        """The planned subnets that are there, each with its id."""
        pairs = [(plan, self.subnet_id(plan.tier, plan.zone)) for plan in self.settings.network.addresses.subnets]
        return [(plan, subnet_id) for plan, subnet_id in pairs if subnet_id in self.subnets]

    @property
    def route_tables(self) -> list[dict[str, Any]]:
        return self.in_vpc("describe_route_tables", "RouteTables")

    @property
    def main_route_table(self) -> dict[str, Any]:
        """The table of every subnet that is associated with none; each VPC has one."""
        return next(table for table in self.route_tables if any(a["Main"] for a in table["Associations"]))

    def effective_route_table(self, subnet_id: str) -> dict[str, Any]:
        """The table that the subnet's traffic follows: the associated one, or else the main one."""
        for table in self.route_tables:
            if any(association.get("SubnetId") == subnet_id for association in table["Associations"]):
                return table
        return self.main_route_table

    @property
    def internet_gateways(self) -> list[dict[str, Any]]:
        filters = [{"Name": "attachment.vpc-id", "Values": [self.vpc_id]}]
        return self.aws.ask("ec2", "describe_internet_gateways", Filters=filters)["InternetGateways"]

    @property
    def egress_only_gateways(self) -> list[dict[str, Any]]:
        # There is no filter for the VPC.
        gateways = self.aws.ask("ec2", "describe_egress_only_internet_gateways")["EgressOnlyInternetGateways"]
        return [item for item in gateways if any(a["VpcId"] == self.vpc_id for a in item["Attachments"])]

    @property
    def nat_gateways(self) -> list[dict[str, Any]]:
        filters = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        gateways = self.aws.ask("ec2", "describe_nat_gateways", Filters=filters)["NatGateways"]
        return [gateway for gateway in gateways if gateway["State"] not in _GONE]

    def nat_gateway_with(self, address: str) -> dict[str, Any] | None:
        """The NAT gateway that has a public IPv4 address."""
        for gateway in self.nat_gateways:
            if any(item.get("PublicIp") == address for item in gateway["NatGatewayAddresses"]):
                return gateway
        return None

    @property
    def elastic_ips(self) -> list[dict[str, Any]]:
        """Those of the published NAT addresses that the account has."""
        if not self.nat_addresses:
            return []
        filters = [{"Name": "public-ip", "Values": list(self.nat_addresses)}]
        return self.aws.ask("ec2", "describe_addresses", Filters=filters)["Addresses"]

    @property
    def security_groups(self) -> list[dict[str, Any]]:
        return self.in_vpc("describe_security_groups", "SecurityGroups")

    @property
    def default_security_group(self) -> dict[str, Any]:
        """Each VPC has one."""
        return next(group for group in self.security_groups if group["GroupName"] == "default")

    @property
    def endpoint_security_group(self) -> dict[str, Any] | None:
        if not self.has(LayerOutputs.endpoint_group_id):
            return None
        return next((group for group in self.security_groups if group["GroupId"] == self.endpoint_group_id), None)

    def endpoint(self, service: str) -> dict[str, Any] | None:
        """The VPC's endpoint of a service, given as in the stack file."""
        same = [
            item
            for item in self.in_vpc("describe_vpc_endpoints", "VpcEndpoints")
            if item["ServiceName"] == f"com.amazonaws.{self.region}.{service}"
            and item["VpcEndpointType"] == ("Gateway" if service in GATEWAY_SERVICES else "Interface")
            and item["State"].lower() not in _GONE
        ]
        tables = {self.route_table_id("private", zone) for zone in ZONES}
        # Others may add one of the same service, without private DNS or for their route tables: AWS allows no more.
        return max(
            same,
            key=lambda item: (
                item.get("PrivateDnsEnabled", False) or not tables.isdisjoint(item.get("RouteTableIds", []))
            ),
            default=None,
        )

    @property
    def flow_logs(self) -> list[dict[str, Any]]:
        filters = [{"Name": "resource-id", "Values": [self.vpc_id]}]
        return self.aws.ask("ec2", "describe_flow_logs", Filters=filters)["FlowLogs"]

    @property
    def layer_flow_log(self) -> dict[str, Any] | None:
        """The flow log that writes to the layer's log group."""
        name = self.settings.flow_log_group_name
        for flow_log in self.flow_logs:
            # AWS names the log group in either way, however the flow log was made.
            if flow_log.get("LogGroupName") == name or flow_log.get("LogDestination") == self.log_group_arn(name):
                return flow_log
        return None

    @property
    def key(self) -> dict[str, Any]:
        """Empty where there is no such key."""
        return self.aws.ask("kms", "describe_key", absent=["NotFoundException"], KeyId=self.key_arn).get(
            "KeyMetadata", {}
        )

    @property
    def bucket_location(self) -> dict[str, Any]:
        """Empty where there is no such bucket."""
        return self.bucket("get_bucket_location", absent="NoSuchBucket")

    def bucket(self, operation: str, absent: str = "", name: str = "") -> dict[str, Any]:
        """A configuration of the config bucket, or that of `name`; empty where S3 answers with the code `absent`."""
        return self.aws.ask("s3", operation, absent=[absent], Bucket=name or self.bucket_name)

    @property
    def repository(self) -> dict[str, Any]:
        """Empty where there is no such repository."""
        return self.repository_called(self.repository_name)

    def repository_called(self, name: str) -> dict[str, Any]:
        """Empty where there is no repository of this name in ECR."""
        answer = self.aws.ask(
            "ecr", "describe_repositories", absent=["RepositoryNotFoundException"], repositoryNames=[name]
        )
        return next(iter(answer.get("repositories", [])), {})

    @property
    def cluster(self) -> dict[str, Any]:
        """Empty where there is no such cluster, or an inactive one, which is what AWS shows of a deleted one."""
        include = ["CONFIGURATIONS", "SETTINGS", "TAGS"]
        answer = self.aws.ask("ecs", "describe_clusters", clusters=[self.cluster_arn], include=include)
        return next((item for item in answer["clusters"] if item["status"] != "INACTIVE"), {})

    @property
    def services(self) -> list[dict[str, Any]]:
        """The services on the cluster."""
        return self._on_cluster("list_services", "serviceArns", "describe_services", "services", 10)

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks on the cluster that run or are about to."""
        return self._on_cluster("list_tasks", "taskArns", "describe_tasks", "tasks", 100)

    def _on_cluster(self, list_: str, arns: str, describe: str, items: str, size: int) -> list[dict[str, Any]]:
        cluster, absent = self.cluster_arn, ["ClusterNotFoundException"]
        listed = self.aws.ask("ecs", list_, absent=absent, cluster=cluster).get(arns, [])
        return [
            item
            for some in in_batches(listed, size)
            # What has gone in between is among the failures of the answer.
            for item in self.aws.ask("ecs", describe, cluster=cluster, **{items: some})[items]
        ]

    @property
    def certificate(self) -> dict[str, Any]:
        """Empty where there is no such certificate."""
        absent = ["ResourceNotFoundException"]
        answer = self.aws.ask("acm", "describe_certificate", absent=absent, CertificateArn=self.certificate_arn)
        return answer.get("Certificate", {})

    def log_group(self, name: str) -> dict[str, Any] | None:
        groups = self.aws.ask("logs", "describe_log_groups", logGroupNamePrefix=name)["logGroups"]
        return next((group for group in groups if group["logGroupName"] == name), None)

    def in_vpc(self, operation: str, key: str) -> list[dict[str, Any]]:
        """What EC2 describes under `key` of the VPC."""
        filters = [{"Name": "vpc-id", "Values": [self.vpc_id]}]
        return self.aws.ask("ec2", operation, Filters=filters)[key]
