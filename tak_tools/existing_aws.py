"""A cloud that creates nothing: it answers the program with the resources that exist on AWS.

Each resource that the program registers is looked for by its inputs and answers with its real ID, so that what depends
on it can be found by that ID.

`pulumi import` reads the properties of most resources from AWS. Of these they are given to it, because the provider
cannot read them completely, and the next preview would show a change:

- Only the program knows a key's waiting period (deletionWindowInDays), which AWS takes at the deletion, whether a
  record may overwrite another one (allowOverwrite), and whether a bucket or a repository may be deleted with what is in
  it (forceDestroy, forceDelete).
- It reads the text of a parameter as `value`, where the program gives `insecureValue`. An update would not repair it:
  https://github.com/hashicorp/terraform-provider-aws/issues/37733
- It cannot import a certificate validation.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from tak_tools import resource_types as types
from tak_tools.aws import UnansweredError
from tak_tools.aws_search import ACTIONS as SEARCH_ACTIONS
from tak_tools.aws_search import Found, Search, candidates
from tak_tools.errors import InputError
from tak_tools.physical_names import DEFAULT_PATTERN, physical_name
from tak_tools.stub_aws import StubAws

Answer = Literal["found", "missing", "ambiguous", "unknown"]

# The operation that reads a setting of a bucket or a repository, and the key of its answer where it is set.
_SETTINGS = {
    types.BUCKET_LIFECYCLE.token: ("get_bucket_lifecycle_configuration", "Rules"),
    types.BUCKET_OWNERSHIP.token: ("get_bucket_ownership_controls", "OwnershipControls"),
    types.BUCKET_POLICY.token: ("get_bucket_policy", "Policy"),
    types.BUCKET_PUBLIC_ACCESS_BLOCK.token: ("get_public_access_block", "PublicAccessBlockConfiguration"),
    types.BUCKET_ENCRYPTION.token: ("get_bucket_encryption", "ServerSideEncryptionConfiguration"),
    types.BUCKET_VERSIONING.token: ("get_bucket_versioning", "Status"),
    types.LIFECYCLE_POLICY.token: ("get_lifecycle_policy", "lifecyclePolicyText"),
    types.REPOSITORY_POLICY.token: ("get_repository_policy", "policyText"),
}
_NOT_SET = (
    *("NoSuchBucket", "NoSuchBucketPolicy", "NoSuchLifecycleConfiguration", "NoSuchPublicAccessBlockConfiguration"),
    *("OwnershipControlsNotFoundError", "ServerSideEncryptionConfigurationNotFoundError"),
    *("LifecyclePolicyNotFoundException", "RepositoryNotFoundException", "RepositoryPolicyNotFoundException"),
)

# The IAM actions of the search.
ACTIONS = (
    *SEARCH_ACTIONS,
    *(action for token in _SETTINGS for action in types.row_of(token).actions.read.split()),
    *("iam:GetRolePolicy", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus"),
    *("route53:ListHostedZones", "route53:ListResourceRecordSets"),
)

_NAMED_BY_THE_ENGINE = (types.BUCKET, types.ROLE, types.REPOSITORY)

# The inputs that identify a resource.
_IDENTIFYING = (
    *("name", "bucket", "repository", "clusterName", "role", "domainName", "certificateArn", "zoneId", "type"),
    *("routeTableId", "subnetId", "destinationCidrBlock", "destinationIpv6CidrBlock"),
)


@dataclass(frozen=True)
class Recovered:
    """What AWS has of one resource of the program."""

    sought: str
    """What was looked for, in words."""
    found: tuple[Found, ...] = ()
    properties: Mapping[str, Any] | None = None
    """Its properties, where the provider cannot read all of them."""
    known_type: bool = True

    @property
    def answer(self) -> Answer:
        if not self.known_type:
            return "unknown"
        return "missing" if not self.found else "found" if len(self.found) == 1 else "ambiguous"


class ExistingAws:
    """A cloud that creates nothing: it answers with the resource that AWS has, and with a stub where it has none."""

    def __init__(self, search: Search, name_pattern: str) -> None:
        self.recovered: dict[tuple[str, str], Recovered] = {}
        """By type and logical name."""
        self.problems: list[str] = []
        """What AWS has not answered, in one line each."""
        self._search = search
        self._ask = search.aws.ask
        self._patterns = (name_pattern, DEFAULT_PATTERN)
        self._stub = StubAws(search.region, name_pattern)
        # The program registers resources in several threads.
        self._lock = threading.Lock()

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        stub_id, outputs = self._stub.create(type_, name, inputs)
        sought = ", ".join(self._sought(type_, name, inputs))
        with self._lock:
            self.recovered[type_, name] = Recovered(sought)
            with self.noting_problems():
                recovered = self.recovered[type_, name] = self._recovered(sought, type_, name, inputs)
                if recovered.answer == "found":
                    (found,) = recovered.found
                    real = json.loads(json.dumps(outputs).replace(stub_id, found.id))
                    return found.id, {**real, **self._outputs(type_, found, recovered.properties or {})}
        return stub_id, outputs

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        answer = self._stub.call(token, args)
        if token == "aws:route53/getZone:getZone":  # noqa: S105, a token of Pulumi
            with self._lock, self.noting_problems():
                for zone in self._ask("route53", "list_hosted_zones")["HostedZones"]:
                    if zone["Name"].rstrip(".") == args["name"] and not zone["Config"]["PrivateZone"]:
                        return answer | {"zoneId": zone["Id"].rsplit("/", 1)[-1]}
        return answer

    @contextmanager
    def noting_problems(self) -> Iterator[None]:
        """Collects what AWS refuses, so that the search goes on."""
        try:
            yield
        except UnansweredError as error:
            problems = (f"AWS: {error}",)
        except InputError as error:
            problems = error.problems
        except Exception as error:
            problems = (f"AWS: found an answer that cannot be read ({type(error).__name__}: {error})",)
        else:
            return
        self.problems += [problem for problem in problems if problem not in self.problems]

    def _sought(self, type_: str, name: str, inputs: Mapping[str, Any]) -> Iterator[str]:
        for key in _IDENTIFYING:
            if key in inputs:
                yield f"{key} {inputs[key]}"
        if name_tag := (inputs.get("tags") or {}).get("Name"):
            yield f"Name tag {name_tag}"
        elif self._is_named_by_the_engine(type_, inputs):
            yield f"name {physical_name(self._patterns[0], name, lambda digits: '?' * digits)}"

    def _is_named_by_the_engine(self, type_: str, inputs: Mapping[str, Any]) -> bool:
        return _row(type_) in _NAMED_BY_THE_ENGINE and not (inputs.get("name") or inputs.get("bucket"))

    def _recovered(self, sought: str, type_: str, name: str, inputs: dict[str, Any]) -> Recovered:
        try:
            found = [*self._candidates(type_, name, inputs)]
        except KeyError:
            return Recovered(sought, known_type=False)
        if len(found) > 1:
            # What the stack has published is it, whatever else looks the same.
            found = [item for item in found if item.id in self._published()] or found
        properties = self._properties(type_, inputs, found[0]) if len(found) == 1 else None
        return Recovered(sought, tuple(found), properties)

    def _candidates(self, type_: str, name: str, inputs: dict[str, Any]) -> Iterator[Found]:
        """What AWS has of it. Raises KeyError for a type that cannot be looked for."""
        row = _row(type_)
        if self._is_named_by_the_engine(type_, inputs):
            yield from (found for found in self._search.of_type(row) if self._is_named(found.id, name))
        elif row == types.ROLE_POLICY and "name" not in inputs:
            answer = self._ask("iam", "list_role_policies", absent=["NoSuchEntity"], RoleName=inputs["role"])
            for policy in answer.get("PolicyNames", []):
                if self._is_named(policy, name):
                    yield from candidates(self._search, type_, inputs | {"name": policy})
        elif row == types.CLUSTER_CAPACITY_PROVIDERS:
            # Every cluster has this setting.
            for cluster in candidates(self._search, types.CLUSTER.token, {"name": inputs["clusterName"]}):
                yield Found(row, cluster.name, cluster.name, {}, ())
        elif row == types.CERTIFICATE_VALIDATION:
            issued = self._certificate(inputs["certificateArn"]).get("IssuedAt")
            if issued:
                # The ID that the provider gives it.
                yield Found(row, f"{issued.astimezone(UTC):%Y-%m-%d %H:%M:%S} +0000 UTC", "", {}, ())
        elif type_ in _SETTINGS:
            operation, key = _SETTINGS[type_]
            service, parameter = ("s3", "Bucket") if "bucket" in inputs else ("ecr", "repositoryName")
            # A setting has the ID of its resource.
            owner = inputs.get("bucket") or inputs["repository"]
            if key in self._ask(service, operation, absent=_NOT_SET, **{parameter: owner}):
                yield Found(row, owner, owner, {}, ())
        else:
            yield from candidates(self._search, type_, inputs)

    def _properties(self, type_: str, inputs: Mapping[str, Any], found: Found) -> dict[str, Any] | None:
        """The properties of a resource that the provider cannot read completely: from AWS, or else the program."""
        match type_:
            case types.KEY.token:
                key = self._ask("kms", "describe_key", KeyId=found.id)["KeyMetadata"]
                rotation = self._ask("kms", "get_key_rotation_status", KeyId=found.id)
                read = {
                    "arn": key["Arn"],
                    "keyId": key["KeyId"],
                    "customerMasterKeySpec": key["KeySpec"],
                    "keyUsage": key["KeyUsage"],
                    "isEnabled": key["Enabled"],
                    "multiRegion": key["MultiRegion"],
                    "description": key["Description"],
                    "policy": self._ask("kms", "get_key_policy", KeyId=found.id, PolicyName="default")["Policy"],
                    "enableKeyRotation": rotation["KeyRotationEnabled"],
                    "tagsAll": found.tags,
                    "region": self._search.region,
                }
                if "RotationPeriodInDays" in rotation:
                    read["rotationPeriodInDays"] = rotation["RotationPeriodInDays"]
            case types.PARAMETER.token:
                parameter = self._ask("ssm", "get_parameter", Name=found.id)["Parameter"]
                read = {
                    "arn": parameter["ARN"],
                    "version": parameter["Version"],
                    "dataType": parameter["DataType"],
                    "type": parameter["Type"],
                    "insecureValue": parameter["Value"],
                    "tagsAll": found.tags,
                    "region": self._search.region,
                }
            case types.RECORD.token:
                zone_id, name, kind = inputs["zoneId"], inputs["name"].rstrip("."), inputs["type"]
                answer = self._ask("route53", "list_resource_record_sets", HostedZoneId=zone_id)["ResourceRecordSets"]
                (record,) = [item for item in answer if (item["Name"].rstrip("."), item["Type"]) == (name, kind)]
                read = {
                    # The provider's form of a record's name, in which it is equal to the program's.
                    "name": name.lower(),
                    "fqdn": name.lower(),
                    "ttl": record["TTL"],
                    "records": [item["Value"] for item in record["ResourceRecords"]],
                }
            case types.CERTIFICATE_VALIDATION.token:
                read = {"region": self._search.region}
            case types.BUCKET.token if inputs.get("forceDestroy"):
                partition = self._ask("sts", "get_caller_identity")["Arn"].split(":")[1]
                read = {
                    "arn": f"arn:{partition}:s3:::{found.id}",
                    "bucket": found.id,
                    "bucketNamespace": "global",
                    "objectLockEnabled": False,
                    "tagsAll": found.tags,
                    "region": self._search.region,
                }
            case types.AWSX_REPOSITORY.token if inputs.get("forceDelete"):
                repositories = self._ask("ecr", "describe_repositories")["repositories"]
                (repository,) = [item for item in repositories if item["repositoryName"] == found.id]
                # The properties of the resource in awsx's component, which differ from the component's.
                inputs = {"forceDelete": True}
                read = {
                    "arn": repository["repositoryArn"],
                    "name": repository["repositoryName"],
                    "registryId": repository["registryId"],
                    "repositoryUrl": repository["repositoryUri"],
                    "imageTagMutability": repository["imageTagMutability"],
                    "imageScanningConfiguration": repository["imageScanningConfiguration"],
                    "encryptionConfigurations": [repository["encryptionConfiguration"]],
                    "tagsAll": found.tags,
                    "region": self._search.region,
                }
            case _:
                return None
        return {**inputs, **read, "id": found.id}

    def _certificate(self, arn: str) -> Mapping[str, Any]:
        absent = ["ResourceNotFoundException", "ValidationException"]
        return self._ask("acm", "describe_certificate", absent=absent, CertificateArn=arn).get("Certificate", {})

    def _outputs(self, type_: str, found: Found, properties: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs that the program reads and the stub does not know."""
        outputs = {key: properties[key] for key in ("arn", "fqdn") if key in properties}
        if found.id.startswith("arn:"):
            outputs["arn"] = found.id
        if type_ == types.CERTIFICATE.token:
            outputs["domainValidationOptions"] = [
                {
                    "domainName": option["DomainName"],
                    "resourceRecordName": option["ResourceRecord"]["Name"],
                    "resourceRecordType": option["ResourceRecord"]["Type"],
                    "resourceRecordValue": option["ResourceRecord"]["Value"],
                }
                for option in self._certificate(found.id)["DomainValidationOptions"]
            ]
        return outputs

    def _is_named(self, physical: str, logical: str) -> bool:
        """Whether the engine would have given a resource of this logical name the physical name."""
        return any(
            re.fullmatch(
                re.escape(physical_name(pattern, logical, lambda digits: "#" * digits)).replace(r"\#", "[0-9a-f]"),
                physical,
            )
            for pattern in self._patterns
        )

    def _published(self) -> set[str]:
        """The texts in the parameter with the stack's outputs; none where there is no such parameter."""
        name = self._search.settings.outputs_parameter_name
        answer = self._ask("ssm", "get_parameter", absent=["ParameterNotFound"], Name=name)
        with suppress(ValueError, AttributeError):
            values = json.loads(answer["Parameter"]["Value"]).values() if answer else ()
            # The key is published by its ARN.
            return {text for value in values if isinstance(value, str) for text in (value, value.rsplit("/", 1)[-1])}
        return set()


def _row(type_: str) -> types.ResourceType:
    return types.REPOSITORY if type_ == types.AWSX_REPOSITORY.token else types.row_of(type_)
