"""The functions of the rules: each takes a resource and its stack, and yields a line for each violation.

A line says what was found and what is expected. Nothing here knows Pulumi, and no function judges a value that is
not known yet.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from tak_tools import resource_types as types
from tak_tools.policy.model import UNKNOWN, Resource, Stack, values_at

Check = Callable[[Resource, Stack], Iterable[str]]

REQUIRED_TAGS = ("Project", "Component", "Environment", "ManagedBy")

# Expectations of single values


@dataclass(frozen=True)
class _Expectation:
    path: str
    accepts: Callable[[Any], bool]
    expected: str
    unless: tuple[str, Any] | None = None
    """Another path and a value: where the resource has that value there, nothing is expected."""


def has(path: str, *accepted: Any) -> _Expectation:
    """The value at `path` is one of these; None stands for a value that is not set."""
    shown = " or ".join("unset" if value is None else json.dumps(value) for value in accepted)
    return _Expectation(path, lambda value: value in accepted, shown)


def _has_own_key(path: str, unless: tuple[str, Any] | None = None) -> _Expectation:
    """The value at `path` is a KMS key, and not one that AWS manages."""
    return _Expectation(
        path,
        lambda value: isinstance(value, str) and value != "" and "alias/aws/" not in value,
        "a customer-managed KMS key",
        unless,
    )


def expects(table: Mapping[str, Sequence[_Expectation]], *, prod_only: bool = False) -> Check:
    """The rule that resources of each type meet their expectations."""

    def check(resource: Resource, stack: Stack) -> Iterator[str]:
        if prod_only and not stack.is_prod:
            return
        for expectation in table.get(resource.type, ()):
            if expectation.unless and resource.at(expectation.unless[0]) == [expectation.unless[1]]:
                continue
            # A list without items has no value either.
            for value in resource.at(expectation.path) or [None]:
                if value is not UNKNOWN and not expectation.accepts(value):
                    yield _found(expectation.path, value, expectation.expected)

    return check


_PUBLIC_ACCESS_BLOCK = tuple(
    has(name, True) for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
)

NO_PUBLIC_BUCKET = {
    types.ACCOUNT_PUBLIC_ACCESS_BLOCK.token: _PUBLIC_ACCESS_BLOCK,
    types.BUCKET.token: (has("acl", None, "private"),),
    types.BUCKET_ACL.token: (has("acl", "private"),),
    types.BUCKET_OWNERSHIP.token: (has("rule.objectOwnership", "BucketOwnerEnforced"),),
    types.BUCKET_PUBLIC_ACCESS_BLOCK.token: _PUBLIC_ACCESS_BLOCK,
}

NO_PUBLIC_ADDRESS = {
    types.INSTANCE.token: (has("associatePublicIpAddress", None, False),),
    types.LAUNCH_TEMPLATE.token: (has("networkInterfaces[].associatePublicIpAddress", None, False, "false"),),
    types.SUBNET.token: (has("mapPublicIpOnLaunch", None, False),),
    types.DATABASE_CLUSTER_INSTANCE.token: (has("publiclyAccessible", None, False),),
    types.DATABASE.token: (has("publiclyAccessible", None, False),),
}

_ECS_EXEC = "configuration.executeCommandConfiguration"
_AT_REST = {
    types.LOG_GROUP.token: (_has_own_key("kmsKeyId"),),
    types.TABLE.token: (
        has("serverSideEncryption.enabled", True),
        _has_own_key("serverSideEncryption.kmsKeyArn"),
    ),
    types.VOLUME.token: (has("encrypted", True), _has_own_key("kmsKeyId")),
    types.REPOSITORY.token: (
        has("encryptionConfigurations[].encryptionType", "KMS", "KMS_DSSE"),
        _has_own_key("encryptionConfigurations[].kmsKey"),
    ),
    types.CLUSTER.token: (
        _has_own_key("configuration.managedStorageConfiguration.fargateEphemeralStorageKmsKeyId"),
        # With logging DEFAULT, ECS Exec records nothing and encrypts with TLS only.
        _has_own_key(f"{_ECS_EXEC}.kmsKeyId", unless=(f"{_ECS_EXEC}.logging", "DEFAULT")),
    ),
    types.FILE_SYSTEM.token: (has("encrypted", True), _has_own_key("kmsKeyId")),
    types.DATABASE_CLUSTER.token: (has("storageEncrypted", True), _has_own_key("kmsKeyId")),
    types.DATABASE.token: (has("storageEncrypted", True), _has_own_key("kmsKeyId")),
    types.BUCKET_ENCRYPTION.token: (
        has("rules[].applyServerSideEncryptionByDefault.sseAlgorithm", "aws:kms", "aws:kms:dsse"),
        _has_own_key("rules[].applyServerSideEncryptionByDefault.kmsMasterKeyId"),
    ),
    types.SECRET.token: (_has_own_key("kmsKeyId"),),
    types.TOPIC.token: (_has_own_key("kmsMasterKeyId"),),
    types.QUEUE.token: (_has_own_key("kmsMasterKeyId"),),
}

# Elastic Load Balancing cannot write access logs to a bucket with a customer-managed key. The encryption of such a
# bucket has a logical name that says so.
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html
ELB_LOGS = "elb-logs"
_ELB_LOGS_AT_REST = {
    types.BUCKET_ENCRYPTION.token: (has("rules[].applyServerSideEncryptionByDefault.sseAlgorithm", "AES256"),),
}


def encrypted_with_own_key(resource: Resource, stack: Stack) -> Iterable[str]:
    return expects(_ELB_LOGS_AT_REST if ELB_LOGS in resource.name else _AT_REST)(resource, stack)


# Access

# A condition on one of these limits "everyone" to known principals.
_LIMITING_CONDITIONS = {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "kms:calleraccount",
}


def no_public_policy(resource: Resource, stack: Stack) -> Iterator[str]:
    if _row_says(resource, reachable="from the VPC"):
        return  # "Everyone" in the policy of an endpoint means everyone within the VPC.
    for name in ("policy", "assumeRolePolicy"):
        for statement in _statements(resource.properties.get(name)):
            for_all = _is_everyone(statement) or "NotPrincipal" in statement
            if statement.get("Effect") == "Allow" and for_all and not _is_limited(statement):
                sid = statement.get("Sid", "a statement without Sid")
                yield f"{name}: {sid} allows everyone, expected named principals, or a condition on who calls"


def _statements(document: Any) -> list[Mapping[str, Any]]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return []  # AWS refuses it.
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    return [item for item in _as_list(statements) if isinstance(item, Mapping)]


def _is_everyone(statement: Mapping[str, Any]) -> bool:
    principal = statement.get("Principal")
    named = _as_list(principal.get("AWS", [])) if isinstance(principal, Mapping) else _as_list(principal)
    return "*" in named


def _is_limited(statement: Mapping[str, Any]) -> bool:
    conditions = statement.get("Condition") or {}
    return any(
        key.lower() in _LIMITING_CONDITIONS and "*" not in _as_list(value)
        for operator, tests in conditions.items()
        # These operators are also true where the request has no such key.
        if not any(word in operator for word in ("Not", "Null", "IfExists", "ForAllValues"))
        for key, value in tests.items()
    )


def no_public_repository(resource: Resource, stack: Stack) -> Iterator[str]:
    if _row_says(resource, reachable="publicly"):
        yield f"found {resource.type}, expected images in a private repository"


_SECURITY_GROUPS = (types.SECURITY_GROUP.token, types.DEFAULT_SECURITY_GROUP.token)
_NETWORK_ACLS = (types.NETWORK_ACL.token, types.DEFAULT_NETWORK_ACL.token)
_RANGES = ("cidrBlock", "cidrBlocks[]", "cidrIpv4", "cidrIpv6", "ipv6CidrBlock", "ipv6CidrBlocks[]")
# A larger range may be a part of the whole internet, such as 0.0.0.0/1 and 128.0.0.0/1.
_NARROWEST_OF_ANYWHERE = {4: 7, 6: 15}


def no_ingress_from_anywhere(resource: Resource, stack: Stack) -> Iterator[str]:
    for entry in _ingress(resource):
        for path in _RANGES:
            for source in values_at(entry, path):
                network = _network(source)
                if network and network.prefixlen <= _NARROWEST_OF_ANYWHERE[network.version]:
                    yield f"ingress: found {_ports(entry)} from {source}, expected named networks or security groups"


def _ingress(resource: Resource) -> list[Mapping[str, Any]]:
    """The entries that let traffic in."""
    properties = resource.properties
    if resource.type in (*_SECURITY_GROUPS, *_NETWORK_ACLS):
        entries = resource.at("ingress[]")
    elif resource.type == types.INGRESS_RULE.token or (
        (resource.type == types.SECURITY_GROUP_RULE.token and properties.get("type") == "ingress")
        or (resource.type == types.NETWORK_ACL_RULE.token and properties.get("egress") in (None, False))
    ):
        entries = [properties]
    else:
        entries = []
    return [entry for entry in entries if isinstance(entry, Mapping) and _lets_in(entry)]


def _lets_in(entry: Mapping[str, Any]) -> bool:
    return all(entry.get(name) in (None, "allow") for name in ("action", "ruleAction"))


def _ports(entry: Mapping[str, Any]) -> str:
    first, last = entry.get("fromPort"), entry.get("toPort")
    if isinstance(first, int | float) and isinstance(last, int | float):
        return f"ports {first:g}-{last:g}"
    return "some ports" if UNKNOWN in (first, last) else "all ports"


def default_security_group_is_empty(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type == types.DEFAULT_SECURITY_GROUP.token:
        for direction in ("ingress", "egress"):
            entries = [entry for entry in resource.at(f"{direction}[]") if entry not in (None, UNKNOWN)]
            if entries:
                yield f"{direction}: found {len(entries)} rules, expected none"


# The key


def keys_rotate(resource: Resource, stack: Stack) -> Iterator[str]:
    # Only symmetric keys can rotate.
    symmetric = resource.properties.get("customerMasterKeySpec") in (None, "SYMMETRIC_DEFAULT")
    if resource.type == types.KEY.token and symmetric:
        yield from expects({resource.type: (has("enableKeyRotation", True),)})(resource, stack)


NO_EARLY_KEY_DELETION = {
    kind: (
        _Expectation(
            "deletionWindowInDays",
            lambda days: days is None or (isinstance(days, int | float) and days >= 7),
            "7 days or more",
        ),
    )
    for kind in (types.KEY.token, types.EXTERNAL_KEY.token, types.REPLICA_KEY.token)
}


# Addresses


def addresses_within_stack(resource: Resource, stack: Stack) -> Iterator[str]:
    block = resource.properties.get("cidrBlock")
    match resource.type:
        case types.VPC.token if block is not UNKNOWN and _network(block) != stack.vpc:
            yield _found("cidrBlock", block, f"{stack.vpc}, which is what the stack's IDs stand for")
        case types.SUBNET.token | types.VPC_IPV4_BLOCK.token:
            network = _network(block)
            if network and not (network.version == 4 and network.subnet_of(stack.vpc)):
                yield _found("cidrBlock", block, f"a range within {stack.vpc}")


def ipv6_from_amazon(resource: Resource, stack: Stack) -> Iterator[str]:
    """Addresses of the customer or of a pool may be routed elsewhere too; a subnet has a part of its VPC's block."""
    if resource.type == types.VPC.token:
        pool = resource.properties.get("ipv6IpamPoolId")
        # For a deployed VPC without a pool the provider returns "".
        if pool and pool is not UNKNOWN:
            yield _found("ipv6IpamPoolId", pool, "unset: the block that Amazon gives")
    if resource.type == types.SUBNET.token:
        subnet = _network(resource.properties.get("ipv6CidrBlock"))
        blocks = [vpc.properties.get("ipv6CidrBlock") for vpc in stack.resources if vpc.type == types.VPC.token]
        known = [network for network in map(_network, blocks) if network and network.version == 6]
        if subnet and subnet.version == 6 and UNKNOWN not in blocks and not any(map(subnet.subnet_of, known)):
            yield _found("ipv6CidrBlock", str(subnet), f"a range within {' or '.join(map(str, known)) or 'the VPC'}")


# What belongs to the layer


def has_row(resource: Resource, stack: Stack) -> Iterator[str]:
    # A component of a layer above is not a resource of AWS.
    if resource.type.startswith(("aws:", "awsx:")) and resource.type not in types.ROWS:
        yield f"found {resource.type}, expected a type with a row in tak_tools/resource_types.py"


def only_types_of_the_layer(resource: Resource, stack: Stack) -> Iterator[str]:
    if not _row_says(resource, base_layer=True):
        yield f"found {resource.type}, expected a type that the base layer may have (tak_tools/resource_types.py)"


def required_tags(resource: Resource, stack: Stack) -> Iterator[str]:
    own = [resource.properties.get(name) for name in ("tagsAll", "tags")]
    can_have_tags = _row_says(resource, tags=True) or any(tags is not None for tags in own)
    if not can_have_tags or UNKNOWN in own:
        return
    tags = {**resource.provider_tags}
    for given in own:
        tags |= given or {}
    missing = [tag for tag in REQUIRED_TAGS if not tags.get(tag)]
    if missing:
        yield f"tags: found none called {', '.join(missing)}, expected {', '.join(REQUIRED_TAGS)}"
    if tags.get("Environment") not in (None, "", UNKNOWN, stack.name):
        yield _found("tags: Environment", tags["Environment"], stack.name)


def data_is_protected(resource: Resource, stack: Stack) -> Iterator[str]:
    if _row_says(resource, data=True) and (stack.is_prod or stack.protect_data) and not resource.protected:
        reason = "in prod" if stack.is_prod else "where protectData is true"
        yield f"protect: found false, expected true: {reason} no deployment deletes data"


# What a resource needs beside it


def stands_beside(table: Mapping[str, Sequence[str]], *, prod_only: bool = False) -> Check:
    """The rule that each resource of a type has one of every type in its row that uses it."""

    def check(resource: Resource, stack: Stack) -> Iterator[str]:
        if prod_only and not stack.is_prod:
            return
        beside = {other.type for other in stack.resources if resource.urn in other.uses}
        for expected in table.get(resource.type, ()):
            if expected not in beside:
                yield f"found no {expected.split(':')[-1]} for it, expected one"

    return check


BUCKET_GUARDS = {
    types.BUCKET.token: (
        types.BUCKET_OWNERSHIP.token,
        types.BUCKET_POLICY.token,
        types.BUCKET_PUBLIC_ACCESS_BLOCK.token,
        types.BUCKET_ENCRYPTION.token,
        types.BUCKET_VERSIONING.token,
    )
}


def tls_only(resource: Resource, stack: Stack) -> Iterator[str]:
    if resource.type != types.BUCKET_POLICY.token or resource.properties.get("policy") is UNKNOWN:
        return
    for statement in _statements(resource.properties.get("policy")):
        transport = values_at(statement, "Condition.Bool")[0] or {}
        secure = {str(value).lower() for key, value in transport.items() if key.lower() == "aws:securetransport"}
        if statement.get("Effect") == "Deny" and _is_everyone(statement) and secure == {"false"}:
            return
    yield "policy: found no refusal of requests without TLS, expected Deny where aws:SecureTransport is false"


def _row_says(resource: Resource, **columns: Any) -> bool:
    """Whether the row of the resource's type has these values; has_row reports a type without a row."""
    row = types.ROWS.get(resource.type)
    return all(getattr(row, name, None) == value for name, value in columns.items())


def _network(value: Any) -> Any:
    """The IP network that `value` is, or None."""
    try:
        return ip_network(value, strict=False) if isinstance(value, str) else None
    except ValueError:
        return None


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]


def _found(path: str, value: Any, expected: str) -> str:
    shown = "nothing" if value is None else json.dumps(value, default=str)
    return f"{path}: found {shown}, expected {expected}"
