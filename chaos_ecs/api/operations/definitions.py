"""Task definitions: API_RegisterTaskDefinition and what describes, deregisters and lists them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from chaos_ecs.api import definition_members, identifiers
from chaos_ecs.api.call import Call
from chaos_ecs.api.operations.container_members import container_definitions
from chaos_ecs.api.operations.definition_checks import check_members
from chaos_ecs.api.operations.members import named_in, tags_of, wants
from chaos_ecs.api.operations.placing import words
from chaos_ecs.api.paging import page
from chaos_ecs.api.views import container_definition_view, tag_list, task_definition_view
from chaos_ecs.core import messages as m
from chaos_ecs.core.arns import family_arn, region_of
from chaos_ecs.core.compatibility import GPU, task_size
from chaos_ecs.core.container_instances import CPU_ARCHITECTURE, OS_TYPE
from chaos_ecs.core.errors import ClientException
from chaos_ecs.core.model import ContainerDefinition, TaskDefinition
from chaos_ecs.core.state import State

DEFAULT_NETWORK_MODE = "bridge"

_Answer = Future[dict[str, Any]]
_Params = Mapping[str, Any]


def register_task_definition(call: Call) -> _Answer:
    """The next revision of its family, with ECS's defaults filled in. Raises ClientException, and
    InvalidParameterException for its tags (API_RegisterTaskDefinition)."""
    params = call.params
    if not identifiers.NAME.fullmatch(params["family"]):
        raise ClientException("Family contains invalid characters.")
    network_mode = params.get("networkMode", DEFAULT_NETWORK_MODE)
    definition_members.refuse(params)
    check_members(params)
    containers = container_definitions(params)
    command = m.RegisterTaskDefinition(
        family_arn=family_arn(call.region, params["family"]),
        containers=containers,
        network_mode=network_mode,
        cpu=task_size("cpu", params.get("cpu", "")),
        memory=task_size("memory", params.get("memory", "")),
        fault_injection=params.get("enableFaultInjection"),
        requires=tuple(params.get("requiresCompatibilities", ())),
        not_on_fargate=tuple(_not_on_fargate(params)),
        without_effect=definition_members.without_effect(params),
        registered=json.dumps(_filled_in(params, containers, network_mode)),
        tags=tags_of(params),
        placement_constraints=words(params.get("placementConstraints", ()), "expression"),
        attributes=_attributes(params.get("runtimePlatform", {})),
    )

    def answer(state: State, now: float, events: tuple[m.Event, ...]) -> dict[str, Any]:
        (arn,) = named_in(events, m.EventType.TASK_DEFINITION_REGISTERED, "taskDefinition")
        return _described(state.task_definitions[arn], tags=True)

    return call.request(lambda state: command, answer)


def describe_task_definition(call: Call) -> _Answer:
    """The revision, or the newest ACTIVE one of a family; deregistered ones included. Raises ClientException and
    InvalidParameterException (API_DescribeTaskDefinition)."""

    def answer(state: State, now: float) -> dict[str, Any]:
        arn = identifiers.task_definition_arn(state, call.region, call.params["taskDefinition"])
        definition = state.task_definitions.get(arn)
        if definition is None:
            raise ClientException("Unable to describe task definition.")
        return _described(definition, tags=wants(call.params, "TAGS"))

    return call.ask(answer)


def _described(definition: TaskDefinition, *, tags: bool) -> dict[str, Any]:
    return {
        "taskDefinition": task_definition_view(definition),
        "tags": tag_list(definition.tags) if tags else None,
    }


def deregister_task_definition(call: Call) -> _Answer:
    """The revision, INACTIVE: it goes on being describable, and what runs from it goes on running. Raises
    ClientException and InvalidParameterException (API_DeregisterTaskDefinition)."""
    named = identifiers.family_revision(call.region, call.params["taskDefinition"])
    if named.revision is None:
        raise ClientException("Revision is missing.")
    arn = f"{family_arn(call.region, named.family)}:{named.revision}"
    return call.request(
        lambda state: m.DeregisterTaskDefinition(arn),
        lambda state, now, events: {"taskDefinition": task_definition_view(state.task_definitions[arn])},
    )


def list_task_definitions(call: Call) -> _Answer:
    """The ARNs of ACTIVE ones, if nothing else is said, by family and revision; `familyPrefix` is a family's whole
    name. Raises InvalidParameterException (API_ListTaskDefinitions)."""
    status = call.params.get("status", "ACTIVE")
    family = call.params.get("familyPrefix")
    descending = call.params.get("sort") == "DESC"

    def answer(state: State, now: float) -> dict[str, Any]:
        found = sorted(
            (
                ((item.family, item.revision), item.arn)
                for item in state.task_definitions.values()
                if item.status == status and region_of(item.arn) == call.region and family in (None, item.family)
            ),
            reverse=descending,
        )
        return page(call.params, "taskDefinitionArns", found, descending=descending)

    return call.ask(answer)


def list_task_definition_families(call: Call) -> _Answer:
    """The names of families, ACTIVE while they have an ACTIVE revision; here `familyPrefix` is a prefix. Raises
    InvalidParameterException (API_ListTaskDefinitionFamilies)."""
    status = call.params.get("status", "ACTIVE")
    prefix = call.params.get("familyPrefix", "")

    def answer(state: State, now: float) -> dict[str, Any]:
        families: dict[str, str] = {}
        for item in state.task_definitions.values():
            if region_of(item.arn) == call.region and item.family.startswith(prefix):
                known = families.get(item.family)
                families[item.family] = "ACTIVE" if "ACTIVE" in (known, item.status) else "INACTIVE"
        found = sorted((name, name) for name, its_status in families.items() if status in ("ALL", its_status))
        return page(call.params, "families", found)

    return call.ask(answer)


# --- from the wire ---


def _attributes(platform: _Params) -> tuple[tuple[str, str | None], ...]:
    """API_RuntimePlatform: what of it a container instance must have."""
    asked: list[tuple[str, str | None]] = []
    if architecture := platform.get("cpuArchitecture"):
        asked.append((CPU_ARCHITECTURE, architecture.lower()))
    if platform.get("operatingSystemFamily"):
        asked.append((OS_TYPE, "linux" if platform["operatingSystemFamily"] == "LINUX" else "windows"))
    return tuple(asked)


def _not_on_fargate(params: _Params) -> Iterator[str]:
    """What Fargate does not have and the core does not know ("Task definition differences for Fargate")."""
    if params.get("placementConstraints"):
        yield "constraints"
    for volume in params.get("volumes", ()):
        if volume.get("host", {}).get("sourcePath"):
            yield "sourcePath"
        for member in ("dockerVolumeConfiguration", "fsxWindowsFileServerVolumeConfiguration"):
            if volume.get(member):
                yield member
    for said in params["containerDefinitions"]:
        if any(one["type"] == "GPU" for one in said.get("resourceRequirements", ())):
            yield GPU


def _filled_in(params: _Params, containers: tuple[ContainerDefinition, ...], network_mode: str) -> dict[str, Any]:
    """The request as DescribeTaskDefinition will return it: all that was said, and ECS's defaults."""
    filled = {name: value for name, value in params.items() if name != "tags"}
    filled["containerDefinitions"] = [
        _container_filled_in(said, container_definition_view(container, network_mode))
        for said, container in zip(params["containerDefinitions"], containers, strict=True)
    ]
    return filled


def _container_filled_in(said: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    ports = [{**a, **b} for a, b in zip(said.get("portMappings", ()), known["portMappings"], strict=True)]
    filled = {**said, **{name: value for name, value in known.items() if value is not None}, "portMappings": ports}
    for name in ("mountPoints", "volumesFrom", "systemControls"):
        filled[name] = said.get(name, [])
    return filled
