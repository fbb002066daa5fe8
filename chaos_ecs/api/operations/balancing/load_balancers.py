"""Load balancers: API_CreateLoadBalancer, API_DescribeLoadBalancers, API_DeleteLoadBalancer, and their attributes."""

from __future__ import annotations

import json
from typing import Any

from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.balancing.members import (
    Answer,
    Params,
    arn_of,
    page,
    refuse_unsupported,
    tags_of,
    unsupported,
)
from chaos_ecs.api.operations.balancing.views import load_balancer_view
from chaos_ecs.core import balancing_messages as b
from chaos_ecs.core.arns import region_of
from chaos_ecs.core.balancing import LoadBalancer
from chaos_ecs.core.errors import LoadBalancerNotFound, ValidationError
from chaos_ecs.core.listeners import find_load_balancer, known_load_balancer
from chaos_ecs.core.state import State

ATTRIBUTES = {
    "access_logs.s3.enabled": "false",
    "access_logs.s3.bucket": "",
    "access_logs.s3.prefix": "",
    "connection_logs.s3.enabled": "false",
    "connection_logs.s3.bucket": "",
    "connection_logs.s3.prefix": "",
    "client_keep_alive.seconds": "3600",
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "ipv6.deny_all_igw_traffic": "false",
    "load_balancing.cross_zone.enabled": "true",
    "routing.http.desync_mitigation_mode": "defensive",
    "routing.http.drop_invalid_header_fields.enabled": "false",
    "routing.http.preserve_host_header.enabled": "false",
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": "false",
    "routing.http.xff_client_port.enabled": "false",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
    "waf.fail_open.enabled": "false",
    "zonal_shift.config.enabled": "false",
}
"""API_LoadBalancerAttribute: the defaults of an Application Load Balancer. None of them can be changed here."""


def create_load_balancer(call: Call) -> Answer:
    params = call.params
    if params.get("Type", "application") != "application":
        raise unsupported(f"The load balancer type '{params['Type']}'")
    if params.get("IpAddressType", "ipv4") != "ipv4":
        raise unsupported(f"The IP address type {params['IpAddressType']}")
    refuse_unsupported(params, "CustomerOwnedIpv4Pool", "IpamPools")
    if "Subnets" in params and "SubnetMappings" in params:
        raise ValidationError("You must specify either subnets or subnet mappings, not both")
    command = b.CreateLoadBalancer(
        region=call.region,
        name=params["Name"],
        scheme=params.get("Scheme", "internet-facing"),
        registered=json.dumps(_registered(params), sort_keys=True),
        tags=tags_of(params),
    )

    def answer(state: State, now: float, events: object) -> dict[str, Any]:
        found = find_load_balancer(state, call.region, command.name)
        assert found is not None
        return {"LoadBalancers": [load_balancer_view(found)]}

    return call.request(lambda state: command, answer)


def describe_load_balancers(call: Call) -> Answer:
    """All of the region, or those named; one that is named and not there is an error."""
    params = call.params
    if "LoadBalancerArns" in params and "Names" in params:
        raise ValidationError("Load balancer ARNs and names cannot be specified together")

    def answer(state: State, now: float) -> dict[str, Any]:
        found = sorted(_asked_for(state, call), key=lambda item: item.name)
        return page(params, "LoadBalancers", [(item.name, load_balancer_view(item)) for item in found])

    return call.ask(answer)


def _asked_for(state: State, call: Call) -> list[LoadBalancer]:
    params = call.params
    if "LoadBalancerArns" in params:
        arns = dict.fromkeys(arn_of(call.region, "load balancer", arn) for arn in params["LoadBalancerArns"])
        return [known_load_balancer(state, arn) for arn in arns]
    there = [item for item in state.load_balancers.values() if region_of(item.arn) == call.region]
    if "Names" not in params:
        return there
    names = [item.name for item in there]
    if absent := [name for name in dict.fromkeys(params["Names"]) if name not in names]:
        raise LoadBalancerNotFound(f"Load balancers '[{', '.join(absent)}]' not found")
    return [item for item in there if item.name in params["Names"]]


def delete_load_balancer(call: Call) -> Answer:
    arn = arn_of(call.region, "load balancer", call.params["LoadBalancerArn"])
    return call.request(lambda state: b.DeleteLoadBalancer(arn), lambda state, now, events: {})


def describe_load_balancer_attributes(call: Call) -> Answer:
    arn = arn_of(call.region, "load balancer", call.params["LoadBalancerArn"])

    def answer(state: State, now: float) -> dict[str, Any]:
        known_load_balancer(state, arn)
        return {"Attributes": [{"Key": key, "Value": value} for key, value in ATTRIBUTES.items()]}

    return call.ask(answer)


def _registered(params: Params) -> dict[str, Any]:
    """Members that DescribeLoadBalancers returns and nothing here acts on: networks are as the user calls them."""
    mapped = [item["SubnetId"] for item in params.get("SubnetMappings", ()) if "SubnetId" in item]
    return {
        "Subnets": list(params.get("Subnets", mapped)),
        "SecurityGroups": list(params.get("SecurityGroups", ())),
    }
