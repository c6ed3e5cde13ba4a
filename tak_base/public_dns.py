"""PublicDns: an existing hosted zone, and a certificate for its names."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import InvokeOptions, Output, ResourceOptions

from tak_base.settings import DnsSettings


@dataclass(frozen=True)
class PublicDnsArgs:
    name_prefix: str
    """The beginning of every Name tag."""
    zone_name: str
    """The domain name of a public Route 53 hosted zone of the account."""
    certificate_names: tuple[str, ...]
    """The names of the certificate: the zone's name first, then others in the zone."""


class PublicDns(pulumi.ComponentResource):
    """A public hosted zone, looked up by its name, and a certificate for the name, its wildcard and further names."""

    zone_id: Output[str] | None
    zone_name: Output[str] | None
    certificate_domain_names: Output[list[str]] | None
    certificate_arn: Output[str] | None
    """Known when the certificate is issued."""

    def __init__(self, name: str, args: PublicDnsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("tak-base:index:PublicDns", name, None, opts)
        self._name = name
        self._args = args

        zone_id = self._look_up_zone()
        certificate = self._create_certificate()
        # A name and its wildcard have the same validation record.
        validated = dict.fromkeys(name.removeprefix("*.") for name in args.certificate_names)
        records = [self._create_validation_record(certificate, zone_id, name) for name in validated]
        validation = self._wait_for_validation(certificate, records)

        self.zone_id = Output.from_input(zone_id)
        self.zone_name = Output.from_input(args.zone_name)
        self.certificate_domain_names = Output.from_input(list(args.certificate_names))
        self.certificate_arn = validation.certificate_arn
        self.register_outputs({"zoneId": self.zone_id, "certificateArn": self.certificate_arn})

    def _look_up_zone(self) -> str:
        zone_name = self._args.zone_name
        try:
            zone = aws.route53.get_zone(name=zone_name, private_zone=False, opts=InvokeOptions(parent=self))
        except Exception as error:
            # A failed call raises a plain Exception. RunError is shown without a stack trace.
            reason = " ".join(str(error).split()).removesuffix(" ()")
            raise pulumi.RunError(
                f'tak-base:hostedZoneName: found "{zone_name}", expected a public hosted zone of this account: {reason}'
            ) from None
        return zone.zone_id

    def _create_certificate(self) -> aws.acm.Certificate:
        return aws.acm.Certificate(
            f"{self._name}-certificate",
            domain_name=self._args.certificate_names[0],
            subject_alternative_names=list(self._args.certificate_names[1:]),
            validation_method="DNS",
            tags={"Name": f"{self._args.name_prefix}-certificate"},
            opts=ResourceOptions(parent=self),
        )

    def _create_validation_record(
        self, certificate: aws.acm.Certificate, zone_id: str, domain_name: str
    ) -> aws.route53.Record:
        # The options have no fixed order.
        option = certificate.domain_validation_options.apply(
            lambda options: next(item for item in options if str(item.domain_name).removeprefix("*.") == domain_name)
        )
        within_zone = domain_name.removesuffix(self._args.zone_name).removesuffix(".")
        name = f"{self._name}-certificate-validation-record"
        return aws.route53.Record(
            f"{name}-{within_zone}" if within_zone else name,
            zone_id=zone_id,
            name=option.resource_record_name,
            type=option.resource_record_type,
            records=[option.resource_record_value],
            ttl=300,
            # All certificates of an account for a name have the same record, and cannot be renewed without it:
            # another stack may have created it already, and it stays when this stack is destroyed.
            allow_overwrite=True,
            opts=ResourceOptions(parent=self, retain_on_delete=True),
        )

    def _wait_for_validation(
        self, certificate: aws.acm.Certificate, records: list[aws.route53.Record]
    ) -> aws.acm.CertificateValidation:
        return aws.acm.CertificateValidation(
            f"{self._name}-certificate-validation",
            certificate_arn=certificate.arn,
            validation_record_fqdns=[record.fqdn for record in records],
            opts=ResourceOptions(parent=self),
        )


@dataclass(frozen=True)
class NoPublicDns:
    """What a stack without a hosted zone has instead of PublicDns."""

    zone_id: None = None
    zone_name: None = None
    certificate_domain_names: None = None
    certificate_arn: None = None


def public_dns(name: str, name_prefix: str, settings: DnsSettings) -> PublicDns | NoPublicDns:
    """The stack's public DNS, if the stack file names a hosted zone."""
    zone_name = settings.hosted_zone_name
    if not zone_name:
        return NoPublicDns()
    return PublicDns(name, PublicDnsArgs(name_prefix, zone_name, settings.certificate_domain_names))
