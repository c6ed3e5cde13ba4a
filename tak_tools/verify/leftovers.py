"""The check of resources on AWS that belong to the stack and are not in it."""

from collections.abc import Iterable

from tak_tools.aws_search import ACTIONS, Search
from tak_tools.formatting import short_type
from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment


@check(
    "leftovers",
    "AWS has nothing with the tags or names of the stack that is not in its state; without the state, that is neither"
    " in its outputs nor used by what they name.",
    actions=ACTIONS,
    needs_outputs=False,
)
def leftovers(deployment: Deployment) -> Iterable[Difference]:
    published, known = _ids_in_outputs(deployment), known_ids(deployment)
    where = "not in the stack's state"
    if deployment.state is None:
        where = "neither in the stack's outputs nor used by what they name (--state says for certain)"
    for found in Search(deployment.stack_file, deployment.aws).everything():
        if found.id in known:
            continue
        what = f"{short_type(found.type.token)} {found.tags.get('Name', '')}".strip()
        if found.id in published:
            # In use: nothing is said of how to delete it.
            yield Difference(found.id, f"{what}, in the stack's outputs and {where}", "it in the state too")
        else:
            advice = found.deletion(deployment.region)
            yield Difference(found.id, f"{what}, {where}", f"only resources of the stack{advice and f'; {advice}'}")


def known_ids(deployment: Deployment) -> set[str]:
    """The IDs of what the stack has: in its state, or without the state in its outputs and used by what they name."""
    if deployment.state is None:
        return (_ids_in_outputs(deployment) | _ids_in_use(deployment)) - {""}
    return {resource.id for resource in deployment.state if resource.id}


def _ids_in_outputs(deployment: Deployment) -> set[str]:
    """The IDs, as Pulumi's state has them, of everything that an output names."""
    texts = {value for value in deployment.outputs.values() if isinstance(value, str)}
    # A key is known by the end of its ARN, a repository by the end of its URL.
    return texts | {text.split("/", 1)[-1] for text in texts} | {*deployment.further_repository_names.values()}


def _ids_in_use(deployment: Deployment) -> set[str]:
    """The IDs of what the published network uses, and of what there is one of by its name."""
    settings = deployment.settings
    tables = {deployment.route_table_id(plan.tier, plan.zone) for plan in settings.network.addresses.subnets}
    targets = {
        str(value)
        for table in deployment.route_tables
        if table["RouteTableId"] in tables
        for route in table["Routes"]
        for value in route.values()
    }
    gateways = [deployment.nat_gateway_with(address) for address in deployment.nat_addresses]
    endpoints = [deployment.endpoint(service) for service in settings.endpoints.vpc_endpoints]
    flow_log = deployment.layer_flow_log or {}
    return (
        targets
        | {address["AllocationId"] for address in deployment.elastic_ips}
        | {gateway["NatGatewayId"] for gateway in gateways if gateway}
        | {endpoint["VpcEndpointId"] for endpoint in endpoints if endpoint}
        | {group["GroupId"] for group in deployment.security_groups if group["GroupName"] == "default"}
        | {flow_log.get("FlowLogId", ""), flow_log.get("DeliverLogsPermissionArn", "").rsplit("/", 1)[-1]}
        | {*deployment.log_group_names, settings.outputs_parameter_name}
    )
