"""The check of resources on AWS that belong to the stack and are not in it."""

from collections.abc import Iterable, Iterator

from tak_tools.aws_search import ACTIONS, LISTERS, Search, candidates
from tak_tools.formatting import short_type
from tak_tools.verify.checks import Difference, check
from tak_tools.verify.deployment import Deployment


@check(
    "leftovers",
    "AWS has nothing with the tags or names of the stack that is not in its state; without the state, that is neither"
    " in its outputs, nor used by what they name, nor the only one of a name that its program gives.",
    actions=ACTIONS,
    needs_outputs=False,
)
def leftovers(deployment: Deployment) -> Iterable[Difference]:
    published, known = ids_in_outputs(deployment), known_ids(deployment, LISTERS)
    for found in Search(deployment.stack_file, deployment.aws).everything():
        if found.id in known:
            continue
        what = f"{short_type(found.type.token)} {found.tags.get('Name', '')}".strip()
        if found.id in published:
            # In use: nothing is said of how to delete it.
            yield Difference(
                found.id, f"{what}, in the stack's outputs and not in the stack's state", "it in the state too"
            )
        elif deployment.state is None:
            # It may be what the stack has: nothing is said of how to delete it.
            where = "neither in the stack's outputs nor used by what they name"
            yield Difference(found.id, f"{what}, {where}", "only resources of the stack; --state says which these are")
        else:
            advice = found.deletion(deployment.region)
            expected = f"only resources of the stack{advice and f'; {advice}'}"
            yield Difference(found.id, f"{what}, not in the stack's state", expected)


def known_ids(deployment: Deployment, tokens: Iterable[str]) -> set[str]:
    """The IDs of what the stack has of the types `tokens`, and perhaps of others.

    They are in its state. Without the state: in its outputs, used by what these name, or the only one that AWS has of
    a name that the program gives.
    """
    if deployment.state is not None:
        return {resource.id for resource in deployment.state if resource.id}
    known = ids_in_outputs(deployment) | _ids_in_use(deployment)
    return (known | {*_ids_of_only_ones(deployment, tokens)}) - {""}


def _ids_of_only_ones(deployment: Deployment, tokens: Iterable[str]) -> Iterator[str]:
    search, wanted = Search(deployment.stack_file, deployment.aws), {*tokens}
    for item in deployment.planned_resources:
        if item.type in wanted:
            found = candidates(search, item.type, item.inputs)
            if len(found) == 1:
                yield found[0].id


def ids_in_outputs(deployment: Deployment) -> set[str]:
    """The IDs, as Pulumi's state has them, of everything that an output names."""
    texts = {value for value in deployment.outputs.values() if isinstance(value, str)}
    # A key is known by the end of its ARN, a repository by the end of its URL.
    return texts | {text.split("/", 1)[-1] for text in texts} | {*deployment.further_repository_names.values()}


def _ids_in_use(deployment: Deployment) -> set[str]:
    """The IDs of what the published network uses, whatever names it has."""
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
    )
