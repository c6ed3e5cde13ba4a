"""What deploying the base layer takes: the IAM actions behind every resource type it registers.

An action is here because the AWS provider (terraform-provider-aws 6, internal/service/*) calls it for the type,
or because AWS asks for it on the way (iam:PassRole for a flow log). A new type in tak_base needs a row here;
tests/bootstrap fails until it has one. Most actions have the name of the API operation; S3 has its own names:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from dataclasses import dataclass, fields

# The layer's logical name `tak` (__main__.py) is the start of every physical name that Pulumi chooses.
BUCKETS = ("tak-app-images-", "tak-config-", "tak-elb-logs-")
IMAGE_REPOSITORIES = "tak-images-"
ROLES = "tak-"


@dataclass(frozen=True)
class Actions:
    """The IAM actions for the four things that happen to a resource."""

    create: str = ""
    read: str = ""
    update: str = ""
    delete: str = ""


_RULES = (
    "ec2:AuthorizeSecurityGroupIngress ec2:AuthorizeSecurityGroupEgress"
    " ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress"
)
_EC2_TAGS = "ec2:CreateTags ec2:DeleteTags"

KEY = "aws:kms/key:Key"
CERTIFICATE = "aws:acm/certificate:Certificate"
DEFAULT_SECURITY_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"

ACTIONS: dict[str, Actions] = {
    "aws:ec2/vpc:Vpc": Actions(
        create="ec2:CreateVpc ec2:CreateTags ec2:ModifyVpcAttribute",
        read="ec2:DescribeVpcs ec2:DescribeVpcAttribute ec2:DescribeNetworkAcls ec2:DescribeRouteTables"
        " ec2:DescribeSecurityGroups",
        update=f"ec2:ModifyVpcAttribute ec2:AssociateVpcCidrBlock ec2:DisassociateVpcCidrBlock {_EC2_TAGS}",
        delete="ec2:DeleteVpc",
    ),
    # AWS makes it, with rules and without tags: there is nothing to create, and it goes with the VPC.
    DEFAULT_SECURITY_GROUP: Actions(
        create="ec2:CreateTags ec2:RevokeSecurityGroupIngress ec2:RevokeSecurityGroupEgress",
        read="ec2:DescribeSecurityGroups",
        update=f"{_RULES} {_EC2_TAGS}",
    ),
    "aws:ec2/internetGateway:InternetGateway": Actions(
        create="ec2:CreateInternetGateway ec2:CreateTags ec2:AttachInternetGateway",
        read="ec2:DescribeInternetGateways",
        update=f"ec2:AttachInternetGateway ec2:DetachInternetGateway {_EC2_TAGS}",
        delete="ec2:DetachInternetGateway ec2:DeleteInternetGateway",
    ),
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": Actions(
        create="ec2:CreateEgressOnlyInternetGateway ec2:CreateTags",
        read="ec2:DescribeEgressOnlyInternetGateways",
        update=_EC2_TAGS,
        delete="ec2:DeleteEgressOnlyInternetGateway",
    ),
    "aws:ec2/subnet:Subnet": Actions(
        create="ec2:CreateSubnet ec2:CreateTags ec2:ModifySubnetAttribute",
        # Before it deletes a subnet, the provider looks for network interfaces left behind in it.
        read="ec2:DescribeSubnets ec2:DescribeNetworkInterfaces",
        update="ec2:ModifySubnetAttribute ec2:AssociateSubnetCidrBlock ec2:DisassociateSubnetCidrBlock " + _EC2_TAGS,
        delete="ec2:DeleteSubnet",
    ),
    "aws:ec2/routeTable:RouteTable": Actions(
        create="ec2:CreateRouteTable ec2:CreateTags",
        read="ec2:DescribeRouteTables",
        update=_EC2_TAGS,
        delete="ec2:DisassociateRouteTable ec2:DeleteRouteTable",
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Actions(
        create="ec2:AssociateRouteTable",
        read="ec2:DescribeRouteTables",
        update="ec2:ReplaceRouteTableAssociation",
        delete="ec2:DisassociateRouteTable",
    ),
    "aws:ec2/route:Route": Actions(
        create="ec2:CreateRoute", read="ec2:DescribeRouteTables", update="ec2:ReplaceRoute", delete="ec2:DeleteRoute"
    ),
    "aws:ec2/eip:Eip": Actions(
        create="ec2:AllocateAddress ec2:CreateTags",
        read="ec2:DescribeAddresses ec2:DescribeAddressesAttribute",
        update=_EC2_TAGS,
        delete="ec2:DisassociateAddress ec2:ReleaseAddress",
    ),
    "aws:ec2/natGateway:NatGateway": Actions(
        create="ec2:CreateNatGateway ec2:CreateTags",
        read="ec2:DescribeNatGateways",
        update=_EC2_TAGS,
        delete="ec2:DeleteNatGateway",
    ),
    "aws:ec2/securityGroup:SecurityGroup": Actions(
        create=f"ec2:CreateSecurityGroup ec2:CreateTags {_RULES}",
        read="ec2:DescribeSecurityGroups ec2:DescribeNetworkInterfaces",
        update=f"{_RULES} {_EC2_TAGS}",
        delete="ec2:DeleteSecurityGroup",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Actions(
        create="ec2:CreateVpcEndpoint ec2:CreateTags",
        read="ec2:DescribeVpcEndpoints ec2:DescribePrefixLists ec2:DescribeNetworkInterfaces",
        update=f"ec2:ModifyVpcEndpoint {_EC2_TAGS}",
        delete="ec2:DeleteVpcEndpoints",
    ),
    "aws:ec2/flowLog:FlowLog": Actions(
        create="ec2:CreateFlowLogs ec2:CreateTags iam:PassRole",
        read="ec2:DescribeFlowLogs",
        update=_EC2_TAGS,
        delete="ec2:DeleteFlowLogs",
    ),
    "aws:cloudwatch/logGroup:LogGroup": Actions(
        create="logs:CreateLogGroup logs:TagResource logs:PutRetentionPolicy logs:AssociateKmsKey",
        read="logs:DescribeLogGroups logs:ListTagsForResource",
        update="logs:PutRetentionPolicy logs:DeleteRetentionPolicy logs:AssociateKmsKey logs:DisassociateKmsKey"
        " logs:TagResource logs:UntagResource",
        delete="logs:DeleteLogGroup",
    ),
    "aws:ecs/cluster:Cluster": Actions(
        # An account's first cluster brings the service-linked role of ECS with it.
        create="ecs:CreateCluster ecs:TagResource iam:CreateServiceLinkedRole",
        read="ecs:DescribeClusters ecs:ListTagsForResource",
        update="ecs:UpdateCluster ecs:TagResource ecs:UntagResource",
        delete="ecs:DeleteCluster",
    ),
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": Actions(
        create="ecs:PutClusterCapacityProviders",
        read="ecs:DescribeClusters",
        update="ecs:PutClusterCapacityProviders",
        delete="ecs:PutClusterCapacityProviders",
    ),
    # The repository and its lifecycle policy. ECR grants itself the use of the key in the name of the caller.
    "awsx:ecr:Repository": Actions(
        create="ecr:CreateRepository ecr:TagResource ecr:PutLifecyclePolicy kms:CreateGrant kms:DescribeKey",
        read="ecr:DescribeRepositories ecr:ListTagsForResource ecr:GetLifecyclePolicy",
        update="ecr:PutImageTagMutability ecr:PutImageScanningConfiguration ecr:PutLifecyclePolicy"
        " ecr:TagResource ecr:UntagResource",
        delete="ecr:DeleteLifecyclePolicy ecr:DeleteRepository kms:RetireGrant",
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Actions(
        create="ecr:SetRepositoryPolicy",
        read="ecr:GetRepositoryPolicy",
        update="ecr:SetRepositoryPolicy",
        delete="ecr:DeleteRepositoryPolicy",
    ),
    CERTIFICATE: Actions(
        create="acm:RequestCertificate acm:AddTagsToCertificate",
        read="acm:DescribeCertificate acm:ListTagsForCertificate",
        update="acm:AddTagsToCertificate acm:RemoveTagsFromCertificate",
        delete="acm:DeleteCertificate",
    ),
    # Nothing of its own: it waits for the certificate.
    "aws:acm/certificateValidation:CertificateValidation": Actions(read="acm:DescribeCertificate"),
    "aws:route53/record:Record": Actions(
        create="route53:ChangeResourceRecordSets",
        read="route53:GetHostedZone route53:ListResourceRecordSets route53:GetChange",
        update="route53:ChangeResourceRecordSets",
        delete="route53:ChangeResourceRecordSets",
    ),
    KEY: Actions(
        create="kms:CreateKey kms:TagResource kms:EnableKeyRotation",
        read="kms:DescribeKey kms:GetKeyPolicy kms:GetKeyRotationStatus kms:ListResourceTags",
        update="kms:EnableKey kms:UpdateKeyDescription kms:PutKeyPolicy kms:TagResource kms:UntagResource",
        delete="kms:ScheduleKeyDeletion",
    ),
    "aws:kms/alias:Alias": Actions(
        create="kms:CreateAlias", read="kms:ListAliases", update="kms:UpdateAlias", delete="kms:DeleteAlias"
    ),
    "aws:s3/bucket:Bucket": Actions(
        create="s3:CreateBucket s3:PutBucketTagging s3:TagResource",
        # The provider reads every setting of a bucket, whether the program sets it or not.
        read="s3:ListBucket s3:GetBucketLocation s3:GetBucketPolicy s3:GetBucketAcl s3:GetBucketCORS"
        " s3:GetBucketWebsite s3:GetBucketVersioning s3:GetAccelerateConfiguration s3:GetBucketRequestPayment"
        " s3:GetBucketLogging s3:GetLifecycleConfiguration s3:GetReplicationConfiguration"
        " s3:GetEncryptionConfiguration s3:GetBucketObjectLockConfiguration s3:GetBucketTagging"
        " s3:ListTagsForResource",
        update="s3:PutBucketTagging s3:TagResource s3:UntagResource",
        # Where the stack does not protect its data, objects go with the bucket.
        delete="s3:DeleteBucket s3:ListBucketVersions s3:DeleteObject s3:DeleteObjectVersion",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": Actions(
        create="s3:PutBucketVersioning",
        read="s3:GetBucketVersioning",
        update="s3:PutBucketVersioning",
        delete="s3:PutBucketVersioning",
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Actions(
        create="s3:PutEncryptionConfiguration",
        read="s3:GetEncryptionConfiguration",
        update="s3:PutEncryptionConfiguration",
        delete="s3:PutEncryptionConfiguration",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Actions(
        create="s3:PutLifecycleConfiguration",
        read="s3:GetLifecycleConfiguration",
        update="s3:PutLifecycleConfiguration",
        delete="s3:PutLifecycleConfiguration",
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": Actions(
        create="s3:PutBucketOwnershipControls",
        read="s3:GetBucketOwnershipControls",
        update="s3:PutBucketOwnershipControls",
        delete="s3:PutBucketOwnershipControls",
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": Actions(
        create="s3:PutBucketPublicAccessBlock",
        read="s3:GetBucketPublicAccessBlock",
        update="s3:PutBucketPublicAccessBlock",
        delete="s3:PutBucketPublicAccessBlock",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": Actions(
        create="s3:PutBucketPolicy",
        read="s3:GetBucketPolicy",
        update="s3:PutBucketPolicy",
        delete="s3:DeleteBucketPolicy",
    ),
    "aws:iam/role:Role": Actions(
        create="iam:CreateRole iam:TagRole",
        # iam:ListRoleTags is for `tak-base verify`.
        read="iam:GetRole iam:ListRoleTags iam:ListRolePolicies iam:GetRolePolicy iam:ListAttachedRolePolicies"
        " iam:ListInstanceProfilesForRole",
        update="iam:UpdateRole iam:UpdateRoleDescription iam:UpdateAssumeRolePolicy iam:PutRolePermissionsBoundary"
        " iam:TagRole iam:UntagRole",
        delete="iam:DeleteRole",
    ),
    "aws:iam/rolePolicy:RolePolicy": Actions(
        create="iam:PutRolePolicy",
        read="iam:GetRolePolicy",
        update="iam:PutRolePolicy",
        delete="iam:DeleteRolePolicy",
    ),
    # What the program looks up. The others ask for no permission.
    "aws:index/getAvailabilityZones:getAvailabilityZones": Actions(read="ec2:DescribeAvailabilityZones"),
    "aws:index/getCallerIdentity:getCallerIdentity": Actions(),
    "aws:index/getPartition:getPartition": Actions(),
    "aws:index/getRegion:getRegion": Actions(),
    "aws:route53/getZone:getZone": Actions(
        read="route53:ListHostedZones route53:ListHostedZonesByName route53:GetHostedZone route53:ListTagsForResource"
    ),
}

# What EC2 makes anew in answer to an action, as IAM calls it. At that moment it has no tags but those asked for.
MADE_BY: dict[str, str] = {
    "ec2:AllocateAddress": "elastic-ip",
    "ec2:CreateEgressOnlyInternetGateway": "egress-only-internet-gateway",
    "ec2:CreateFlowLogs": "vpc-flow-log",
    "ec2:CreateInternetGateway": "internet-gateway",
    "ec2:CreateNatGateway": "natgateway",
    "ec2:CreateRouteTable": "route-table",
    "ec2:CreateSecurityGroup": "security-group",
    "ec2:CreateSubnet": "subnet",
    "ec2:CreateVpc": "vpc",
    "ec2:CreateVpcEndpoint": "vpc-endpoint",
}

# What the layer's own roles do once they exist: VPC Flow Logs writes through one.
ROLE_ACTIONS = ("logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents")

EVERY_COLUMN = tuple(field.name for field in fields(Actions))
WRITING = ("create", "update", "delete")


def actions(start: str, columns: tuple[str, ...] = EVERY_COLUMN, type_: str | None = None) -> set[str]:
    """The actions whose name begins with `start`, such as `ec2:`, in some columns, of one type or of all."""
    rows = [ACTIONS[type_]] if type_ else ACTIONS.values()
    return {
        action
        for row in rows
        for column in columns
        for action in getattr(row, column).split()
        if action.startswith(start)
    }
