"""Where Moto 5.2.5 differs from AWS: each gap has one function here, which closes it in Moto's classes.

Among them are the errors that decide in which order a network can be created and deleted.

The simulated AWS and the local AWS call `close_gaps`. A Moto with other functions than those replaced here is an error;
for each gap, tests/local/test_moto_gaps.py shows that it exists without its function and is closed with it.
"""

import json
import warnings
from collections.abc import Callable
from typing import Any

import moto
import xmltodict
import yaml
from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult, BaseResponse
from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.subnets import Subnet
from moto.ec2.models.vpcs import VPCEndPoint
from moto.ec2.responses import EC2Response
from moto.ecs.models import AccountSetting, EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.kms.models import Key
from moto.kms.responses import KmsResponse
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response

from tak_tools.errors import DeploymentError

GAPS: dict[str, Callable[[], None]] = {}
"""The functions that close a gap, by name."""

CLOUDFORMATION = "cloudformation"
"""For this service Moto loads the models of all others, which takes a second."""

_GAPS_OF_CLOUDFORMATION: set[str] = set()
_MISSING: Any = object()
_originals: dict[tuple[Any, str], Any] = {}
_closed: set[str] = set()


def close_gaps(*services: str) -> None:
    """Closes every gap, once; those of CloudFormation only where it is among the services.

    Raises DeploymentError for a Moto that the functions do not match.
    """
    wanted = GAPS.keys() if CLOUDFORMATION in services else GAPS.keys() - _GAPS_OF_CLOUDFORMATION
    try:
        for name, close in GAPS.items():
            if name in wanted - _closed:
                close()
                _closed.add(name)
    except DeploymentError:
        open_gaps()
        raise


def open_gaps() -> None:
    """Restores Moto's functions."""
    for (owner, name), original in _originals.items():
        if original is _MISSING:
            delattr(owner, name)
        else:
            setattr(owner, name, original)
    _originals.clear()
    _closed.clear()


def _gap(close: Callable[[], None]) -> Callable[[], None]:
    GAPS[close.__name__] = close
    return close


def _gap_of_cloudformation(close: Callable[[], None]) -> Callable[[], None]:
    _GAPS_OF_CLOUDFORMATION.add(close.__name__)
    return _gap(close)


def _mended(owner: type, name: str, *parameters: str) -> Any:
    """The function of `owner` that is about to be replaced; it has to take exactly `parameters` beside self."""
    original = owner.__dict__.get(name) or getattr(owner, name, None)
    function: Any = original.fget if isinstance(original, property) else original
    code = getattr(function, "__code__", None)
    if code is None or code.co_varnames[1 : code.co_argcount] != parameters:
        raise DeploymentError(
            f"Moto {moto.__version__} has another {owner.__name__}.{name} than moto_gaps.py expects;"
            " install the version of the lock file (uv sync --locked --all-groups --all-extras)"
        )
    return function


def _replace(owner: Any, name: str, value: Any) -> None:
    _originals.setdefault((owner, name), owner.__dict__.get(name, _MISSING))
    setattr(owner, name, value)


@_gap
def state_of_the_ipv6_range_of_a_subnet() -> None:
    """DescribeSubnets: the state is the text of a Python dict, "{'State': 'associated'}"."""
    original = _mended(Subnet, "ipv6_cidr_block_association_set")

    def associations(subnet: Subnet) -> list[dict[str, Any]]:
        return [
            association | {"ipv6CidrBlockState": {"state": association["ipv6CidrBlockState"]["state"]["State"]}}
            for association in original(subnet)
        ]

    _replace(Subnet, "ipv6_cidr_block_association_set", property(associations))


@_gap
def subnet_attributes() -> None:
    """ModifySubnetAttribute: DNS64 and two of the three settings of host names are ignored."""
    original = _mended(EC2Response, "modify_subnet_attribute")

    def modify_subnet_attribute(response: EC2Response) -> ActionResult:
        result = original(response)
        subnet: Any = response.ec2_backend.get_subnet(response._get_param("SubnetId"))
        options = subnet.private_dns_name_options_on_launch
        dns64 = response._get_param("EnableDns64.Value")
        ipv6_names = response._get_param("EnableResourceNameDnsAAAARecordOnLaunch.Value")
        host_names = response._get_param("PrivateDnsHostnameTypeOnLaunch")
        if dns64 is not None:
            subnet.enable_dns64 = dns64
        if ipv6_names is not None:
            options["EnableResourceNameDnsAAAARecord"] = ipv6_names
        if host_names is not None:
            options["HostnameType"] = host_names
        return result

    _replace(EC2Response, "modify_subnet_attribute", modify_subnet_attribute)
    _replace(Subnet, "enable_dns64", False)


@_gap
def vpc_endpoint_attributes() -> None:
    """VPC endpoints: IpAddressType and DnsOptions are dropped, and PrivateDnsEnabled cannot be modified."""
    create = _mended(EC2Response, "create_vpc_endpoint")
    modify = _mended(EC2Response, "modify_vpc_endpoint")

    def keep(response: EC2Response, endpoint: Any) -> None:
        address_type, options = response._get_param("IpAddressType"), response._get_param("DnsOptions")
        if address_type is not None:
            endpoint.ip_address_type = address_type
        if options is not None:
            endpoint.dns_options = {**endpoint.dns_options, **options}

    def create_vpc_endpoint(response: EC2Response) -> ActionResult:
        result = create(response)
        keep(response, result.result["VpcEndpoint"])
        return result

    def modify_vpc_endpoint(response: EC2Response) -> ActionResult:
        result = modify(response)
        (endpoint,) = response.ec2_backend.describe_vpc_endpoints([response._get_param("VpcEndpointId")])
        keep(response, endpoint)
        private_dns = response._get_bool_param("PrivateDnsEnabled")
        if private_dns is not None:
            endpoint.private_dns_enabled = private_dns
        return result

    _replace(EC2Response, "create_vpc_endpoint", create_vpc_endpoint)
    _replace(EC2Response, "modify_vpc_endpoint", modify_vpc_endpoint)
    _replace(VPCEndPoint, "ip_address_type", "ipv4")
    _replace(VPCEndPoint, "dns_options", {"DnsRecordIpType": "ipv4"})


@_gap
def interfaces_of_an_endpoint() -> None:
    """Interface endpoints: their interfaces have no security group, and do not follow a change of the subnets."""
    create = _mended(
        EC2Backend,
        "create_vpc_endpoint",
        "vpc_id",
        "service_name",
        "endpoint_type",
        "policy_document",
        "route_table_ids",
        "subnet_ids",
        "network_interface_ids",
        "dns_entries",
        "client_token",
        "security_group_ids",
        "tags",
        "private_dns_enabled",
    )
    modify = _mended(
        EC2Backend,
        "modify_vpc_endpoint",
        "vpc_id",
        "policy_doc",
        "add_subnets",
        "remove_subnets",
        "remove_route_tables",
        "add_route_tables",
        "add_security_groups",
        "remove_security_groups",
    )

    def create_vpc_endpoint(backend: Any, **parameters: Any) -> VPCEndPoint:
        endpoint = create(backend, **parameters)
        set_groups(backend, endpoint)
        return endpoint

    def modify_vpc_endpoint(backend: Any, **parameters: Any) -> None:
        modify(backend, **parameters)
        (endpoint,) = backend.describe_vpc_endpoints([parameters["vpc_id"]])
        there = {backend.enis[eni].subnet.id: eni for eni in endpoint.network_interface_ids}
        for subnet_id in there.keys() - set(endpoint.subnet_ids or ()):
            endpoint.network_interface_ids.remove(there[subnet_id])
            backend.enis.pop(there[subnet_id])
        if endpoint.vpc_endpoint_type == "Interface":
            for subnet_id in set(endpoint.subnet_ids or ()) - there.keys():
                endpoint.network_interface_ids.append(backend.create_network_interface(subnet_id, None).id)
        set_groups(backend, endpoint)

    def set_groups(backend: Any, endpoint: VPCEndPoint) -> None:
        groups = [backend.get_security_group_from_id(group_id) for group_id in endpoint.security_group_ids]
        for eni in endpoint.network_interface_ids:
            backend.enis[eni]._group_set = groups

    _replace(EC2Backend, "create_vpc_endpoint", create_vpc_endpoint)
    _replace(EC2Backend, "modify_vpc_endpoint", modify_vpc_endpoint)


@_gap
def private_dns_name_of_an_endpoint() -> None:
    """CreateVpcEndpoint: a second endpoint with the private DNS name of another one of the VPC is not refused."""
    original = _mended(EC2Response, "create_vpc_endpoint")

    def create_vpc_endpoint(response: EC2Response) -> ActionResult:
        vpc_id, service = response._get_param("VpcId"), response._get_param("ServiceName")
        interface = response._get_param("VpcEndpointType") == "Interface"
        if interface and response._get_bool_param("PrivateDnsEnabled", if_none=True):
            for other in response.ec2_backend.vpc_end_points.values():
                if (other.vpc_id, other.service_name, other.vpc_endpoint_type) != (vpc_id, service, "Interface"):
                    continue
                if other.state != "deleted" and other.private_dns_enabled:
                    domain = f"{service.rpartition('.')[2]}.{response.region}.amazonaws.com"
                    raise EC2ClientError(
                        "InvalidParameter",
                        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for"
                        f" {domain} in the VPC {vpc_id}",
                    )
        return original(response)

    _replace(EC2Response, "create_vpc_endpoint", create_vpc_endpoint)


@_gap
def one_internet_gateway_for_a_vpc() -> None:
    """AttachInternetGateway: a second gateway for a VPC is not refused."""
    original = _mended(EC2Backend, "attach_internet_gateway", "internet_gateway_id", "vpc_id")

    def attach_internet_gateway(backend: Any, internet_gateway_id: str, vpc_id: str) -> Any:
        if any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in backend.internet_gateways.values()):
            raise EC2ClientError("InvalidParameterValue", f"Network {vpc_id} already has an internet gateway attached")
        return original(backend, internet_gateway_id, vpc_id)

    _replace(EC2Backend, "attach_internet_gateway", attach_internet_gateway)


@_gap
def internet_gateway_under_public_addresses() -> None:
    """DetachInternetGateway: not refused while the VPC has interfaces with public addresses."""
    original = _mended(EC2Backend, "detach_internet_gateway", "internet_gateway_id", "vpc_id")

    def detach_internet_gateway(backend: Any, internet_gateway_id: str, vpc_id: str) -> None:
        if any(address.eni and address.eni.subnet.vpc_id == vpc_id for address in backend.addresses):
            raise DependencyViolationError(
                f"Network {vpc_id} has some mapped public address(es)."
                " Please unmap those public address(es) before detaching the gateway."
            )
        original(backend, internet_gateway_id, vpc_id)

    _replace(EC2Backend, "detach_internet_gateway", detach_internet_gateway)


@_gap
def nat_gateway_without_an_internet_gateway() -> None:
    """CreateNatGateway: a public NAT gateway in a VPC without an internet gateway does not fail."""
    original = _mended(EC2Backend, "create_nat_gateway", "subnet_id", "allocation_id", "tags", "connectivity_type")

    def create_nat_gateway(backend: Any, **parameters: Any) -> Any:
        gateway: Any = original(backend, **parameters)
        attached = {item.vpc.id for item in backend.internet_gateways.values() if item.vpc}
        if gateway.connectivity_type != "private" and gateway.vpc_id not in attached:
            _release_nat_gateway(backend, gateway)
            gateway.state, gateway.failure_code = "failed", "Gateway.NotAttached"
            gateway.failure_message = f"Network {gateway.vpc_id} has no Internet gateway attached"
        return gateway

    _replace(EC2Backend, "create_nat_gateway", create_nat_gateway)


@_gap
def address_of_a_deleted_nat_gateway() -> None:
    """DeleteNatGateway: the Elastic IP stays associated, and the network interface stays."""
    original = _mended(EC2Backend, "delete_nat_gateway", "nat_gateway_id")

    def delete_nat_gateway(backend: Any, nat_gateway_id: str) -> Any:
        gateway = original(backend, nat_gateway_id)
        _release_nat_gateway(backend, gateway)
        return gateway

    _replace(EC2Backend, "delete_nat_gateway", delete_nat_gateway)


def _release_nat_gateway(backend: Any, gateway: Any) -> None:
    for address in backend.addresses:
        if address.eni is gateway._eni:
            backend.disassociate_address(address=address.public_ip)
    backend.enis.pop(gateway._eni.id, None)


@_gap
def address_of_a_nat_gateway() -> None:
    """ReleaseAddress and DisassociateAddress: not refused while a NAT gateway has the address."""
    release = _mended(EC2Backend, "release_address", "address", "allocation_id")
    disassociate = _mended(EC2Response, "disassociate_address")

    def refuse(backend: Any, **which: Any) -> None:
        interfaces = [gateway._eni for gateway in backend.nat_gateways.values() if gateway.state == "available"]
        for address in backend.addresses:
            if address.eni in interfaces and any(getattr(address, name) == value for name, value in which.items()):
                raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")

    def release_address(backend: Any, address: str | None = None, allocation_id: str | None = None) -> None:
        refuse(backend, **({"allocation_id": allocation_id} if allocation_id else {"public_ip": address}))
        release(backend, address=address, allocation_id=allocation_id)

    def disassociate_address(response: EC2Response) -> ActionResult:
        association_id, address = response._get_param("AssociationId"), response._get_param("PublicIp")
        refuse(
            response.ec2_backend,
            **({"association_id": association_id} if association_id else {"public_ip": address}),
        )
        return disassociate(response)

    _replace(EC2Backend, "release_address", release_address)
    _replace(EC2Response, "disassociate_address", disassociate_address)


@_gap
def subnet_with_interfaces() -> None:
    """DeleteSubnet: not refused while the subnet has network interfaces, those of endpoints and NAT gateways too."""
    original = _mended(EC2Backend, "delete_subnet", "subnet_id")

    def delete_subnet(backend: Any, subnet_id: str) -> Any:
        if any(interface.subnet.id == subnet_id for interface in backend.enis.values()):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        return original(backend, subnet_id)

    _replace(EC2Backend, "delete_subnet", delete_subnet)


@_gap
def security_group_in_use() -> None:
    """DeleteSecurityGroup: not refused while an interface has the group, or a rule of another one names it."""
    original = _mended(EC2Backend, "delete_security_group", "name", "group_id")

    def delete_security_group(backend: Any, name: str | None = None, group_id: str | None = None) -> None:
        group = backend.get_security_group_from_id(group_id) if group_id else None
        if group and (has_interfaces(backend, group) or is_named(backend, group)):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        original(backend, name=name, group_id=group_id)

    def has_interfaces(backend: Any, group: Any) -> bool:
        return any(group in (interface.group_set or ()) for interface in backend.enis.values())

    def is_named(backend: Any, group: Any) -> bool:
        others = [other for groups in backend.groups.values() for other in groups.values() if other is not group]
        rules = [rule for other in others for rule in (*other.ingress_rules, *other.egress_rules)]
        return any(rule.source_group.get("GroupId") == group.id for rule in rules)

    _replace(EC2Backend, "delete_security_group", delete_security_group)


@_gap
def vpc_with_dependencies() -> None:
    """DeleteVpc: not refused while the VPC has gateways, endpoints or security groups of its own."""
    original = _mended(EC2Backend, "delete_vpc", "vpc_id")

    def delete_vpc(backend: Any, vpc_id: str) -> Any:
        dependencies = (
            any(gateway.vpc and gateway.vpc.id == vpc_id for gateway in backend.internet_gateways.values()),
            any(gateway.vpc_id == vpc_id for gateway in backend.egress_only_internet_gateways.values()),
            any(item.vpc_id == vpc_id and item.state != "deleted" for item in backend.vpc_end_points.values()),
            any(group.name != "default" for group in backend.groups.get(vpc_id, {}).values()),
        )
        if any(dependencies):
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        return original(backend, vpc_id)

    _replace(EC2Backend, "delete_vpc", delete_vpc)


@_gap
def log_group_of_a_flow_log() -> None:
    """CreateFlowLogs: a log group that is given by its ARN is not found, and the flow log has an "Access error"."""
    original = _mended(
        EC2Backend,
        "create_flow_logs",
        "resource_type",
        "resource_ids",
        "traffic_type",
        "deliver_logs_permission_arn",
        "log_destination_type",
        "log_destination",
        "log_group_name",
        "log_format",
        "max_aggregation_interval",
    )

    def create_flow_logs(backend: EC2Backend, **parameters: Any) -> Any:
        _, found, name = (parameters["log_destination"] or "").partition(":log-group:")
        if found and not parameters["log_group_name"]:
            parameters["log_group_name"] = name.removesuffix(":*")
        return original(backend, **parameters)

    _replace(EC2Backend, "create_flow_logs", create_flow_logs)


@_gap
def defaults_of_a_new_key() -> None:
    """CreateKey: where KeyUsage or MultiRegion is not given, DescribeKey has none."""
    original = _mended(
        Key,
        "__init__",
        "policy",
        "key_usage",
        "key_spec",
        "description",
        "account_id",
        "region",
        "multi_region",
        "origin",
    )

    def initialise(key: Key, *arguments: Any, **parameters: Any) -> None:
        original(key, *arguments, **parameters)
        key.key_usage = key.key_usage or "ENCRYPT_DECRYPT"
        key.multi_region = bool(key.multi_region)

    _replace(Key, "__init__", initialise)


@_gap
def rotation_period_of_a_key() -> None:
    """EnableKeyRotation: RotationPeriodInDays is dropped, and GetKeyRotationStatus has none."""
    enable = _mended(KmsResponse, "enable_key_rotation")
    status = _mended(KmsResponse, "get_key_rotation_status")

    def key_of(response: KmsResponse) -> Any:
        backend = response.kms_backend
        return backend.keys[backend.get_key_id(response._get_param("KeyId"))]

    def enable_key_rotation(response: KmsResponse) -> str:
        answer = enable(response)
        key_of(response).rotation_period = response._get_param("RotationPeriodInDays") or 365
        return answer

    def get_key_rotation_status(response: KmsResponse) -> str:
        answer = status(response)
        if '"KeyRotationEnabled": true' not in answer:
            return answer
        return answer.replace("}", f', "RotationPeriodInDays": {getattr(key_of(response), "rotation_period", 365)}}}')

    _replace(KmsResponse, "enable_key_rotation", enable_key_rotation)
    _replace(KmsResponse, "get_key_rotation_status", get_key_rotation_status)


@_gap
def tags_of_a_new_bucket() -> None:
    """CreateBucket: tags that are given at creation are dropped."""
    original = _mended(S3Response, "_bucket_response_put", "request", "bucket_name", "querystring")

    def bucket_response_put(response: S3Response, request: Any, bucket_name: str, querystring: dict[str, Any]) -> Any:
        answer = original(response, request, bucket_name, querystring)
        if not querystring and b"<Tags>" in response.body:
            document = xmltodict.parse(response.body, force_list=("Tag",))["CreateBucketConfiguration"]
            tags = {tag["Key"]: tag["Value"] or "" for tag in document["Tags"]["Tag"]}
            response.backend.put_bucket_tagging(bucket_name, tags)
        return answer

    _replace(S3Response, "_bucket_response_put", bucket_response_put)


@_gap
def deny_under_a_condition() -> None:
    """Policies: Moto evaluates the condition operator StringEquals only; a Deny with another one is unconditional.

    A policy that denies requests without TLS would deny access to every object of the bucket.
    """
    original = _mended(
        IAMPolicyStatement, "is_action_permitted", "action", "resource", "principal", "incoming_condition_values"
    )

    def is_action_permitted(statement: Any, *arguments: Any, **parameters: Any) -> PermissionResult:
        if statement._statement["Effect"] == "Deny" and statement._statement.get("Condition"):
            return PermissionResult.NEUTRAL
        return original(statement, *arguments, **parameters)

    _replace(IAMPolicyStatement, "is_action_permitted", is_action_permitted)


@_gap
def delete_markers_of_a_suspended_bucket() -> None:
    """DeleteObjects, as `pulumi destroy` calls it after it has suspended versioning: 500 for a delete marker."""
    if hasattr(FakeDeleteMarker, "dispose"):
        _mended(FakeDeleteMarker, "dispose", "only in Moto without the gap")
    _replace(FakeDeleteMarker, "dispose", lambda marker: None)


@_gap
def ecs_account_settings() -> None:
    """ListAccountSettings knows seven names and no defaults; PutAccountSettingDefault is not there."""
    _mended(EC2ContainerServiceBackend, "list_account_settings", "name", "value")
    _mended(EC2ContainerServiceResponse, "list_account_settings")
    put = _mended(EC2ContainerServiceResponse, "put_account_setting")

    def list_account_settings(response: Any) -> ActionResult:
        name, value = response._get_param("name"), response._get_param("value")
        settings: dict[str, Any] = dict(response.ecs_backend.account_settings)
        if response._get_bool_param("effectiveSettings"):
            defaults: dict[str, Any] = {key: AccountSetting(key, default) for key, default in _ECS_DEFAULTS.items()}
            settings = defaults | settings
        chosen = [item for item in settings.values() if name in (None, item.name) and value in (None, item.value)]
        return ActionResult({"settings": chosen})

    _replace(EC2ContainerServiceResponse, "list_account_settings", list_account_settings)
    _replace(EC2ContainerServiceResponse, "put_account_setting_default", put)


_ECS_DEFAULTS = {
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "containerInstanceLongArnFormat": "enabled",
    "defaultLogDriverMode": "non-blocking",
    "dualStackIPv6": "enabled",
    "fargateFIPSMode": "disabled",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "on",
    "serviceLongArnFormat": "enabled",
    "tagResourceAuthorization": "on",
    "taskLongArnFormat": "enabled",
}


@_gap
def unimplemented_actions() -> None:
    """An action that Moto lacks answers 500, which clients retry for minutes; here 501 with the action's name."""
    original = _mended(BaseResponse, "call_action")

    def call_action(response: BaseResponse) -> Any:
        try:
            return original(response)
        except NotImplementedError:
            action = f"{response.boto3_service_name}:{response._get_action()}"
            # Moto writes an error in the format of the service whose module has the exception.
            refusal = type("NotImplemented", (ServiceException,), {"__module__": type(response).__module__})
            message = f"Moto {moto.__version__} does not implement {action}"
            with warnings.catch_warnings():
                # Moto warns of errors that the service's own documentation does not have.
                warnings.simplefilter("ignore", UserWarning)
                _, headers, body = response.serialized(ActionResult(refusal("NotImplemented", message)))
            return 501, headers | {"status": 501}, body

    _replace(BaseResponse, "call_action", call_action)


@_gap_of_cloudformation
def wait_condition_handle() -> None:
    """CreateStack: there is no model of AWS::CloudFormation::WaitConditionHandle, a stack's only resource here."""
    from moto.cloudformation import parsing

    original = parsing.resource_class_from_type

    class WaitConditionHandle:
        """A resource that creates nothing."""

        physical_resource_id = "https://cloudformation-waitcondition.example/handle"

        @classmethod
        def create_from_cloudformation_json(cls, *_: Any, **__: Any) -> Any:
            return cls()

        @classmethod
        def update_from_cloudformation_json(cls, *, original_resource: Any, **_: Any) -> Any:
            return original_resource

        def is_created(self) -> bool:
            return True

        def delete(self, *_: Any) -> None:
            pass

    def resource_class_from_type(resource_type: str) -> Any:
        handle = resource_type == "AWS::CloudFormation::WaitConditionHandle"
        return WaitConditionHandle if handle else original(resource_type)

    _replace(parsing, "resource_class_from_type", resource_class_from_type)


@_gap_of_cloudformation
def exports_in_use() -> None:
    """UpdateStack does not change exports, and exports that another stack imports can be changed and deleted.

    AWS accepts the call and then rolls an update back, or cancels a deletion.
    """
    from moto.cloudformation.models import CloudFormationBackend

    update = _mended(CloudFormationBackend, "update_stack", "name", "template", "role_arn", "parameters", "tags")
    delete = _mended(CloudFormationBackend, "delete_stack", "name_or_stack_id")

    def in_use(backend: Any, stack: Any, kept: dict[str, Any]) -> list[tuple[str, str]]:
        return [
            (export.name, user)
            for export in stack.exports
            if kept.get(export.name) != export.value
            for user in _importing(backend, export.name)
        ]

    def update_stack(backend: Any, name: str, template: str, *others: Any, **parameters: Any) -> Any:
        stack = backend.get_stack(name)
        outputs = yaml.safe_load(template).get("Outputs", {}).values()
        kept = {item["Export"]["Name"]: item["Value"] for item in outputs if "Export" in item}
        for export, user in in_use(backend, stack, kept)[:1]:
            reason = f"Export {export} cannot be updated as it is in use by {user}"
            stack._add_stack_event("UPDATE_ROLLBACK_IN_PROGRESS", resource_status_reason=reason)
            stack.status = "UPDATE_ROLLBACK_COMPLETE"
            return stack
        for export in stack.exports:
            backend.exports.pop(export.name, None)
        updated = update(backend, name, template, *others, **parameters)
        backend.exports.update({export.name: export for export in updated.exports})
        return updated

    def delete_stack(backend: Any, name_or_stack_id: str) -> None:
        for stack in [*backend.stacks.values()]:
            if name_or_stack_id in (stack.name, stack.stack_id):
                for export, user in in_use(backend, stack, {})[:1]:
                    reason = f"Delete canceled. Cannot delete export {export} as it is in use by {user}."
                    stack._add_stack_event(stack.status, resource_status_reason=reason)
                    return
        delete(backend, name_or_stack_id)

    _replace(CloudFormationBackend, "update_stack", update_stack)
    _replace(CloudFormationBackend, "delete_stack", delete_stack)


def _importing(backend: Any, export: str) -> list[str]:
    """The names of the stacks that import an export."""
    wanted = json.dumps({"Fn::ImportValue": export})
    return [stack.name for stack in backend.stacks.values() if wanted in json.dumps(stack.template_dict)]


@_gap_of_cloudformation
def imports_of_an_export() -> None:
    """ListImports is not implemented."""
    from moto.cloudformation.exceptions import ValidationError
    from moto.cloudformation.responses import CloudFormationResponse

    def list_imports(response: Any) -> ActionResult:
        export = response._get_param("ExportName")
        importing = _importing(response.cloudformation_backend, export)
        if not importing:
            raise ValidationError(message=f"Export '{export}' is not imported by any stack.")
        return ActionResult({"Imports": importing})

    _replace(CloudFormationResponse, "list_imports", list_imports)
