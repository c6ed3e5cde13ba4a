"""The resource types of the base layer and of the layers above it: one row each, with all facts that the tools use.

The policy (tak_tools/policy), the plan (cost.py, critical_path.py), the picture (diagram/), the simulated AWS, the
check of tags (verify/tags.py) and the roles of the workflows (bootstrap/) read the rows. No other file has a type's
token.
The order of the rows is the order of boxes in the picture and of lines in the cost.

Seconds are what the AWS provider typically needs to create a resource, its own waiting included. Sources: public
`terraform apply` logs (the same provider code: VPC 21-22, internet gateway and route table 1, NAT gateway 90-120,
interface endpoint 60-120, load balancer 126-187, Route 53 record 29-33, certificate validation 0-265) and runs of this
layer's provider against Moto (key 12, S3 lifecycle configuration 55; about 10 for each subnet attribute that is set
after creation).

IAM actions are those that the AWS provider calls (terraform-provider-aws, internal/service/*) or that AWS requires on
the way (iam:PassRole for a flow log). Most have the name of the API operation; S3 has its own names:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from dataclasses import dataclass
from typing import Literal

Group = Literal["vpc", "zone", "endpoints", "compute", "storage", "other"]
"""The frame of the picture that a box stands in."""
Style = Literal["vpc", "gateway", "routes", "subnet", "endpoint", "guard", "service", "storage", "key", "other"]
"""The colours of a box: diagram/palette.py."""
Measure = Literal["resources", "zones of an interface endpoint", "public addresses", "vCPU", "GB of memory"]
"""What a price is multiplied by: cost.py counts it."""


@dataclass(frozen=True)
class Actions:
    """The IAM actions to create, read, update and delete a resource, separated by spaces."""

    create: str = ""
    read: str = ""
    update: str = ""
    delete: str = ""


@dataclass(frozen=True)
class Box:
    """A resource with a box in the picture."""

    kind: str
    """Its kind in the model (diagram/model.py)."""
    group: Group
    style: Style
    title: str = ""
    """Empty where the model makes the title from the resource's properties."""


@dataclass(frozen=True)
class PartOf:
    """A resource that the picture shows in the box of another one."""

    property: str
    """The property with the ID or name of that other resource."""
    of_user: str = ""
    """The type that has the property, where it is the other resource that refers to this one."""


OTHER = Box("other", "other", "other")
"""A box with the logical name and the type, in the frame for resources without a place in the grid."""


@dataclass(frozen=True)
class FixedPrice:
    """A cost that does not depend on use."""

    item: str
    key: str
    """The price of one, in tak_tools/prices.toml."""
    per: Literal["hour", "month"]
    of: Measure = "resources"


@dataclass(frozen=True)
class UsagePrice:
    """A cost that depends on use."""

    item: str
    key: str
    unit: str
    of: Measure = "resources"
    """The price is shown where the stack has one of these types."""
    several: str = ""
    """The item where there is more than one of these; empty: the same."""


FREE: tuple[FixedPrice | UsagePrice, ...] = ()
NO_PRICE = None
"""A type with costs that prices.toml does not have: the plan shows the resource without an amount."""


@dataclass(frozen=True)
class ResourceType:
    """A row. Fields without a default have to be decided for every type."""

    token: str
    """Such as `aws:ec2/vpc:Vpc`."""
    tags: bool
    """Whether it can have tags, in AWS and as a Pulumi property."""
    drawn: Box | PartOf
    prices: tuple[FixedPrice | UsagePrice, ...] | None
    seconds: int = 1
    base_layer: bool = False
    """Whether the base layer may have it; otherwise only a layer above it or bootstrap/."""
    data: bool = False
    """Whether data is lost when it is deleted."""
    relied_on: bool = False
    """Whether other stacks, services or the allow lists of other people refer to it, and break when it is replaced."""
    reachable: Literal["by policy", "from the VPC", "publicly"] = "by policy"
    """Who can reach it: principals that its policy allows, if it has one; only callers in the VPC; everyone."""
    actions: Actions = Actions()
    """Only for types of the base layer, which the roles of bootstrap/ deploy."""
    ec2_resource: str = ""
    """IAM's name of the resource type that the first action of `actions.create` creates."""
    parts: tuple["ResourceType", ...] = ()
    """The resources in a component of awsx. The program registers only the component itself."""


class UnknownTypeError(LookupError):
    """A type without a row."""


def _setting(put: str, get: str) -> Actions:
    """The actions for a setting of another resource, which is only set and reset."""
    return Actions(create=put, read=get, update=put, delete=put)


_EC2_TAGS = "ec2:CreateTags ec2:DeleteTags"
_RULES = (
    "ec2:AuthorizeSecurityGroupIngress ec2:AuthorizeSecurityGroupEgress"
    " ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress"
)

# The network

VPC = ResourceType(
    "aws:ec2/vpc:Vpc",
    tags=True,
    drawn=Box("vpc", "vpc", "vpc"),
    prices=FREE,
    seconds=21,
    base_layer=True,
    relied_on=True,
    actions=Actions(
        create="ec2:CreateVpc ec2:CreateTags ec2:ModifyVpcAttribute",
        read="ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:DescribeNetworkAcls ec2:DescribeRouteTables"
        " ec2:DescribeSecurityGroups",
        update=f"ec2:ModifyVpcAttribute ec2:AssociateVpcCidrBlock ec2:DisassociateVpcCidrBlock {_EC2_TAGS}",
        delete="ec2:DeleteVpc",
    ),
    ec2_resource="vpc",
)
# AWS creates it with the VPC, with rules and without tags, and deletes it with the VPC.
DEFAULT_SECURITY_GROUP = ResourceType(
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    tags=True,
    drawn=PartOf("vpcId"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ec2:CreateTags ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress",
        read="ec2:DescribeSecurityGroups",
        update=f"{_RULES} {_EC2_TAGS}",
    ),
)
INTERNET_GATEWAY = ResourceType(
    "aws:ec2/internetGateway:InternetGateway",
    tags=True,
    drawn=Box("internet gateway", "vpc", "gateway", "Internet Gateway"),
    prices=(UsagePrice("Data transfer out to the internet", "data_transfer_out_gb", "GB"),),
    base_layer=True,
    actions=Actions(
        create="ec2:CreateInternetGateway ec2:CreateTags ec2:AttachInternetGateway",
        read="ec2:DescribeInternetGateways",
        update=f"ec2:AttachInternetGateway ec2:DetachInternetGateway {_EC2_TAGS}",
        delete="ec2:DetachInternetGateway ec2:DeleteInternetGateway",
    ),
    ec2_resource="internet-gateway",
)
EGRESS_ONLY_GATEWAY = ResourceType(
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    tags=True,
    drawn=Box("egress-only gateway", "vpc", "gateway", "Egress-Only Gateway"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ec2:CreateEgressOnlyInternetGateway ec2:CreateTags",
        read="ec2:DescribeEgressOnlyInternetGateways",
        update=_EC2_TAGS,
        delete="ec2:DeleteEgressOnlyInternetGateway",
    ),
    ec2_resource="egress-only-internet-gateway",
)
ROUTE_TABLE = ResourceType(
    "aws:ec2/routeTable:RouteTable",
    tags=True,
    drawn=Box("route table", "vpc", "routes"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ec2:CreateRouteTable ec2:CreateTags",
        read="ec2:DescribeRouteTables",
        update=_EC2_TAGS,
        delete="ec2:DisassociateRouteTable ec2:DeleteRouteTable",
    ),
    ec2_resource="route-table",
)
ROUTE_TABLE_ASSOCIATION = ResourceType(
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    tags=False,
    drawn=PartOf("routeTableId"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ec2:AssociateRouteTable",
        read="ec2:DescribeRouteTables",
        update="ec2:ReplaceRouteTableAssociation",
        delete="ec2:DisassociateRouteTable",
    ),
)
ROUTE = ResourceType(
    "aws:ec2/route:Route",
    tags=False,
    drawn=PartOf("routeTableId"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ec2:CreateRoute", read="ec2:DescribeRouteTables", update="ec2:ReplaceRoute", delete="ec2:DeleteRoute"
    ),
)
FLOW_LOG = ResourceType(
    "aws:ec2/flowLog:FlowLog",
    tags=True,
    drawn=Box("flow log", "vpc", "routes", "Flow Log"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ec2:CreateFlowLogs ec2:CreateTags iam:PassRole",
        read="ec2:DescribeFlowLogs",
        update=_EC2_TAGS,
        delete="ec2:DeleteFlowLogs",
    ),
    ec2_resource="vpc-flow-log",
)
SUBNET = ResourceType(
    "aws:ec2/subnet:Subnet",
    tags=True,
    drawn=Box("subnet", "zone", "subnet"),
    prices=FREE,
    seconds=12,
    base_layer=True,
    relied_on=True,
    actions=Actions(
        create="ec2:CreateSubnet ec2:CreateTags ec2:ModifySubnetAttribute",
        # Before it deletes a subnet, the provider looks for network interfaces left behind in it.
        read="ec2:DescribeSubnets ec2:DescribeNetworkInterfaces",
        update="ec2:ModifySubnetAttribute ec2:AssociateSubnetCidrBlock ec2:DisassociateSubnetCidrBlock " + _EC2_TAGS,
        delete="ec2:DeleteSubnet",
    ),
    ec2_resource="subnet",
)
NAT_GATEWAY = ResourceType(
    "aws:ec2/natGateway:NatGateway",
    tags=True,
    drawn=Box("nat gateway", "zone", "gateway"),
    prices=(
        FixedPrice("NAT gateway", "nat_gateway_hour", "hour"),
        UsagePrice("NAT gateway, data processed", "nat_gateway_gb", "GB"),
    ),
    seconds=105,
    base_layer=True,
    actions=Actions(
        create="ec2:CreateNatGateway ec2:CreateTags",
        read="ec2:DescribeNatGateways",
        update=_EC2_TAGS,
        delete="ec2:DeleteNatGateway",
    ),
    ec2_resource="natgateway",
)
EIP = ResourceType(
    "aws:ec2/eip:Eip",
    tags=True,
    drawn=Box("elastic ip", "zone", "gateway"),
    prices=(FixedPrice("Public IPv4 address", "public_ipv4_hour", "hour"),),
    base_layer=True,
    relied_on=True,
    actions=Actions(
        create="ec2:AllocateAddress ec2:CreateTags",
        read="ec2:DescribeAddresses ec2:DescribeAddressesAttribute",
        update=_EC2_TAGS,
        delete="ec2:DisassociateAddress ec2:ReleaseAddress",
    ),
    ec2_resource="elastic-ip",
)
VPC_ENDPOINT = ResourceType(
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    tags=True,
    drawn=Box("endpoint", "endpoints", "endpoint"),
    prices=(
        FixedPrice(
            "Interface endpoint, in each zone", "interface_endpoint_hour", "hour", "zones of an interface endpoint"
        ),
        UsagePrice(
            "Interface endpoint, data processed", "interface_endpoint_gb", "GB", "zones of an interface endpoint"
        ),
    ),
    seconds=80,
    base_layer=True,
    reachable="from the VPC",
    actions=Actions(
        create="ec2:CreateVpcEndpoint ec2:CreateTags route53:AssociateVPCWithHostedZone",
        read="ec2:DescribeVpcEndpoints ec2:DescribePrefixLists ec2:DescribeNetworkInterfaces",
        update=f"ec2:ModifyVpcEndpoint {_EC2_TAGS}",
        delete="ec2:DeleteVpcEndpoints",
    ),
    ec2_resource="vpc-endpoint",
)
SECURITY_GROUP = ResourceType(
    "aws:ec2/securityGroup:SecurityGroup",
    tags=True,
    drawn=Box("security group", "endpoints", "guard", "Security Group"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create=f"ec2:CreateSecurityGroup ec2:CreateTags {_RULES}",
        read="ec2:DescribeSecurityGroups ec2:DescribeNetworkInterfaces",
        update=f"{_RULES} {_EC2_TAGS}",
        delete="ec2:DeleteSecurityGroup",
    ),
    ec2_resource="security-group",
)

# Compute

CLUSTER = ResourceType(
    "aws:ecs/cluster:Cluster",
    tags=True,
    drawn=Box("cluster", "compute", "service", "ECS Cluster"),
    prices=FREE,
    seconds=11,
    base_layer=True,
    relied_on=True,
    actions=Actions(
        # With an account's first cluster, AWS creates the service-linked role of ECS.
        create="ecs:CreateCluster ecs:TagResource iam:CreateServiceLinkedRole",
        read="ecs:DescribeClusters ecs:ListTagsForResource",
        update="ecs:UpdateCluster ecs:TagResource ecs:UntagResource",
        delete="ecs:DeleteCluster",
    ),
)
CLUSTER_CAPACITY_PROVIDERS = ResourceType(
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
    tags=False,
    drawn=PartOf("clusterName"),
    prices=FREE,
    seconds=11,
    base_layer=True,
    actions=_setting("ecs:PutClusterCapacityProviders", "ecs:DescribeClusters"),
)
_REPOSITORY_BOX = Box("repository", "compute", "service", "ECR Repository")
REPOSITORY = ResourceType(
    "aws:ecr/repository:Repository",
    tags=True,
    drawn=_REPOSITORY_BOX,
    prices=(
        UsagePrice(
            "Image repository, storage", "ecr_storage_gb_month", "GB-month", several="Image repositories, storage"
        ),
    ),
    base_layer=True,
    data=True,
    # ECR creates a grant for the key with the caller's permissions.
    actions=Actions(
        create="ecr:CreateRepository ecr:TagResource kms:CreateGrant kms:DescribeKey",
        read="ecr:DescribeRepositories ecr:ListTagsForResource",
        update="ecr:PutImageTagMutability ecr:PutImageScanningConfiguration ecr:TagResource ecr:UntagResource",
        delete="ecr:DeleteRepository kms:RetireGrant",
    ),
)
LIFECYCLE_POLICY = ResourceType(
    "aws:ecr/lifecyclePolicy:LifecyclePolicy",
    tags=False,
    drawn=PartOf("repository"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ecr:PutLifecyclePolicy",
        read="ecr:GetLifecyclePolicy",
        update="ecr:PutLifecyclePolicy",
        delete="ecr:DeleteLifecyclePolicy",
    ),
)
AWSX_REPOSITORY = ResourceType(
    "awsx:ecr:Repository",
    tags=False,
    drawn=_REPOSITORY_BOX,
    prices=FREE,
    seconds=2,
    base_layer=True,
    parts=(REPOSITORY,),
)
REPOSITORY_POLICY = ResourceType(
    "aws:ecr/repositoryPolicy:RepositoryPolicy",
    tags=False,
    drawn=PartOf("repository"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ecr:SetRepositoryPolicy",
        read="ecr:GetRepositoryPolicy",
        update="ecr:SetRepositoryPolicy",
        delete="ecr:DeleteRepositoryPolicy",
    ),
)

# Logs and roles

LOG_GROUP = ResourceType(
    "aws:cloudwatch/logGroup:LogGroup",
    tags=True,
    drawn=Box("log group", "storage", "storage", "Log Group"),
    prices=(
        UsagePrice("Log groups, ingestion", "cloudwatch_logs_ingest_gb", "GB"),
        UsagePrice("Log groups, storage", "cloudwatch_logs_storage_gb_month", "GB-month"),
    ),
    base_layer=True,
    actions=Actions(
        create="logs:CreateLogGroup logs:TagResource logs:PutRetentionPolicy logs:AssociateKmsKey",
        read="logs:DescribeLogGroups logs:ListTagsForResource",
        update="logs:PutRetentionPolicy logs:DeleteRetentionPolicy logs:AssociateKmsKey logs:DisassociateKmsKey"
        " logs:TagResource logs:UntagResource",
        delete="logs:DeleteLogGroup",
    ),
)
ROLE = ResourceType(
    "aws:iam/role:Role",
    tags=True,
    drawn=PartOf("iamRoleArn", of_user=FLOW_LOG.token),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="iam:CreateRole iam:TagRole",
        # iam:ListRoleTags is for `tak-base verify`.
        read="iam:GetRole iam:ListRoleTags iam:ListRolePolicies iam:GetRolePolicy iam:ListAttachedRolePolicies"
        " iam:ListInstanceProfilesForRole",
        update="iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy"
        " iam:PutRolePermissionsBoundary iam:TagRole iam:UntagRole",
        delete="iam:DeleteRole",
    ),
)
ROLE_POLICY = ResourceType(
    "aws:iam/rolePolicy:RolePolicy",
    tags=False,
    drawn=PartOf("role"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="iam:PutRolePolicy", read="iam:GetRolePolicy", update="iam:PutRolePolicy", delete="iam:DeleteRolePolicy"
    ),
)

# Storage

BUCKET = ResourceType(
    "aws:s3/bucket:Bucket",
    tags=True,
    drawn=Box("bucket", "storage", "storage", "S3 Bucket"),
    prices=(UsagePrice("Config bucket, storage", "s3_storage_gb_month", "GB-month", several="Buckets, storage"),),
    seconds=3,
    base_layer=True,
    data=True,
    actions=Actions(
        create="s3:CreateBucket s3:PutBucketTagging s3:TagResource",
        # The provider reads every setting of a bucket, whether the program sets it or not.
        read="s3:ListBucket s3:GetBucketLocation s3:GetBucketPolicy s3:GetBucketAcl s3:GetBucketCORS"
        " s3:GetBucketWebsite s3:GetBucketVersioning s3:GetAccelerateConfiguration s3:GetBucketRequestPayment"
        " s3:GetBucketLogging s3:GetLifecycleConfiguration s3:GetReplicationConfiguration"
        " s3:GetEncryptionConfiguration s3:GetBucketObjectLockConfiguration s3:GetBucketTagging"
        " s3:ListTagsForResource",
        update="s3:PutBucketTagging s3:TagResource s3:UntagResource",
        # Where the stack does not protect its data, objects are deleted with the bucket.
        delete="s3:DeleteBucket s3:ListBucketVersions s3:DeleteObject s3:DeleteObjectVersion",
    ),
)
BUCKET_LIFECYCLE = ResourceType(
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    tags=False,
    drawn=PartOf("bucket"),
    prices=FREE,
    seconds=55,
    base_layer=True,
    actions=_setting("s3:PutLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
)
BUCKET_OWNERSHIP = ResourceType(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    tags=False,
    drawn=PartOf("bucket"),
    prices=FREE,
    base_layer=True,
    actions=_setting("s3:PutBucketOwnershipControls", "s3:GetBucketOwnershipControls"),
)
BUCKET_POLICY = ResourceType(
    "aws:s3/bucketPolicy:BucketPolicy",
    tags=False,
    drawn=PartOf("bucket"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="s3:PutBucketPolicy",
        read="s3:GetBucketPolicy",
        update="s3:PutBucketPolicy",
        delete="s3:DeleteBucketPolicy",
    ),
)
BUCKET_PUBLIC_ACCESS_BLOCK = ResourceType(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    tags=False,
    drawn=PartOf("bucket"),
    prices=FREE,
    base_layer=True,
    actions=_setting("s3:PutBucketPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
)
BUCKET_ENCRYPTION = ResourceType(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    tags=False,
    drawn=PartOf("bucket"),
    prices=FREE,
    base_layer=True,
    actions=_setting("s3:PutEncryptionConfiguration", "s3:GetEncryptionConfiguration"),
)
BUCKET_VERSIONING = ResourceType(
    "aws:s3/bucketVersioning:BucketVersioning",
    tags=False,
    drawn=PartOf("bucket"),
    prices=FREE,
    base_layer=True,
    actions=_setting("s3:PutBucketVersioning", "s3:GetBucketVersioning"),
)
KEY = ResourceType(
    "aws:kms/key:Key",
    tags=True,
    drawn=Box("key", "storage", "key", "KMS Key"),
    prices=(
        FixedPrice("Customer-managed KMS key", "kms_key_month", "month"),
        UsagePrice("KMS, requests", "kms_requests_10k", "10,000"),
    ),
    seconds=12,
    base_layer=True,
    data=True,
    actions=Actions(
        create="kms:CreateKey kms:TagResource kms:PutKeyPolicy kms:EnableKeyRotation",
        read="kms:DescribeKey kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags",
        update="kms:EnableKey kms:UpdateKeyDescription kms:PutKeyPolicy kms:TagResource kms:UntagResource",
        delete="kms:ScheduleKeyDeletion",
    ),
)
KEY_ALIAS = ResourceType(
    "aws:kms/alias:Alias",
    tags=False,
    drawn=PartOf("targetKeyId"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="kms:CreateAlias", read="kms:ListAliases", update="kms:UpdateAlias", delete="kms:DeleteAlias"
    ),
)

# DNS

CERTIFICATE = ResourceType(
    "aws:acm/certificate:Certificate",
    tags=True,
    drawn=Box("certificate", "storage", "key", "ACM Certificate"),
    prices=FREE,
    base_layer=True,
    relied_on=True,
    actions=Actions(
        create="acm:RequestCertificate acm:AddTagsToCertificate",
        read="acm:DescribeCertificate acm:ListTagsForCertificate",
        update="acm:AddTagsToCertificate acm:RemoveTagsFromCertificate",
        delete="acm:DeleteCertificate",
    ),
)
# It creates nothing: it waits for the certificate.
CERTIFICATE_VALIDATION = ResourceType(
    "aws:acm/certificateValidation:CertificateValidation",
    tags=False,
    drawn=PartOf("certificateArn"),
    prices=FREE,
    seconds=90,
    base_layer=True,
    actions=Actions(read="acm:DescribeCertificate"),
)
RECORD = ResourceType(
    "aws:route53/record:Record",
    tags=False,
    drawn=PartOf("validationRecordFqdns", of_user=CERTIFICATE_VALIDATION.token),
    # AWS charges for the hosted zone, which exists before the stack.
    prices=FREE,
    seconds=33,
    base_layer=True,
    actions=_setting(
        "route53:ChangeResourceRecordSets", "route53:GetHostedZone route53:ListResourceRecordSets route53:GetChange"
    ),
)

# What the stack publishes. A standard parameter and a CloudFormation stack of AWS's own types are free.

PARAMETER = ResourceType(
    "aws:ssm/parameter:Parameter",
    tags=True,
    drawn=Box("parameter", "storage", "storage", "SSM Parameter"),
    prices=FREE,
    base_layer=True,
    actions=Actions(
        create="ssm:PutParameter ssm:AddTagsToResource",
        read="ssm:GetParameter ssm:GetParameters ssm:DescribeParameters ssm:ListTagsForResource",
        update="ssm:PutParameter ssm:AddTagsToResource ssm:RemoveTagsFromResource",
        delete="ssm:DeleteParameter",
    ),
)
CLOUDFORMATION_STACK = ResourceType(
    "aws:cloudformation/stack:Stack",
    tags=True,
    drawn=Box("cloudformation stack", "storage", "storage", "CloudFormation Stack"),
    prices=FREE,
    seconds=12,
    base_layer=True,
    actions=Actions(
        create="cloudformation:CreateStack cloudformation:TagResource",
        read="cloudformation:DescribeStacks cloudformation:DescribeStackEvents cloudformation:GetTemplate"
        " cloudformation:ListStacks cloudformation:ListExports",
        update="cloudformation:UpdateStack cloudformation:TagResource cloudformation:UntagResource",
        delete="cloudformation:DeleteStack",
    ),
)

# Layers above: the types of the example, and those in the rules of the policy pack

LOAD_BALANCER = ResourceType(
    "aws:lb/loadBalancer:LoadBalancer",
    tags=True,
    drawn=OTHER,
    prices=(
        # An internet-facing one has a public address in each of its subnets.
        FixedPrice("Public IPv4 address", "public_ipv4_hour", "hour", "public addresses"),
        FixedPrice("Application load balancer", "alb_hour", "hour"),
        UsagePrice("Load balancer, capacity units", "alb_lcu_hour", "LCU-hour"),
        UsagePrice("Data transfer out to the internet", "data_transfer_out_gb", "GB", "public addresses"),
    ),
    seconds=150,
)
LISTENER = ResourceType("aws:lb/listener:Listener", tags=True, drawn=OTHER, prices=FREE)
TARGET_GROUP = ResourceType("aws:lb/targetGroup:TargetGroup", tags=True, drawn=OTHER, prices=FREE)
SERVICE = ResourceType(
    "aws:ecs/service:Service",
    tags=True,
    drawn=OTHER,
    prices=(
        # Fargate Spot is cheaper, at a price that changes.
        FixedPrice("Fargate vCPU, on demand", "fargate_vcpu_hour", "hour", "vCPU"),
        FixedPrice("Fargate GB of memory, on demand", "fargate_gb_hour", "hour", "GB of memory"),
    ),
)
TASK_DEFINITION = ResourceType("aws:ecs/taskDefinition:TaskDefinition", tags=True, drawn=OTHER, prices=FREE)
SECRET = ResourceType(
    "aws:secretsmanager/secret:Secret",
    tags=True,
    drawn=OTHER,
    prices=(FixedPrice("Secret", "secret_month", "month"),),
    data=True,
)
INGRESS_RULE = ResourceType(
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", tags=True, drawn=OTHER, prices=FREE
)
EGRESS_RULE = ResourceType(
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", tags=True, drawn=OTHER, prices=FREE
)
SECURITY_GROUP_RULE = ResourceType("aws:ec2/securityGroupRule:SecurityGroupRule", tags=False, drawn=OTHER, prices=FREE)
DEFAULT_NETWORK_ACL = ResourceType("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", tags=True, drawn=OTHER, prices=FREE)
NETWORK_ACL = ResourceType("aws:ec2/networkAcl:NetworkAcl", tags=True, drawn=OTHER, prices=FREE)
NETWORK_ACL_RULE = ResourceType("aws:ec2/networkAclRule:NetworkAclRule", tags=False, drawn=OTHER, prices=FREE)
VPC_IPV4_BLOCK = ResourceType(
    "aws:ec2/vpcIpv4CidrBlockAssociation:VpcIpv4CidrBlockAssociation", tags=False, drawn=OTHER, prices=FREE
)
VPC_ENDPOINT_POLICY = ResourceType(
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy", tags=False, drawn=OTHER, prices=FREE, reachable="from the VPC"
)
INSTANCE = ResourceType("aws:ec2/instance:Instance", tags=True, drawn=OTHER, prices=NO_PRICE)
LAUNCH_TEMPLATE = ResourceType("aws:ec2/launchTemplate:LaunchTemplate", tags=True, drawn=OTHER, prices=FREE)
VOLUME = ResourceType("aws:ebs/volume:Volume", tags=True, drawn=OTHER, prices=NO_PRICE, data=True)
FILE_SYSTEM = ResourceType("aws:efs/fileSystem:FileSystem", tags=True, drawn=OTHER, prices=NO_PRICE, data=True)
TABLE = ResourceType("aws:dynamodb/table:Table", tags=True, drawn=OTHER, prices=NO_PRICE, data=True)
DATABASE = ResourceType("aws:rds/instance:Instance", tags=True, drawn=OTHER, prices=NO_PRICE, data=True)
DATABASE_CLUSTER = ResourceType("aws:rds/cluster:Cluster", tags=True, drawn=OTHER, prices=NO_PRICE, data=True)
DATABASE_CLUSTER_INSTANCE = ResourceType(
    "aws:rds/clusterInstance:ClusterInstance", tags=True, drawn=OTHER, prices=NO_PRICE
)
TOPIC = ResourceType("aws:sns/topic:Topic", tags=True, drawn=OTHER, prices=NO_PRICE)
QUEUE = ResourceType("aws:sqs/queue:Queue", tags=True, drawn=OTHER, prices=NO_PRICE)
EXTERNAL_KEY = ResourceType("aws:kms/externalKey:ExternalKey", tags=True, drawn=OTHER, prices=NO_PRICE)
REPLICA_KEY = ResourceType("aws:kms/replicaKey:ReplicaKey", tags=True, drawn=OTHER, prices=NO_PRICE)
BUCKET_ACL = ResourceType("aws:s3/bucketAcl:BucketAcl", tags=False, drawn=OTHER, prices=FREE)
ACCOUNT_PUBLIC_ACCESS_BLOCK = ResourceType(
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock", tags=False, drawn=OTHER, prices=FREE
)
PUBLIC_REPOSITORY = ResourceType(
    "aws:ecrpublic/repository:Repository", tags=True, drawn=OTHER, prices=NO_PRICE, reachable="publicly"
)

# bootstrap/

OIDC_PROVIDER = ResourceType("aws:iam/openIdConnectProvider:OpenIdConnectProvider", tags=True, drawn=OTHER, prices=FREE)
POLICY = ResourceType("aws:iam/policy:Policy", tags=True, drawn=OTHER, prices=FREE)
ROLE_POLICY_ATTACHMENT = ResourceType(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment", tags=False, drawn=OTHER, prices=FREE
)
# An AWS provider that a program creates.
AWS_PROVIDER = ResourceType("pulumi:providers:aws", tags=False, drawn=OTHER, prices=FREE, seconds=0)


ROWS = {row.token: row for row in list(vars().values()) if isinstance(row, ResourceType)}


def row_of(token: str) -> ResourceType:
    """The row of a type. Raises UnknownTypeError, which names the row to write, where it has none."""
    if token not in ROWS:
        raise UnknownTypeError(f"found no row for {token} in tak_tools/resource_types.py, expected one")
    return ROWS[token]
