"""Network: the dual-stack VPC, its subnets, routes, gateways and flow log."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import Input, Output, Resource, ResourceOptions

from tak_base.addressing import NAT64, ZONES, SubnetPlan, Zone, ipv6_subnet
from tak_base.deployment_target import DeploymentTarget
from tak_base.policy_documents import flow_log_permissions, flow_log_trust_policy
from tak_base.settings import NetworkSettings

ANY_IPV4 = "0.0.0.0/0"
ANY_IPV6 = "::/0"

# The zones, by ID, in which Fargate runs no tasks or VPCs have no NAT gateways:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html
_ZONES_WITHOUT_FARGATE = ("apne1-az3", "usw1-az2")


@dataclass(frozen=True)
class NetworkArgs:
    name_prefix: str
    """The beginning of every Name tag."""
    settings: NetworkSettings
    flow_log_group_name: str
    permissions_boundary: str | None
    """An IAM policy of the account, by its name with path: the permissions boundary of the flow log's role."""
    log_retention_days: int
    target: DeploymentTarget
    kms_key_arn: Input[str]
    """The key of the flow log's log group."""


class Network(pulumi.ComponentResource):
    """A VPC with a public and a private subnet in each zone, for IPv4 and IPv6.

    Public subnets route to the internet gateway. Private subnets route IPv4 to a NAT gateway, where there is one, and
    IPv6 to the egress-only internet gateway, and have no route to the internet gateway.
    """

    vpc_id: Output[str]
    ipv4_cidr: Output[str]
    ipv6_cidr: Output[str]
    availability_zones: list[Output[str]]
    public_subnet_ids: dict[Zone, Output[str]]
    private_subnet_ids: dict[Zone, Output[str]]
    private_subnets: list[aws.ec2.Subnet]
    private_subnet_cidrs: list[Output[str]]
    public_route_table_id: Output[str]
    private_route_table_ids: dict[Zone, Output[str]]
    nat_public_ips: list[Output[str]]

    def __init__(self, name: str, args: NetworkArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:Network", name, None, opts)
        self._name = name
        self._args = args

        vpc = self._create_vpc()
        self._empty_default_security_group(vpc)
        internet_gateway = self._create_internet_gateway(vpc)
        egress_only_gateway = self._create_egress_only_gateway(vpc)
        subnets = self._create_subnets(vpc)
        public_route_table, public_route = self._create_public_routing(vpc, subnets, internet_gateway)
        nat_gateways, eips = self._create_nat_gateways(subnets, [internet_gateway, public_route])
        private_route_tables = self._create_private_routing(vpc, subnets, nat_gateways, egress_only_gateway)
        if args.settings.flow_logs != "none":
            self._create_flow_log(vpc)

        self.vpc_id = vpc.id
        self.ipv4_cidr = vpc.cidr_block
        self.ipv6_cidr = vpc.ipv6_cidr_block
        self.public_subnet_ids = {zone: subnets[f"public-{zone}"].id for zone in ZONES}
        self.private_subnet_ids = {zone: subnets[f"private-{zone}"].id for zone in ZONES}
        self.private_subnets = [subnets[f"private-{zone}"] for zone in ZONES]
        self.private_subnet_cidrs = [subnet.cidr_block.apply(str) for subnet in self.private_subnets]
        self.availability_zones = [subnet.availability_zone for subnet in self.private_subnets]
        self.public_route_table_id = public_route_table.id
        self.private_route_table_ids = {zone: table.id for zone, table in private_route_tables.items()}
        self.nat_public_ips = [eip.public_ip for eip in eips]
        self.register_outputs({"vpcId": self.vpc_id})

    def _create_vpc(self) -> aws.ec2.Vpc:
        return aws.ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=str(self._args.settings.addresses.vpc),
            assign_generated_ipv6_cidr_block=True,
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags=self._name_tag("vpc"),
            opts=self._child(),
        )

    def _empty_default_security_group(self, vpc: aws.ec2.Vpc) -> None:
        # FSBP EC2.2: an instance without a security group gets this one, which allows no traffic.
        aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default-security-group",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            tags=self._name_tag("default-closed"),
            opts=self._child(),
        )

    def _create_internet_gateway(self, vpc: aws.ec2.Vpc) -> aws.ec2.InternetGateway:
        return aws.ec2.InternetGateway(
            f"{self._name}-internet-gateway",
            vpc_id=vpc.id,
            tags=self._name_tag("internet-gateway"),
            # The provider would detach it from the old VPC, which AWS refuses while NAT gateways have addresses in it.
            opts=self._child(replace_on_changes=["vpcId"]),
        )

    def _create_egress_only_gateway(self, vpc: aws.ec2.Vpc) -> aws.ec2.EgressOnlyInternetGateway:
        return aws.ec2.EgressOnlyInternetGateway(
            f"{self._name}-egress-only-gateway",
            vpc_id=vpc.id,
            tags=self._name_tag("egress-only-gateway"),
            opts=self._child(),
        )

    def _create_subnets(self, vpc: aws.ec2.Vpc) -> dict[str, aws.ec2.Subnet]:
        """The subnets by role, such as `private-a`."""
        zones = self._args.settings.availability_zones or _first_zones(self._args.target.region)
        # The region's list of zones may change, and a subnet cannot move: where the stack file does not
        # name its zones, each subnet stays in the zone in which it was created.
        pinned = None if self._args.settings.availability_zones else ["availabilityZone"]
        return {
            subnet.role: aws.ec2.Subnet(
                f"{self._name}-subnet-{subnet.role}",
                vpc_id=vpc.id,
                availability_zone=zones[subnet.zone_index],
                cidr_block=str(subnet.ipv4),
                ipv6_cidr_block=_ipv6_range(vpc, subnet),
                assign_ipv6_address_on_creation=True,
                map_public_ip_on_launch=False,
                enable_dns64=(self._args.settings.nat64 and subnet.tier == "private") or None,
                tags=self._name_tag(subnet.role) | {"Tier": subnet.tier},
                # A replacement has the same addresses, so the old subnet has to go first.
                opts=self._child(ignore_changes=pinned, delete_before_replace=True),
            )
            for subnet in self._args.settings.addresses.subnets
        }

    def _create_public_routing(
        self, vpc: aws.ec2.Vpc, subnets: dict[str, aws.ec2.Subnet], internet_gateway: aws.ec2.InternetGateway
    ) -> tuple[aws.ec2.RouteTable, aws.ec2.Route]:
        """The public route table and its IPv4 default route."""
        public_subnets = {role: subnet for role, subnet in subnets.items() if role.startswith("public-")}
        table = self._create_route_table("public", vpc, public_subnets)
        ipv4_route = aws.ec2.Route(
            f"{self._name}-route-public-ipv4",
            route_table_id=table.id,
            destination_cidr_block=ANY_IPV4,
            gateway_id=internet_gateway.id,
            opts=self._child(),
        )
        aws.ec2.Route(
            f"{self._name}-route-public-ipv6",
            route_table_id=table.id,
            destination_ipv6_cidr_block=ANY_IPV6,
            gateway_id=internet_gateway.id,
            opts=self._child(),
        )
        return table, ipv4_route

    def _create_nat_gateways(
        self, subnets: dict[str, aws.ec2.Subnet], way_out: list[Resource]
    ) -> tuple[list[aws.ec2.NatGateway], list[aws.ec2.Eip]]:
        """One NAT gateway for each of the first `nat_gateways` zones, with its Elastic IP address."""
        gateways, eips = [], []
        for zone in ZONES[: self._args.settings.nat_gateways]:
            eip = aws.ec2.Eip(
                f"{self._name}-eip-{zone}", domain="vpc", tags=self._name_tag(f"nat-{zone}"), opts=self._child()
            )
            gateways.append(
                aws.ec2.NatGateway(
                    f"{self._name}-nat-gateway-{zone}",
                    subnet_id=subnets[f"public-{zone}"].id,
                    allocation_id=eip.allocation_id,
                    tags=self._name_tag(f"nat-{zone}"),
                    # AWS creates a NAT gateway only in a VPC with an internet gateway. A replacement takes over the
                    # address of the old one, which must be gone by then (Resource.AlreadyAssociated).
                    opts=self._child(depends_on=way_out, delete_before_replace=True),
                )
            )
            eips.append(eip)
        return gateways, eips

    def _create_private_routing(
        self,
        vpc: aws.ec2.Vpc,
        subnets: dict[str, aws.ec2.Subnet],
        nat_gateways: list[aws.ec2.NatGateway],
        egress_only_gateway: aws.ec2.EgressOnlyInternetGateway,
    ) -> dict[Zone, aws.ec2.RouteTable]:
        """A route table for each zone, even where zones share a NAT gateway: another gateway then changes one route."""
        tables: dict[Zone, aws.ec2.RouteTable] = {}
        for index, zone in enumerate(ZONES):
            role = f"private-{zone}"
            table = self._create_route_table(role, vpc, {role: subnets[role]})
            # The gateway of the zone, or else the last gateway.
            for nat_gateway in nat_gateways[: index + 1][-1:]:
                aws.ec2.Route(
                    f"{self._name}-route-{role}-ipv4",
                    route_table_id=table.id,
                    destination_cidr_block=ANY_IPV4,
                    nat_gateway_id=nat_gateway.id,
                    opts=self._child(),
                )
                if self._args.settings.nat64:
                    aws.ec2.Route(
                        f"{self._name}-route-{role}-nat64",
                        route_table_id=table.id,
                        destination_ipv6_cidr_block=NAT64,
                        nat_gateway_id=nat_gateway.id,
                        opts=self._child(),
                    )
            aws.ec2.Route(
                f"{self._name}-route-{role}-ipv6",
                route_table_id=table.id,
                destination_ipv6_cidr_block=ANY_IPV6,
                egress_only_gateway_id=egress_only_gateway.id,
                opts=self._child(),
            )
            tables[zone] = table
        return tables

    def _create_route_table(
        self, role: str, vpc: aws.ec2.Vpc, subnets: dict[str, aws.ec2.Subnet]
    ) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(
            f"{self._name}-route-table-{role}", vpc_id=vpc.id, tags=self._name_tag(role), opts=self._child()
        )
        for subnet_role, subnet in subnets.items():
            aws.ec2.RouteTableAssociation(
                f"{self._name}-route-table-association-{subnet_role}",
                route_table_id=table.id,
                subnet_id=subnet.id,
                opts=self._child(),
            )
        return table

    def _create_flow_log(self, vpc: aws.ec2.Vpc) -> None:
        log_group = aws.cloudwatch.LogGroup(
            f"{self._name}-flow-log-group",
            name=self._args.flow_log_group_name,
            retention_in_days=self._args.log_retention_days,
            kms_key_id=self._args.kms_key_arn,
            opts=self._child(),
        )
        role = aws.iam.Role(
            f"{self._name}-flow-log-role",
            description="Lets VPC Flow Logs write to the flow log's log group",
            assume_role_policy=json.dumps(flow_log_trust_policy(self._args.target)),
            permissions_boundary=self._args.permissions_boundary
            and self._args.target.policy_arn(self._args.permissions_boundary),
            opts=self._child(),
        )
        permissions = aws.iam.RolePolicy(
            f"{self._name}-flow-log-role-policy",
            role=role.id,
            policy=json.dumps(flow_log_permissions(self._args.target, self._args.flow_log_group_name)),
            opts=self._child(),
        )
        aws.ec2.FlowLog(
            f"{self._name}-flow-log",
            vpc_id=vpc.id,
            traffic_type=self._args.settings.flow_logs.upper(),
            log_destination_type="cloud-watch-logs",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            tags=self._name_tag("flow-log"),
            # Without its permissions the flow log starts in the state "Access error". A replacement has the same
            # log group, and AWS refuses a second flow log to it (FlowLogAlreadyExists).
            opts=self._child(depends_on=[permissions], delete_before_replace=True),
        )

    def _child(self, **options: Any) -> ResourceOptions:
        return ResourceOptions(parent=self, **options)

    def _name_tag(self, role: str) -> dict[str, str]:
        return {"Name": f"{self._args.name_prefix}-{role}"}


def _first_zones(region: str) -> list[str]:
    # Local Zones and Wavelength Zones need an opt-in, and have no NAT gateways or endpoints.
    open_to_all = aws.GetAvailabilityZonesFilterArgs(name="opt-in-status", values=["opt-in-not-required"])
    zones = aws.get_availability_zones(
        state="available", filters=[open_to_all], exclude_zone_ids=list(_ZONES_WITHOUT_FARGATE)
    )
    names = sorted(zones.names)
    if len(names) < len(ZONES):
        raise pulumi.RunError(
            f"aws:region: found {region} with {len(names)} usable availability zone(s), expected at least {len(ZONES)}"
        )
    return names[: len(ZONES)]


def _ipv6_range(vpc: aws.ec2.Vpc, subnet: SubnetPlan) -> Output[str]:
    return vpc.ipv6_cidr_block.apply(lambda block: ipv6_subnet(block, subnet.ipv6_index))
