"""The security controls of AWS and CIS that concern the layer's resource types, as data.

What enforces a control is not written here: the rules of the policy pack and the checks of `tak-base verify` name
their controls. docs/controls.md is made of all three by `make docs`.

IDs, scope and CIS numbers are those of AWS's pages, such as
https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html; which controls are in AWS Foundational
Security Best Practices (FSBP): https://docs.aws.amazon.com/securityhub/latest/userguide/fsbp-standard.html. A control
that is newer than the copy of that list that was read (early 2025) counts as FSBP where its page names no other
standard.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from tak_base.settings import Settings

Owner = Literal["stack", "account", "layer above", "nobody"]
State = Literal["met", "partly met", "not met", "account", "layer above", "no resource"]

CIS_VERSIONS = ("1.4", "3.0", "5.0")
# What a rule names for a decision of this layer, which no standard asks.
DESIGN = "design"


@dataclass(frozen=True)
class Control:
    """A control of AWS Security Hub."""

    id: str
    title: str
    """In our own words."""
    fsbp: bool = True
    """Whether it is in AWS Foundational Security Best Practices."""
    cis: tuple[str, ...] = ()
    """Its number in each of CIS_VERSIONS; "" where that version does not have it."""
    owner: Owner = "stack"
    """Who decides: the stack, the account's administrators, a layer above; nobody where there is no such resource."""
    program: tuple[str, str] | None = None
    """The file of the program that meets it, and the text there that does."""
    keys: tuple[str, ...] = ()
    """The config keys that decide it."""
    when: Callable[[Settings], bool | None] = lambda settings: True
    """Whether these settings meet it; None where the stack then has no such resource."""
    partly: bool = False
    """Whether a part of it is not met; `reason` says which."""
    reason: str = ""
    """Why it is not met, only partly, or not for this stack to meet."""

    @property
    def service(self) -> str:
        return self.id.split(".")[0]

    @property
    def standards(self) -> tuple[str, ...]:
        """Such as `FSBP` and `CIS 5.0: 5.5`; empty where it is in other standards only."""
        cis = (f"CIS {version}: {number}" for version, number in zip(CIS_VERSIONS, self.cis, strict=False) if number)
        return (*(["FSBP"] if self.fsbp else []), *cis)

    def state(self, settings: Settings, *, enforced: bool) -> State:
        """What is so with these settings; `enforced`: by a rule or a check."""
        if self.owner != "stack":
            return "no resource" if self.owner == "nobody" else self.owner
        met = self.when(settings)
        if met is None:
            return "no resource"
        if not met or not (enforced or self.program):
            return "not met"
        return "partly met" if self.partly else "met"


def cited(controls: Iterable[str]) -> list[Control]:
    """The controls that a rule or a check names, without `design`. Raises ValueError for one without a row here."""
    named = [item for item in controls if item != DESIGN]
    if unknown := [item for item in named if item not in CONTROLS]:
        raise ValueError(f"controls: found {', '.join(unknown)}, expected controls with a row in tak_tools/controls.py")
    return [CONTROLS[item] for item in named]


def references(controls: Iterable[str]) -> str:
    """The controls that a rule names, with their numbers in the newest version of the CIS benchmark."""
    named = list(controls)
    cis = sorted({f"CIS {control.cis[-1]}" for control in cited(named) if control.cis and control.cis[-1]})
    return ", ".join([*named, *cis])


def _endpoint(control: str, title: str, service: str, *, default: bool) -> Control:
    return Control(
        control,
        title,
        program=("tak_base/private_endpoints.py", "aws.ec2.VpcEndpoint"),
        keys=("vpcEndpoints",),
        when=lambda settings: service in settings.endpoints.vpc_endpoints,
        reason=""
        if default
        else f"Nothing in the layer calls the service, and an interface endpoint costs money in each zone: add"
        f" `{service}` to `vpcEndpoints` where a layer above calls it.",
    )


def _others(owner: Owner, reason: str, rows: Iterable[tuple[str, str]], **standards: tuple[str, ...]) -> list[Control]:
    """Controls that are not for the stack, with one reason; `standards` has the CIS numbers of some."""
    cis = {key.replace("_", "."): numbers for key, numbers in standards.items()}
    return [Control(id_, title, owner=owner, reason=reason, cis=cis.get(id_, ())) for id_, title in rows]


_BUCKET = "tak_base/hardened_bucket.py"
_NETWORK = "tak_base/network.py"
_STORAGE = "tak_base/encrypted_storage.py"
_COMPUTE = "tak_base/compute.py"

_NO_INSTANCES = "The layer has no EC2 instance, volume, snapshot or launch template; tasks run on Fargate."
_TASKS = "Services and task definitions belong to layers above."
_LOAD_BALANCERS = "Load balancers belong to layers above."

_ROWS = [
    # Network
    Control(
        "EC2.2",
        "The VPC's default security group lets nothing in or out.",
        cis=("5.3", "5.4", "5.5"),
        program=(_NETWORK, "aws.ec2.DefaultSecurityGroup"),
    ),
    Control(
        "EC2.6",
        "VPCs have a flow log.",
        cis=("3.9", "3.7", "3.7"),
        program=(_NETWORK, "aws.ec2.FlowLog"),
        keys=("flowLogs",),
        when=lambda settings: settings.network.flow_logs != "none",
        reason="dev-test saves the cost of the log.",
    ),
    _endpoint("EC2.10", "The VPC has an interface endpoint for the EC2 API.", "ec2", default=False),
    Control(
        "EC2.15",
        "Subnets assign no public IP addresses by themselves.",
        program=(_NETWORK, "map_public_ip_on_launch=False"),
        partly=True,
        reason="No subnet assigns a public IPv4 address. AWS's control also fails where a subnet assigns IPv6"
        " addresses, and every subnet does: the layer is dual-stack. Private subnets route IPv6 to the egress-only"
        " internet gateway, which lets no connection in; in public subnets security groups decide alone.",
    ),
    Control(
        "EC2.16",
        "There are no unused network ACLs.",
        owner="nobody",
        reason="All subnets use the VPC's default network ACL, about which the control makes no finding. Security"
        " groups filter the traffic.",
    ),
    Control(
        "EC2.18",
        "Security groups are open to everyone on permitted ports only.",
        program=("tak_base/private_endpoints.py", "aws.ec2.SecurityGroup"),
    ),
    Control(
        "EC2.19",
        "Security groups are open to everyone on no port of high risk.",
        program=("tak_base/private_endpoints.py", "aws.ec2.SecurityGroup"),
    ),
    Control(
        "EC2.21",
        "Network ACLs let nobody in from everywhere to ports 22 and 3389.",
        cis=("5.1", "5.1", "5.2"),
        owner="nobody",
        reason="The layer has no network ACL but the VPC's default one, about which the control makes no finding. The"
        " rule judges those of layers above.",
    ),
    Control(
        "EC2.53",
        "Security groups let 0.0.0.0/0 in to no administration port.",
        fsbp=False,
        cis=("", "5.2", "5.3"),
        program=("tak_base/private_endpoints.py", "aws.ec2.SecurityGroup"),
    ),
    Control(
        "EC2.54",
        "Security groups let ::/0 in to no administration port.",
        fsbp=False,
        cis=("", "5.3", "5.4"),
        program=("tak_base/private_endpoints.py", "aws.ec2.SecurityGroup"),
    ),
    _endpoint("EC2.55", "The VPC has an interface endpoint for the ECR API.", "ecr.api", default=True),
    _endpoint("EC2.56", "The VPC has an interface endpoint for the Docker registry.", "ecr.dkr", default=True),
    _endpoint("EC2.57", "The VPC has an interface endpoint for Systems Manager.", "ssm", default=False),
    _endpoint(
        "EC2.58", "The VPC has an interface endpoint for Incident Manager contacts.", "ssm-contacts", default=False
    ),
    _endpoint("EC2.60", "The VPC has an interface endpoint for Incident Manager.", "ssm-incidents", default=False),
    Control(
        "EC2.172",
        "VPC Block Public Access blocks internet gateways.",
        owner="account",
        reason="A setting of the account for every VPC of the region, so no stack may turn it on. With it, the VPC"
        " needs an exclusion: NAT gateways and public load balancers use the internet gateway.",
    ),
    Control(
        "EC2.180",
        "Network interfaces check source and destination.",
        owner="nobody",
        reason="The control looks at network interfaces that users manage. Those of NAT gateways and endpoints are"
        " AWS's.",
    ),
    # Storage
    Control(
        "KMS.2",
        "No inline policy permits decryption with all keys.",
        program=("tak_base/policy_documents.py", "def flow_log_permissions"),
        when=lambda settings: None if settings.network.flow_logs == "none" else True,
        keys=("flowLogs",),
    ),
    Control(
        "KMS.3",
        "No key is deleted by mistake.",
        program=(_STORAGE, "protect=self._args.protect_data"),
        reason="With `protectData: false` a `pulumi destroy` deletes the key on purpose.",
    ),
    Control(
        "KMS.4",
        "Keys rotate.",
        fsbp=False,
        cis=("3.8", "3.6", "3.6"),
        program=(_STORAGE, "enable_key_rotation=True"),
    ),
    Control("KMS.5", "Keys are not open to everyone.", program=("tak_base/policy_documents.py", "def key_policy")),
    Control(
        "S3.1",
        "The account blocks public access to all buckets.",
        cis=("2.1.5", "2.1.4", "2.1.4"),
        owner="account",
        reason="A setting of the account for every bucket. The layer's buckets block public access themselves (S3.8).",
    ),
    Control("S3.2", "Nobody from outside reads buckets.", program=(_BUCKET, "restrict_public_buckets=True")),
    Control("S3.3", "Nobody from outside writes to buckets.", program=(_BUCKET, "restrict_public_buckets=True")),
    Control(
        "S3.5",
        "Buckets refuse requests without TLS.",
        cis=("2.1.2", "2.1.1", "2.1.1"),
        program=("tak_base/policy_documents.py", "RefuseUnencryptedTransport"),
    ),
    Control(
        "S3.6",
        "Bucket policies let other accounts change no bucket.",
        program=("tak_base/policy_documents.py", "def tls_only_policy"),
        reason="The policies allow nothing to other accounts. `verify` looks for further statements in the load"
        " balancer log bucket only; in the others `pulumi preview --refresh` shows them.",
    ),
    Control(
        "S3.7",
        "Buckets replicate to another region.",
        fsbp=False,
        reason="A stack is in one region. The config bucket holds what a deployment of the layers above can put there"
        " again, and keeps old versions for 90 days.",
    ),
    Control(
        "S3.8",
        "Buckets block public access.",
        cis=("2.1.5", "2.1.4", "2.1.4"),
        program=(_BUCKET, "aws.s3.BucketPublicAccessBlock"),
    ),
    Control(
        "S3.9",
        "Buckets have server access logging.",
        reason="It needs a further bucket for the logs in every stack. CloudTrail's data events (S3.22, S3.23), which"
        " the account decides, record the same requests with the caller's identity.",
    ),
    Control(
        "S3.10",
        "Buckets with versions have lifecycle rules.",
        fsbp=False,
        program=(_BUCKET, "aws.s3.BucketLifecycleConfiguration"),
    ),
    Control(
        "S3.11",
        "Buckets send event notifications.",
        fsbp=False,
        reason="Nothing in the layer would receive them. A layer above may add them: the program does not manage the"
        " buckets' notifications.",
    ),
    Control(
        "S3.12",
        "Access control lists have no effect.",
        program=(_BUCKET, 'object_ownership="BucketOwnerEnforced"'),
    ),
    Control("S3.13", "Buckets have lifecycle rules.", program=(_BUCKET, "aws.s3.BucketLifecycleConfiguration")),
    Control("S3.14", "Buckets keep versions.", fsbp=False, program=(_BUCKET, 'status="Enabled"')),
    Control(
        "S3.15",
        "Buckets have Object Lock.",
        fsbp=False,
        reason="Configuration is overwritten and deleted all the time, and no rule asks to keep it. Versions stay for"
        " 90 days, and with `protectData: true` no deployment deletes a bucket. A locked object could not be deleted"
        " with the stack.",
    ),
    Control(
        "S3.17",
        "Buckets are encrypted with a KMS key.",
        fsbp=False,
        program=(_BUCKET, "kms_master_key_id=key_arn"),
        keys=("loadBalancerLogBucket",),
        when=lambda settings: not settings.storage.load_balancer_log_bucket,
        reason="Elastic Load Balancing cannot write to a bucket with a customer-managed key, so the load balancer log"
        " bucket has SSE-S3. Every other bucket has the stack's key.",
    ),
    Control(
        "S3.20",
        "Deleting a version needs MFA.",
        fsbp=False,
        cis=("2.1.3", "2.1.2", "2.1.2"),
        reason="Only the root user can turn it on, and S3 refuses it for a bucket with lifecycle rules. Security Hub"
        " reports no finding for such a bucket.",
    ),
    # Compute
    Control("ECR.1", "Repositories scan images.", program=(_COMPUTE, "scan_on_push=True")),
    Control(
        "ECR.2",
        "Image tags cannot be moved.",
        program=(_COMPUTE, "image_tag_mutability"),
        keys=("imageTagMutability",),
        when=lambda settings: settings.compute.image_tag_mutability == "IMMUTABLE",
        reason="In dev-test a tag such as `latest` may be pushed again.",
    ),
    Control("ECR.3", "Repositories have a lifecycle policy.", program=(_COMPUTE, "aws.ecr.LifecyclePolicy")),
    Control(
        "ECR.5",
        "Repositories are encrypted with a customer-managed key.",
        fsbp=False,
        program=(_COMPUTE, "kms_key=self._args.kms_key_arn"),
    ),
    Control(
        "ECS.12",
        "Clusters use Container Insights.",
        program=(_COMPUTE, 'name="containerInsights"'),
        keys=("containerInsights",),
        when=lambda settings: settings.compute.container_insights != "disabled",
        reason="dev-test saves the cost of the metrics.",
    ),
    Control(
        "ECS.19",
        "Capacity providers protect instances from termination.",
        owner="nobody",
        reason="FARGATE and FARGATE_SPOT are AWS's capacity providers, and have no instances.",
    ),
    Control(
        "CloudWatch.16",
        "Log groups keep events for a year.",
        fsbp=False,
        program=(_COMPUTE, "retention_in_days=self._args.log_retention_days"),
        keys=("logRetentionDays",),
        when=lambda settings: settings.log_retention_days >= 365,
        reason="dev-test saves the cost of the storage.",
    ),
    # DNS, identity, CloudFormation
    Control(
        "ACM.1",
        "Certificates are renewed in time.",
        program=("tak_base/public_dns.py", 'validation_method="DNS"'),
        keys=("hostedZoneName",),
        when=lambda settings: True if settings.dns.hosted_zone_name else None,
        reason="ACM renews a certificate by itself as long as its DNS record exists. `verify` checks that record, not"
        " the date of expiry.",
    ),
    Control(
        "ACM.2",
        "RSA certificates have keys of 2,048 bits or more.",
        program=("tak_base/public_dns.py", "aws.acm.Certificate"),
        keys=("hostedZoneName",),
        when=lambda settings: True if settings.dns.hosted_zone_name else None,
        reason="The program names no key algorithm, and ACM's default is RSA 2048. No check looks at it.",
    ),
    Control(
        "Route53.2",
        "Public hosted zones log queries.",
        owner="account",
        reason="The layer uses a hosted zone that exists, and does not manage it.",
    ),
    Control(
        "CloudFormation.3",
        "CloudFormation stacks have termination protection.",
        keys=("takSuite",),
        when=lambda settings: False if settings.tak_suite else None,
        reason="The Pulumi resource for a CloudFormation stack has no such argument. The stack has nothing but"
        " exports, Pulumi protects it where `protectData` is true, and CloudFormation deletes no stack whose exports"
        " are imported.",
    ),
    Control(
        "CloudFormation.4",
        "CloudFormation stacks have a service role.",
        keys=("takSuite",),
        when=lambda settings: False if settings.tak_suite else None,
        reason="The stack creates nothing (a wait condition handle), so a role would need no permission.",
    ),
    *_others(
        "nobody",
        "The stack's only role has an inline policy; it has no customer-managed IAM policy. Those of `bootstrap/` are"
        " described in `docs/bootstrap.md`.",
        [
            ("IAM.1", "Policies do not permit everything."),
            ("IAM.21", "Customer-managed policies permit no service as a whole."),
            ("KMS.1", "Customer-managed policies do not permit decryption with all keys."),
        ],
        IAM_1=("1.16", "", ""),
    ),
    Control(
        "IAM.27",
        "No identity has AWSCloudShellFullAccess.",
        fsbp=False,
        cis=("", "1.22", "1.21"),
        owner="nobody",
        reason="The stack attaches no managed policy to its role.",
    ),
    # The account
    *_others(
        "account",
        "A setting of the account and region.",
        [
            ("EC2.1", "EBS snapshots are not open to everyone."),
            ("EC2.7", "New EBS volumes are encrypted."),
            ("EC2.182", "The account blocks public EBS snapshots."),
            ("SSM.6", "Automation runbooks log to CloudWatch."),
            ("SSM.7", "The account blocks public SSM documents."),
        ],
        EC2_7=("2.2.1", "2.2.1", "5.1.1"),
    ),
    *(
        Control(
            id_,
            f"CloudTrail records {what} of objects in buckets.",
            fsbp=False,
            cis=("", number, number),
            owner="account",
            reason="The account's trail decides it.",
        )
        for id_, what, number in (("S3.22", "writes", "3.8"), ("S3.23", "reads", "3.9"))
    ),
    # Layers above
    *_others(
        "layer above",
        _TASKS,
        [
            ("ECS.1", "Task definitions with host networking name a user and no privileges."),
            ("ECS.2", "Services assign no public IP addresses."),
            ("ECS.3", "Task definitions do not share the host's processes."),
            ("ECS.4", "Containers are not privileged."),
            ("ECS.5", "Containers cannot write to their root file system."),
            ("ECS.8", "Secrets are not in environment variables."),
            ("ECS.9", "Task definitions have a log configuration."),
            ("ECS.10", "Fargate services have the newest platform version."),
            ("ECS.16", "Task sets assign no public IP addresses."),
            ("ECS.18", "Task definitions mount EFS with encryption in transit."),
            ("ECS.20", "Linux containers do not run as root."),
            ("ECS.21", "Windows containers do not run as administrator."),
        ],
    ),
    Control("ECS.17", "Task definitions do not use host networking.", fsbp=False, owner="layer above", reason=_TASKS),
    *_others(
        "layer above",
        _LOAD_BALANCERS,
        [
            ("ELB.4", "Application Load Balancers drop invalid headers."),
            ("ELB.6", "Load balancers have deletion protection."),
            ("ELB.12", "Application Load Balancers reject ambiguous requests."),
            ("ELB.13", "Load balancers are in several zones."),
        ],
    ),
    Control(
        "ELB.1",
        "HTTP listeners redirect to HTTPS.",
        owner="layer above",
        reason=f"{_LOAD_BALANCERS} The example redirects where it has a certificate.",
    ),
    Control(
        "ELB.5",
        "Load balancers write access logs.",
        owner="layer above",
        reason=f"{_LOAD_BALANCERS} With `loadBalancerLogBucket: true` the stack has the bucket for their logs.",
    ),
    Control(
        "ELB.17",
        "Listeners have a recommended TLS policy.",
        owner="layer above",
        reason=f"{_LOAD_BALANCERS} The example's HTTPS listener has one.",
    ),
    Control(
        "ELB.18",
        "Listeners use HTTPS or TLS.",
        owner="layer above",
        reason=f"{_LOAD_BALANCERS} The example does not meet it: it has an HTTP listener on port 80 too, which only"
        " redirects where there is a certificate.",
    ),
    *_others(
        "layer above",
        f"{_LOAD_BALANCERS} The example does not meet it: it ends TLS at the load balancer and speaks HTTP with its"
        " tasks, within the VPC.",
        [
            ("ELB.21", "Health checks use HTTPS."),
            ("ELB.22", "Target groups use HTTPS, TLS or QUIC."),
        ],
    ),
    *_others(
        "layer above",
        "The base layer has no such type. The rule judges it where a layer above uses the policy pack.",
        [
            ("EC2.3", "Attached EBS volumes are encrypted."),
            ("EC2.9", "Instances have no public IPv4 address."),
            ("EC2.25", "Launch templates assign no public IP address."),
            ("EFS.1", "File systems are encrypted with KMS."),
            ("RDS.2", "Databases are not public."),
            ("RDS.3", "Databases are encrypted."),
            ("SNS.4", "Topics are not open to everyone."),
            ("SQS.1", "Queues are encrypted."),
            ("SQS.3", "Queues are not open to everyone."),
        ],
        EFS_1=("", "2.4.1", "2.3.1"),
        RDS_2=("", "2.3.3", "2.2.3"),
        RDS_3=("2.3.1", "2.3.1", "2.2.1"),
    ),
    Control(
        "SNS.1",
        "Topics are encrypted with KMS.",
        fsbp=False,
        owner="layer above",
        reason="The base layer has no such type. The rule judges it where a layer above uses the policy pack.",
    ),
    # No such resource
    *_others(
        "nobody",
        _NO_INSTANCES,
        [
            ("EC2.4", "Stopped instances are removed."),
            ("EC2.8", "Instances require IMDSv2."),
            ("EC2.17", "Instances have one network interface."),
            ("EC2.24", "Instances are not paravirtual."),
            ("EC2.170", "Launch templates require IMDSv2."),
            ("EC2.173", "Spot Fleets encrypt EBS volumes."),
            ("EC2.181", "Launch templates encrypt EBS volumes."),
            ("SSM.1", "Instances are managed by Systems Manager."),
            ("SSM.2", "Managed instances are patched."),
            ("SSM.3", "Managed instances comply with their associations."),
        ],
        EC2_8=("", "5.6", "5.7"),
    ),
    *_others(
        "nobody",
        "The layer has no VPN and no transit gateway.",
        [
            ("EC2.20", "Both tunnels of a VPN are up."),
            ("EC2.23", "Transit gateways accept no attachment by themselves."),
            ("EC2.51", "Client VPN endpoints log connections."),
            ("EC2.171", "VPN connections have logs."),
            ("EC2.183", "VPN connections use IKEv2."),
        ],
        EC2_171=("", "5.3", ""),
    ),
    *_others(
        "nobody",
        "A control of Classic Load Balancers. Application and Network Load Balancers have their own.",
        [
            ("ELB.2", "Classic Load Balancers have certificates of ACM."),
            ("ELB.3", "Classic Load Balancers end HTTPS or TLS."),
            ("ELB.7", "Classic Load Balancers drain connections."),
            ("ELB.8", "Classic Load Balancers have a strong TLS policy."),
            ("ELB.9", "Classic Load Balancers balance across zones."),
            ("ELB.10", "Classic Load Balancers are in several zones."),
            ("ELB.14", "Classic Load Balancers reject ambiguous requests."),
        ],
    ),
    *_others(
        "nobody",
        "The layer has general purpose buckets only, and no access points.",
        [
            ("S3.19", "Access points block public access."),
            ("S3.24", "Multi-Region Access Points block public access."),
            ("S3.25", "Directory buckets have lifecycle rules."),
        ],
    ),
    *_others(
        "nobody",
        "The layer has a parameter in Systems Manager, and no document.",
        [("SSM.4", "SSM documents are not public.")],
    ),
]


def _order(control: Control) -> tuple[str, int]:
    return control.service, int(re.sub(r"\D", "", control.id.split(".")[1]))


CONTROLS: dict[str, Control] = {control.id: control for control in sorted(_ROWS, key=_order)}
"""By ID, services in alphabetical order."""
