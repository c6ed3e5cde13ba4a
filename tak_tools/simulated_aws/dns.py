"""Handlers of the public DNS's resource types (Route 53, ACM), and the lookup of a hosted zone."""

from typing import Any

from moto.backends import get_backend

from tak_tools import resource_types as types
from tak_tools.errors import DeploymentError
from tak_tools.simulated_aws.cloud import Created, SimulatedAws, answers, handles
from tak_tools.simulated_aws.inputs import Inputs


@answers("aws:route53/getZone:getZone")
def find_zone(cloud: SimulatedAws, args: dict[str, Any]) -> dict[str, Any]:
    """A public hosted zone by its name, with the AWS provider's error message where there is none."""
    zone_name = args["name"]
    for zone in cloud.client("route53").list_hosted_zones()["HostedZones"]:
        if zone["Name"] == f"{zone_name}." and not zone["Config"]["PrivateZone"]:
            return {"zoneId": _short(zone["Id"]), "name": zone_name}
    raise DeploymentError("no matching Route 53 Hosted Zone found")


@handles(types.RECORD)
def record(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    zone_id, record_name, type_ = inputs.take("zoneId"), inputs.take("name"), inputs.take("type")
    values = [{"Value": value} for value in inputs.take("records")]
    change = {
        "Action": "UPSERT" if inputs.take("allowOverwrite") else "CREATE",
        "ResourceRecordSet": {
            "Name": record_name,
            "Type": type_,
            "TTL": inputs.take("ttl"),
            "ResourceRecords": values,
        },
    }
    cloud.client("route53").change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": [change]})
    return f"{zone_id}_{record_name}_{type_}", {"fqdn": record_name.removesuffix(".")}


@handles(types.CERTIFICATE)
def certificate(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    acm = cloud.client("acm")
    arn = acm.request_certificate(
        DomainName=inputs.take("domainName"),
        SubjectAlternativeNames=inputs.take("subjectAlternativeNames"),
        ValidationMethod=inputs.take("validationMethod"),
        Tags=cloud.tag_list(inputs),
    )["CertificateArn"]
    options = acm.describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    return arn, {
        "arn": arn,
        "domainValidationOptions": [
            {
                "domainName": option["DomainName"],
                **{f"resourceRecord{part}": value for part, value in option["ResourceRecord"].items()},
            }
            for option in options
        ],
    }


@handles(types.CERTIFICATE_VALIDATION)
def certificate_validation(cloud: SimulatedAws, name: str, inputs: Inputs) -> Created:
    """Moto issues a certificate after a minute, whatever Route 53 holds; AWS does when it sees the records."""
    arn, given = inputs.take("certificateArn"), inputs.take("validationRecordFqdns")
    options = cloud.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]["DomainValidationOptions"]
    expected = {option["ResourceRecord"]["Name"].removesuffix(".") for option in options}
    if set(given) != expected:
        raise RuntimeError(f"validation records are {', '.join(given)}, expected {', '.join(sorted(expected))}")
    backends: Any = get_backend
    backends("acm")[cloud.account_id][cloud.region].get_certificate(arn).status = "ISSUED"
    return arn, {"certificateArn": arn}


def _short(zone_id: str) -> str:
    return zone_id.removeprefix("/hostedzone/")
