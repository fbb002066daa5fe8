"""The catalogue as FIS tells it: ListActions, GetAction, and the types of targets."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from chaos_ecs.api.call import Call, done
from chaos_ecs.api.paging import page
from chaos_ecs.chaos import catalogue, designs, parameters
from chaos_ecs.chaos.fault import Fault
from chaos_ecs.core.arns import fis_arn
from chaos_ecs.core.errors import ResourceNotFoundException, ValidationException

_Answer = Future[dict[str, Any]]

_MEANING = {
    "cluster": "The name or ARN of the cluster.",
    "service": "The name or ARN of the service.",
    "availabilityZoneIdentifier": "The availability zone.",
}


def list_actions(call: Call) -> _Answer:
    found = sorted((fault.action_id, _summary(fault, call.region)) for fault in catalogue.FAULTS)
    return done(page(call.params, "actions", found, refusal=ValidationException))


def get_action(call: Call) -> _Answer:
    for fault in catalogue.FAULTS:
        if fault.action_id == call.params["id"]:
            described = {
                item.name: {"description": _described(item), "required": item.default is None}
                for item in parameters.parameters_of(fault)
            }
            return done({"action": {**_summary(fault, call.region), "parameters": described}})
    raise ResourceNotFoundException(f"The action {call.params['id']} was not found.")


def _described(parameter: parameters.Parameter) -> str:
    default = "" if parameter.default is None else f" The default is {parameter.default or 'empty'}."
    return f"{parameter.help}{default}"


def _summary(fault: type[Fault], region: str) -> dict[str, Any]:
    return {
        "id": fault.action_id,
        "arn": fis_arn(region, "action", fault.action_id),
        "description": catalogue.sentence(fault),
        "targets": {key: {"resourceType": type_} for key, type_ in designs.targets_of(fault)},
        "tags": {},
    }


def list_target_resource_types(call: Call) -> _Answer:
    found = [
        (name, {"resourceType": name, "description": words}) for name, words in sorted(designs.RESOURCE_TYPES.items())
    ]
    return done(page(call.params, "targetResourceTypes", found, refusal=ValidationException))


def get_target_resource_type(call: Call) -> _Answer:
    name = call.params["resourceType"]
    if name not in designs.RESOURCE_TYPES:
        raise ResourceNotFoundException(f"The target resource type {name} was not found.")
    described = {
        parameter: {"description": _MEANING[parameter], "required": name == designs.SERVICE}
        for parameter in designs.TARGET_PARAMETERS[name]
    }
    told = {"resourceType": name, "description": designs.RESOURCE_TYPES[name], "parameters": described}
    return done({"targetResourceType": told})
