"""The check of the public DNS."""

from collections.abc import Iterable

from tak_tools.verify.checks import Difference, check, differ
from tak_tools.verify.deployment import Deployment


@check(
    "public-dns",
    "Where the stack file names a hosted zone, a certificate for it, its wildcard and `certificateNames` is issued, and"
    " the zone holds what its renewal needs.",
    actions=("acm:DescribeCertificate", "route53:GetHostedZone", "route53:ListResourceRecordSets"),
)
def public_dns(deployment: Deployment) -> Iterable[Difference]:
    zone_name = deployment.settings.dns.hosted_zone_name
    names = deployment.settings.dns.certificate_domain_names
    if not zone_name:
        return
    zone_id, arn = deployment.zone_id, deployment.certificate_arn
    certificate = deployment.certificate
    if certificate:
        yield from differ(arn, "status", certificate["Status"], "ISSUED")
        yield from differ(arn, "names", certificate["SubjectAlternativeNames"], names)
    else:
        yield Difference(arn, "no such certificate", "the certificate")
    zone = deployment.aws.ask("route53", "get_hosted_zone", absent=["NoSuchHostedZone"], Id=zone_id)
    if not zone:
        yield Difference(zone_id, "no such hosted zone", "the hosted zone")
        return
    yield from differ(zone_id, "name", zone["HostedZone"]["Name"].removesuffix("."), zone_name)
    yield from differ(zone_id, "private", zone["HostedZone"]["Config"].get("PrivateZone", False), False)
    answer = deployment.aws.ask("route53", "list_resource_record_sets", HostedZoneId=zone_id)
    found = {
        (record["Name"], value["Value"])
        for record in answer["ResourceRecordSets"]
        for value in record.get("ResourceRecords", [])
    }
    options = certificate.get("DomainValidationOptions", [])
    records = {(option["ResourceRecord"]["Name"], option["ResourceRecord"]["Value"]) for option in options}
    for name, value in sorted(records - found):
        yield Difference(zone_id, f"no record {name}", f"{name} with {value}")
