"""What the program looks up of the account, the region and its zones."""

from typing import Any

import boto3

from tak_tools.simulated_aws.cloud import SimulatedAws, answers


@answers("aws:index/getCallerIdentity:getCallerIdentity")
def caller_identity(cloud: SimulatedAws, args: dict[str, Any]) -> dict[str, Any]:
    return {"accountId": cloud.account_id}


@answers("aws:index/getRegion:getRegion")
def region(cloud: SimulatedAws, args: dict[str, Any]) -> dict[str, Any]:
    return {"region": cloud.region}


@answers("aws:index/getPartition:getPartition")
def partition(cloud: SimulatedAws, args: dict[str, Any]) -> dict[str, Any]:
    name = boto3.Session().get_partition_for_region(cloud.region)
    return {"partition": name, "dnsSuffix": "amazonaws.com"}


@answers("aws:index/getAvailabilityZones:getAvailabilityZones")
def availability_zones(cloud: SimulatedAws, args: dict[str, Any]) -> dict[str, Any]:
    filters = [{"Name": item["name"], "Values": item["values"]} for item in args.get("filters", [])]
    filters.append({"Name": "state", "Values": [args["state"]]})
    zones = cloud.client("ec2").describe_availability_zones(Filters=filters)["AvailabilityZones"]
    return {"names": [zone["ZoneName"] for zone in zones if zone["ZoneId"] not in args.get("excludeZoneIds", [])]}


@answers("aws:ec2/getManagedPrefixList:getManagedPrefixList")
def managed_prefix_list(cloud: SimulatedAws, args: dict[str, Any]) -> dict[str, Any]:
    filters = [{"Name": "prefix-list-name", "Values": [args["name"]]}]
    (found,) = cloud.client("ec2").describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    return {"id": found["PrefixListId"]}
