"""A stub of AWS: it creates nothing, refuses nothing, and answers with invented IDs, the same for the same input."""

import hashlib
from typing import Any

from tak_base.addressing import ZONES
from tak_tools import resource_types as types
from tak_tools.physical_names import DEFAULT_PATTERN, physical_name

# 2001:db8::/32 and 192.0.2.0/24 are for documentation (RFC 3849, RFC 5737): nobody mistakes them for real addresses.
STUB_IPV6_BLOCK = "2001:db8:0:ff00::/56"
STUB_ACCOUNT = "account-id"
STUB_ZONE = "zone-id"


class StubAws:
    """The cloud of `tak-base plan`. The same stack file gives the same answers."""

    def __init__(self, region: str, name_pattern: str = DEFAULT_PATTERN) -> None:
        self._region = region
        self._name_pattern = name_pattern

    def create(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        digest = hashlib.sha256(f"{type_} {name}".encode()).hexdigest()
        resource_id = physical_name(self._name_pattern, name, lambda digits: digest[:digits])
        if type_ == types.AWSX_REPOSITORY.token:
            # The outputs of awsx's components differ from their inputs.
            return resource_id, {"url": f"{STUB_ACCOUNT}.dkr.ecr.{self._region}.amazonaws.com/{resource_id}"}
        # Layers above take the name from a cluster's ARN.
        path = f"cluster/{inputs['name']}" if type_ == types.CLUSTER.token else resource_id
        outputs = {"name": resource_id, "arn": f"arn:aws:stub:{self._region}:{STUB_ACCOUNT}:{path}"}
        return resource_id, outputs | _computed(type_, name, resource_id, inputs) | inputs

    def call(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        answers: dict[str, dict[str, Any]] = {
            "aws:index/getAvailabilityZones:getAvailabilityZones": {
                "names": [f"{self._region}{letter}" for letter in "abc"]
            },
            "aws:ec2/getManagedPrefixList:getManagedPrefixList": {"id": f"pl-{args.get('name')}"},
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": STUB_ACCOUNT},
            "aws:index/getPartition:getPartition": {"partition": "aws", "dnsSuffix": "amazonaws.com"},
            "aws:index/getRegion:getRegion": {"region": self._region},
            "aws:route53/getZone:getZone": {"zoneId": STUB_ZONE, "name": args.get("name")},
        }
        return answers[token]


def _computed(type_: str, name: str, resource_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """The outputs that AWS adds to the inputs, as far as the program reads them."""
    match type_:
        case types.VPC.token:
            return {"ipv6CidrBlock": STUB_IPV6_BLOCK}
        case types.EIP.token:
            return {"allocationId": resource_id, "publicIp": f"192.0.2.{1 + ZONES.index(name[-1])}"}
        case types.LOAD_BALANCER.token:
            return {"dnsName": f"{resource_id}.elb.amazonaws.com", "zoneId": "zone-id"}
        case types.KEY.token:
            return {"keyId": resource_id}
        case types.CERTIFICATE.token:
            record = {"resourceRecordName": "_stub.", "resourceRecordType": "CNAME", "resourceRecordValue": "_value."}
            names = [inputs["domainName"], *inputs["subjectAlternativeNames"]]
            return {"domainValidationOptions": [{"domainName": name, **record} for name in names]}
        case types.RECORD.token:
            return {"fqdn": "_stub"}
        case types.BUCKET.token:
            return {"bucket": resource_id}
    return {}
