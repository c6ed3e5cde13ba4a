"""Every extra of the network, as a stack file asks for it."""

from typing import Any

EVERY_NETWORK_EXTRA: dict[str, Any] = {
    "nat64": True,
    "vpcEndpoints": ["profile", "ssmmessages"],
    "endpointPolicies": "account",
    "endpointIpAddressType": "dualstack",
}
