"""The optional parts: each adds its resources and nothing else, input by input."""

import json
from collections import Counter
from typing import Any

import pulumi
import pytest

from tak_base.deployment_target import DeploymentTarget
from tak_base.policy_documents import load_balancer_log_policy
from tak_tools.errors import DeploymentError
from tak_tools.plan import make_plan
from tak_tools.program import Recording, Registration
from tak_tools.simulated_aws import SimulatedAws
from tak_tools.stack_file import Project
from tak_tools.stub_aws import StubAws
from tests.options import EVERY_OPTION, Evaluate, Outputs, with_options
from tests.unit.test_encrypted_storage import expiry_rules
from tests.unit.test_program import BUCKET_PARTS, BUCKET_TYPES, parts_of_bucket

pytestmark = pytest.mark.slow


REPOSITORY = ("awsx:ecr:Repository", "aws:ecr/lifecyclePolicy:LifecyclePolicy")
REPOSITORY_POLICY = "aws:ecr/repositoryPolicy:RepositoryPolicy"
CERTIFICATE = [
    "aws:acm/certificate:Certificate",
    "aws:acm/certificateValidation:CertificateValidation",
    "aws:route53/record:Record",
]


@pytest.fixture(scope="module", params=["prod", "dev-test"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def full(evaluate: Evaluate) -> Recording:
    """prod with every optional part."""
    return evaluate("prod", **EVERY_OPTION)


def added(before: Recording, after: Recording) -> list[Registration]:
    known = {item.urn for item in before.registrations}
    return [item for item in after.registrations if item.urn not in known]


# What there is


@pytest.mark.parametrize(
    ("overrides", "types"),
    [
        pytest.param({"repositories": ["artifacts"]}, [*REPOSITORY], id="a-repository"),
        pytest.param(
            {"repositories": ["artifacts", "etl-tasks"], "lambdaRepositories": ["etl-tasks"]},
            [*REPOSITORY, *REPOSITORY, REPOSITORY_POLICY],
            id="repositories-one-for-lambda",
        ),
        pytest.param({"appImagesBucket": True}, BUCKET_TYPES, id="application-images"),
        pytest.param({"loadBalancerLogBucket": True}, BUCKET_TYPES, id="load-balancer-logs"),
        pytest.param({"hostedZoneName": "tak.example.org"}, CERTIFICATE, id="public-dns"),
        pytest.param(
            EVERY_OPTION,
            [*REPOSITORY, *REPOSITORY, REPOSITORY_POLICY, *BUCKET_TYPES, *BUCKET_TYPES, *CERTIFICATE],
            id="every-option",
        ),
    ],
)
def test_an_option_adds_exactly_its_own_resources_and_changes_no_other(
    evaluate: Evaluate, stack: str, overrides: dict[str, Any], types: list[str]
) -> None:
    before = evaluate(stack, imageTagPrefixes=["tak-server-"])
    after = evaluate(stack, **{"imageTagPrefixes": ["tak-server-"], **overrides})
    resources = [item for item in added(before, after) if not item.is_component]

    assert Counter(item.type for item in resources) == Counter(types)
    assert len(after.resources) == len(before.resources) + len(types)
    # Registrations hold everything: inputs, parents, options, dependencies.
    still = {item.urn: item for item in after.registrations}
    published = {before.named("tak-outputs").urn}
    assert {item.urn for item in before.registrations if still[item.urn] != item} == published


def test_the_optional_parts_have_these_names_and_parents(evaluate: Evaluate, full: Recording) -> None:
    names: dict[str, set[str]] = {}
    for item in added(evaluate("prod"), full):
        names.setdefault(item.parent.rsplit("::", 2)[1].split("$")[-1], set()).add(item.name)

    assert names == {
        "pulumi:pulumi:Stack": {"tak"},
        "tak-base:index:Compute": {
            "tak-images-artifacts",
            "tak-images-artifacts-lifecycle",
            "tak-images-etl-tasks",
            "tak-images-etl-tasks-lifecycle",
            "tak-images-etl-tasks-policy",
        },
        "tak-base:index:EncryptedStorage": {
            "tak-app-images",
            *parts_of_bucket("tak-app-images"),
            "tak-elb-logs",
            *parts_of_bucket("tak-elb-logs"),
        },
        "tak-base:index:PublicDns": {
            "tak-certificate",
            "tak-certificate-validation",
            "tak-certificate-validation-record",
        },
    }


def test_without_a_hosted_zone_there_is_no_component_for_it(prod: Recording, full: Recording) -> None:
    assert [len(recording.of_type("tak-base:index:PublicDns")) for recording in (prod, full)] == [0, 1]


def test_with_every_option_the_plan_counts_everything_and_no_rule_is_broken(project: Project) -> None:
    plans = [make_plan(with_options(project, stack)) for stack in ("prod", "dev-test")]

    assert [plan.resource_count for plan in plans] == [len(plan.recording.resources) for plan in plans]
    assert [[violation for violation in plan.violations if violation.rule.level == "mandatory"] for plan in plans] == [
        [],
        [],
    ]
    assert [plan.existing for plan in plans] == [("public hosted zone tak.example.org",)] * 2


def test_protect_data_protects_further_repositories_and_buckets_too(evaluate: Evaluate, prod: Recording) -> None:
    full = evaluate("prod", **EVERY_OPTION)
    kept = {"tak-images-artifacts", "tak-images-etl-tasks", "tak-app-images", "tak-elb-logs"}
    settings = {f"{name}-{part}" for name in ("tak-app-images", "tak-elb-logs") for part in BUCKET_PARTS}
    # Certificates of other stacks for the name are renewed by the same record.
    record = {"tak-certificate-validation-record"}
    lifecycles = {"tak-images-artifacts-lifecycle", "tak-images-etl-tasks-lifecycle"}

    assert {item.name for item in added(prod, full) if item.protect} == kept
    assert {item.name for item in added(prod, full) if item.retain_on_delete} == (
        kept | settings | record | lifecycles | {"tak-images-etl-tasks-policy"}
    )
    unprotected = evaluate("prod", **EVERY_OPTION, protectData=False).registrations
    assert not [item.name for item in unprotected if item.protect]
    assert {item.name for item in unprotected if item.retain_on_delete} == record | lifecycles | {
        "tak-images-lifecycle"
    }


def test_everything_optional_at_rest_is_encrypted_with_the_key_but_load_balancer_logs(full: Recording) -> None:
    key = full.named("tak-key").outputs["arn"]
    encrypted = {item.name for item in full.resources if key in json.dumps(item.inputs)}

    assert {"tak-images-artifacts", "tak-images-etl-tasks", "tak-app-images-encryption"} <= encrypted
    assert not {name for name in encrypted if "elb-logs" in name}


# Repositories


def test_further_repositories_differ_from_the_first_in_their_tag_prefixes_only(full: Recording) -> None:
    first, artifacts, etl_tasks = (
        dict(full.named(f"tak-images{name}").inputs) for name in ("", "-artifacts", "-etl-tasks")
    )
    rules = [
        json.loads(full.named(f"tak-images{name}-lifecycle").inputs["policy"])["rules"][1]["selection"]
        for name in ("", "-artifacts", "-etl-tasks")
    ]

    assert first == artifacts == etl_tasks
    assert [rule.get("tagPrefixList") for rule in rules] == [["tak-server-"], None, ["weather-"]]
    assert [rule["tagStatus"] for rule in rules] == ["tagged", "any", "tagged"]
    assert {rule["countNumber"] for rule in rules} == {20}


def test_lambda_may_pull_from_the_named_repositories_for_functions_of_the_account_and_region(full: Recording) -> None:
    (policy,) = full.of_type("RepositoryPolicy")
    inputs = dict(policy.inputs)

    assert json.loads(inputs.pop("policy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LambdaPullsImages",
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                "Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:lambda:ap-southeast-2:account-id:function:*"}},
            }
        ],
    }
    assert inputs == {"repository": full.named("tak-images-etl-tasks").id}


# Buckets


def test_the_application_images_bucket_is_guarded_like_the_config_bucket(full: Recording) -> None:
    for part in ("", *(f"-{part}" for part in BUCKET_PARTS)):
        config, images = (full.named(f"tak-{role}{part}") for role in ("config", "app-images"))
        assert json.dumps(images.inputs) == json.dumps(config.inputs).replace(
            full.named("tak-config").id, full.named("tak-app-images").id
        ).replace("tak-base-prod-config", "tak-base-prod-app-images")


def test_the_log_bucket_differs_from_the_config_bucket_in_encryption_policy_and_expiry(full: Recording) -> None:
    bucket = full.named("tak-elb-logs")

    assert bucket.inputs == {"forceDestroy": False, "tags": {"Name": "tak-base-prod-elb-logs"}}
    for part in ("ownership", "public-access-block", "versioning"):
        config = dict(full.named(f"tak-config-{part}").inputs)
        assert full.named(f"tak-elb-logs-{part}").inputs == config | {"bucket": bucket.id}
    assert full.named("tak-elb-logs-encryption").inputs == {
        "bucket": bucket.id,
        # Elastic Load Balancing writes to no bucket under a customer-managed key.
        "rules": [
            {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}, "blockedEncryptionTypes": ["SSE-C"]}
        ],
    }


@pytest.mark.parametrize(
    ("days", "noncurrent"), [pytest.param(365, 90, id="a-year"), pytest.param(30, 30, id="a-month")]
)
def test_logs_expire_after_the_log_retention_and_their_versions_no_later(
    evaluate: Evaluate, days: int, noncurrent: int
) -> None:
    recording = evaluate("prod", loadBalancerLogBucket=True, logRetentionDays=days)

    assert recording.named("tak-elb-logs-lifecycle").inputs == {
        "bucket": recording.named("tak-elb-logs").id,
        "rules": [
            *expiry_rules(noncurrent),
            {
                "id": "expire-objects",
                "status": "Enabled",
                "filter": {"prefix": ""},
                "expiration": {"days": days},
            },
        ],
    }


ARN = "arn:aws:s3:::logs"


def log_policy(region: str = "us-east-1", partition: str = "aws") -> dict[str, dict[str, Any]]:
    """The log bucket's policy in a region, by statement."""
    target = DeploymentTarget("111122223333", region, partition, "amazonaws.com")
    document = load_balancer_log_policy(target, ARN)
    assert document["Version"] == "2012-10-17"
    return {statement.pop("Sid"): statement for statement in document["Statement"]}


def test_only_log_delivery_of_the_account_may_write_logs() -> None:
    logs = [f"{ARN}/AWSLogs/111122223333/*", f"{ARN}/*/AWSLogs/111122223333/*"]
    of_region = {"aws:SourceArn": ["arn:aws:logs:us-east-1:111122223333:*"]}

    assert log_policy() == {
        "RefuseUnencryptedTransport": {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [ARN, f"{ARN}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        "ApplicationLoadBalancersWriteLogs": {
            "Effect": "Allow",
            "Principal": {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": logs,
        },
        "NetworkLoadBalancersCheckTheBucket": {
            "Effect": "Allow",
            "Principal": {"Service": "delivery.logs.amazonaws.com"},
            "Action": "s3:GetBucketAcl",
            "Resource": ARN,
            "Condition": {"StringEquals": {"aws:SourceAccount": ["111122223333"]}, "ArnLike": of_region},
        },
        "NetworkLoadBalancersWriteLogs": {
            "Effect": "Allow",
            "Principal": {"Service": "delivery.logs.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": logs,
            "Condition": {
                "StringEquals": {
                    "aws:SourceAccount": ["111122223333"],
                    "s3:x-amz-acl": "bucket-owner-full-control",
                },
                "ArnLike": of_region,
            },
        },
    }


@pytest.mark.parametrize(("region", "partition"), [("ap-southeast-2", "aws"), ("us-gov-west-1", "aws-us-gov")])
def test_log_delivery_is_of_the_region_and_partition(region: str, partition: str) -> None:
    policy = log_policy(region, partition)

    assert policy["ApplicationLoadBalancersWriteLogs"]["Principal"] == {
        "Service": "logdelivery.elasticloadbalancing.amazonaws.com"
    }
    condition = policy["NetworkLoadBalancersWriteLogs"]["Condition"]
    assert condition["ArnLike"] == {"aws:SourceArn": [f"arn:{partition}:logs:{region}:111122223333:*"]}


def test_the_log_bucket_has_the_policy_for_load_balancers(full: Recording) -> None:
    target = DeploymentTarget("account-id", "ap-southeast-2", "aws", "amazonaws.com")
    bucket, policy = full.named("tak-elb-logs"), full.named("tak-elb-logs-policy").inputs

    assert policy["bucket"] == bucket.id
    assert json.loads(policy["policy"]) == load_balancer_log_policy(target, bucket.outputs["arn"])


# Public DNS


def test_a_certificate_for_the_zone_and_its_wildcard_is_validated_by_one_record(full: Recording) -> None:
    certificate = full.named("tak-certificate")

    assert certificate.inputs == {
        "domainName": "tak.example.org",
        "subjectAlternativeNames": ["*.tak.example.org"],
        "validationMethod": "DNS",
        "tags": {"Name": "tak-base-prod-certificate"},
    }
    option, _ = certificate.outputs["domainValidationOptions"]
    assert full.named("tak-certificate-validation-record").inputs == {
        "zoneId": "zone-id",
        "name": option["resourceRecordName"],
        "type": option["resourceRecordType"],
        "records": [option["resourceRecordValue"]],
        "ttl": 300,
        "allowOverwrite": True,
    }
    assert full.named("tak-certificate-validation").inputs == {
        "certificateArn": certificate.outputs["arn"],
        "validationRecordFqdns": [full.named("tak-certificate-validation-record").outputs["fqdn"]],
    }


def test_the_published_certificate_is_the_validated_one(full: Recording) -> None:
    assert Outputs(full.outputs).certificate_arn == full.named("tak-certificate-validation").outputs["certificateArn"]


class OtherZones(StubAws):
    """Knows every hosted zone but the one that is looked for."""

    asked: dict[str, Any]

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "aws:route53/getZone:getZone":  # noqa: S105, no password
            self.asked = args
            raise DeploymentError("no matching Route 53\nHosted Zone found")
        return super().call(token, args)


def test_a_hosted_zone_that_does_not_exist_stops_the_deployment_with_one_line(evaluate: Evaluate) -> None:
    cloud = OtherZones("ap-southeast-2")

    with pytest.raises(pulumi.RunError) as caught:
        evaluate("prod", cloud=cloud, hostedZoneName="tak.example.org")

    assert str(caught.value) == (
        'tak-base:hostedZoneName: found "tak.example.org", expected a public hosted zone of this account: invoke of'
        " aws:route53/getZone:getZone failed: no matching Route 53 Hosted Zone found"
    )
    assert caught.value.__suppress_context__
    assert cloud.asked == {"name": "tak.example.org", "privateZone": False}


def test_a_private_hosted_zone_is_refused_before_anything_is_created(evaluate: Evaluate) -> None:
    with SimulatedAws("ap-southeast-2") as cloud:
        vpc = cloud.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
        cloud.client("route53").create_hosted_zone(
            Name="tak.example.org",
            CallerReference="1",
            VPC={"VPCRegion": "ap-southeast-2", "VPCId": vpc},
            HostedZoneConfig={"PrivateZone": True},
        )
        with pytest.raises(pulumi.RunError, match="no matching Route 53 Hosted Zone found"):
            evaluate("prod", cloud=cloud, hostedZoneName="tak.example.org")
        assert cloud.client("s3").list_buckets()["Buckets"] == []
