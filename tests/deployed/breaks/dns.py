"""Breaks of the hosted zone and its certificate."""

from tests.deployed.breaks.harness import breaks
from tests.deployed.case import Case


@breaks("public-dns", on="full")
def the_certificate_is_not_issued(case: Case) -> list[str]:
    arn = case.certificate_arn
    case.moto("acm").get_certificate(arn).status = "EXPIRED"
    return [f"{arn}: found status EXPIRED, expected status ISSUED"]


@breaks("public-dns", on="full")
def the_certificate_is_deleted(case: Case) -> list[str]:
    arn = case.certificate_arn
    case.client("acm").delete_certificate(CertificateArn=arn)
    return [f"{arn}: found no such certificate, expected the certificate"]


@breaks("public-dns", on="full")
def the_validation_record_is_deleted(case: Case) -> list[str]:
    route53, zone = case.client("route53"), case.zone_id
    sets = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    (record,) = [item for item in sets if item["Type"] == "CNAME"]
    changes = [{"Action": "DELETE", "ResourceRecordSet": record}]
    route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})
    value = record["ResourceRecords"][0]["Value"]
    return [f"{zone}: found no record {record['Name']}, expected {record['Name']} with {value}"]


@breaks("public-dns", on="full")
def the_published_zone_is_no_more(case: Case) -> list[str]:
    case.outputs[Case.zone_id.name] = "Z0000000000000"
    return ["Z0000000000000: found no such hosted zone, expected the hosted zone"]


@breaks("public-dns", on="full")
def the_published_zone_is_of_another_name(case: Case) -> list[str]:
    other = case.client("route53").create_hosted_zone(Name="example.net", CallerReference="other")["HostedZone"]["Id"]
    options = case.client("acm").describe_certificate(CertificateArn=case.certificate_arn)["Certificate"]
    record = options["DomainValidationOptions"][0]["ResourceRecord"]
    case.outputs[Case.zone_id.name] = zone = other.removeprefix("/hostedzone/")
    return [
        f"{zone}: found name example.net, expected name tak.example.org",
        f"{zone}: found no record {record['Name']}, expected {record['Name']} with {record['Value']}",
    ]
